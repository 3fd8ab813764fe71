"""When to look again: arithmetic on the time waited, the percentage told, and how long like jobs took."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# What a look costs against a second of lateness: the best pause is sqrt(2 cost / hazard).
LOOK_COST_S = 0.05
# The scatter (of logarithms) that jobs are thought to have before there are many of them.
PRIOR_SCATTER = 0.18
PRIOR_WEIGHT = 2
# How many scatters behind the usual end a job is no longer like the others.
UNLIKE = 2.5


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look where nothing is known: first after ``floor_s``, then less and less often.

    The pauses grow by ``growth`` of the time waited up to ``cap_s``; of a very long wait they are a
    fifteenth, up to ``long_s``. ``near_s`` is the least pause where the end is thought to be near.
    ``patience_s`` is for how long faults may keep anybody from looking at all.
    """

    near_s: float
    floor_s: float
    growth: float
    cap_s: float
    long_s: float
    patience_s: float


# The engine is on this machine: looking costs nothing, and if it is silent it is gone.
LOCAL_PACE = Pace(near_s=0.2, floor_s=0.2, growth=0.125, cap_s=1.0, long_s=1.0, patience_s=0.0)
ANALYSIS_PACE = Pace(near_s=1.0, floor_s=2.0, growth=0.3, cap_s=8.0, long_s=30.0, patience_s=math.inf)
TASK_PACE = Pace(near_s=1.0, floor_s=3.7, growth=0.75, cap_s=9.5, long_s=30.0, patience_s=math.inf)


@dataclass(frozen=True, slots=True)
class Movement:
    """How a percentage has moved, all times in seconds since the wait began.

    ``since_s`` and ``since`` are where it set out, ``moved_s`` and ``progress`` where it was last seen to
    have moved to.
    """

    since_s: float
    since: float
    moved_s: float
    progress: float

    @classmethod
    def at(cls, elapsed_s: float, progress: float) -> Movement:
        """Return what one look tells: where it is, and no movement."""
        return cls(elapsed_s, progress, elapsed_s, progress)

    def seen(self, elapsed_s: float, progress: float) -> Movement:
        """Return the movement with one more look at it."""
        if progress <= 0 or progress < self.progress:
            return Movement.at(elapsed_s, progress)
        if progress == self.progress:
            return self
        if self.since == 0 < self.progress:
            # Work began somewhere between two looks; the first percentage is the better start.
            return Movement(self.moved_s, self.progress, elapsed_s, progress)
        return replace(self, moved_s=elapsed_s, progress=progress)

    def end_s(self) -> float | None:
        """Return when it will be at 100 if it goes on so; None if it has not moved."""
        if self.progress <= self.since or self.moved_s <= self.since_s:
            return None
        # Not by the rate: a progress that is hardly any makes it zero.
        moving_s = self.moved_s - self.since_s
        return self.moved_s + (100.0 - self.progress) * moving_s / (self.progress - self.since)


def next_look_s(
    elapsed_s: float, pace: Pace, movement: Movement | None = None, history: Sequence[float] = ()
) -> float:
    """Return the seconds until the next look.

    Args:
        elapsed_s: How long the job has been waited for.
        pace: How often to look where nothing else is known.
        movement: How its percentage has moved.
        history: How long like jobs took, seconds.
    """
    plain_s = _plain_s(elapsed_s, pace)
    end_s = movement.end_s() if movement is not None else None
    if movement is not None and end_s is not None:
        if elapsed_s < end_s:
            # Half of what is left: an estimate that is wrong is mended on the way.
            return _within((end_s - elapsed_s) / 2, pace.near_s, pace.cap_s)
        if not history:
            return _within((elapsed_s - movement.moved_s) / 4, pace.near_s, plain_s)
    usual = Usual.of(tuple(history))
    return plain_s if usual is None else usual.next_look_s(elapsed_s, pace, plain_s)


@dataclass(frozen=True, slots=True)
class Usual:
    """How long like jobs take: logarithms of seconds, taken to be normally distributed."""

    middle: float
    scatter: float

    @staticmethod
    @lru_cache(maxsize=256)
    def of(history: tuple[float, ...]) -> Usual | None:
        """Return what durations have in common; None if there are none."""
        logs = [math.log(seconds) for seconds in history if seconds > 0]
        if not logs:
            return None
        count = len(logs)
        middle = math.fsum(logs) / count
        spread = math.fsum((log - middle) ** 2 for log in logs) + PRIOR_WEIGHT * PRIOR_SCATTER**2
        scatter = math.sqrt(spread / (PRIOR_WEIGHT + count - 1) * (1 + 1 / count))
        return Usual(middle, scatter)

    def hazard(self, elapsed_s: float) -> float:
        """Return the chance per second that a job which still runs ends now."""
        if elapsed_s <= 0:
            return 0.0
        z = (math.log(elapsed_s) - self.middle) / self.scatter
        left = math.erfc(z / math.sqrt(2)) / 2
        # Far out both the density and what is left of it vanish; their ratio tends to z.
        ratio = z if z > 8 else math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / left
        return ratio / (elapsed_s * self.scatter)

    def next_look_s(self, elapsed_s: float, pace: Pace, plain_s: float) -> float:
        """Return the pause that costs least; once the job is unlike the others, more and more of it."""
        over_s = elapsed_s - math.exp(self.middle + UNLIKE * self.scatter)
        if over_s > 0:
            return _within(over_s / 4, pace.near_s, plain_s)
        low, high = pace.near_s, pace.long_s
        # Twelve halvings of half a minute are nearer than any clock of a service.
        for _ in range(12):
            pause = (low + high) / 2
            if pause * pause * self.hazard(elapsed_s + pause) <= 2 * LOOK_COST_S:
                low = pause
            else:
                high = pause
        return low


def _plain_s(elapsed_s: float, pace: Pace) -> float:
    rising = pace.floor_s + pace.growth * elapsed_s
    return min(rising, max(pace.cap_s, elapsed_s / 15), max(pace.cap_s, pace.long_s))


def _within(seconds: float, least: float, most: float) -> float:
    return min(max(seconds, least), max(least, most))
