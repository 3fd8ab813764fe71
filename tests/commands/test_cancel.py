"""``headswap cancel``: what ends, what is said of it then, and what another command makes of it."""

from __future__ import annotations

import random
import re
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from headswap_cli import local
from tests.engine import arena as arenas
from tests.engine.arena import Arena, Tally
from tests.engine.engines import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Headswap

WISH = "was cancelled on the user's wish (headswap cancel)"
ANEW = "hint: To have it after all: the same command again, which begins anew."

linux = pytest.mark.skipif(sys.platform != "linux", reason="the arena counts processes in /proc")


class Home(Arena):
    """An arena with a video and a photo."""

    def media(self) -> tuple[Path, str]:
        """Return the video, and the photo as a ``--face``."""
        video, photo = self.folder / "clip.mp4", self.folder / "me.png"
        for path, content in ((video, arenas.clip()), (photo, arenas.photo())):
            path.touch(mode=0o600)
            path.write_bytes(content)
        return video, f"1={photo}"

    def detached(self, *options: str) -> tuple[str, str]:
        """Begin a run and leave it; return its id and its task's."""
        value = self.headswap("run", *self.again(), "--detach", "--json", *options).value
        return value["run_id"], value["task_id"]

    def again(self) -> tuple[object, ...]:
        """Return what a run of the video with the photo is asked for by."""
        video, face = self.media()
        return video, "--face", face

    def status(self, identifier: str) -> str:
        """Return what ``status`` says of an id, in a word."""
        return self.headswap("status", identifier, "-q").out.strip()

    def at_work(self, *, hold: bool = True) -> tuple[str, str]:
        """Begin a run whose task does not end by itself; return its id and its task's once it is at work."""
        self.tell()
        self.headswap("analyze", self.media()[0])
        self.tell(hold=True) if hold else self.go_slowly()
        run_id, task_id = self.detached()
        with self.client() as http:
            until(lambda: http.get("/health").json()["data"]["processing"], bool)
        return run_id, task_id

    def submitted(self, count: int = 1) -> list[dict[str, Any]]:
        """Return the runs that have an analysis, once there are so many."""
        return until(
            lambda: [one for one in self.headswap("runs", "--json").value if one["analysis_id"]],
            lambda runs: len(runs) == count,
        )

    def interrupted(self) -> tuple[dict[str, Any], str]:
        """Stop a run by Ctrl-C while its analysis is held; return it and what it said on stderr."""
        self.tell(hold=True)
        waiting = self.headswap.start("run", *self.again())
        (run,) = self.submitted()
        waiting.send_signal(signal.SIGINT)
        _, err = waiting.communicate(timeout=60)
        assert waiting.returncode == 130
        return run, err

    def go_slowly(self) -> None:
        """Have jobs take a minute, and look up after every frame."""
        self.tell(frames=[(n, 6000) for n in range(1, 6001)], pace_s=0.01)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    tally = Tally()
    with Home(tmp_path / "a", random.Random(3), tally) as made:
        yield made
        made.tell()
    assert tally.is_clean, tally


@linux
def test_a_task_at_work_is_cancelled_and_every_command_says_so_from_then_on(home: Home) -> None:
    run_id, task = home.at_work(hold=False)
    said = home.headswap("cancel", task)
    assert re.fullmatch(rf"Cancelled the task {task}, which was at \d+ %\.\n", said.out)
    value = home.headswap("status", task, "--json").value
    assert (value["status"], value["output_url"]) == ("cancelled", None)
    assert value["error"] == "it was cancelled on the user's wish (headswap cancel)"
    assert home.status(run_id) == "cancelled"
    for words in (("status", "--wait"), ("download",)):
        ended = home.headswap(*words, task, code=3)
        assert f"The task {task} {WISH}." in ended.err
        assert ANEW in ended.err
    failed = home.headswap("status", task, "--wait", "--json", code=3)
    assert '"status": "cancelled"' in failed.out


