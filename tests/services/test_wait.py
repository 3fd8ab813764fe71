"""Waiting: when to look next, and when to give up. The clock is the test's own."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.errors import (
    AuthError,
    DeadlineError,
    ExitCode,
    HeadswapError,
    NetworkError,
    ServiceError,
    Stopped,
)
from headswap_cli.models import Status, Task
from headswap_cli.services.deps import Deadline
from headswap_cli.services.pace import LOCAL_PACE, TASK_PACE, Pace
from headswap_cli.services.wait import drive, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

NUMBERS = {Status.QUEUED: 1, Status.PROCESSING: 2, Status.COMPLETED: 3, Status.FAILED: 4, Status.UNKNOWN: 7}


class Clock:
    """Seconds that pass only while somebody sleeps; ``on_sleep`` may change the world meanwhile."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.on_sleep: Callable[[], None] = lambda: None

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.on_sleep()


class Job:
    """A task that ends at ``done_at``; ``faults`` are met first, by the number of the look (from 0)."""

    def __init__(
        self, clock: Clock, *, done_at: float, end: Status = Status.COMPLETED, pace: Pace = TASK_PACE
    ) -> None:
        self.clock, self.done_at, self.end, self.pace = clock, done_at, end, pace
        self.faults: dict[int, HeadswapError] = {}
        self.looks = 0
        self.told: list[Task] = []
        self.faults_told: list[HeadswapError] = []

    def look(self) -> Task:
        self.looks += 1
        if fault := self.faults.get(self.looks - 1):
            raise fault
        status = self.end if self.clock.now >= self.done_at else Status.PROCESSING
        return Task("t1", status, NUMBERS[status])

    def steps(self, deadline_s: float) -> Generator[float, None, Task]:
        return watch(
            self.look,
            on_state=self.told.append,
            on_fault=self.faults_told.append,
            deadline=Deadline(deadline_s, "60s"),
            pace=self.pace,
            clock=self.clock,
        )

    def wait(self, deadline_s: float) -> Task:
        return drive(self.steps(deadline_s), self.clock.sleep)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_finished_task_is_not_waited_for(clock: Clock) -> None:
    job = Job(clock, done_at=0)
    job.wait(60)
    assert (len(job.told), clock.slept) == (1, [])


@given(st.floats(0, 3000), st.sampled_from([Status.COMPLETED, Status.FAILED]))
def test_the_verdict_is_seen_within_the_longest_pause(done_at: float, end: Status) -> None:
    clock = Clock()
    job = Job(clock, done_at=done_at, end=end)
    assert job.wait(4000).status is end
    assert clock.now - done_at <= TASK_PACE.long_s


def test_a_passed_deadline_names_the_command_to_wait_on(clock: Clock) -> None:
    with pytest.raises(DeadlineError, match="still processing after 60s") as caught:
        Job(clock, done_at=1e9).wait(60)
    assert caught.value.hint == "Wait on: headswap status t1 --wait"
    assert clock.now == pytest.approx(60)


def test_a_state_nobody_has_met_yet_is_waited_through(clock: Clock) -> None:
    states = iter([Status.UNKNOWN, Status.UNKNOWN, Status.COMPLETED])

    def fetch() -> Task:
        status = next(states)
        return Task("t1", status, NUMBERS[status])

    steps = watch(fetch, on_state=lambda _: None, deadline=Deadline(60, "60s"), pace=LOCAL_PACE, clock=clock)
    done = drive(steps, clock.sleep)
    assert done.status is Status.COMPLETED


def passing(error: type[HeadswapError]) -> HeadswapError:
    fault = error("The service answered HTTP 502.")
    fault.retryable = True
    return fault


@given(st.sets(st.integers(1, 30), max_size=20), st.sampled_from([ServiceError, NetworkError]))
def test_faults_that_pass_never_end_a_wait(looks: set[int], error: type[HeadswapError]) -> None:
    clock = Clock()
    job = Job(clock, done_at=120)
    job.faults = dict.fromkeys(looks, passing(error))
    assert job.wait(4000).status is Status.COMPLETED
    assert len(job.faults_told) == job.looks - len(job.told)


def test_a_service_that_stays_away_is_exit_4_at_the_deadline_for_the_task_goes_on(clock: Clock) -> None:
    job = Job(clock, done_at=1e9)
    job.faults = dict.fromkeys(range(1, 999), passing(NetworkError))
    with pytest.raises(DeadlineError):
        job.wait(600)
    assert clock.now == pytest.approx(600)


def test_a_fault_at_the_first_look_ends_the_wait_for_the_job_may_not_exist(clock: Clock) -> None:
    job = Job(clock, done_at=0)
    job.faults = {0: passing(NetworkError)}
    with pytest.raises(NetworkError):
        job.wait(600)


def test_a_fault_that_will_not_pass_ends_the_wait_at_once(clock: Clock) -> None:
    job = Job(clock, done_at=1e9)
    job.faults = {2: AuthError("The service answered 1101.")}
    with pytest.raises(AuthError):
        job.wait(600)
    assert job.looks == 3


def test_the_engine_on_this_machine_is_gone_at_its_first_silence(clock: Clock) -> None:
    job = Job(clock, done_at=1e9, pace=LOCAL_PACE)
    job.faults = {2: passing(NetworkError)}
    with pytest.raises(NetworkError):
        job.wait(600)


def test_a_machine_that_slept_past_the_deadline_looks_before_it_gives_up(clock: Clock) -> None:
    job = Job(clock, done_at=500)

    def suspend() -> None:
        clock.now += 36_000

    clock.on_sleep = suspend
    assert job.wait(600).status is Status.COMPLETED
    assert job.looks == 2


def test_a_machine_that_wakes_without_a_network_waits_on(clock: Clock) -> None:
    job = Job(clock, done_at=5000)

    def suspend() -> None:
        clock.now += 3600
        clock.on_sleep = lambda: None

    clock.on_sleep = suspend
    job.faults = {1: passing(NetworkError), 2: passing(NetworkError)}
    assert job.wait(10_000).status is Status.COMPLETED
    assert clock.now - 5000 <= TASK_PACE.long_s


def test_what_strikes_a_sleeping_workflow_is_told_to_it_and_raised(clock: Clock) -> None:
    told: list[BaseException] = []

    def _steps() -> Generator[float, None, None]:
        try:
            yield 1.0
        except BaseException as error:
            told.append(error)
            raise

    def _strike() -> None:
        raise Stopped(ExitCode.INTERRUPTED)

    clock.on_sleep = _strike
    with pytest.raises(Stopped) as caught:
        drive(_steps(), clock.sleep)
    assert told == [caught.value]


def test_a_workflow_may_be_driven_by_a_thread_after_another(clock: Clock) -> None:
    job = Job(clock, done_at=30)
    steps = job.steps(60)
    workers = [ThreadPoolExecutor(1), ThreadPoolExecutor(1)]
    pauses: list[float] = []
    with workers[0], workers[1]:
        for worker in itertools.cycle(workers):
            pause_s = worker.submit(next, steps, None).result()
            if pause_s is None:
                break
            pauses.append(pause_s)
            clock.sleep(pause_s)
    assert job.told[-1].status is Status.COMPLETED
    assert len(pauses) == len(job.told) - 1 > 2
