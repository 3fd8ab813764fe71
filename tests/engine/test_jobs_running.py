"""Jobs from the first call to the verdict, over a real server and a real worker process."""

from __future__ import annotations

import hashlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from headswap_cli import wire
from tests import clips
from tests.engine.engines import RunningEngine, create_body

if TYPE_CHECKING:
    from pathlib import Path


def test_an_analysis_has_the_vendors_shape_from_its_first_answer_to_its_last(
    engine: RunningEngine, clip: bytes
) -> None:
    engine.tell(people=2)
    url = engine.put(clip)
    answer = engine.post(wire.ANALYZE_PATH, {"video_url": url, "type": "head"})
    assert (answer["code"], answer["msg"]) == (wire.SUCCESS, "Analyze success")
    begun = answer["data"]
    ended = engine.ended(wire.ANALYSIS_PATH, begun["_id"])
    assert begun.keys() == ended.keys()
    assert begun.items() >= {"status": 1, "progress": 0, "analysis_result": None, "error_code": 0}.items()
    assert begun["task_id"] != begun["_id"]
    assert (
        ended.items()
        >= {
            "_id": begun["_id"],
            "create_time": begun["create_time"],
            "video_url": url,
            "type": "head",
            "status": 3,
            "progress": 100,
            "error_reason": "success",
            "error_code": 0,
        }.items()
    )
    result = ended["analysis_result"]
    assert result["detected_objects"] == 2
    assert result["video_info"] == {"width": 64, "height": 48, "fps": 29.97, "frame_count": 120}
    assert [(person["obj_id"], person["media_type"]) for person in result["media"]] == [
        (0, "image"),
        (1, "image"),
    ]
    preview = engine.http.get(result["media"][1]["img_url"])
    assert preview.headers["content-type"] == "image/jpeg"
    assert preview.content.startswith(b"\xff\xd8\xff")


def test_nobody_in_the_video_is_a_completed_analysis_without_people(
    engine: RunningEngine, clip: bytes
) -> None:
    engine.tell(people=0)
    ended = engine.ended(wire.ANALYSIS_PATH, engine.analyze(engine.put(clip)))
    assert ended["status"] == wire.COMPLETED
    assert ended["analysis_result"].items() >= {"detected_objects": 0, "media": []}.items()


def test_a_task_hands_the_photos_and_the_settings_on_and_its_result_can_be_fetched(
    engine: RunningEngine, analysed: str
) -> None:
    photo, other = engine.put(b"a photo"), engine.put(b"another photo")
    body = create_body(
        analysed,
        {1: photo},
        resolution="480p",
        keep_original_sound=False,
        mode="face",
        tone="blend",
        quality="low",
    )
    body["mappings"][0]["more_img_urls"] = [other, photo]
    begun = engine.post(wire.CREATE_PATH, body)["data"]
    assert begun.items() >= {"status": 1, "video_url": None, "resolution": "480p"}.items()
    ended = engine.ended(wire.TASK_PATH, begun["_id"])
    assert begun.keys() < ended.keys()
    assert (
        ended.items()
        >= {
            "status": 3,
            "progress": 100,
            "source_video_url": analysed,
            "video_url": f"{wire.ENGINE_ORIGIN}/media/{begun['_id']}.mp4",
            "video_duration": 4.0,
            "deduction_duration": 0,
            "deduction_lock_duration": 0,
            "model_name": wire.MODEL,
            "error_code": 0,
            "notices": ["One frame passes unchanged."],
            "modes": [{"obj_id": 1, "mode": "face"}],
        }.items()
    )
    made = engine.http.get(ended["video_url"])
    assert made.headers["content-type"] == "video/mp4"
    said = made.json()
    assert said["settings"] == {
        "short_side": 480,
        "mode": "face",
        "keep_sound": False,
        "tone": "blend",
        "quality": "low",
    }
    assert said["photos"] == {
        "1": [hashlib.sha256(content).hexdigest() for content in (b"a photo", b"another photo")]
    }
    assert said["numba"] == str(engine.cache / "numba")
    assert said["niceness"] >= 5
    assert said["expendable"]


