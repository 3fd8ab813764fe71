"""What is due next, for many jobs that are looked at from time to time. No threads and no clock."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Job = TypeVar("Job")


@dataclass(frozen=True, slots=True)
class Due(Generic[Job]):
    """A job that may be stepped now, and when that was due; seconds of the caller's clock."""

    job: Job
    at: float


class Agenda(Generic[Job]):
    """Says which job is due, and lets at most ``at_once`` be begun and not over.

    Not for several threads at once: whoever uses it holds a lock.

    Args:
        jobs: Those to begin, in this order; drawn only when their turn comes.
        at_once: How many may be under way.
    """

    def __init__(self, jobs: Iterable[Job], *, at_once: int) -> None:
        self._new = iter(jobs)
        self._at_once = at_once
        self._heap: list[tuple[float, int, Job]] = []
        self._order = count()
        self._under_way = 0
        self._held_until = float("-inf")
        self._is_exhausted = False

    def take(self, now: float) -> Due[Job] | float | None:
        """Return a job that is due, or the seconds until one will be, or None if nothing is to be had.

        None while jobs are being stepped means: ask again once one of them is back. What is due comes before
        what is new, the longest overdue first.
        """
        if now < self._held_until:
            return self._held_until - now if self._heap or not self._is_exhausted else None
        if self._heap and self._heap[0][0] <= now:
            due, _, job = heapq.heappop(self._heap)
            return Due(job, due)
        if self._under_way < self._at_once and not self._is_exhausted:
            for job in self._new:
                self._under_way += 1
                return Due(job, now)
            self._is_exhausted = True
        return self._heap[0][0] - now if self._heap else None

    def put_back(self, job: Job, due: float) -> None:
        """Let a job that was taken be due again at that time."""
        heapq.heappush(self._heap, (due, next(self._order), job))

    def end(self) -> None:
        """Note that a job which was taken is over: the next one may begin."""
        self._under_way -= 1

    def hold(self, until: float) -> None:
        """Let nothing be due before that time; the latest holds."""
        self._held_until = max(self._held_until, until)

    def halt(self) -> None:
        """Begin no more jobs; those under way go on."""
        self._is_exhausted = True

    def drop(self, unwanted: Callable[[Job], bool]) -> list[Job]:
        """Take out the waiting jobs that are unwanted, and return them; they count as over."""
        dropped = [job for _, _, job in self._heap if unwanted(job)]
        if dropped:
            self._heap = [entry for entry in self._heap if not unwanted(entry[2])]
            heapq.heapify(self._heap)
            self._under_way -= len(dropped)
        return dropped

    @property
    def is_empty(self) -> bool:
        """Whether every job is over and no more begin."""
        return self._is_exhausted and not self._under_way
