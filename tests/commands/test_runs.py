"""The journal as the user sees it: listed, explained, opened, thinned out."""

from __future__ import annotations

import re
import sqlite3
import sys
from typing import TYPE_CHECKING

import pytest

from headswap_cli.wire import CREATE_PATH, TASK_PATH
from tests.origin import reset
from tests.terminals import Screen

if TYPE_CHECKING:
    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

VIDEO, FACE = "https://example.com/clip.mp4", "https://example.com/me.jpg"
RUN = ("run", VIDEO, "--face", FACE)


def aged(program: Headswap, days: float) -> None:
    """Make every run so much older."""
    with sqlite3.connect(program.data / "journal.sqlite3") as connection:
        connection.execute("UPDATE runs SET created_at = created_at - ?", (days * 86400,))
    connection.close()


def test_runs_are_listed_newest_first_without_a_service(cloud: Headswap, service: HeadSwapService) -> None:
    first = cloud(*RUN, "--json").value
    second = cloud("analyze", f"{VIDEO}?2", "--json").value
    asked = len(service.requests)
    values = cloud("runs", "--json").value
    assert [value["run_id"] for value in values] == [second["run_id"], first["run_id"]]
    assert values[1]["task_id"] == first["task_id"]
    assert values[1]["output"] == first["output"]
    assert set(values[0]) >= {"run_id", "status", "analysis_id", "task_id", "output"}
    assert cloud("runs", "-q").out.split() == [second["run_id"], first["run_id"]]
    rows = cloud("runs").out.splitlines()
    assert rows[0].split() == ["RUN", "BEGUN", "COMMAND", "VIDEO", "STATUS", "RESULT"]
    assert rows[2].split()[-1] == "clip.headswap.mp4"
    assert len(service.requests) == asked


def test_runs_can_be_limited_and_chosen_by_their_state(cloud: Headswap, service: HeadSwapService) -> None:
    cloud(*RUN)
    service.script(CREATE_PATH, reset)
    unknown = cloud(*RUN, "--new", "-o", "2.mp4", "--json", code=5).value["error"]["run_id"]
    assert len(cloud("runs", "--limit", "1", "--json").value) == 1
    (value,) = cloud("runs", "--status", "unknown", "--json").value
    assert value["run_id"] == unknown
    assert f"headswap resume {unknown}" in cloud("runs").out
    assert "completed" in cloud("runs", "--status", "gone", code=2).err


def test_a_limit_that_no_list_reaches_is_exit_2_with_the_range(cloud: Headswap) -> None:
    said = cloud("runs", "--limit", "9" * 23, code=2).err
    assert f"{'9' * 23} is not in the range 1<=x<=1000000.\n" in said
    assert cloud("runs", "--limit", "1000000", "--json").value == []


def test_a_list_that_stops_says_how_many_there_are_and_what_shows_all(cloud: Headswap) -> None:
    for number in range(3):
        cloud("analyze", f"{VIDEO}?{number}")
    said = cloud("runs", "--limit", "2")
    assert len(said.out.splitlines()) == 3
    assert said.err == "2 of 3 runs; all of them: headswap runs --limit 3\n"
    said = cloud("runs", "--status", "completed", "-n", "1", "--json")
    assert said.err == "1 of 3 runs; all of them: headswap runs --status completed --limit 3\n"
    for words in ((), ("--limit", "3"), ("--limit", "1", "-q"), ("--status", "failed", "-n", "1")):
        assert cloud("runs", *words).err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
def test_rows_are_told_apart_by_their_videos_on_a_narrow_terminal_too(cloud: Headswap) -> None:
    for name in ("holiday_in_rome_part_1.mp4", "holiday_in_rome_part_2.mp4"):
        cloud("run", f"https://example.com/{name}?sig=1", "--face", FACE, "-o", name[-5:])
    with Screen(cloud, "runs", columns=80) as screen:
        assert screen.ended() == 0
    head, second, first = screen.text.splitlines()
    assert head.split() == ["RUN", "BEGUN", "VIDEO", "STATUS", "RESULT"]
    assert re.search(r"  holid…part_2  completed  2\.mp4$", second)
    assert re.search(r"  holid…part_1  completed  1\.mp4$", first)
    assert re.search(
        r"  run      holiday_in_rome_part_2  completed  2\.mp4$", cloud("runs").out.splitlines()[1]
    )


