"""``headswap status`` of several ids, and of ids that nobody knows."""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from headswap_cli.errors import (
    ExitCode,
    FailedError,
    HeadswapError,
    NotFoundError,
    OutcomeUnknownError,
    worst_code,
)
from headswap_cli.wire import CREATE_PATH, TASK_PATH
from tests.origin import reset
from tests.terminals import Screen

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService
    from tests.origin import Connection

VIDEO = "https://example.com/a%20clip.mp4"
FACE = "https://example.com/me.jpg"
NOBODYS = "6a066dc58570ecbf64ffffff"


@pytest.fixture
def task(cloud: Headswap) -> str:
    return cloud("run", VIDEO, "--face", FACE, "--detach").out.strip()


def test_an_id_that_nobody_knows_is_named(cloud: Headswap, task: str) -> None:
    for command in ("status", "download"):
        ran = cloud(command, NOBODYS, code=13)
        assert NOBODYS in ran.err
        error = cloud(command, NOBODYS, "--json", code=13).value["error"]
        assert NOBODYS in error["message"]


def test_of_several_ids_all_that_are_known_are_shown_and_the_worst_is_the_exit_code(
    cloud: Headswap, task: str
) -> None:
    analysis = cloud("analyze", VIDEO, "-q").out.strip()
    ran = cloud("status", task, NOBODYS, analysis, code=13)
    rows = ran.out.splitlines()[1:]
    assert [row.split()[0] for row in rows] == [task, NOBODYS, analysis]
    assert rows[2].split()[1:3] == ["analysis", "completed"]
    assert NOBODYS in ran.err
    assert cloud("status", task, NOBODYS, analysis, "-q", code=13).out.split()[1:] == ["unknown", "completed"]


def test_in_json_the_unknown_one_is_an_entry_of_the_array(cloud: Headswap, task: str) -> None:
    ran = cloud("status", NOBODYS, task, "--json", code=13)
    lost, known = ran.value
    assert (lost["id"], lost["kind"], lost["status"]) == (NOBODYS, None, "unknown")
    assert NOBODYS in lost["error"]
    assert (known["id"], known["kind"]) == (task, "task")
    assert ran.err == ""


def test_waiting_for_several_tells_every_verdict(
    cloud: Headswap, service: HeadSwapService, task: str
) -> None:
    service.errors[TASK_PATH] = "the face is not there"
    ran = cloud("status", NOBODYS, task, "--wait", code=3)
    assert NOBODYS in ran.err
    assert "the face is not there" in ran.err
    lines = cloud("status", task, NOBODYS, "--wait", "--json", code=3).out.splitlines()
    assert json.loads(lines[-2])["status"] == "failed"
    assert json.loads(lines[-1])["id"] == NOBODYS


@pytest.mark.parametrize("identifier", ["", "  ", "a b", "a\tb", "x" * 300])
def test_what_cannot_be_an_id_is_exit_2_and_nothing_is_asked(
    cloud: Headswap, service: HeadSwapService, identifier: str
) -> None:
    for command in ("status", "download"):
        assert "id" in cloud(command, identifier, code=2).err
    assert service.requests == []


def test_money_in_question_comes_before_failure_and_failure_before_a_wrong_id() -> None:
    errors: list[HeadswapError] = [NotFoundError("a"), FailedError("b"), OutcomeUnknownError("c")]
    assert worst_code([]) is ExitCode.DONE
    assert worst_code(errors) is ExitCode.UNKNOWN
    assert worst_code(errors[:2]) is ExitCode.FAILED


def test_waiting_for_several_tells_each_change_as_it_comes_not_one_id_after_the_other(
    cloud: Headswap, service: HeadSwapService
) -> None:
    first, second = (
        cloud("run", VIDEO, "--face", f"{FACE}?{number}", "--detach", "-q").out.strip() for number in (1, 2)
    )
    # The first one is asked three times before it is over, the second one once.
    service.looks_needed = {first: 2, second: 0}
    ran = cloud("status", first, second, "--wait", "--json")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [(line["id"], line["status"]) for line in lines] == [
        (first, "processing"),
        (second, "completed"),
        (first, "completed"),
    ]
    said = cloud("status", first, second, "--wait")
    assert f"task {first}: completed" in said.err
    assert [row.split()[0] for row in said.out.splitlines()[1:]] == [first, second]


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
def test_on_a_terminal_several_are_one_table_that_is_gone_in_the_end(
    cloud: Headswap, service: HeadSwapService, tmp_path: Path
) -> None:
    ids = [
        cloud("run", VIDEO, "--face", f"{FACE}?{number}", "--detach", "-q").out.strip() for number in (1, 2)
    ]
    service.looks_needed = {ids[0]: 2, ids[1]: 0}
    out = tmp_path / "out.txt"
    with Screen(cloud, "status", *ids, "--wait", stdout=out) as screen:
        assert screen.ended() == 0
    drawn = screen.text
    assert drawn.index("ID") < drawn.index(ids[0])
    assert "processing" in drawn
    # The table is taken away: the last thing done to its lines is to erase them.
    assert screen.seen.rstrip().endswith(b"\x1b[2K")
    assert [row.split()[2] for row in out.read_text().splitlines()[1:]] == ["completed", "completed"]


