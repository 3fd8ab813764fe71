"""The same swap again, and what swaps and runs have bought for one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headswap_cli.wire import ANALYZE_PATH, CREATE_PATH, TASK_PATH
from tests.loopback import sample, tiny_video
from tests.origin import Answer, reset

if TYPE_CHECKING:
    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

VIDEO, FACE = "https://example.com/clip.mp4", "https://example.com/me.jpg"
RUN = ("run", VIDEO, "--face", FACE)
OUTPUT = "clip.headswap.mp4"


def analyses(service: HeadSwapService) -> int:
    return len(service.sent("POST", ANALYZE_PATH))


def test_swap_again_prints_the_task_that_exists(cloud: Headswap, service: HeadSwapService) -> None:
    analysis = cloud("analyze", VIDEO, "-q").out.strip()
    first = cloud("swap", analysis, "--face", FACE, "-q").out
    assert cloud("swap", analysis, "--face", f"1={FACE}", "-q").out == first
    assert len(service.creates) == 1
    assert cloud("swap", analysis, "--face", FACE, "--new", "-q").out != first
    assert len(service.creates) == 2


def test_swap_of_what_a_run_has_bought_prints_its_task(cloud: Headswap, service: HeadSwapService) -> None:
    made = cloud(*RUN, "--json").value
    value = cloud("swap", made["analysis_id"], "--face", FACE, "--wait", "--json").value
    assert (value["run_id"], value["task_id"]) == (made["run_id"], made["task_id"])
    assert value["mappings"] == made["mappings"]
    assert len(service.creates) == 1


def test_a_run_of_what_a_swap_has_bought_saves_its_task(cloud: Headswap, service: HeadSwapService) -> None:
    analysis = cloud("analyze", VIDEO, "-q").out.strip()
    task = cloud("swap", analysis, "--face", FACE, "-q").out.strip()
    assert cloud(*RUN, "--json").value["task_id"] == task
    assert (cloud.cwd / OUTPUT).read_bytes() == tiny_video()
    assert (len(service.creates), analyses(service)) == (1, 1)


def test_swap_after_an_unanswered_create_is_exit_5(cloud: Headswap, service: HeadSwapService) -> None:
    analysis = cloud("analyze", VIDEO, "-q").out.strip()
    service.script(CREATE_PATH, reset)
    cloud("swap", analysis, "--face", FACE, code=5)
    assert "headswap resume run-" in cloud("swap", analysis, "--face", FACE, code=5).err
    assert len(service.creates) == 1


def test_swap_of_a_task_that_failed_is_exit_3(cloud: Headswap, service: HeadSwapService) -> None:
    service.errors[TASK_PATH] = "Out of memory"
    analysis = cloud("analyze", VIDEO, "-q").out.strip()
    cloud("swap", analysis, "--face", FACE, "--wait", code=3)
    assert "--new" in cloud("swap", analysis, "--face", FACE, code=3).err
    assert len(service.creates) == 1


def test_a_swap_taken_up_after_a_run_has_bought_the_same_goes_on_with_that(
    cloud: Headswap, service: HeadSwapService
) -> None:
    analysis = cloud("analyze", VIDEO, "-q").out.strip()
    service.script(CREATE_PATH, Answer(sample("server_fault")))
    left = cloud("swap", analysis, "--face", FACE, "--json", code=1).value["error"]["run_id"]
    task = cloud(*RUN, "--json").value["task_id"]
    assert cloud("resume", left, "--json").value["task_id"] == task
    assert service.tasks == [task]
