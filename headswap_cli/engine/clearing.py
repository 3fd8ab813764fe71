"""Letting go of faces: jobs and media of last week by themselves, all of them when the user says so."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from headswap_cli.engine.jobs import JobStore
    from headswap_cli.engine.storage import MediaStore

KEPT_S = 7 * 24 * 3600.0
CLEAR_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class Cleared:
    """How many ended jobs and how many files are gone."""

    jobs: int
    files: int


def clear(jobs: JobStore, media: MediaStore, before_s: float | None = None) -> Cleared:
    """Delete ended jobs and files, all or those not touched since ``before_s`` (Unix time).

    What queued and running jobs need stays, however old it seems.
    """
    # First of all what no job will need: on a full disk it makes room for the record of the rest.
    made = media.clear_made() if before_s is None else 0
    gone = jobs.forget(before_s)
    return Cleared(gone, made + media.clear(before_s, keep=jobs.media_in_use()))


class Calendar:
    """Knows when last week was, and distrusts a clock that has just jumped.

    Args:
        clock: Tells the Unix time, in seconds.
        steady: Seconds of a clock that nobody sets.
    """

    def __init__(
        self, clock: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._steady = steady
        self._seen = (clock(), steady())

    def now(self) -> float:
        """Return the Unix time, in seconds."""
        return self._clock()

    def clear_until(self) -> float | None:
        """Return before when things are old, or None where the clock has jumped ahead since the last look.

        A clock that is right after all says the same at the next look.
        """
        before, self._seen = self._seen, (self._clock(), self._steady())
        ahead_s = (self._seen[0] - before[0]) - (self._seen[1] - before[1])
        return None if ahead_s > CLEAR_EVERY_S else self._seen[0] - KEPT_S
