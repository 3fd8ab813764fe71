"""``headswap cancel`` of what a cloud service does, which has no such call: what is said instead."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from headswap_cli.wire import ANALYSIS_PATH, CREATE_PATH
from tests.engine.engines import until
from tests.origin import reset

if TYPE_CHECKING:
    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

VIDEO, FACE = "https://example.com/clip.mp4", "https://example.com/me.jpg"


def test_the_cloud_service_is_sent_nothing_and_what_becomes_of_the_task_is_said(
    cloud: Headswap, service: HeadSwapService
) -> None:
    value = cloud("run", VIDEO, "--face", FACE, "--detach", "--json").value
    for known_as in (value["task_id"], value["run_id"], "never-heard-of"):
        before = len(service.requests)
        ran = cloud("cancel", known_as, code=2)
        assert len(service.requests) == before
        assert f"{known_as} was not cancelled: the cloud service (profile 'akool') has no call" in ran.err
        assert "A task goes on there, and is paid for." in ran.err
        assert f"hint: headswap status {known_as} --wait." in ran.err
    service.polls[ANALYSIS_PATH] = 10_000
    cloud("analyze", f"{VIDEO}?2", "--timeout", "1s", code=4)
    analysis = cloud("runs", "--json").value[0]["analysis_id"]
    assert "The analysis goes on there, and costs nothing." in cloud("cancel", analysis, code=2).err


def test_of_what_is_over_at_the_cloud_service_it_is_not_said_that_it_goes_on(
    cloud: Headswap, service: HeadSwapService
) -> None:
    def refused(known_as: str) -> str:
        return cloud("cancel", known_as, code=2).err

    none = "there is nothing to cancel.\n"
    analysis = cloud("analyze", VIDEO, "-q").out.strip()
    over = f"error: The analysis {analysis} is completed already; {none}"
    assert refused(analysis) == f"{over}hint: headswap status {analysis}\n"
    run = cloud("run", VIDEO, "--face", FACE, "--json").value
    over = f"error: The run {run['run_id']} is completed already; {none}"
    assert refused(run["run_id"]) == refused(run["task_id"])
    assert refused(run["task_id"]) == f"{over}hint: headswap download {run['run_id']}\n"
    run_id = cloud("run", VIDEO, "--face", f"2={FACE}", "-o", "2.mp4", "--json", code=2).value["error"][
        "run_id"
    ]
    why = "Person 2 is not in the video; found: 1 (obj_id 0)"
    assert refused(run_id) == f"error: The run {run_id} is failed already: {why}; {none}"


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal")
def test_of_a_cloud_run_without_a_task_it_is_said_what_goes_on_with_it_and_what_lets_it_go(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.polls[ANALYSIS_PATH] = 10_000
    waiting = cloud.start("run", VIDEO, "--face", FACE)
    runs = until(lambda: cloud("runs", "--json").value, lambda runs: any(run["analysis_id"] for run in runs))
    run_id = runs[0]["run_id"]
    assert "hint: Ctrl-C in that terminal ends it." in cloud("cancel", run_id, code=2).err
    waiting.send_signal(signal.SIGINT)
    waiting.communicate(timeout=60)
    before = len(service.requests)
    ran = cloud("cancel", run_id, code=2)
    assert len(service.requests) == before
    assert f"error: The run {run_id} has created no task, so there is nothing to cancel" in ran.err
    assert f"To go on: headswap resume {run_id}. To let it go: headswap runs forget {run_id} --fo" in ran.err
    cloud("runs", "forget", run_id, "--force")


def test_of_a_cloud_run_that_was_not_answered_it_is_not_said_that_nothing_is_paid(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.script(CREATE_PATH, reset)
    cloud("run", VIDEO, "--face", FACE, code=5)
    run = cloud("runs", "--json").value[0]
    for known_as in (run["run_id"], run["analysis_id"]):
        ran = cloud("cancel", known_as, code=5)
        assert "it may or may not exist" in ran.err
        assert "costs nothing" not in ran.err


def test_a_cloud_profile_needs_no_key_to_say_that_nothing_can_be_cancelled(headswap: Headswap) -> None:
    assert "has no call for that" in headswap("cancel", "6a0f", "-p", "akool", code=2).err
