"""What goes, what stays, and what the clock has to say in that."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli import local, wire
from headswap_cli.engine.clearing import KEPT_S, Calendar, Cleared, Look, clear
from headswap_cli.engine.jobs import JobStore, Kind
from headswap_cli.engine.storage import CLOCK_SLACK_S, MediaStore
from tests import clips
from tests.engine.engines import RunningEngine, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = {"uploads": "1" * 64, "previews": f"{'2' * 24}-0.jpg", "results": f"{'3' * 24}.mp4"}
DAY_S = 24 * 3600.0


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    """A store with a file of each kind."""
    store = MediaStore(tmp_path / "media")
    for place, name in NAMES.items():
        (store.folder / place / name).write_bytes(b"a face")
    return store


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[JobStore]:
    with closing(JobStore(tmp_path / "jobs.sqlite3")) as store:
        yield store


def test_what_a_waiting_job_needs_stays_however_old_it_is_or_seems(jobs: JobStore, media: MediaStore) -> None:
    waiting = jobs.add(Kind.TASK, NAMES["uploads"], {"photos": {}})
    assert clear(jobs, media, time.time() + 1000 * DAY_S) == Cleared(0, 2)
    assert media.find(NAMES["uploads"]) is not None
    jobs.fail(waiting.id, wire.SERVER_FAULT, "a reason")
    assert clear(jobs, media) == Cleared(1, 1)
    assert not [path for path in media.folder.rglob("*") if path.is_file()]


def test_a_file_from_the_future_is_dated_back_and_one_of_today_is_not(media: MediaStore) -> None:
    now = time.time()
    paths = [media.folder / place / name for place, name in NAMES.items()]
    times = (now + 400 * DAY_S, now + CLOCK_SLACK_S / 2, now - DAY_S)
    for path, written in zip(paths, times, strict=True):
        os.utime(path, (written, written))
    media.redate(now)
    assert [path.stat().st_mtime for path in paths] == pytest.approx([now, *times[1:]], abs=1e-3)


HOUR_S = 3600.0
STEPS = st.lists(
    st.tuples(st.floats(60, 40 * DAY_S), st.floats(-1e8, 1e8) | st.just(0.0), st.booleans()), max_size=20
)


@given(STEPS)
def test_nothing_of_the_last_six_days_is_old_right_after_the_clock_has_leapt(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[float, float, bool]]
) -> None:
    note = tmp_path_factory.mktemp("clock") / "clock.json"
    wall = [2e9]
    calendar = Calendar(note, lambda: wall[0])
    calendar.look()
    for passed_s, jump_s, is_restart in steps:
        before = wall[0]
        wall[0] += passed_s + jump_s
        if is_restart:
            calendar = Calendar(note, lambda: wall[0])
        look = calendar.look()
        if abs(wall[0] - before) > DAY_S:
            assert look.until_s is None or look.until_s <= max(before, wall[0] - HOUR_S) - KEPT_S
        # Whatever was, a clock that goes on as clocks do is believed within two hours.
        wall[0] += HOUR_S
        calendar.look()
        wall[0] += HOUR_S
        assert calendar.look() == Look(wall[0], wall[0] - KEPT_S, is_doubted=False)


def test_of_an_engine_that_runs_once_a_week_what_is_old_goes_a_week_later(tmp_path: Path) -> None:
    now = [2e9]
    Calendar(tmp_path / "clock.json", lambda: now[0]).look()
    untils = []
    for _ in range(3):
        now[0] += 8 * DAY_S
        untils.append(Calendar(tmp_path / "clock.json", lambda: now[0]).look().until_s)
    assert untils == [2e9 - KEPT_S + week * 8 * DAY_S for week in range(3)]


def test_under_a_clock_that_was_set_back_nothing_goes_and_nothing_is_dated_back_at_once(
    tmp_path: Path,
) -> None:
    now = [2e9]
    calendar = Calendar(tmp_path / "clock.json", lambda: now[0])
    calendar.look()
    now[0] = 100.0
    assert calendar.look() == Look(100.0, None, is_doubted=True)
    now[0] = 2e9 + 600
    assert calendar.look() == Look(now[0], now[0] - KEPT_S, is_doubted=False)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"believed": "soon"}', '{"believed": null}'])
def test_a_spoilt_note_of_the_clock_is_none(tmp_path: Path, content: str) -> None:
    note = tmp_path / "clock.json"
    note.write_text(content)
    assert Calendar(note, lambda: 2e9).look() == Look(2e9, 2e9 - KEPT_S, is_doubted=False)
    assert stat.S_IMODE(note.stat().st_mode) == 0o600


def test_a_result_is_put_in_its_place_whole_and_for_its_owner_only(media: MediaStore) -> None:
    name = NAMES["results"]
    with media.made(name, "3" * 24) as draft:
        draft.write_bytes(b"half")
        assert (media.folder / "results" / name).read_bytes() == b"a face"
    kept = media.folder / "results" / name
    assert kept.read_bytes() == b"half"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert not list(media.drafts.iterdir())


def test_uploads_and_results_are_on_the_disk_before_they_have_their_names(
    media: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[int, bool]] = []
    real, upload = os.fsync, hashlib.sha256(b"a video").hexdigest()

    def _watched(descriptor: int) -> None:
        is_named = media.find(upload) is not None or (media.folder / "results" / result).exists()
        synced.append((os.fstat(descriptor).st_ino, is_named))
        real(descriptor)

    result = "4" * 24 + ".mp4"
    monkeypatch.setattr(os, "fsync", _watched)
    with media.made(result, "4" * 24) as draft:
        draft.write_bytes(b"a result")
    assert synced == [((media.folder / "results" / result).stat().st_ino, False)]
    (media.folder / "results" / result).unlink()
    with media.receive(upload) as incoming:
        incoming.write(b"a video")
        incoming.keep()
    assert synced[1:] == [((media.folder / "uploads" / upload).stat().st_ino, False)]


def test_two_attempts_at_one_result_do_not_get_into_each_others_way(media: MediaStore) -> None:
    with media.made(NAMES["results"], "3" * 24) as newer:
        newer.write_bytes(b"newer")
        with media.made(NAMES["results"], "3" * 24) as older:
            older.write_bytes(b"older")
        assert newer.read_bytes() == b"newer"
    assert (media.folder / "results" / NAMES["results"]).read_bytes() == b"newer"


def test_the_drafts_of_one_job_can_be_dropped_alone(media: MediaStore) -> None:
    for name in ("3" * 24 + ".a.mp4", "4" * 24 + ".b.mp4"):
        (media.drafts / name).touch()
    media.drop_drafts("3" * 24)
    assert [path.name for path in media.drafts.iterdir()] == ["4" * 24 + ".b.mp4"]
    media.drop_drafts()
    assert not list(media.drafts.iterdir())


def test_a_result_under_no_name_of_ours_is_a_bug_that_is_told(media: MediaStore) -> None:
    with pytest.raises(ValueError, match=r"\.\./engine\.json"), media.made("../engine.json", "3" * 24):
        pass


def test_an_engine_asked_to_clear_keeps_what_its_jobs_need_and_does_them(tmp_path: Path) -> None:
    content = clips.plain_clip(tmp_path / "clip.mp4", seconds=4).read_bytes()
    with RunningEngine(tmp_path) as engine:
        video, photo, idle = engine.put(content), engine.put(b"a photo"), engine.put(b"another photo")
        analysis = engine.analyze(video)
        engine.ended(wire.ANALYSIS_PATH, analysis)
        engine.tell(hold=True)
        tasks = [engine.create(video, {0: photo}) for _ in range(2)]
        engine.processing(wire.TASK_PATH, tasks[0])
        assert engine.http.delete("/media").json()["data"] == {"jobs": 1, "files": 2}
        assert [engine.http.head(url).status_code for url in (video, photo, idle)] == [200, 200, 404]
        assert engine.get(wire.ANALYSIS_PATH, _id=analysis)["code"] == wire.NOT_FOUND
        engine.tell()
        for task in tasks:
            assert engine.ended(wire.TASK_PATH, task)["status"] == wire.COMPLETED


def test_a_clock_set_ahead_under_a_running_engine_takes_no_media_from_a_waiting_job(tmp_path: Path) -> None:
    content = clips.plain_clip(tmp_path / "clip.mp4", seconds=4).read_bytes()
    now = [time.time()]
    with RunningEngine(tmp_path, clock=lambda: now[0]) as engine:
        video, photo = engine.put(content), engine.put(b"a photo")
        engine.ended(wire.ANALYSIS_PATH, engine.analyze(video))
        engine.tell(hold=True)
        task = engine.create(video, {0: photo})
        engine.processing(wire.TASK_PATH, task)
    now[0] += 400 * DAY_S
    with RunningEngine(tmp_path, clock=lambda: now[0]):
        pass
    now[0] += 2 * HOUR_S
    with RunningEngine(tmp_path, clock=lambda: now[0]) as engine:
        # The start clears what is old, and this is half done.
        until(lambda: list((engine.folder / "media" / "previews").iterdir()), lambda left: not left)
        engine.tell()
        assert engine.ended(wire.TASK_PATH, task)["status"] == wire.COMPLETED


def log_of(engine: RunningEngine, text: str, times: int) -> str:
    """Wait until the engine's log says something so many times; return it."""
    return until((engine.folder / local.LOG).read_text, lambda said: said.count(text) >= times)


