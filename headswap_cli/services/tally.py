"""Where the rows of a batch are, as its workers report it and a display shows it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headswap_cli.models import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headswap_cli.services.rows import BatchRow


@dataclass(frozen=True, slots=True)
class AtWork:
    """A row that is under way: what is done for it, how far that is, in per cent, and since when."""

    row: BatchRow
    since: float
    what: str = "checking"
    status: Status | None = None
    progress: float = 0.0
    is_paid: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows are in which state; ``begun`` counts those that have no task at the service yet."""

    total: int
    waiting: int
    begun: int
    queued: int
    processing: int
    completed: int
    failed: int
    skipped: int
    elapsed_s: float
    spent: float | None
    unit: str = "row"

    @property
    def left_s(self) -> float | None:
        """How long it will take at this pace, rows under way being half done; None before the first ends."""
        over = self.completed + self.failed
        half = (self.begun + self.queued + self.processing) / 2
        left = self.total - self.skipped - over - half
        return self.elapsed_s * left / (over + half) if over else None


class Tally:
    """Knows where every row is; any thread may tell and ask.

    Args:
        rows: Those to be done.
        skipped: How many were done before.
        clock: Monotonic seconds.
    """

    def __init__(self, rows: Sequence[BatchRow], skipped: int, clock: Callable[[], float]) -> None:
        self._total, self._skipped, self._clock = len(rows) + skipped, skipped, clock
        self._unit = next((row.unit for row in rows), "row")
        self._waiting, self._completed, self._failed = len(rows), 0, 0
        self._at_work: dict[int, AtWork] = {}
        self._began = clock()
        self._spent: float | None = None
        self._lock = threading.Lock()

    def begin(self, row: BatchRow) -> None:
        """Note that a row begins."""
        with self._lock:
            self._waiting -= 1
            self._at_work[row.number] = AtWork(row, self._clock())

    def note(self, row: BatchRow, what: str, status: Status | None, progress: float) -> None:
        """Note what is done for a row; once it has a task, it is paid for."""
        with self._lock:
            if (now := self._at_work.get(row.number)) is not None:
                is_paid = now.is_paid or what == "task"
                changed = replace(now, what=what, status=status, progress=progress, is_paid=is_paid)
                self._at_work[row.number] = changed

    def end(self, row: BatchRow, *, is_failed: bool, is_skipped: bool = False) -> None:
        """Note that a row is over; ``is_skipped`` if it was found to have been done before."""
        with self._lock:
            self._at_work.pop(row.number, None)
            self._failed += is_failed
            self._skipped += is_skipped
            self._completed += not (is_failed or is_skipped)

    def let_go(self, rows: Sequence[BatchRow]) -> None:
        """Note that rows which had begun wait for the next time."""
        with self._lock:
            for row in rows:
                self._waiting += self._at_work.pop(row.number, None) is not None

    def spend(self, spent: float | None) -> None:
        """Note by how much the balance fell since the start; None if it isn't known."""
        with self._lock:
            self._spent = spent

    def is_paid(self, row: BatchRow) -> bool:
        """Whether a row has a task at the service."""
        with self._lock:
            return (now := self._at_work.get(row.number)) is not None and now.is_paid

    def at_work(self) -> list[AtWork]:
        """Return the rows under way, those that began first before the others."""
        with self._lock:
            return list(self._at_work.values())

    def count(self) -> Count:
        """Return how many rows are where."""
        with self._lock:
            states = [now.status if now.what == "task" else None for now in self._at_work.values()]
            return Count(
                unit=self._unit,
                total=self._total,
                waiting=self._waiting,
                begun=states.count(None),
                queued=states.count(Status.QUEUED) + states.count(Status.UNKNOWN),
                processing=states.count(Status.PROCESSING) + states.count(Status.COMPLETED),
                completed=self._completed,
                failed=self._failed,
                skipped=self._skipped,
                elapsed_s=self._clock() - self._began,
                spent=self._spent,
            )
