"""How a batch judges what befalls its rows."""

from __future__ import annotations

import pytest

from headswap_cli.errors import BusyError, FailedError, HeadswapError, ServiceError
from headswap_cli.services.batch import THROTTLED_S, Summary, pause_after
from headswap_cli.services.tally import Count


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
