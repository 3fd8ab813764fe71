"""Ending jobs of the local engine for good: those that wait and those at work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headswap_cli.api.jobs import cancel_job
from headswap_cli.errors import BusyError, HeadswapError, InputError, JobCancelledError, NotFoundError
from headswap_cli.models import Status
from headswap_cli.services.paid import check_answered
from headswap_cli.services.status import nobody_knows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from headswap_cli.api.jobs import Ending
    from headswap_cli.journal import Journal, Run
    from headswap_cli.services.deps import Deps


@dataclass(frozen=True, slots=True)
class Target:
    """What an id means: ``job_id`` is the engine's, ``run`` the one that the user named by its own id."""

    identifier: str
    job_id: str
    run: Run | None


@dataclass(frozen=True, slots=True)
class CancelResult:
    """A job that is cancelled: ``kind`` is what the id names, ``was`` the state that it was found in.

    ``was`` is cancelled where it had been so before.
    """

    identifier: str
    kind: str
    job_id: str
    was: Status
    progress: float


def cancel_each(
    identifiers: Iterable[str], cancel: Callable[[str], CancelResult]
) -> tuple[list[CancelResult], dict[str, HeadswapError]]:
    """End one job after the other, whatever becomes of the others.

    Returns: what was ended, and the errors by id; what goes wrong with a single one is raised.
    """
    wanted = list(dict.fromkeys(identifiers))
    ended: list[CancelResult] = []
    errors: dict[str, HeadswapError] = {}
    for identifier in wanted:
        try:
            ended.append(cancel(identifier))
        except HeadswapError as error:
            if len(wanted) == 1:
                raise
            errors[identifier] = error
    return ended, errors


def refuse_cloud(journal: Journal, run: Run | None, identifier: str, profile: str) -> InputError:
    """Return the error of a job that is not the local engine's; nothing was asked of the service.

    Raises:
        OutcomeUnknownError: the run's task may or may not exist.
    """
    if run is not None:
        check_answered(journal, run)
        if run.state.is_terminal:
            return _over_there(run)
        if run.is_resumable and run.is_before_its_task:
            return _before_its_task(journal, run)
    if run is not None and run.task_id is None and run.analysis_id is not None:
        goes_on = "The analysis goes on there, and costs nothing."
    else:
        goes_on = "A task goes on there, and is paid for."
    return InputError(
        f"{identifier} was not cancelled: the cloud service (profile {profile!r}) has no call for that, and"
        f" nothing was sent. {goes_on}",
        hint=f"headswap status {identifier} --wait. Of a job on this machine: headswap cancel {identifier}"
        " --profile local",
    )


def _over_there(run: Run) -> InputError:
    """Return the error of a run of a cloud service that is over as the journal knows it."""
    if run.task_id is None and run.status is Status.COMPLETED:
        return _over("analysis", run.analysis_id or run.run_id, run.status, None)
    return _over("run", run.run_id, run.status, run.error and run.error.rstrip("."))


def _before_its_task(journal: Journal, run: Run) -> InputError:
    """Return the error of a run of a cloud service that has no task: its analysis costs nothing."""
    if journal.is_held(run.run_id):
        return _waits_elsewhere(run)
    return InputError(
        f"The run {run.run_id} has created no task, so there is nothing to cancel: its analysis costs"
        " nothing, and nothing is paid unless the run is gone on with.",
        hint=f"To go on: headswap resume {run.run_id}. To let it go: headswap runs forget {run.run_id}"
        " --force",
        run_id=run.run_id,
    )


def find_target(journal: Journal, run: Run | None, identifier: str) -> Target | CancelResult:
    """Return what is to be ended, or what the journal knows to be so already.

    A run that has submitted nothing is ended here: ``resume`` leaves it alone from then on.

    Raises:
        OutcomeUnknownError: the run's task may or may not exist.
        BusyError: a command is at work on the run that has submitted nothing yet.
        InputError: the run has nothing under way.
    """
    if run is None or run.run_id != identifier:
        return Target(identifier, identifier, None)
    job_id = run.task_id or run.analysis_id
    if run.status is Status.CANCELLED:
        return CancelResult(identifier, "run", job_id or "", Status.CANCELLED, run.progress)
    check_answered(journal, run)
    if run.output is not None:
        raise _over("run", identifier, Status.COMPLETED, None)
    if run.state is Status.UNSENT:
        return _ended_here(journal, run)
    if job_id is None:
        raise InputError(
            f"The run {identifier} has submitted nothing; there is nothing to cancel.",
            hint=f"headswap runs forget {identifier} --force",
            run_id=identifier,
        )
    return Target(identifier, job_id, run)


