"""What became of an analysis, a task or a run."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn

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
from headswap_cli.services.remember import notices_in
from headswap_cli.services.timed import fault_notice, pace_for, state_report
from headswap_cli.services.wait import drive, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from headswap_cli.journal import Journal, Run
    from headswap_cli.models import Mode
    from headswap_cli.services.deps import Deadline, Deps

_YET = "; another headswap is at work on the run"
# How often the journal is asked whether that has got on.
_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class StatusResult:
    """The state of whatever an id names; ``kind`` is analysis, task or run.

    ``kind`` is None where nothing could be learnt; ``fault`` says why. ``modes`` and ``notices`` are as in
    ``Task``. ``is_rehearsal`` is whether it is a run that was to make nothing.
    """

    identifier: str
    kind: str | None
    status: Status
    progress: float
    error: str | None
    output_url: str | None
    output: str | None = None
    modes: Mapping[int, Mode] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    fault: HeadswapError | None = None
    is_rehearsal: bool = False

    def verdict(self) -> None:
        """Raise what the end of the wait means, if it is not success.

        Raises:
            FailedError: the state is failed, or cancelled.
            OutcomeUnknownError: the run's task may or may not exist.
            DeadlineError: the run was stopped before its task was created.
            HeadswapError: it could not be looked at.
        """
        if self.fault is not None:
            raise self.fault
        if self.kind == "run" and self.status is Status.UNKNOWN:
            raise OutcomeUnknownError(
                f"The task of the run {self.identifier} was sent and not confirmed: it may or may not exist.",
                hint=f"headswap resume {self.identifier}",
            )
        if self.kind == "run" and self.status in {Status.UNSENT, Status.PROCESSING}:
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


def recall(journal: Journal, identifier: str, *, is_waited_for: bool = False) -> StatusResult | None:
    """Return what the journal alone can answer: a run that is over, or has submitted nothing.

    A create that was about to be sent and has no answer on record is unknown, whatever stopped the command.

    Returns: None if the service must be asked, or ``is_waited_for`` and another command goes on with the run.
    """
    run = journal.find(identifier)
    if run is None or run.run_id != identifier:
        return None
    is_held = run.is_before_its_task and journal.is_held(run.run_id)
    if is_held and is_waited_for:
        return None
    if run.state is Status.UNSENT:
        return _unsent(run, is_held=is_held)
    if not _is_over(run) and _job_of(run) is not None:
        return None
    error = _YET.removeprefix("; ") if is_held else run.error
    return replace(_recalled(run, error), notices=notices_in(journal.steps(run.run_id)))


def _recalled(run: Run, error: str | None) -> StatusResult:
    return StatusResult(
        run.run_id,
        "run",
        run.state,
        run.progress,
        error,
        output_url=None,
        output=run.output,
        is_rehearsal=run.is_rehearsal,
    )


def _unsent(run: Run, *, is_held: bool) -> StatusResult:
    return _recalled(run, f"nothing was submitted{_YET if is_held else f'; {_way_on(run)}'}")


def _way_on(run: Run) -> str:
    """Return what goes on with a run that was stopped before its task was created."""
    if run.is_resumable:
        return f"headswap resume {run.run_id}"
    return "the same command again begins it"


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

    An id that the journal does not know is tried as a task, then as an analysis. A run that another command
    is at work on is followed from its analysis to its task.

    Raises:
        NotFoundError: nobody knows the id.
        DeadlineError: the time is over.
    """
    run = deps.journal.find(identifier)
    if run is None or run.run_id != identifier:
        told = partial(_told_as_job, run, identifier)
        return (yield from _job_steps(deps, identifier, told, deadline=deadline, on_change=on_change))
    return (yield from _run_steps(deps, run, deadline=deadline, on_change=on_change))


def _run_steps(
    deps: Deps, run: Run, *, deadline: Deadline | None, on_change: Callable[[StatusResult], None]
) -> Generator[float, None, StatusResult]:
    """Ask the service for what a run is at, from its analysis to its task if there is a ``deadline``."""
    # An unanswered one may be sending its task just now.
    job_id = _job_of(run) if run.is_unanswered else None
    while True:
        if deadline is not None:
            run = yield from _until_submitted(deps, run, job_id, deadline=deadline, on_change=on_change)
        remembered = recall(deps.journal, run.run_id, is_waited_for=deadline is not None)
        job_id = _job_of(run)
        if job_id is None or remembered is not None:
            remembered = remembered or _unsent(run, is_held=False)
            on_change(remembered)
            return remembered
        told = partial(_told_as_run, deps.journal, run, job_id)
        with _naming(run):
            result = yield from _job_steps(deps, job_id, told, deadline=deadline, on_change=on_change)
        if deadline is None or result.status is not Status.PROCESSING or not deps.journal.is_held(run.run_id):
            return result


