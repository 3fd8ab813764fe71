"""What is due next: in simulated time, thousands of jobs at once."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.services.agenda import Agenda, Due


@dataclass
class Simulated:
    """Workers that take ``step_s`` for each step, in a time of their own."""

    agenda: Agenda[int]
    pauses: dict[int, list[float]]
    workers: int = 8
    step_s: float = 0.125
    late: list[float] = field(default_factory=list)
    most_at_once: int = 0
    begun: list[int] = field(default_factory=list)

    def run(self) -> float:
        """Return when everything was over."""
        free = [0.0] * self.workers
        open_jobs: set[int] = set()
        now = 0.0
        while not self.agenda.is_empty:
            worker = min(range(self.workers), key=free.__getitem__)
            now = max(now, free[worker])
            found = self.agenda.take(now)
            if not isinstance(found, Due):
                if found is None and self.agenda.is_empty:
                    break
                others = [when for when in free if when > now]
                free[worker] = min([now + found] if found is not None else others)
                continue
            self._step(found, open_jobs, now)
            free[worker] = now + self.step_s
        return now

    def _step(self, found: Due[int], open_jobs: set[int], now: float) -> None:
        job = found.job
        if job not in open_jobs:
            self.begun.append(job)
            open_jobs.add(job)
        self.late.append(now - found.at)
        self.most_at_once = max(self.most_at_once, len(open_jobs))
        if self.pauses[job]:
            self.agenda.put_back(job, now + self.step_s + self.pauses[job].pop(0))
        else:
            open_jobs.remove(job)
            self.agenda.end()


def test_a_thousand_jobs_are_each_looked_at_when_they_are_due() -> None:
    chance = random.Random(5)
    pauses = {job: [chance.uniform(2, 10) for _ in range(20)] for job in range(1000)}
    simulated = Simulated(Agenda(pauses, at_once=1000), pauses, step_s=0.002)
    simulated.run()
    looks = sorted(simulated.late[1000:])
    assert looks[len(looks) // 2] < 0.01
    assert looks[-1] < 1.0


@given(
    jobs=st.lists(st.lists(st.integers(0, 50), max_size=4), max_size=30),
    at_once=st.integers(1, 12),
    workers=st.integers(1, 8),
)
def test_every_job_is_begun_once_in_order_and_no_more_than_allowed_are_under_way(
    jobs: list[list[int]], at_once: int, workers: int
) -> None:
    pauses = {job: [float(pause) for pause in one] for job, one in enumerate(jobs)}
    steps = sum(len(one) + 1 for one in jobs)
    simulated = Simulated(Agenda(list(pauses), at_once=at_once), pauses, workers)
    simulated.run()
    assert simulated.begun == list(range(len(jobs)))
    assert len(simulated.late) == steps
    assert simulated.most_at_once <= at_once
    assert min(simulated.late, default=0.0) >= 0.0


def test_what_is_due_comes_before_what_is_new() -> None:
    agenda = Agenda(["a", "b", "c"], at_once=3)
    assert agenda.take(0.0) == Due("a", 0.0)
    agenda.put_back("a", 5.0)
    assert agenda.take(5.0) == Due("a", 5.0)
    assert agenda.take(5.0) == Due("b", 5.0)


def test_nothing_is_due_while_the_service_wants_to_be_left_alone() -> None:
    agenda = Agenda(["a", "b"], at_once=2)
    agenda.take(0.0)
    agenda.put_back("a", 1.0)
    agenda.hold(30.0)
    agenda.hold(20.0)
    assert agenda.take(2.0) == 28.0
    assert agenda.take(30.0) == Due("a", 1.0)


def test_after_a_halt_nothing_new_begins_and_the_rest_is_seen_through() -> None:
    agenda = Agenda(["a", "b", "c"], at_once=2)
    agenda.take(0.0)
    agenda.put_back("a", 4.0)
    agenda.halt()
    assert agenda.take(0.0) == pytest.approx(4.0)
    assert not agenda.is_empty
    assert agenda.take(4.0) == Due("a", 4.0)
    agenda.end()
    assert agenda.is_empty
    assert agenda.take(9.0) is None


def test_jobs_that_are_dropped_make_room() -> None:
    agenda = Agenda(["a", "b", "c"], at_once=2)
    for job, due in (("a", 9.0), ("b", 8.0)):
        agenda.take(0.0)
        agenda.put_back(job, due)
    assert agenda.take(0.0) == 8.0
    assert agenda.drop(lambda job: job == "a") == ["a"]
    assert agenda.take(0.0) == Due("c", 0.0)
    agenda.end()
    assert agenda.take(8.0) == Due("b", 8.0)
