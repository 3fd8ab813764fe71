"""What there is to know of a result reaches who left it to itself, wherever he looks next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests import media

if TYPE_CHECKING:
    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

VIDEO, FACE = "https://example.com/clip.mp4", "https://example.com/me.jpg"
RUN = ("run", VIDEO, "--face", FACE)
NOTICE = "person 1 was left in 7 frames"


@pytest.fixture(autouse=True)
def _told(service: HeadSwapService) -> None:
    service.notices = [NOTICE]


@pytest.mark.parametrize("words", [("status",), ("status", "--wait"), ("download",), ("resume",)])
def test_who_looks_after_a_detached_run_is_told_what_there_is_to_know_of_it(
    cloud: Headswap, words: tuple[str, ...]
) -> None:
    run_id = cloud(*RUN, "--detach", "--json").value["run_id"]
    ran = cloud(*words, run_id)
    assert ran.err.splitlines().count(NOTICE) == 1
    assert NOTICE not in ran.out


def test_commands_of_one_run_tell_it_once_and_whoever_asks_is_told_again(cloud: Headswap) -> None:
    analysis = cloud("analyze", VIDEO, "-q").out.strip()
    swap = ("swap", analysis, "--face", f"1={FACE}", "--wait")
    assert NOTICE not in cloud(*swap, "-q").err
    task_id = cloud(*swap, "-q").out.strip()
    assert NOTICE in cloud("status", task_id, "--wait").err
    assert NOTICE not in cloud("status", task_id, "--wait").err
    assert NOTICE not in cloud(*swap).err
    saved = cloud("download", task_id, "--json")
    assert NOTICE not in saved.err
    assert saved.value["notices"] == [NOTICE]
    for command in (("status",), ("runs", "show")):
        ran = cloud(*command, task_id)
        assert NOTICE in ran.out + ran.err


@pytest.mark.parametrize("command", ["status", "download"])
def test_in_json_it_is_a_field_and_quiet_wants_none(cloud: Headswap, command: str) -> None:
    task_id = cloud(*RUN, "--detach", "-q").out.strip()
    assert NOTICE not in cloud(command, task_id, "-q").err
    assert cloud(command, task_id, "--json", *(["--force"] if command == "download" else [])).value[
        "notices"
    ] == [NOTICE]


@pytest.mark.parametrize("command", ["status", "download"])
def test_of_several_each_says_whose_it_is(cloud: Headswap, command: str) -> None:
    ids = [
        cloud("run", f"{VIDEO}?{k}", "--face", FACE, "--detach", "-q", "-o", f"{k}.mp4").out.strip()
        for k in (1, 2)
    ]
    told = cloud(command, *ids).err.splitlines()
    assert [f"{one}: {NOTICE}" for one in ids] == [line for line in told if line.endswith(NOTICE)]


def test_it_is_kept_with_the_saved_result(cloud: Headswap) -> None:
    run_id = cloud(*RUN, "--detach", "--json").value["run_id"]
    assert cloud("runs", "show", run_id, "--json").value["notices"] == []
    cloud("download", run_id)
    assert re.search(rf"notice +{NOTICE}\n", cloud("runs", "show", run_id).out)
    assert cloud("runs", "show", run_id, "--json").value["notices"] == [NOTICE]
    assert NOTICE in cloud("status", run_id).err


def test_the_rehearsal_of_what_exists_tells_it_in_json(cloud: Headswap) -> None:
    cloud(*RUN, "--detach")
    assert cloud(*RUN, "--dry-run", "--json").value["notices"] == [NOTICE]


def test_a_swap_that_is_waited_for_tells_it_too(cloud: Headswap) -> None:
    analysis = cloud("analyze", VIDEO, "-q").out.strip()
    ran = cloud("swap", analysis, "--face", f"1={FACE}", "--wait", "--json")
    assert NOTICE in ran.err
    assert ran.value["notices"] == [NOTICE]


@pytest.mark.media
def test_of_a_local_run_the_list_of_what_happened_tells_it_before_it_is_saved(local: Headswap) -> None:
    words = ("run", media.clip("carphone_pristine.mp4"), "--face", f"1={media.photo('astronaut.png')}")
    run_id = local(*words, "--detach", "--json").value["run_id"]
    local("status", run_id, "--wait", "-q")
    assert re.search(
        r"\nnotice +person 1: the face in the reference photo smiles: ", local("runs", "show", run_id).out
    )


def test_each_row_of_a_batch_tells_its_own_though_another_has_said_the_same(cloud: Headswap) -> None:
    (cloud.cwd / "jobs.csv").write_text(f"video,face\n{VIDEO}?1,{FACE}?1\n{VIDEO}?2,{FACE}?2\n")
    told = cloud("batch", "jobs.csv", "-o", "{row}.mp4").err.splitlines()
    assert sorted(line for line in told if line.endswith(NOTICE)) == [
        f"row {row}: {NOTICE}" for row in (1, 2)
    ]


def test_rows_that_share_a_photo_tell_once_what_there_is_to_know_of_it(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.notices = smile, _ = ["person 1: the face in the reference photo smiles", NOTICE]
    rows = "".join(f"{VIDEO}?{k},{FACE}?{k // 2}\n" for k in range(4))
    (cloud.cwd / "jobs.csv").write_text(f"video,face\n{rows}")
    told = cloud("batch", "jobs.csv", "-o", "{row}.mp4", "--parallel", "1").err.splitlines()
    assert [line for line in told if line.endswith(smile)] == [f"row {row}: {smile}" for row in (1, 3)]
    assert len([line for line in told if line.endswith(NOTICE)]) == 4


def test_runs_that_are_gone_on_with_together_say_whose_it_is(cloud: Headswap) -> None:
    ids = [
        cloud("run", f"{VIDEO}?{k}", "--face", FACE, "--detach", "--json", "-o", f"{k}.mp4").value["run_id"]
        for k in (1, 2)
    ]
    told = cloud("resume").err.splitlines()
    assert [f"{one}: {NOTICE}" for one in ids] == [line for line in told if line.endswith(NOTICE)]