@linux
def test_a_run_is_cancelled_by_its_own_id_and_the_same_run_again_begins_anew(home: Home) -> None:
    run_id, task = home.at_work()
    value = home.headswap("cancel", run_id, "--json").value
    assert value.items() >= {"id": run_id, "kind": "run", "status": "cancelled", "was": "processing"}.items()
    assert home.headswap("runs", "--json").value[0]["status"] == "cancelled"
    assert home.headswap("runs", "--status", "cancelled", "-q").out == f"{run_id}\n"
    shown = home.headswap("runs", "show", run_id).out
    assert re.search(rf"cancelled +The task {task} {re.escape(WISH)}\.\n", shown)
    home.tell()
    assert home.headswap("resume").out == "Nothing is open.\n"
    resumed = home.headswap("resume", run_id, code=3)
    assert f"The run {run_id} {WISH}." in resumed.err
    assert ANEW in resumed.err
    again = home.detached()
    assert again[0] != run_id
    assert again[1] != task
    assert home.headswap("status", again[1], "--wait", "-q").out == "completed\n"
    assert home.status(task) == "cancelled"


@linux
def test_a_swap_that_was_cancelled_is_made_anew_by_the_same_swap(home: Home) -> None:
    home.tell()
    video, face = home.media()
    analysis = home.headswap("analyze", video, "-q").out.strip()
    home.tell(hold=True)
    first = home.headswap("swap", analysis, "--face", face, "-q").out.strip()
    assert home.headswap("swap", analysis, "--face", face, "-q").out.strip() == first
    assert home.headswap("cancel", first, "-q").out == f"{first}\n"
    home.tell()
    second = home.headswap("swap", analysis, "--face", face, "--wait", "-q").out.strip()
    assert second != first


@linux
def test_a_command_that_waits_ends_with_3_when_its_job_is_cancelled(home: Home) -> None:
    home.tell(hold=True)
    video, face = home.media()
    for words in (("analyze", video), ("run", video, "--face", face)):
        waiting = home.headswap.start(*words, "--json")
        (run,) = until(
            lambda: [
                one
                for one in home.headswap("runs", "--json").value
                if one["analysis_id"] and one["status"] == "processing"
            ],
            lambda runs: len(runs) == 1,
        )
        home.headswap("cancel", run["analysis_id"])
        out, err = waiting.communicate(timeout=60)
        assert waiting.returncode == 3, err
        assert f'"analysis_id": "{run["analysis_id"]}"' in out
        assert '"code": "cancelled"' in out
        (steps,) = (home.headswap("runs", "show", run["run_id"], "--json").value["steps"],)
        assert [step["kind"] for step in steps].count("cancelled") == 1
        assert home.status(run["run_id"]) == "cancelled"
    home.tell()
    # Neither is taken for an analysis of this video.
    assert "has been analysed before" not in home.headswap("analyze", video).err


@linux
def test_a_job_that_waits_is_cancelled_and_the_one_at_work_goes_on(home: Home) -> None:
    run_id, first = home.at_work()
    (run,) = [one for one in home.headswap("runs", "--json").value if one["run_id"] == run_id]
    second = home.headswap("swap", run["analysis_id"], "--face", home.media()[1], "--mode", "face", "-q").out
    second = second.strip()
    assert home.headswap("cancel", second).out == f"Cancelled the task {second}, which was waiting.\n"
    assert home.status(first) == "processing"
    home.tell()
    assert home.headswap("status", first, "--wait", "-q").out == "completed\n"


@linux
def test_cancelling_twice_is_fine_and_needs_no_engine_and_what_is_over_by_itself_is_exit_2(
    home: Home,
) -> None:
    run_id, task = home.at_work()
    home.headswap("cancel", task)
    assert home.headswap("cancel", task).out == f"The task {task} was cancelled before.\n"
    assert home.headswap("cancel", task, "--json").value["was"] == "cancelled"
    home.headswap("serve", "--stop")
    assert home.headswap("cancel", run_id).out == f"The run {run_id} was cancelled before.\n"
    assert home.status(run_id) == "cancelled"
    assert local.find(home.data) is None
    home.tell(people=2)
    _, done = home.detached()
    home.headswap("status", done, "--wait")
    ran = home.headswap("cancel", done, code=2)
    assert f"error: The task {done} is completed already; there is nothing to cancel.\n" in ran.err
    assert f"hint: headswap download {done}\n" in ran.err
    assert home.status(done) == "completed"
    analysis = home.headswap("runs", "--json").value[0]["analysis_id"]
    assert "is completed already" in home.headswap("cancel", analysis, code=2).err
    home.tell(then="fault")
    _, failed = home.detached("--mode", "face")
    home.headswap("status", failed, "--wait", code=3)
    assert "is failed already: The video's codec is unknown." in home.headswap("cancel", failed, code=2).err