def test_what_is_known_of_a_video_is_used_again_and_found_anew_after_a_restart(
    tmp_path: Path, clip: bytes
) -> None:
    def analyses(engine: RunningEngine, url: str) -> int:
        ended = engine.ended(wire.TASK_PATH, engine.create(url, {0: engine.put(b"a photo")}))
        return int(engine.http.get(ended["video_url"]).json()["analyses"])

    with RunningEngine(tmp_path) as engine:
        url = engine.put(clip)
        engine.ended(wire.ANALYSIS_PATH, engine.analyze(url))
        assert [analyses(engine, url), analyses(engine, url)] == [1, 1]
    with RunningEngine(tmp_path) as engine:
        # A new worker's first analysis: it knew nothing of the one before.
        assert [analyses(engine, url), analyses(engine, url)] == [1, 1]


def test_a_webhook_is_taken_and_the_task_says_that_nobody_calls_it(
    engine: RunningEngine, analysed: str
) -> None:
    task = engine.create(analysed, {0: engine.put(b"a photo")}, webhookUrl="https://example.com/hook")
    notices = engine.ended(wire.TASK_PATH, task)["notices"]
    assert notices[0] == "The local engine calls no webhooks; ask for the task instead."


@pytest.mark.parametrize(("seconds", "shown"), [(2.0, "2.0"), (20.5, "20.5")])
def test_a_video_outside_the_limits_fails_with_the_flag_that_lifts_them_and_passes_with_it(
    tmp_path: Path, engine: RunningEngine, seconds: float, shown: str
) -> None:
    url = engine.put(clips.plain_clip(tmp_path / "clip.mp4", seconds=seconds).read_bytes())
    failed = engine.ended(wire.ANALYSIS_PATH, engine.analyze(url))
    assert (failed["status"], failed["error_code"]) == (wire.FAILED, wire.DURATION)
    reason = (
        f"The video lasts {shown} s; the limit is 3 to 20 s. Send any_length (--any-length) to lift it:"
        " the local engine charges nothing."
    )
    assert failed["error_reason"] == reason
    passed = engine.ended(wire.ANALYSIS_PATH, engine.analyze(url, any_length=True))
    assert passed["status"] == wire.COMPLETED
    photo = engine.put(b"a photo")
    refused = engine.post(wire.CREATE_PATH, create_body(url, {0: photo}))
    assert (refused["code"], refused["msg"]) == (wire.DURATION, reason)
    task = engine.create(url, {0: photo}, any_length=True)
    assert engine.ended(wire.TASK_PATH, task)["status"] == wire.COMPLETED


def test_a_file_that_is_no_video_fails_with_a_reason(engine: RunningEngine) -> None:
    failed = engine.ended(wire.ANALYSIS_PATH, engine.analyze(engine.put(b"no video at all" * 100)))
    assert (failed["status"], failed["error_code"]) == (wire.FAILED, wire.UNREADABLE)
    assert failed["error_reason"].startswith("The video ")
    assert failed["analysis_result"] is None


@pytest.mark.parametrize(
    ("then", "code", "reason"),
    [
        ("fault", wire.CODEC, "The video's codec is unknown."),
        ("bug", wire.SERVER_FAULT, "ZeroDivisionError: a frame of no width"),
        (
            "die",
            wire.SERVER_FAULT,
            "The engine's worker process ended twice in the middle of the work"
            " (at last: signal 9; out of memory?).",
        ),
        (
            "lose a helper",
            wire.SERVER_FAULT,
            "The engine's worker process ended twice in the middle of the work (at last: exit code 1).",
        ),
    ],
)
def test_a_job_that_goes_wrong_fails_with_the_reason_and_the_next_one_is_done(
    engine: RunningEngine, analysed: str, then: str, code: int, reason: str
) -> None:
    photo = engine.put(b"a photo")
    engine.tell(then=then)
    failed = engine.ended(wire.TASK_PATH, engine.create(analysed, {0: photo}))
    assert (failed["status"], failed["error_code"], failed["error_reason"]) == (4, code, reason)
    assert failed["video_url"] is None
    assert failed["progress"] < 100
    engine.tell()
    assert engine.ended(wire.TASK_PATH, engine.create(analysed, {0: photo}))["status"] == wire.COMPLETED
    assert engine.http.get(f"/media/{failed['_id']}.mp4").status_code == 404