def test_a_run_of_this_year_tells_the_hour_and_an_older_one_the_year(cloud: Headswap) -> None:
    cloud(*RUN)
    assert re.search(r"  \d\d-\d\d \d\d:\d\d  run", cloud("runs").out)
    aged(cloud, 400)
    assert re.search(r"  20\d\d-\d\d-\d\d +run", cloud("runs").out)


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
def test_on_a_terminal_a_failed_run_is_one_row_and_its_reason_is_whole_where_it_is_shown(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.errors[TASK_PATH] = reason = "the video has no face " + "that can be followed for long " * 3
    run_id = cloud(*RUN, "--json", code=3).value["error"]["run_id"]
    with Screen(cloud, "runs", columns=80) as screen:
        assert screen.ended() == 0
    rows = screen.text.splitlines()
    assert [len(row) <= 80 for row in rows] == [True, True]
    assert rows[1].endswith("…")
    assert reason.strip() in cloud("runs", "show", run_id).out


def test_a_rehearsal_is_listed_as_one(cloud: Headswap) -> None:
    cloud(*RUN, "--dry-run")
    assert cloud("runs").out.splitlines()[1].endswith("completed  dry run: nothing made")
    (known,) = cloud("runs", "--json").value
    assert (known["dry_run"], known["task_id"]) == (True, None)


def test_what_a_cloud_service_does_is_told_as_of_when_it_was_last_seen_and_not_asked_for(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.polls[TASK_PATH] = 10_000
    run_id = cloud(*RUN, "--timeout", "1s", "--json", code=4).value["error"]["run_id"]
    service.polls[TASK_PATH] = 0
    assert cloud("status", run_id, "-q").out == "completed\n"
    asked = len(service.requests)
    (value,) = cloud("runs", "--json").value
    assert value["status"] in {"queued", "processing"}
    steps = cloud("runs", "show", run_id, "--json").value["steps"]
    assert value["as_of"] == steps[-1]["at"]
    seen = re.compile(r"(queued|processing)[^\n]* as of \d{4}-\d\d-\d\d \d\d:\d\d\n")
    assert seen.search(cloud("runs").out)
    assert seen.search(cloud("runs", "show", run_id).out)
    assert len(service.requests) == asked
    cloud("resume", run_id)
    (value,) = cloud("runs", "--json").value
    assert (value["status"], value["as_of"]) == ("completed", None)


def test_an_empty_journal_is_said_to_be_so(headswap: Headswap) -> None:
    assert headswap("runs").out == "No runs.\n"
    assert headswap("runs", "--json").value == []
    assert headswap("resume").out == "Nothing is open.\n"


def test_show_tells_every_step(cloud: Headswap) -> None:
    made = cloud(*RUN, "--json").value
    value = cloud("runs", "show", made["task_id"], "--json").value
    assert value["run_id"] == made["run_id"]
    kinds = [step["kind"] for step in value["steps"]]
    assert kinds[:4] == ["submitted", "analysed", "intended", "created"]
    assert kinds[-3:] == ["fetching", "fetched", "done"]
    assert value["steps"][2]["detail"]["body"]["resolution"] == "720p"
    text = cloud("runs", "show", made["run_id"]).out
    assert re.search(r"intended +obj_id 0 gets https://example.com/me.jpg; 720p, akool-premium\n", text)
    assert re.search(r"saved as +clip.headswap.mp4\n", text)
    assert not re.search(r"[{}\[\]]", text)
    assert "runs" in cloud("runs", "show", "run-aaaaaaaaaa", code=13).err


def test_show_tells_why_a_run_failed(cloud: Headswap, service: HeadSwapService) -> None:
    service.script(CREATE_PATH, reset)
    run_id = cloud(*RUN, "--json", code=5).value["error"]["run_id"]
    shown = cloud("runs", "show", run_id).out
    assert re.search(r"status +unknown\n", shown)
    assert re.search(r"failed +The task was sent and not confirmed", shown)


def test_forget_takes_a_run_out_and_leaves_its_file(cloud: Headswap) -> None:
    run_id = cloud(*RUN, "--json").value["run_id"]
    assert cloud("runs", "forget", run_id, "-q").out == f"{run_id}\n"
    assert cloud("runs", "--json").value == []
    assert (cloud.cwd / "clip.headswap.mp4").exists()
    cloud("runs", "forget", run_id, code=13)


@pytest.mark.parametrize("is_unknown", [False, True])
def test_what_is_open_or_may_have_been_paid_for_is_forgotten_only_by_force(
    cloud: Headswap, service: HeadSwapService, is_unknown: bool
) -> None:
    done = cloud("run", f"{VIDEO}?2", "--face", FACE, "-o", "done.mp4", "--json").value["run_id"]
    if is_unknown:
        service.script(CREATE_PATH, reset)
    cloud(*RUN, *(() if is_unknown else ("--detach",)), code=5 if is_unknown else 0)
    run_id = cloud("runs", "-q", "--limit", "1").out.strip()
    ran = cloud("runs", "forget", done, run_id, code=2)
    assert f"headswap resume {run_id}" in ran.err
    assert len(cloud("runs", "--json").value) == 2
    cloud("runs", "forget", done, run_id, "--force")
    assert cloud("runs", "--json").value == []


def test_prune_takes_out_what_is_old_and_over(cloud: Headswap) -> None:
    done = cloud(*RUN, "--json").value["run_id"]
    kept = cloud("run", f"{VIDEO}?2", "--face", FACE, "--detach", "--json").value["run_id"]
    assert cloud("runs", "prune").out == "Nothing to forget.\n"
    aged(cloud, 31)
    assert cloud("runs", "prune", "--older", "40d", "-q").out.strip() == ""
    assert cloud("runs", "prune", "--yes", "-q").out.split() == [done]
    assert cloud("runs", "-q").out.split() == [kept]
    cloud("runs", "prune", "--older", "soon", code=2)


def test_prune_forgets_nothing_unless_yes_is_said_where_nobody_can_be_asked(cloud: Headswap) -> None:
    done = [
        cloud("run", f"{VIDEO}?{number}", "--face", FACE, "-o", f"{number}.mp4", "--json")
        for number in (1, 2)
    ]
    told = cloud("runs", "prune", "--older", "0d", code=2).err
    assert "2 runs would be forgotten" in told
    assert "pay for, all of it anew" in told
    assert "headswap runs prune --older 0d --yes" in told
    error = cloud("runs", "prune", "--older", "0h", "--json", code=2).value["error"]
    assert error["hint"].endswith("headswap runs prune --older 0h --yes")
    ids = cloud("runs", "-q").out.split()
    assert sorted(ids) == sorted(one.value["run_id"] for one in done)
    assert cloud("runs", "prune", "--older", "0d", "--yes", "-q").out.split() == ids[::-1]
    assert cloud("runs", "prune", "--older", "0d").out == "Nothing to forget.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
def test_prune_asks_on_a_terminal_before_it_forgets_what_keeps_from_paying_twice(cloud: Headswap) -> None:
    done = cloud(*RUN, "--json").value["run_id"]
    everything = ("runs", "prune", "--older", "0d")
    for answer, left in (("\r", [done]), ("n\r", [done]), ("y\r", [])):
        with Screen(cloud, *everything, columns=100) as screen:
            screen.until("Forget 1 run? The same commands would make, and pay for, all of it anew. [y/N]")
            screen.press(answer)
            assert screen.ended() == 0
        assert ("Nothing was forgotten." in screen.text) == bool(left)
        assert cloud("runs", "-q").out.split() == left
    cloud(*RUN, "--force")
    with Screen(cloud, *everything, "--yes") as screen:
        assert screen.ended() == 0
    assert cloud("runs", "-q").out.split() == []


def test_open_shows_the_result_in_the_users_viewer(cloud: Headswap) -> None:
    made = cloud(*RUN, "--json").value
    viewer = cloud.folder / "viewer"
    viewer.write_text(
        f"#!{sys.executable}\nimport sys\nopen({str(viewer)!r} + '.saw', 'w').write(sys.argv[1])\n"
    )
    viewer.chmod(0o755)
    assert cloud("runs", "open", made["run_id"], HEADSWAP_VIEWER=str(viewer)).out == f"{made['output']}\n"
    assert (cloud.folder / "viewer.saw").read_text() == made["output"]


def test_a_result_that_is_saved_in_two_places_is_listed_at_the_latest_and_opened_where_it_is(
    cloud: Headswap,
) -> None:
    first = cloud(*RUN, "--json").value
    second = cloud(*RUN, "-o", "second.mp4", "--json").value["output"]
    assert [one["output"] for one in cloud("runs", "--json").value] == [second]
    (cloud.cwd / "clip.headswap.mp4").unlink()
    assert cloud("runs", "open", first["run_id"], "-q", HEADSWAP_VIEWER="true").out == f"{second}\n"
    cloud(*RUN, "-o", "third.mp4")
    (cloud.cwd / "third.mp4").unlink()
    assert cloud("runs", "open", first["run_id"], "-q", HEADSWAP_VIEWER="true").out == f"{second}\n"


def test_open_without_a_result_or_a_viewer_says_what_to_do(cloud: Headswap) -> None:
    made = cloud(*RUN, "--json").value
    assert "HEADSWAP_VIEWER" in cloud("runs", "open", made["run_id"], code=1, HEADSWAP_VIEWER="/no/such").err
    assert "could not open" in cloud("runs", "open", made["run_id"], code=1, HEADSWAP_VIEWER="false").err
    (cloud.cwd / "clip.headswap.mp4").unlink()
    assert f"headswap download {made['run_id']}" in cloud("runs", "open", made["run_id"], code=13).err
    other = cloud("run", f"{VIDEO}?2", "--face", FACE, "--detach", "--json").value["run_id"]
    assert f"headswap resume {other}" in cloud("runs", "open", other, code=13).err
