"""Jobs that are ended before their time: waiting, in work, fetching, in the moment of their end."""

from __future__ import annotations

import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from headswap_cli import wire
from tests.engine.arena import Arena, Tally
from tests.engine.engines import RunningEngine, until
from tests.origin import Answer, Origin

if TYPE_CHECKING:
    from pathlib import Path

    from tests.origin import Recorded

PATHS = {"analysis": wire.ANALYSIS_PATH, "task": wire.TASK_PATH}


def cancel(engine: RunningEngine, job_id: str) -> dict[str, Any]:
    """Cancel a job; return the envelope."""
    return dict(engine.http.post(wire.CANCEL_PATH, params={"_id": job_id}).json())


def begin(engine: RunningEngine, kind: str, url: str) -> str:
    return engine.analyze(url) if kind == "analysis" else engine.create(url, {0: engine.put(b"a photo")})


def kept(engine: RunningEngine, job_id: str) -> list[str]:
    """The files that bear a job's name."""
    return [path.name for path in (engine.folder / "media").rglob(f"{job_id}*")]


@pytest.mark.parametrize("kind", PATHS)
def test_a_job_at_work_ends_at_once_and_for_good_and_leaves_nothing(
    engine: RunningEngine, analysed: str, kind: str
) -> None:
    # It looks up after every frame and would go on for a minute.
    engine.tell(frames=[(n, 6000) for n in range(1, 6001)], pace_s=0.01)
    job = begin(engine, kind, analysed)
    until(lambda: engine.record(PATHS[kind], job), lambda record: record["status"] == wire.PROCESSING)
    until(lambda: kept(engine, job), lambda names: bool(names) == (kind == "task"))
    answer = cancel(engine, job)
    assert answer["code"] == wire.SUCCESS
    assert answer["data"].items() >= {"kind": kind, "was": wire.PROCESSING, "ended_now": True}.items()
    record = engine.record(PATHS[kind], job)
    assert (record["status"], record["cancelled"]) == (wire.FAILED, True)
    assert record["error_reason"] == "it was cancelled on the user's wish (headswap cancel)"
    assert kept(engine, job) == []
    assert engine.get("/health")["data"].items() >= {"queued": 0, "processing": 0}.items()
    assert "died" not in (engine.folder / "engine.log").read_text()


def test_the_worker_that_let_a_job_go_goes_on_with_the_next_one_and_all_that_it_knows(
    engine: RunningEngine, analysed: str
) -> None:
    photo = engine.put(b"a photo")
    engine.tell(frames=[(n, 6000) for n in range(1, 6001)], pace_s=0.01)
    first, second = engine.create(analysed, {0: photo}), engine.create(analysed, {1: photo})
    engine.processing(wire.TASK_PATH, first)
    engine.tell()
    cancel(engine, first)
    record = engine.ended(wire.TASK_PATH, second)
    assert record["status"] == wire.COMPLETED
    # Another worker would have had to analyse the video again.
    assert "died" not in (engine.folder / "engine.log").read_text()


def test_a_worker_lets_a_job_go_while_it_makes_the_heads_and_still_knows_the_people_of_the_video(
    engine: RunningEngine, analysed: str
) -> None:
    photo = engine.put(b"a photo")
    engine.tell(heads=True)
    first, second = engine.create(analysed, {0: photo}), engine.create(analysed, {1: photo})
    until(lambda: engine.record(wire.TASK_PATH, first), lambda record: record["status"] == wire.PROCESSING)
    assert cancel(engine, first)["data"]["ended_now"] is True
    engine.tell()
    assert engine.ended(wire.TASK_PATH, second)["status"] == wire.COMPLETED
    assert "died" not in (engine.folder / "engine.log").read_text()


