"""What is said of a job that has to wait for others, and of jobs that are left when the engine stops."""

from __future__ import annotations

import random
import re
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from headswap_cli import local, wire
from tests import clips
from tests.engine.arena import Arena, Tally, ended
from tests.engine.engines import until
from tests.terminals import Screen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the arena counts processes in /proc")


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    """A home whose engine does nothing until it is told so."""
    tally = Tally()
    with Arena(tmp_path / "a", random.Random(7), tally) as made:
        made.tell(hold=True)
        yield made
        made.tell()
    assert tally.is_clean, tally


def test_a_job_behind_another_says_so_and_both_are_taken_up_after_a_stop(
    arena: Arena, tmp_path: Path
) -> None:
    videos = [clips.plain_clip(tmp_path / f"{seconds}.mp4", seconds=seconds) for seconds in (4, 5)]
    first = arena.headswap("analyze", videos[0], "--timeout", "1s", code=4)
    assert "waits its turn" not in first.err
    (run,) = arena.headswap("runs", "--json").value
    at_work = run["analysis_id"]
    with arena.client() as http:
        asked = {"_id": at_work}
        until(
            lambda: http.get(wire.ANALYSIS_PATH, params=asked).json()["data"]["progress"],
            lambda part: part == 99,
        )
    second = arena.headswap("analyze", videos[1], "--timeout", "1s", code=4)
    front = f"the analysis of 4.mp4 ({run['run_id']})"
    assert f"analysis: waits its turn in the local engine, which does {front} first (99 %)\n" in second.err
    stopped = arena.headswap("serve", "--stop")
    assert "2 unfinished jobs wait in its queue" in stopped.out
    assert arena.headswap("serve", "--stop", "--json").value == {"stopped": False, "unfinished": 0}
    arena.tell()
    with arena.start() as http:
        until(
            lambda: http.get("/health").json()["data"], lambda said: not said["queued"] + said["processing"]
        )


def test_of_a_longer_line_the_first_job_is_named_and_the_others_are_counted(arena: Arena) -> None:
    with arena.start() as http:
        arena.tell(people=2)
        video = arena.analysed(http)
        arena.tell(hold=True)
        asked = [arena.ask(http, video) for _ in range(4)]
        until(lambda: http.get("/health").json()["data"]["processing"], lambda at_work: at_work == 1)
        waits = [
            arena.headswap("status", task.task_id, "--wait", "--timeout", "0s", code=4).err
            for task in asked[1:]
        ]
        front = f"task: waits its turn in the local engine, which does the task {asked[0].task_id} first"
        assert all(front in said for said in waits)
        assert [said.partition(" %)")[2].partition("\n")[0] for said in waits] == [
            "",
            ", then another job",
            ", then 2 other jobs",
        ]
        arena.tell(people=2)
        arena.judge(http, asked)


def test_a_record_tells_how_many_jobs_come_first_and_none_once_its_turn_has_come(
    arena: Arena,
) -> None:
    with arena.start() as http:
        arena.tell()
        video = arena.analysed(http)
        arena.tell(hold=True)
        asked = [arena.ask(http, video) for _ in range(3)]
        until(lambda: http.get("/health").json()["data"]["processing"], lambda at_work: at_work == 1)
        records = [http.get(wire.TASK_PATH, params={"_id": task.task_id}).json()["data"] for task in asked]
        assert [record["ahead"] for record in records] == [0, 1, 2]
        fronts = [record["front"] and record["front"]["_id"] for record in records]
        assert fronts == [None, asked[0].task_id, asked[0].task_id]
        arena.tell(people=2)
        arena.judge(http, asked)


def test_how_far_the_job_is_that_another_waits_for_is_told_anew_as_it_gets_on(
    arena: Arena, tmp_path: Path
) -> None:
    with arena.start() as http:
        arena.tell(people=2)
        video = arena.analysed(http)
        arena.tell(people=2, frames=[], hold=True, at=[20, 100])
        asked = [arena.ask(http, video) for _ in range(3)]
        first, _, third = (task.task_id for task in asked)
        until(lambda: http.get(wire.TASK_PATH, params={"_id": first}).json()["data"]["progress"], bool)
        waiting = arena.headswap.start("status", third, "--wait")
        assert waiting.stderr is not None
        seen = iter(waiting.stderr.readline, "")
        assert next(line for line in seen if "waits its turn" in line).endswith(
            f"the task {first} first (20 %), then another job\n"
        )
        with Screen(arena.headswap, "status", third, "--wait", stdout=tmp_path / "out.txt") as screen:
            screen.until("behind the task at 20 % and 1 more")
            arena.tell(people=2, frames=[], hold=True, at=[47, 100])
            said = next(line for line in seen if "still waits" in line)
            assert said == f"task: still waits; the task {first} is at 47 %\n"
            screen.until("behind the task at 47 % and 1 more")
            arena.tell(people=2)
            assert screen.ended() == 0
        assert "still waits" not in screen.text
        arena.judge(http, asked)
        _, rest = waiting.communicate(timeout=60)
        assert "still waits" not in rest


