"""What became of an analysis, a task or a run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from headswap_cli.errors import (
    DeadlineError,
    FailedError,
    HeadswapError,
    JobCancelledError,
    NotFoundError,
    OutcomeUnknownError,
    RefusedError,
)
from headswap_cli.models import Analysis, Status, Task
from headswap_cli.services.timed import fault_notice, pace_for, state_report
from headswap_cli.services.wait import drive, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from headswap_cli.journal import Run
    from headswap_cli.models import Mode
    from headswap_cli.services.deps import Deadline, Deps


@dataclass(frozen=True, slots=True)
class StatusResult:
    """The state of whatever an id names; ``kind`` is analysis, task or run.

    ``kind`` is None where nothing could be learnt; ``fault`` says why. ``modes`` are as in ``Task``.
    """

    identifier: str
    kind: str | None
    status: Status
    progress: float
    error: str | None
    output_url: str | None
    output: str | None = None
    modes: Mapping[int, Mode] = field(default_factory=dict)
    fault: HeadswapError | None = None

    def verdict(self) -> None:
        """Raise what the end of the wait means, if it is not success.

        Raises:
            FailedError: the state is failed, or cancelled.
            OutcomeUnknownError: the run's task may or may not exist.
            DeadlineError: the run stopped before its task was created.
            HeadswapError: it could not be looked at.
        """
        if self.fault is not None:
            raise self.fault
        if self.kind == "run" and self.status is Status.UNKNOWN:
            raise OutcomeUnknownError(
                f"The task of the run {self.identifier} was sent and not confirmed: it may or may not exist.",
                hint=f"headswap resume {self.identifier}",
            )
        if self.kind == "run" and self.status is Status.PROCESSING:
            raise DeadlineError(f"The run {self.identifier} is not over: {self.error}")
        if self.status is Status.CANCELLED:
            raise JobCancelledError(self.kind or "job", self.identifier)
        if self.status is Status.FAILED:
            reason = self.error or "the service gave no reason"
            raise FailedError(f"The {self.kind} {self.identifier} failed: {reason}")


def look_at_each(identifiers: Sequence[str], look: Callable[[str], StatusResult]) -> list[StatusResult]:
    """Look at every id, whatever becomes of the others; what goes wrong with a single one is raised."""
    return [look(one) if len(identifiers) == 1 else _looked(one, look) for one in identifiers]


def _looked(identifier: str, look: Callable[[str], StatusResult]) -> StatusResult:
    try:
        return look(identifier)
    except HeadswapError as error:
        return unlearnt(identifier, error)


def unlearnt(identifier: str, error: HeadswapError) -> StatusResult:
    """Return the state of an id of which nothing could be learnt, or not to its end."""
    return StatusResult(identifier, None, Status.UNKNOWN, 0.0, error.message, None, fault=error)


def faults_of(results: Iterable[StatusResult], *, judged: bool) -> list[HeadswapError]:
    """Return what went wrong with the looks and, if ``judged``, with what was looked at."""
    faults = []
    for result in results:
        try:
            if judged or result.fault is not None:
                result.verdict()
        except HeadswapError as fault:
            faults.append(fault)
    return faults


def recall(run: Run | None, identifier: str) -> StatusResult | None:
    """Return what the journal alone can answer: a run that is over. None if the service must be asked.

    A create that was about to be sent and has no answer on record is unknown, whatever stopped the command.
    """
    if run is None or run.run_id != identifier:
        return None
    state = run.state
    if not _is_over(run) and (run.task_id or run.analysis_id):
        return None
    return StatusResult(identifier, "run", state, run.progress, run.error, output_url=None, output=run.output)


def _is_over(run: Run) -> bool:
    if run.output is not None or run.status is Status.CANCELLED:
        return True
    # Of a task without a saved result the service alone knows what became of it.
    return run.task_id is None and (run.status.is_terminal or run.is_unanswered)


def status(
    deps: Deps,
    identifier: str,
    *,
    deadline: Deadline | None,
    on_change: Callable[[StatusResult], None] = lambda _: None,
) -> StatusResult:
    """Ask the service, as ``status_steps``, and wait here."""
    return drive(status_steps(deps, identifier, deadline=deadline, on_change=on_change), deps.sleep)


def status_steps(
    deps: Deps,
    identifier: str,
    *,
    deadline: Deadline | None,
    on_change: Callable[[StatusResult], None] = lambda _: None,
) -> Generator[float, None, StatusResult]:
    """Ask the service; with a ``deadline``, wait for the verdict and tell ``on_change`` of every change.

    An id that the journal does not know is tried as a task, then as an analysis.

    Raises:
        NotFoundError: nobody knows the id.
    """
    run = deps.journal.find(identifier)
    name = _asked_for(run, identifier)
    first, again = _first_look(deps, name)
    unseen = [first]

    def _told(state: Analysis | Task) -> StatusResult:
        result = _result(name, state)
        if run is not None and name == run.task_id:
            result = replace(result, output=run.output)
        return result if run is None or name == identifier else _as_run(run, result)

    if deadline is None:
        return _told(first)

    last: StatusResult | None = None
    tell = state_report(deps)

    def _look(state: Analysis | Task) -> None:
        nonlocal last
        tell(state)
        if _told(state) != last:
            last = _told(state)
            on_change(last)

    state = yield from watch(
        lambda: unseen.pop() if unseen else again(),
        on_state=_look,
        deadline=deadline,
        pace=pace_for(deps, first),
        on_fault=fault_notice(deps),
        clock=deps.clock,
    )
    return _told(state)


def _asked_for(run: Run | None, identifier: str) -> str:
    """Return the id that the service knows: of a run its task's, or its analysis's."""
    if run is None or run.run_id != identifier:
        return identifier
    return run.task_id or run.analysis_id or identifier


def _first_look(deps: Deps, name: str) -> tuple[Analysis | Task, Callable[[], Analysis | Task]]:
    """Return what the id is now, and how to look at it again."""

    def _task() -> Task:
        return deps.dialect.fetch_task(deps.client, name)

    def _analysis() -> Analysis:
        return deps.dialect.fetch_analysis(deps.client, name)

    run = deps.journal.find(name)
    if run is not None and name == run.analysis_id:
        return _analysis(), _analysis
    try:
        return _task(), _task
    except (NotFoundError, RefusedError) as error:
        if run is not None:
            raise nobody_knows(deps, name, error) from error
    try:
        return _analysis(), _analysis
    except (NotFoundError, RefusedError) as error:
        raise nobody_knows(deps, name, error) from error


def nobody_knows(deps: Deps, identifier: str, error: HeadswapError) -> NotFoundError:
    """Return the error of an id that stands for nothing; of a service with what it said of it."""
    said = error.__cause__ if isinstance(error.__cause__, HeadswapError) else error
    message = f"No analysis, task or run has the id {identifier!r}: {said}"
    if deps.is_free:
        message = f"The local engine has no analysis, task or run with the id {identifier!r}."
    return NotFoundError(message, hint=error.hint, code=error.code)


def _as_run(run: Run, result: StatusResult) -> StatusResult:
    """Return the state of what a run is at as the run's own; an analysis is never the end of one."""
    if result.kind == "analysis" and result.status is Status.COMPLETED:
        way_on = f"headswap swap {result.identifier} --face 1=IMAGE"
        if run.command == "run":
            way_on = f"headswap resume {run.run_id}"
        error = f"analysed, and no task was created; {way_on}"
        result = replace(result, status=Status.PROCESSING, error=error)
    return replace(result, identifier=run.run_id, kind="run")


def _result(name: str, state: Analysis | Task) -> StatusResult:
    if isinstance(state, Task):
        return StatusResult(
            name, "task", state.status, state.progress, state.error, state.output_url, modes=state.modes
        )
    return StatusResult(name, "analysis", state.status, state.progress, state.error, output_url=None)