@linux
def test_a_queued_job_of_an_engine_that_was_stopped_is_cancelled_too(home: Home) -> None:
    _, task = home.at_work()
    home.headswap("serve", "--stop")
    home.headswap("cancel", task)
    assert home.status(task) == "cancelled"
    home.tell()
    with home.client() as http:
        assert http.get("/health").json()["data"].items() >= {"queued": 0, "processing": 0}.items()


@linux
def test_of_several_ids_each_is_tried_and_the_worst_decides(home: Home, tmp_path: Path) -> None:
    _, task = home.at_work()
    unknown = "0" * 24
    ran = home.headswap("cancel", unknown, task, code=13)
    assert ran.out.startswith(f"Cancelled the task {task}, ")
    assert f"error: The local engine has no analysis, task or run with the id '{unknown}'." in ran.err
    assert "hint: See which ids are known here: headswap runs" in ran.err
    values = home.headswap("cancel", task, unknown, task, "--json", code=13).value
    assert [(value["id"], value["status"]) for value in values] == [
        (task, "cancelled"),
        (unknown, "unknown"),
    ]
    assert values[1]["error"]["exit_code"] == 13
    with Home(tmp_path / "b", random.Random(4), Tally()) as elsewhere:
        assert "has no analysis, task or run" in elsewhere.headswap("cancel", task, code=13).err


@pytest.mark.parametrize("identifier", ["", " ", "a b", "a\x1b[31mb", "a\u202eb", "x" * 300])
def test_what_can_be_no_id_is_exit_2_and_starts_nothing(headswap: Headswap, identifier: str) -> None:
    ran = headswap("cancel", identifier, code=2)
    assert not set("\x1b\u202e") & set(ran.err)
    assert not (headswap.data / "engine").exists()


@linux
def test_ctrl_c_while_a_local_job_is_waited_for_names_the_command_that_ends_it(home: Home) -> None:
    run, err = home.interrupted()
    run_id = run["run_id"]
    assert (
        "No task was created yet, and by itself nothing but the analysis goes on:"
        f" headswap resume {run_id}; to end it for good: headswap cancel {run_id}\n"
    ) in err
    assert f"processing  headswap resume {run_id}\n" in home.headswap("runs").out
    assert home.headswap("cancel", run_id, "-q").out == f"{run_id}\n"
    assert home.status(run["analysis_id"]) == "cancelled"


@linux
@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_batch_names_the_command_when_it_is_stopped_and_the_wish_when_a_row_is_cancelled(
    home: Home, is_stopped: bool
) -> None:
    home.tell(hold=True)
    video, face = home.media()
    sheet = home.folder / "jobs.csv"
    sheet.touch(mode=0o600)
    sheet.write_text(f"video,face\n{video},{face}\n")
    waiting = home.headswap.start("batch", sheet)
    (run,) = home.submitted()
    if is_stopped:
        waiting.send_signal(signal.SIGINT)
    else:
        home.headswap("cancel", run["run_id"])
    out, err = waiting.communicate(timeout=60)
    said = out + err
    if is_stopped:
        assert waiting.returncode == 130
        assert "to end one for good: headswap cancel RUN" in said
    else:
        assert waiting.returncode == 3
        assert WISH in said
        # The same batch again begins it anew.
        assert "--retry-failed" not in said


@linux
def test_a_run_that_has_nothing_at_work_says_so(home: Home) -> None:
    home.tell()
    video, face = home.media()
    rehearsed = home.headswap("run", video, "--face", face, "--dry-run", "--json").value["run_id"]
    ran = home.headswap("cancel", rehearsed, code=2)
    assert "has nothing at work: its analysis is completed, and no task was created." in ran.err
    assert f"hint: headswap runs forget {rehearsed} --force" in ran.err


