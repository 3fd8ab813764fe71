"""How long to wait before the next try. Arithmetic only."""

from __future__ import annotations

import random as _random
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BASE_S = 0.5
CAP_S = 10.0
MAX_RETRY_AFTER_S = 600.0


def delay_s(
    attempt: int, *, retry_after_s: float | None = None, random: Callable[[], float] = _random.random
) -> float:
    """Return the seconds to wait after the failed ``attempt``, which counts from 0.

    Doubles from half a second up to ten, the upper half of it left to chance so that many clients
    don't come back at once; never sooner than the service asked for.

    Args:
        attempt: How many tries failed before this one.
        retry_after_s: What the service asked for.
        random: Gives a number in [0, 1).
    """
    ceiling = min(CAP_S, BASE_S * 2.0 ** min(attempt, 16))
    return max(ceiling * (1.0 + random()) / 2, retry_after_s or 0.0)


def parse_retry_after(value: str | None, *, now: Callable[[], float] = time.time) -> float | None:
    """Return the seconds that a Retry-After header asks for, 0 to 600; None if it says nothing readable.

    Args:
        value: Seconds, or an HTTP date.
        now: Seconds since the epoch, to subtract from a date.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # Bounded before it becomes a number: int() refuses thousands of digits.
        return min(float(text[:12]), MAX_RETRY_AFTER_S)
    try:
        until = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(until - now(), 0.0), MAX_RETRY_AFTER_S)