def is_settled_here(run: Run | None, identifier: str) -> bool:
    """Whether an id is that of a run which the journal alone can end, or has: no backend has a job of it."""
    return run is not None and run.run_id == identifier and run.state in {Status.UNSENT, Status.CANCELLED}


def cancel(deps: Deps, target: Target) -> CancelResult:
    """End a job, and write that down for every run that waits for it.

    Raises:
        BusyError: a command is at work on the run that has yet to create its task.
        InputError: it is over already, of the run no task was created yet, or other runs wait for it too.
        NotFoundError: the engine has no such job, or not any more.
    """
    _check_unshared(deps.journal, target)
    try:
        ending = cancel_job(deps.client, target.job_id)
    except NotFoundError as error:
        if target.run is not None:
            raise _gone(target.run, error) from error
        raise nobody_knows(deps, target.identifier, error) from error
    kind = "run" if target.run else ending.kind
    if target.run is not None and _is_between(target.run, ending):
        return _ended_here(deps.journal, target.run)
    if ending.status is not Status.CANCELLED:
        raise _nothing_at_work(target, ending)
    for run in deps.journal.runs_on(target.job_id):
        deps.journal.cancelled(run.run_id, JobCancelledError(ending.kind, target.job_id))
    was = ending.was if ending.ended_now else Status.CANCELLED
    return CancelResult(target.identifier, kind, target.job_id, was, ending.progress)


def _check_unshared(journal: Journal, target: Target) -> None:
    """Check that nobody loses a run by the end of another: one analysis does for all runs of a video."""
    others = [run.run_id for run in journal.runs_on(target.job_id) if run.run_id != target.identifier]
    if target.run is not None and others:
        raise InputError(
            f"The run {target.identifier} was not cancelled: its analysis {target.job_id} is that of"
            f" {', '.join(others)}, too.",
            hint=f"To end all of them: headswap cancel {target.job_id}",
            run_id=target.identifier,
        )


def _gone(run: Run, error: NotFoundError) -> NotFoundError:
    return NotFoundError(
        f"The local engine has deleted the job of the run {run.run_id}; there is nothing to cancel.",
        hint=f"headswap runs forget {run.run_id} --force",
        code=error.code,
        run_id=run.run_id,
    )


def _is_between(run: Run, ending: Ending) -> bool:
    """Whether a run was stopped after its analysis, with its task yet to be created."""
    is_analysed = ending.kind == "analysis" and ending.status is Status.COMPLETED
    return is_analysed and run.is_resumable and run.is_before_its_task


def _ended_here(journal: Journal, run: Run) -> CancelResult:
    """End a run that has nothing at work.

    Raises:
        BusyError: a command is about to submit something for it, which that alone can end.
    """
    try:
        with journal.held(run.run_id):
            journal.cancelled(run.run_id, JobCancelledError("run", run.run_id))
    except BusyError as error:
        raise _waits_elsewhere(run) from error
    return CancelResult(run.run_id, "run", run.analysis_id or "", run.state, run.progress)


def _waits_elsewhere(run: Run) -> BusyError:
    return BusyError(
        f"The run {run.run_id} still waits in another headswap, which has submitted nothing to cancel yet.",
        hint="Ctrl-C in that terminal ends it.",
        run_id=run.run_id,
    )


def _nothing_at_work(target: Target, ending: Ending) -> InputError:
    run = target.run
    if run is None or ending.kind == "task" or ending.status is not Status.COMPLETED:
        return _over("run" if run else ending.kind, target.identifier, ending.status, ending.error)
    return InputError(
        f"The run {run.run_id} has nothing at work: its analysis is completed, and no task was created.",
        hint=f"headswap runs forget {run.run_id} --force",
        run_id=run.run_id,
    )


def _over(kind: str, identifier: str, status: Status, reason: str | None) -> InputError:
    """Return the error of a job that is over by itself."""
    why, way_on = f": {reason}" if reason else "", ""
    if status is Status.COMPLETED:
        way_on = f"headswap status {identifier}" if kind == "analysis" else f"headswap download {identifier}"
    error = InputError(
        f"The {kind} {identifier} is {status} already{why}; there is nothing to cancel.",
        hint=way_on or None,
    )
    error.ids = {f"{kind}_id": identifier}
    return error