def test_a_start_with_a_clock_weeks_ahead_deletes_nothing_and_says_so(tmp_path: Path) -> None:
    content = clips.plain_clip(tmp_path / "clip.mp4", seconds=4).read_bytes()
    now = [time.time()]
    with RunningEngine(tmp_path, clock=lambda: now[0]) as engine:
        video, photo = engine.put(content), engine.put(b"a photo")
        engine.ended(wire.ANALYSIS_PATH, engine.analyze(video))
        task = engine.create(video, {0: photo})
        log_of(engine, "deleted as old: 0 jobs, 0 files", 1)
        url = engine.ended(wire.TASK_PATH, task)["video_url"]
    now[0] += 30 * DAY_S
    for start in (2, 3):
        with RunningEngine(tmp_path, clock=lambda: now[0]) as engine:
            said = log_of(engine, "deleted as old: 0 jobs, 0 files", start)
            assert said.count("the clock has leapt to") == start - 1
            assert engine.http.get(url).status_code == 200
            assert engine.record(wire.TASK_PATH, task)["status"] == wire.COMPLETED
    now[0] += 2 * HOUR_S
    with RunningEngine(tmp_path, clock=lambda: now[0]) as engine:
        until(lambda: engine.http.head(url).status_code, lambda code: code == 404)
        assert engine.get(wire.TASK_PATH, _id=task)["code"] == wire.NOT_FOUND
