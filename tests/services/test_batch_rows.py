"""How a batch judges what befalls its rows."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from headswap_cli.errors import BusyError, FailedError, HeadswapError, ServiceError
from headswap_cli.services.batch import THROTTLED_S, Summary, pause_after
from headswap_cli.services.tally import Count
from headswap_cli.wire import CREATE_PATH, TASK_PATH
from tests.origin import Answer

if TYPE_CHECKING:
    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

BUSY_FOR_LONG = Answer({"code": 1005, "msg": "slow down"}, headers={"Retry-After": "300"})
PAY_AGAIN = """
import math
from headswap_cli.context import AppContext
from headswap_cli.models import FaceMapping, SwapOptions
from headswap_cli.services.batch import patient_steps
from headswap_cli.services.deps import Deadline
from headswap_cli.services.run import request_for
from headswap_cli.services.wait import drive
video, face = "https://example.com/clip.mp4", FaceMapping("https://example.com/me.jpg")
request = request_for(video, [face], SwapOptions(), None, is_new=True)
with AppContext().open() as deps:
    steps = patient_steps(deps, request, deadline=Deadline(math.inf, ""))
    print(drive(steps, lambda pause_s: None).task.task_id)
"""


def throttled() -> ServiceError:
    error = ServiceError("The service answered 1005: slow down")
    error.is_throttled = True
    return error


@pytest.mark.parametrize(
    ("error", "pause_s"),
    [
        (BusyError("Another headswap is at work."), 1.0),
        (throttled(), THROTTLED_S),
        (ServiceError("The service answered 2001."), None),
        (FailedError("The task failed."), None),
    ],
)
def test_a_row_waits_for_what_passes_by_itself_and_for_nothing_else(
    error: HeadswapError, pause_s: float | None
) -> None:
    assert pause_after(error) == pause_s


@pytest.mark.parametrize("path", [CREATE_PATH, TASK_PATH])
def test_a_row_to_be_paid_for_again_is_so_once_however_long_the_service_is_busy(
    cloud: Headswap, service: HeadSwapService, path: str
) -> None:
    service.script(path, BUSY_FOR_LONG)
    command = [sys.executable, "-c", PAY_AGAIN]
    ran = subprocess.run(
        command, cwd=cloud.cwd, env=cloud.env, capture_output=True, text=True, timeout=60, check=True
    )
    assert service.tasks == ran.stdout.split()
    assert len(cloud("runs", "--json").value) == 1


def test_rows_that_were_let_go_are_not_done() -> None:
    assert Summary(total=10, skipped=2, completed=3).not_done == 5


@pytest.mark.parametrize(
    ("completed", "at_work", "left_s"), [(0, 8, None), (10, 0, 100.0), (5, 10, 50.0), (20, 0, 0.0)]
)
def test_the_time_left_goes_by_the_rows_that_ended_and_half_of_those_under_way(
    completed: int, at_work: int, left_s: float | None
) -> None:
    count = Count(
        total=20,
        waiting=20 - completed - at_work,
        begun=0,
        queued=0,
        processing=at_work,
        completed=completed,
        failed=0,
        skipped=0,
        elapsed_s=100.0 if completed != 5 else 50.0,
        spent=None,
    )
    assert count.left_s == left_s
