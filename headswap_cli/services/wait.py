"""Waiting for the service's verdict."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from headswap_cli.errors import DeadlineError
from headswap_cli.models import Analysis, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from headswap_cli.services.deps import Deadline

Polled = TypeVar("Polled", bound=Analysis | Task)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look: every ``floor_s`` at first, then less often, at last every ``cap_s``."""

    floor_s: float
    cap_s: float


LOCAL_PACE = Pace(floor_s=0.2, cap_s=1.0)
CLOUD_PACE = Pace(floor_s=1.0, cap_s=8.0)


def next_look_s(elapsed_s: float, pace: Pace) -> float:
    """Return the seconds until the next look: an eighth of the time waited so far, within the pace's bounds.

    The lateness then stays in proportion to the whole wait, whatever its length.
    """
    return min(pace.cap_s, max(pace.floor_s, elapsed_s / 8))


def wait_for(
    fetch: Callable[[], Polled],
    *,
    on_state: Callable[[Polled], None],
    deadline: Deadline,
    pace: Pace,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Polled:
    """Look until the state is terminal and return it, completed or failed.

    Args:
        fetch: Asks the service once.
        on_state: Is told of every look.
        deadline: When to give up, on ``clock``.
        pace: How often to look.
        sleep: Waits for seconds.
        clock: Monotonic seconds.

    Raises:
        DeadlineError: the time is over; the work goes on at the service.
    """
    started = clock()
    while True:
        state = fetch()
        on_state(state)
        if state.status.is_terminal:
            return state
        now = clock()
        if now >= deadline.at:
            what, identifier = described(state)
            raise DeadlineError(
                f"The {what} {identifier} is still {state.status} after {deadline.text}; it goes on.",
                hint=f"Wait on: headswap status {identifier} --wait",
            )
        sleep(min(next_look_s(now - started, pace), max(deadline.at - now, 0.0)))


def described(state: Analysis | Task) -> tuple[str, str]:
    """Return what a polled state is (analysis, task) and its id."""
    if isinstance(state, Analysis):
        return "analysis", state.analysis_id
    return "task", state.task_id
