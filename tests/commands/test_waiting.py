"""Waiting as the user sees it: faults told and outlived, strange states named, durations kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headswap_cli.journal import Journal
from headswap_cli.wire import ANALYSIS_PATH, TASK_PATH
from tests.origin import Answer, Fault, raw, reset

if TYPE_CHECKING:
    from tests.conftest import Headswap, Ran
    from tests.loopback import HeadSwapService

VIDEO, FACE = "https://example.com/clip.mp4", "https://example.com/me.jpg"
TASKS = "task akool akool-premium 720p"


def run_id(ran: Ran) -> str:
    """Return the id that a run told on stderr."""
    return next(line[4:] for line in ran.err.splitlines() if line.startswith("run run-"))


def durations(headswap: Headswap, like_jobs: str, length_s: float | None = None) -> list[float]:
    with Journal(headswap.data / "journal.sqlite3") as journal:
        return journal.durations(like_jobs, length_s)


def test_how_long_a_job_took_is_kept_for_those_like_it(cloud: Headswap, service: HeadSwapService) -> None:
    service.polls = {ANALYSIS_PATH: 1, TASK_PATH: 1}
    cloud("run", VIDEO, "--face", FACE)
    (task_s,), (analysis_s,) = durations(cloud, TASKS, 8.0), durations(cloud, "analysis akool")
    assert 0 < analysis_s < task_s < 20
    assert durations(cloud, TASKS, 30.0) == []
    assert durations(cloud, "task akool akool-premium 480p") == []


def test_a_job_that_was_over_at_the_first_look_tells_nothing(cloud: Headswap) -> None:
    cloud("run", VIDEO, "--face", FACE)
    assert durations(cloud, TASKS) == durations(cloud, "analysis akool") == []


@pytest.mark.parametrize(
    "fault",
    [Answer(b"<html>Bad Gateway</html>", 502), Answer(b"", 503), reset, raw(b"?"), Answer({"code": 2001})],
)
def test_a_fault_during_a_wait_is_told_and_outlived(
    cloud: Headswap, service: HeadSwapService, fault: Fault
) -> None:
    service.script(TASK_PATH, fault)
    ran = cloud("run", VIDEO, "--face", FACE)
    assert "trying again in 1 s: " in ran.err
    assert len(service.creates) == 1


def test_a_state_that_nobody_has_met_yet_is_told_by_its_number_and_waited_through(
    cloud: Headswap, service: HeadSwapService
) -> None:
    strange = Answer({"code": 1000, "data": {"_id": "t", "status": 7}})
    service.script(TASK_PATH, strange)
    ran = cloud("run", VIDEO, "--face", FACE)
    assert ran.err.count("the service says status 7, which is not known here") == 1


def test_a_service_that_is_gone_when_the_time_is_over_is_exit_4_for_the_task_goes_on(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.polls[TASK_PATH] = 10_000
    service.script(TASK_PATH, Answer({"code": 1000, "data": {"_id": "t", "status": 2}}), *[reset] * 3)
    ran = cloud("run", VIDEO, "--face", FACE, "--timeout", "4s", code=4)
    assert f"headswap resume {run_id(ran)}" in ran.err