@pytest.mark.parametrize(("then", "subject"), [("bad photo", wire.OF_A_PHOTO), ("fault", "")])
def test_a_failed_task_says_whether_another_photo_will_mend_it(
    engine: RunningEngine, analysed: str, then: str, subject: str
) -> None:
    engine.tell(then=then)
    failed = engine.ended(wire.TASK_PATH, engine.create(analysed, {0: engine.put(b"a photo")}))
    assert (failed["status"], failed["error_subject"]) == (wire.FAILED, subject)


def test_the_log_has_the_traceback_of_a_bug_and_neither_token_nor_key(
    engine: RunningEngine, analysed: str
) -> None:
    engine.tell(then="bug")
    engine.ended(wire.TASK_PATH, engine.create(analysed, {0: engine.put(b"a photo")}))
    log = (engine.folder / "engine.log").read_text()
    assert "Traceback" in log
    assert "ZeroDivisionError" in log
    assert engine.endpoint.token not in log


def test_progress_grows_with_the_frames_and_is_100_only_at_the_end(
    engine: RunningEngine, analysed: str
) -> None:
    frames = [(1, 10), (9, 10), (4, 10), (10, 10), (12, 10), (3, 0)]
    engine.tell(frames=frames, hold=True)
    task = engine.create(analysed, {0: engine.put(b"a photo")})
    seen = [engine.processing(wire.TASK_PATH, task)["progress"]]
    while seen[-1] < 99:
        record = engine.record(wire.TASK_PATH, task)
        assert record["status"] == wire.PROCESSING
        seen.append(record["progress"])
    engine.tell()
    seen.append(engine.ended(wire.TASK_PATH, task)["progress"])
    assert seen == sorted(seen)
    assert seen[-2:] == [99, 100]


def test_status_is_answered_and_uploads_are_taken_while_a_job_is_in_work(
    engine: RunningEngine, analysed: str
) -> None:
    photo = engine.put(b"a photo")
    engine.tell(hold=True)
    first, second = engine.create(analysed, {0: photo}), engine.create(analysed, {1: photo})
    engine.processing(wire.TASK_PATH, first)
    engine.put(b"another video")
    # Had any of these waited for the worker, it would never have come back.
    assert engine.record(wire.TASK_PATH, second)["status"] == wire.QUEUED
    assert engine.get("/health")["data"].items() >= {"queued": 1, "processing": 1}.items()
    engine.tell()
    ended = [engine.ended(wire.TASK_PATH, task) for task in (second, first)]
    assert {record["status"] for record in ended} == {wire.COMPLETED}


def test_status_is_answered_while_a_write_waits_for_the_disk(engine: RunningEngine, analysed: str) -> None:
    task = engine.create(analysed, {0: engine.put(b"a photo")})
    engine.ended(wire.TASK_PATH, task)
    with (
        closing(sqlite3.connect(engine.folder / "jobs.sqlite3", isolation_level=None)) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute("BEGIN IMMEDIATE")
        stuck = pool.submit(engine.analyze, analysed)
        for _ in range(50):
            assert engine.record(wire.TASK_PATH, task)["status"] == wire.COMPLETED
        assert not stuck.done()
        other.execute("ROLLBACK")
        assert engine.ended(wire.ANALYSIS_PATH, stuck.result())["status"] == wire.COMPLETED


def test_the_engine_stopped_in_the_middle_of_a_task_takes_it_up_again_at_the_next_start(
    tmp_path: Path, clip: bytes
) -> None:
    with RunningEngine(tmp_path) as engine:
        url, photo = engine.put(clip), engine.put(b"a photo")
        engine.ended(wire.ANALYSIS_PATH, engine.analyze(url))
        engine.tell(hold=True)
        tasks = [engine.create(url, {0: photo}) for _ in range(2)]
        before = engine.processing(wire.TASK_PATH, tasks[0])
    engine.tell()
    with RunningEngine(tmp_path) as engine:
        for task in tasks:
            after = engine.ended(wire.TASK_PATH, task)
            assert after["status"] == wire.COMPLETED
            assert after["progress"] >= before["progress"]
        assert not list((engine.folder / "media" / "drafts").iterdir())