@linux
def test_a_run_that_was_stopped_before_its_task_is_ended_once_its_analysis_is_over(home: Home) -> None:
    run, _ = home.interrupted()
    home.tell()
    home.headswap("status", run["analysis_id"], "--wait")
    assert f"Cancelled the run {run['run_id']}, which was" in home.headswap("cancel", run["run_id"]).out
    assert home.headswap("resume").out == "Nothing is open.\n"


@linux
def test_a_run_whose_job_the_engine_has_deleted_is_not_said_to_be_unknown(home: Home) -> None:
    home.tell()
    run_id, task = home.detached()
    home.headswap("status", task, "--wait")
    home.headswap("serve", "--clear")
    ran = home.headswap("cancel", run_id, code=13)
    assert f"The local engine has deleted the job of the run {run_id}; there is nothing to cancel." in ran.err
    assert f"hint: headswap runs forget {run_id} --force\n" in ran.err
    assert "has no analysis, task or run" in home.headswap("cancel", task, code=13).err
    home.headswap("runs", "forget", run_id, "--force")


@linux
def test_a_run_whose_job_was_cleared_is_told_of_once_by_resume_and_closed(home: Home) -> None:
    home.tell()
    run_id, task = home.detached()
    home.headswap("status", task, "--wait")
    home.headswap("serve", "--clear")
    said = " ".join(home.headswap("resume", code=13).err.split())
    assert f"no job of the run {run_id} any more: it deletes each after 7 days, and all of them when" in said
    assert home.headswap("resume").out == "Nothing is open.\n"
    assert home.headswap("runs", "--status", "failed", "-q").out == f"{run_id}\n"
    assert "no job of the run" in home.headswap("resume", run_id, code=13).err
    assert "no job of the run" in home.headswap("run", *home.again(), code=13).err
    home.headswap("run", *home.again(), "--new", "--detach")


@linux
def test_of_a_local_result_that_is_gone_nothing_is_said_of_paying(home: Home) -> None:
    home.tell()
    _, task = home.detached()
    home.headswap("status", task, "--wait")
    for result in home.data.glob("engine/**/*.mp4"):
        result.unlink()
    said = " ".join(home.headswap("download", task, code=13).err.split())
    assert f"again: headswap download {task}. If not, only a new task brings it back: headswap run " in said
    assert "--new" in said
    assert "pays" not in said


@linux
def test_a_row_whose_job_was_cleared_names_commands_that_make_it_anew(home: Home) -> None:
    home.tell()
    video, face = home.media()
    (home.folder / "jobs.csv").write_text(f"video,face\n{video},{face}\n")
    batch = ("batch", home.folder / "jobs.csv", "--json")
    first = home.headswap(*batch, "--detach").value
    home.headswap("status", first["task_id"], "--wait")
    home.headswap("serve", "--clear")
    hint = home.headswap(*batch, code=13).value["error"]["hint"]
    assert hint == f"To make it anew: headswap runs forget {first['run_id']}, then ask for the same again"
    home.headswap("runs", "forget", first["run_id"])
    assert home.headswap(*batch, "--detach").value["run_id"] != first["run_id"]


@linux
def test_a_run_whose_analysis_another_run_waits_for_too_is_ended_only_with_it(home: Home) -> None:
    home.tell(hold=True)
    video, _ = home.media()
    waiting = []
    for count in (1, 2):
        waiting.append(home.headswap.start("analyze", video))
        runs = home.submitted(count)
    (analysis,) = {run["analysis_id"] for run in runs}
    second, first = (run["run_id"] for run in runs)
    ran = home.headswap("cancel", first, code=2)
    assert f"The run {first} was not cancelled: its analysis {analysis} is that of {second}, too." in ran.err
    assert f"hint: To end all of them: headswap cancel {analysis}\n" in ran.err
    assert {home.status(first), home.status(second)} == {"processing"}
    home.headswap("cancel", analysis)
    for command in waiting:
        command.communicate(timeout=60)
        assert command.returncode == 3
    assert {home.status(first), home.status(second)} == {"cancelled"}
