"""Waiting for the service's verdict: steps that say when to go on, and what drives them."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from headswap_cli.errors import DeadlineError, HeadswapError
from headswap_cli.models import Analysis, Task
from headswap_cli.services.pace import Movement, next_look_s

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from headswap_cli.services.deps import Deadline
    from headswap_cli.services.pace import Pace

Polled = TypeVar("Polled", bound=Analysis | Task)
Outcome = TypeVar("Outcome")


def drive(steps: Generator[float, None, Outcome], sleep: Callable[[float], None] = time.sleep) -> Outcome:
    """Run a workflow to its end and return what it came to.

    A workflow yields for how many seconds it has nothing to do. What strikes it meanwhile is thrown into
    it, so that it is told of as of any other error.

    Args:
        steps: The workflow, not begun.
        sleep: Waits for seconds.
    """
    with closing(steps):
        try:
            pause_s = next(steps)
            while True:
                try:
                    sleep(pause_s)
                except BaseException as error:
                    pause_s = steps.throw(error)
                else:
                    pause_s = next(steps)
        except StopIteration as over:
            return over.value  # type: ignore[no-any-return]


def watch(
    fetch: Callable[[], Polled],
    *,
    on_state: Callable[[Polled], None],
    deadline: Deadline,
    pace: Pace,
    history: Sequence[float] = (),
    on_fault: Callable[[HeadswapError], None] = lambda error: None,
    clock: Callable[[], float] = time.monotonic,
) -> Generator[float, None, Polled]:
    """Look until the state is terminal and return it, completed or failed.

    Yields the seconds until the next look; each may be taken by another thread than the last.
    Faults that may pass don't end the wait once the job has been seen; the deadline does, and it is never
    declared before a look: a machine that slept may find the job done.

    Args:
        fetch: Asks the service once.
        on_state: Is told of every look.
        deadline: When to give up, on ``clock``.
        pace: How often to look.
        history: How long like jobs took, seconds.
        on_fault: Is told when a look brings nothing.
        clock: Monotonic seconds.

    Raises:
        DeadlineError: the time is over; the work goes on at the service.
        HeadswapError: a fault that will not pass, or that lasts longer than the pace's patience.
    """
    started = seen_at = clock()
    movement: Movement | None = None
    state: Polled | None = None
    while True:
        try:
            state = fetch()
        except HeadswapError as error:
            if state is None or not error.retryable or clock() - seen_at >= pace.patience_s:
                raise
            on_fault(error)
        else:
            on_state(state)
            if state.status.is_terminal:
                return state
            seen_at = clock()
            movement = (movement.seen if movement else Movement.at)(seen_at - started, state.progress)
        now = clock()
        if now >= deadline.at:
            raise _too_late(state, deadline)
        yield min(next_look_s(now - started, pace, movement, history), deadline.at - now)


def _too_late(state: Analysis | Task, deadline: Deadline) -> DeadlineError:
    what, identifier = described(state)
    error = DeadlineError(
        f"The {what} {identifier} is still {state.status} after {deadline.text}; it goes on.",
        hint=f"Wait on: headswap status {identifier} --wait",
    )
    error.ids[f"{what}_id"] = identifier
    return error


def described(state: Analysis | Task) -> tuple[str, str]:
    """Return what a polled state is (analysis, task) and its id."""
    if isinstance(state, Analysis):
        return "analysis", state.analysis_id
    return "task", state.task_id