def test_an_id_that_is_cut_short_names_the_whole_one_and_what_it_is(
    cloud: Headswap, service: HeadSwapService, task: str
) -> None:
    (run,) = cloud("runs", "--json").value
    for words in (("status",), ("runs", "show"), ("resume",)):
        for short in (run["run_id"][:-2], run["run_id"][4:-1]):
            said = cloud(*words, short, code=13).err
            assert (
                f"hint: Perhaps the run {run['run_id']} is meant: headswap status {run['run_id']}\n" in said
            )
        said = cloud(*words, task[:-1], code=13).err
        assert f"hint: 2 ids begin so: {run['analysis_id']} (analysis), {task} (task).\n" in said
    both = cloud("status", run["run_id"][:-2], task[:-1], "--wait", code=13).err
    assert f"hint: Perhaps the run {run['run_id']} is meant: headswap status {run['run_id']}\n" in both
    assert f"hint: 2 ids begin so: {run['analysis_id']} (analysis), {task} (task).\n" in both
    asked = len(service.requests)
    for nothing in ("zzz", task[:2], "%", task[1:]):
        assert "hint: headswap runs\n" in cloud("runs", "show", nothing, code=13).err
    assert len(service.requests) == asked


def test_a_task_or_a_run_where_an_analysis_is_meant_is_named_and_so_is_its_analysis(
    cloud: Headswap, service: HeadSwapService, task: str, tmp_path: Path
) -> None:
    (run,) = cloud("runs", "--json").value
    creates = len(service.creates)
    for known_as, kind in ((task, "task"), (run["run_id"], "run")):
        said = cloud("swap", known_as, "--face", f"1={FACE}", code=2).err
        assert f"error: {known_as} is a {kind}, and a task is made from an analysis.\n" in said
        assert f"hint: headswap swap {run['analysis_id']} --face 1=IMAGE\n" in said
    # Elsewhere, where the journal knows nothing of it.
    stranger = type(cloud)(tmp_path / "b", HEADSWAP_BASE_URL=service.url, HEADSWAP_API_KEY=service.api_key)
    said = stranger("swap", task, "--face", f"1={FACE}", code=2).err
    assert f"{task} is a task, and a task is made from an analysis." in said
    said = stranger("download", run["analysis_id"], code=13).err
    assert f"{run['analysis_id']} is an analysis, and only tasks have results." in said
    assert len(service.creates) == creates


def test_a_run_whose_task_is_being_sent_is_waited_for_and_unknown_only_once_its_command_has_given_up(
    cloud: Headswap, service: HeadSwapService
) -> None:
    asked, may = threading.Event(), threading.Event()

    def torn_later(connection: Connection) -> None:
        asked.set()
        may.wait(60)
        reset(connection)

    service.script(CREATE_PATH, torn_later)
    sending = cloud.start("run", VIDEO, "--face", FACE)
    assert asked.wait(60)
    (run,) = cloud("runs", "--json").value
    for words in (("runs",), ("runs", "show", run["run_id"]), ("status", run["run_id"])):
        said = cloud(*words).out
        assert "another headswap is at work on" in said
        assert "headswap resume" not in said
    waiting = cloud.start("status", run["run_id"], "--wait", "-v")
    assert waiting.stderr is not None
    assert waiting.stderr.readline() == f"another headswap is at work on the run {run['run_id']}\n"
    may.set()
    _, said = sending.communicate(timeout=60)
    assert sending.returncode == 5, said
    _, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 5, said
    assert f"hint: headswap resume {run['run_id']}\n" in said
