"""Waiting: when to look next, and when to give up. The clock is the test's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.errors import DeadlineError
from headswap_cli.models import Status, Task
from headswap_cli.services.deps import Deadline
from headswap_cli.services.wait import CLOUD_PACE, LOCAL_PACE, Pace, next_look_s, wait_for

NUMBERS = {Status.QUEUED: 1, Status.PROCESSING: 2, Status.COMPLETED: 3, Status.FAILED: 4, Status.UNKNOWN: 7}


class Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def waited(clock: Clock, *, done_at: float, deadline_s: float, end: Status = Status.COMPLETED) -> list[Task]:
    """Wait for a task that ends at ``done_at`` and return every state that was told."""
    seen: list[Task] = []

    def fetch() -> Task:
        status = end if clock.now >= done_at else Status.PROCESSING
        return Task("t1", status, NUMBERS[status])

    wait_for(
        fetch,
        on_state=seen.append,
        deadline=Deadline(deadline_s, "60s"),
        pace=CLOUD_PACE,
        sleep=clock.sleep,
        clock=clock,
    )
    return seen


def test_a_finished_task_is_not_waited_for() -> None:
    clock = Clock()
    assert len(waited(clock, done_at=0, deadline_s=60)) == 1
    assert clock.slept == []


@given(st.floats(0, 3000), st.sampled_from([Status.COMPLETED, Status.FAILED]))
def test_the_verdict_is_seen_within_an_eighth_of_the_wait_or_the_cap(done_at: float, end: Status) -> None:
    clock = Clock()
    seen = waited(clock, done_at=done_at, deadline_s=4000, end=end)
    assert seen[-1].status is end
    assert clock.now - done_at <= max(CLOUD_PACE.floor_s, min(CLOUD_PACE.cap_s, done_at / 8)) + 1e-6


def test_a_passed_deadline_names_the_command_to_wait_on() -> None:
    clock = Clock()
    with pytest.raises(DeadlineError, match="still processing after 60s") as caught:
        waited(clock, done_at=1e9, deadline_s=60)
    assert caught.value.hint == "Wait on: headswap status t1 --wait"
    assert clock.now == pytest.approx(60)


def test_a_state_nobody_has_met_yet_is_waited_through() -> None:
    states = iter([Status.UNKNOWN, Status.UNKNOWN, Status.COMPLETED])
    clock = Clock()

    def fetch() -> Task:
        status = next(states)
        return Task("t1", status, NUMBERS[status])

    done = wait_for(
        fetch,
        on_state=lambda _: None,
        deadline=Deadline(60, "60s"),
        pace=LOCAL_PACE,
        sleep=clock.sleep,
        clock=clock,
    )
    assert done.status is Status.COMPLETED


@given(st.floats(0, 1e6), st.floats(0.01, 10), st.floats(0, 100))
def test_the_next_look_stays_within_the_pace(elapsed_s: float, floor_s: float, more_s: float) -> None:
    pace = Pace(floor_s, floor_s + more_s)
    assert pace.floor_s <= next_look_s(elapsed_s, pace) <= pace.cap_s