def test_the_list_of_runs_tells_how_the_engine_has_them_whoever_asked_last_and_whether_or_not_it_runs(
    arena: Arena, tmp_path: Path
) -> None:
    video = clips.plain_clip(tmp_path / "clip.mp4", seconds=4)
    photo = clips.plain_photo(tmp_path / "me.png")
    arena.tell()
    analysis = arena.headswap("analyze", video, "-q").out.strip()
    arena.tell(frames=[], hold=True, at=[40, 100])
    ids = [
        arena.headswap("swap", analysis, "--face", photo, "--mode", mode, "--json").value["run_id"]
        for mode in ("head", "face")
    ]

    def listed(*options: str) -> dict[str, tuple[str, float]]:
        runs = arena.headswap("runs", "--json", *options).value
        return {run["run_id"]: (run["status"], run["progress"]) for run in runs if run["run_id"] in ids}

    until(listed, lambda runs: runs == {ids[0]: ("processing", 40), ids[1]: ("queued", 0)})
    assert re.search(rf"{ids[0]} .* swap +clip\.mp4 +processing +40 %\n", arena.headswap("runs").out)
    assert list(listed("--status", "queued")) == [ids[1]]
    assert "processing, 40 %" in arena.headswap("runs", "show", ids[0]).out
    arena.headswap("serve", "--stop")
    assert listed() == dict.fromkeys(ids, ("queued", 0))
    assert local.find(arena.data) is None
    arena.tell(then="fault")
    with arena.start() as http:
        asked = [run["task_id"] for run in arena.headswap("runs", "--json").value[:2]]
        for task in asked:
            ended(http, wire.TASK_PATH, task)
    assert {status for status, _ in listed().values()} == {"failed"}
    assert "The video's codec is unknown." in arena.headswap("runs").out


def test_of_a_job_that_is_deleted_the_list_tells_what_was_last_known_and_when(
    arena: Arena, tmp_path: Path
) -> None:
    video = clips.plain_clip(tmp_path / "clip.mp4", seconds=4)
    arena.tell()
    analysis = arena.headswap("analyze", video, "-q").out.strip()
    swap = ("swap", analysis, "--face", clips.plain_photo(tmp_path / "me.png"), "--json")
    run = arena.headswap(*swap).value
    arena.headswap("status", run["task_id"], "--wait")
    (known, _) = arena.headswap("runs", "--json").value
    assert (known["run_id"], known["status"], known["as_of"]) == (run["run_id"], "completed", None)
    arena.headswap("serve", "--clear")
    (known, _) = arena.headswap("runs", "--json").value
    assert known["status"] == "queued"
    assert known["as_of"] is not None
    assert re.search(rf"{run['run_id']} .* queued +as of \d{{4}}-", arena.headswap("runs").out)
    assert "status    queued, as of " in arena.headswap("runs", "show", run["run_id"]).out


def test_a_garbled_job_hides_no_other_from_the_list(arena: Arena, tmp_path: Path) -> None:
    video = clips.plain_clip(tmp_path / "clip.mp4", seconds=4)
    photo = clips.plain_photo(tmp_path / "me.png")
    arena.tell()
    analysis = arena.headswap("analyze", video, "-q").out.strip()
    tasks = [
        arena.headswap("swap", analysis, "--face", photo, "--mode", mode, "-q").out.strip()
        for mode in ("head", "face")
    ]
    with arena.start() as http:
        for task in tasks:
            ended(http, wire.TASK_PATH, task)
    record = arena.data / "engine" / "jobs.sqlite3"
    for damage in ("'{\"notices\": ['", "CAST(x'ff00' AS TEXT)", "'[]'", "'{\"notices\": 5}'"):
        with closing(sqlite3.connect(record, isolation_level=None)) as database:
            database.execute(f"UPDATE job SET result = {damage} WHERE id = ?", (tasks[0],))
        listed = {run["task_id"]: run["status"] for run in arena.headswap("runs", "--json").value}
        assert [listed[task] for task in tasks] == ["completed", "completed"], damage
        assert arena.headswap("runs", "show", tasks[0], "--json").value["notices"] == []
