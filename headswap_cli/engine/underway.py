"""The jobs in work, and how one of them is ended before its time."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headswap_cli.engine.seat import Seat

# How long a worker may take to heed: it looks between two frames, of which one of 4K takes half a second, and
# between the steps of making a head: the longest takes as much with a photo of a megapixel or so, and two
# seconds with one of 12. One that is killed knows nobody any more.
HEED_S = 2.0
# And how long it may take to collect one that was killed.
_GONE_S = 5.0


class Underway:
    """Knows at which seat a job is in work; for any thread.

    Args:
        heed_s: How long a worker may take to let a job go before it is killed.
    """

    def __init__(self, heed_s: float = HEED_S) -> None:
        self._heed_s = heed_s
        self._seats: dict[str, Seat] = {}
        self._changed = threading.Condition()

    @contextmanager
    def at(self, seat: Seat, job_id: str) -> Iterator[None]:
        """Have a job count as in work at a seat, whose worker is there, while the block lasts."""
        with self._changed:
            self._seats[job_id] = seat
        try:
            yield
        finally:
            with self._changed:
                del self._seats[job_id]
                self._changed.notify_all()

    def end(self, job_id: str) -> None:
        """Have a job let go, and return once it is; the worker that does not heed is killed."""
        with self._changed:
            seat = self._seats.get(job_id)
            if seat is None:
                return
            seat.cancel(job_id)
            if not self._is_over(job_id, self._heed_s):
                # Still under the lock: the worker cannot have gone on to another job.
                seat.kill()
                self._is_over(job_id, _GONE_S)

    def _is_over(self, job_id: str, wait_s: float) -> bool:
        return self._changed.wait_for(lambda: job_id not in self._seats, wait_s)