def test_a_worker_that_does_not_look_up_is_killed_and_the_next_job_is_done_by_another(
    engine: RunningEngine, analysed: str
) -> None:
    photo = engine.put(b"a photo")
    engine.tell(hold=True)
    first, second = engine.create(analysed, {0: photo}), engine.create(analysed, {1: photo})
    engine.processing(wire.TASK_PATH, first)
    assert cancel(engine, first)["data"]["ended_now"] is True
    assert kept(engine, first) == []
    assert engine.record(wire.TASK_PATH, first)["cancelled"] is True
    engine.tell(people=2)
    record = engine.ended(wire.TASK_PATH, second)
    assert record["status"] == wire.COMPLETED


@pytest.mark.parametrize("kind", PATHS)
def test_a_job_that_waits_ends_at_once_and_those_behind_it_move_up(
    engine: RunningEngine, analysed: str, kind: str
) -> None:
    engine.tell(hold=True)
    first = begin(engine, "task", analysed)
    engine.processing(wire.TASK_PATH, first)
    second, third = begin(engine, kind, analysed), begin(engine, "task", analysed)
    assert engine.record(wire.TASK_PATH, third)["ahead"] == 2
    assert cancel(engine, second)["data"].items() >= {"was": wire.QUEUED, "ended_now": True}.items()
    assert engine.record(wire.TASK_PATH, third)["ahead"] == 1
    engine.tell(people=2)
    for task in (first, third):
        assert engine.ended(wire.TASK_PATH, task)["status"] == wire.COMPLETED
    assert engine.record(PATHS[kind], second)["cancelled"] is True
    assert f"{second} begins" not in (engine.folder / "engine.log").read_text()


def test_a_job_that_is_over_stays_as_it_is(engine: RunningEngine, analysed: str) -> None:
    task = begin(engine, "task", analysed)
    engine.ended(wire.TASK_PATH, task)
    assert cancel(engine, task)["data"].items() >= {"status": wire.COMPLETED, "ended_now": False}.items()
    assert kept(engine, task) == [f"{task}.mp4"]
    engine.tell(hold=True)
    other = begin(engine, "task", analysed)
    assert cancel(engine, other)["data"]["ended_now"] is True
    again = cancel(engine, other)["data"]
    assert (again["ended_now"], again["cancelled"]) == (False, True)


@pytest.mark.parametrize("job_id", ["0" * 24, "*", "../engine", "\x1b[31m", "' OR 1=1 --", "%", "\u202e"])
def test_an_id_that_is_none_is_1014_and_touches_no_file(
    engine: RunningEngine, analysed: str, job_id: str
) -> None:
    begun = begin(engine, "task", analysed)
    engine.ended(wire.TASK_PATH, begun)
    before = sorted((engine.folder / "media").rglob("*"))
    assert cancel(engine, job_id)["code"] == wire.NOT_FOUND
    assert sorted((engine.folder / "media").rglob("*")) == before


def test_no_id_is_1003(engine: RunningEngine) -> None:
    assert engine.http.post(wire.CANCEL_PATH).json()["code"] == wire.INVALID_PARAMETER


def test_a_job_cancelled_in_the_moment_of_its_end_is_one_or_the_other_and_never_both(
    engine: RunningEngine, analysed: str
) -> None:
    ends, photo = set(), engine.put(b"a photo")
    engine.tell(frames=[(1, 2), (2, 2)], pace_s=0.002)
    for seen in (0, 1, 50, 99, 100) * 8:
        task = engine.create(analysed, {0: photo})
        # Between the last frame that is told and the verdict lies what is to be hit.
        until(lambda: engine.record(wire.TASK_PATH, task)["progress"], lambda percent: percent >= seen)  # noqa: B023
        answer = cancel(engine, task)["data"]
        record = engine.record(wire.TASK_PATH, task)
        is_completed = record["status"] == wire.COMPLETED
        ends.add(is_completed)
        assert (answer["ended_now"], record["cancelled"]) == (not is_completed, not is_completed)
        # A completed one is whole, a cancelled one has left nothing.
        assert kept(engine, task) == ([f"{task}.mp4"] if is_completed else [])
    assert ends == {True, False}