def _until_submitted(
    deps: Deps, run: Run, done: str | None, *, deadline: Deadline, on_change: Callable[[StatusResult], None]
) -> Generator[float, None, Run]:
    """Wait while another command is at work on a run and has submitted nothing after ``done``, a job's id.

    Returns: the run as it is then.
    Raises: DeadlineError: the time is over.
    """
    is_told = False
    while _job_of(run) == done and not run.status.is_terminal and deps.journal.is_held(run.run_id):
        if not is_told:
            is_told = True
            deps.report.notice(f"another headswap is at work on the run {run.run_id}")
            if run.state is Status.UNSENT:
                on_change(_unsent(run, is_held=True))
        if deps.clock() >= deadline.at:
            raise DeadlineError(
                f"Another headswap is still at work on the run {run.run_id} after {deadline.text}.",
                hint=f"Wait on: headswap status {run.run_id} --wait",
                run_id=run.run_id,
            )
        yield min(_PAUSE_S, deadline.at - deps.clock())
        run = deps.journal.find(run.run_id) or _gone(run)
    return run


@contextmanager
def _naming(run: Run) -> Iterator[None]:
    """Have an error of a time that is over name the run: its analysis is over before there is a task."""
    try:
        yield
    except DeadlineError as late:
        late.hint = f"Wait on: headswap status {run.run_id} --wait"
        late.ids["run_id"] = run.run_id
        raise


def _gone(run: Run) -> NoReturn:
    raise NotFoundError(
        f"The run {run.run_id} was taken out of the journal: another one has its task, or it was forgotten.",
        hint="What was run: headswap runs",
    )


def _job_steps(
    deps: Deps,
    job_id: str,
    told: Callable[[Analysis | Task], StatusResult],
    *,
    deadline: Deadline | None,
    on_change: Callable[[StatusResult], None],
) -> Generator[float, None, StatusResult]:
    """Ask the service for an analysis or a task, and wait for its verdict if there is a ``deadline``."""
    first, again = _first_look(deps, job_id)
    unseen = [first]
    if deadline is None:
        return told(first)
    last: StatusResult | None = None
    tell = state_report(deps)

    def _look(state: Analysis | Task) -> None:
        nonlocal last
        tell(state)
        if (now := told(state)) != last:
            last = now
            on_change(now)

    state = yield from watch(
        lambda: unseen.pop() if unseen else again(),
        on_state=_look,
        deadline=deadline,
        pace=pace_for(deps, first),
        on_fault=fault_notice(deps),
        clock=deps.clock,
    )
    return told(state)


def _job_of(run: Run) -> str | None:
    """Return the id of what a run is at, as the service knows it."""
    return run.task_id or run.analysis_id


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


def _told_as_job(run: Run | None, job_id: str, state: Analysis | Task) -> StatusResult:
    """Return the state of an analysis or a task, of the latter with where ``run`` has saved its result."""
    result = _result(job_id, state)
    return replace(result, output=run.output) if run is not None and job_id == run.task_id else result


def _told_as_run(journal: Journal, run: Run, job_id: str, state: Analysis | Task) -> StatusResult:
    """Return the state of what a run is at as the run's own; an analysis ends only what was to analyse."""
    result = replace(_told_as_job(run, job_id, state), identifier=run.run_id, kind="run")
    if not isinstance(state, Analysis) or state.status is not Status.COMPLETED or run.command == "analyze":
        return result
    way_on = _YET if journal.is_held(run.run_id) else f", and no task was created; {_way_on(run)}"
    return replace(result, status=Status.PROCESSING, error=f"analysed{way_on}")


def _result(name: str, state: Analysis | Task) -> StatusResult:
    if isinstance(state, Task):
        return StatusResult(
            name,
            "task",
            state.status,
            state.progress,
            state.error,
            state.output_url,
            modes=state.modes,
            notices=state.notices,
        )
    return StatusResult(name, "analysis", state.status, state.progress, state.error, output_url=None)
