"""Waiting for what was submitted just now, by what like jobs took; its own time is kept for the next."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from headswap_cli.media import known_name
from headswap_cli.models import Analysis, Backend, Status, Task
from headswap_cli.services.pace import ANALYSIS_PACE, LOCAL_PACE, TASK_PACE, Pace
from headswap_cli.services.wait import Polled, described, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from headswap_cli.errors import HeadswapError
    from headswap_cli.journal import Journal
    from headswap_cli.models import Front
    from headswap_cli.services.deps import Deadline, Deps


def watch_timed(
    deps: Deps,
    submitted: Polled,
    fetch: Callable[[], Polled],
    *,
    on_state: Callable[[Polled], None],
    deadline: Deadline,
    like_jobs: str,
    length_s: float | None = None,
) -> Generator[float, None, Polled]:
    """Wait for a job from its submission to its verdict, and write down how long it took.

    Args:
        deps: The backend and the journal.
        submitted: The answer to the submission.
        fetch: Asks the service once.
        on_state: Is told of every look.
        deadline: When to give up.
        like_jobs: What it has in common with jobs that take about as long.
        length_s: The length of its video, where that is known.

    Raises:
        DeadlineError: the time is over; the work goes on at the service.
    """
    started, looks = deps.clock(), 0
    like_jobs = f"{described(submitted)[0]} {deps.settings.profile} {like_jobs}".strip()

    def look() -> Polled:
        nonlocal looks
        looks += 1
        return fetch()

    state = yield from watch(
        look,
        on_state=on_state,
        deadline=deadline,
        pace=pace_for(deps, submitted),
        history=deps.journal.durations(like_jobs, length_s),
        on_fault=fault_notice(deps),
        clock=deps.clock,
    )
    # One that was over at the first look took nobody knows how long.
    if state.status is Status.COMPLETED and looks > 1:
        deps.journal.took(like_jobs, deps.clock() - started, length_s)
    return state


def watch_again(
    deps: Deps,
    first: Polled,
    fetch: Callable[[], Polled],
    *,
    on_state: Callable[[Polled], None],
    deadline: Deadline,
) -> Generator[float, None, Polled]:
    """Wait for a job that was submitted at another time: how long it takes tells nothing of others.

    Args:
        deps: The backend.
        first: What one look has told already.
        fetch: Asks the service once.
        on_state: Is told of every look.
        deadline: When to give up.

    Raises:
        DeadlineError: the time is over; the work goes on at the service.
    """
    unseen = [first]
    return watch(
        lambda: unseen.pop() if unseen else fetch(),
        on_state=on_state,
        deadline=deadline,
        pace=pace_for(deps, first),
        on_fault=fault_notice(deps),
        clock=deps.clock,
    )


def pace_for(deps: Deps, state: Analysis | Task) -> Pace:
    """Return how often the backend may be asked: the engine is on this machine, the cloud is not."""
    if deps.settings.backend is Backend.LOCAL:
        return LOCAL_PACE
    return ANALYSIS_PACE if isinstance(state, Analysis) else TASK_PACE


def state_report(deps: Deps) -> Callable[[Analysis | Task], None]:
    """Return what tells the user of each look; of a state that nobody has met yet, the service's number."""
    told, waits_for = 0, ""
    name_of = cache(partial(_name_of, deps.journal))

    def tell(state: Analysis | Task) -> None:
        nonlocal told, waits_for
        what, _ = described(state)
        front = state.front if deps.is_free else None
        if front is not None:
            front = replace(front, identifier=name_of(front.identifier))
            if front.identifier != waits_for:
                waits_for = front.identifier
                deps.report.notice(f"{what}: {_waiting_line(front, state.ahead)}")
        deps.report.state(what, state.status, state.progress)
        if front is not None:
            deps.report.waits(what, front, state.ahead)
        if state.status is Status.UNKNOWN and state.status_number != told:
            told = state.status_number
            deps.report.notice(f"the service says status {told}, which is not known here; still waiting")

    return tell


def _name_of(journal: Journal, job_id: str) -> str:
    """Return what the user knows a job by: the file and the run that it is of; else its id."""
    run = journal.find(job_id)
    if run is None:
        return job_id
    return f"of {known_name(run.source)} ({run.run_id})"


def _waiting_line(front: Front, ahead: int) -> str:
    """Say what a job waits for: what is at work, how far that is, and how many more come first."""
    others = {1: "", 2: ", then another job"}.get(ahead, f", then {ahead - 1} other jobs")
    return (
        f"waits its turn in the local engine, which does the {front.kind} {front.identifier} first"
        f" ({front.progress:.0f} %){others}"
    )


def fault_notice(deps: Deps) -> Callable[[HeadswapError], None]:
    """Return what tells the user of a look that brought nothing."""
    return lambda error: deps.report.notice(f"still waiting: {error.message}")