def test_of_many_who_cancel_one_job_one_has_ended_it(engine: RunningEngine, analysed: str) -> None:
    engine.tell(hold=True)
    task = begin(engine, "task", analysed)
    engine.processing(wire.TASK_PATH, task)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: cancel(engine, task)["data"], range(8)))
    assert sorted(answer["ended_now"] for answer in answers) == [False] * 7 + [True]


class Slow(Origin):
    """A host that sends the first bytes of a video and then keeps everybody waiting."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content, self.asked, self.go_on = content, threading.Event(), threading.Event()

    def respond(self, request: Recorded) -> Answer:
        self.asked.set()
        self.go_on.wait(30)
        return Answer(self.content, headers={"Content-Type": "video/mp4"})


def test_a_job_that_fetches_its_video_ends_and_what_it_had_fetched_is_gone(
    engine: RunningEngine, clip: bytes
) -> None:
    with Slow(clip) as host:
        analysis = engine.analyze(f"{host.url}/clip.mp4")
        assert host.asked.wait(30)
        until(lambda: kept(engine, analysis), bool)
        assert cancel(engine, analysis)["data"]["ended_now"] is True
        host.go_on.set()
    assert kept(engine, analysis) == []
    assert engine.record(wire.ANALYSIS_PATH, analysis)["cancelled"] is True


def test_a_cancelled_job_stays_so_when_the_engine_starts_again(tmp_path: Path, clip: bytes) -> None:
    with RunningEngine(tmp_path) as engine:
        engine.tell(hold=True)
        first, second = (engine.analyze(engine.put(clip + bytes([n]))) for n in range(2))
        engine.processing(wire.ANALYSIS_PATH, first)
        for job in (second, first):
            cancel(engine, job)
    engine.tell()
    with RunningEngine(tmp_path) as engine:
        for job in (first, second):
            assert engine.record(wire.ANALYSIS_PATH, job)["cancelled"] is True
        assert engine.ended(wire.ANALYSIS_PATH, engine.analyze(engine.put(clip)))["status"] == wire.COMPLETED


def test_an_engine_that_is_stopped_while_a_job_is_cancelled_ends(tmp_path: Path, clip: bytes) -> None:
    with RunningEngine(tmp_path) as engine, ThreadPoolExecutor(1) as pool:
        engine.tell(hold=True)
        job = engine.analyze(engine.put(clip))
        engine.processing(wire.ANALYSIS_PATH, job)
        asked = pool.submit(cancel, engine, job)
        until(lambda: engine.record(wire.ANALYSIS_PATH, job)["cancelled"], bool)
        engine.post("/shutdown", None)
        engine.thread.join(30)
        assert not engine.thread.is_alive()
        asked.exception()


@pytest.mark.skipif(sys.platform != "linux", reason="the arena counts processes in /proc")
def test_cancelling_under_fire_leaves_no_process_no_file_and_no_other_jobs_harm(tmp_path: Path) -> None:
    tally, rng = Tally(), random.Random(5)
    with Arena(tmp_path / "a", rng, tally) as arena, arena.start() as http:
        video = arena.analysed(http)
        asked = [arena.ask(http, video) for _ in range(12)]
        dropped = asked[::3]
        with ThreadPoolExecutor(4) as pool:
            ended = list(
                pool.map(
                    lambda task: http.post(wire.CANCEL_PATH, params={"_id": task.task_id}).json(), dropped
                )
            )
        arena.judge(http, [task for task in asked if task not in dropped])
        for task, answer in zip(dropped, ended, strict=True):
            record = http.get(wire.TASK_PATH, params={"_id": task.task_id}).json()["data"]
            assert record["cancelled"] == answer["data"]["ended_now"]
    assert tally.is_clean, tally
