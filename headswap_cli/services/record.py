"""Keeping the journal in step with a workflow, whatever ends it."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from headswap_cli.errors import (
    CreditsError,
    DeadlineError,
    EngineError,
    FailedError,
    HeadswapError,
    InputError,
    JobCancelledError,
    NetworkError,
    NotFoundError,
    OutcomeUnknownError,
    RefusedError,
    Stopped,
)
from headswap_cli.models import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headswap_cli.journal import Run
    from headswap_cli.services.deps import Deps

# What the same run would end in again unless something else is mended than time.
_ENDING = (FailedError, RefusedError, NotFoundError, CreditsError, InputError)


@contextmanager
def recording(deps: Deps, run_id: str) -> Iterator[None]:
    """Write down how the run ended if it ends in an error, and let every error name the run and the way on.

    A passed deadline, a signal, a fault that may pass or an engine that stops is no end of the run: it can
    be gone on with.
    """
    try:
        yield
    except DeadlineError as error:
        error.ids.setdefault("run_id", run_id)
        if _goes_on_by_resume(deps, run_id):
            error.hint = f"Wait on and save it: headswap resume {run_id}"
        raise
    except HeadswapError as error:
        error.ids.setdefault("run_id", run_id)
        if deps.is_free and isinstance(error, NetworkError):
            raise _stopped_engine(deps, run_id, error) from error
        _write_down(deps, run_id, error)
        raise
    except Stopped as stopped:
        stopped.hint = _way_on(deps, run_id)
        raise


def _goes_on_by_resume(deps: Deps, run_id: str) -> bool:
    run = deps.journal.find(run_id)
    return run is not None and run.is_resumable


def _stopped_engine(deps: Deps, run_id: str, error: NetworkError) -> EngineError:
    way_on = f"headswap status {run_id} --wait"
    if _goes_on_by_resume(deps, run_id):
        way_on = f"headswap resume {run_id}"
    stopped = EngineError(
        f"The local engine has stopped; the run {run_id} is not over.", hint=f"Start it and wait on: {way_on}"
    )
    stopped.ids = error.ids
    return stopped


def _way_on(deps: Deps, run_id: str) -> str:
    """Say how to go on with a run that was stopped."""
    run = deps.journal.find(run_id)
    if run is None or (run.task_id is None and run.analysis_id is None):
        goes_on = _goes_on_by_resume(deps, run_id)
        if not goes_on:
            return "Nothing was submitted yet."
        return (
            f"Nothing was submitted yet; to go on: headswap resume {run_id}"
            f"; to end it for good: headswap cancel {run_id}"
        )
    if run.is_unanswered:
        return f"Whether the task was created is not known: headswap resume {run_id}"
    to_end = f"; to end it for good: headswap cancel {run_id}" if deps.is_free else ""
    if _goes_on_by_resume(deps, run_id):
        if run.task_id is None:
            return (
                "No task was created yet, and by itself nothing but the analysis goes on: headswap resume"
                f" {run_id}{to_end}"
            )
        unpaid = "" if deps.is_free else ", and nothing is paid twice"
        return f"What was submitted goes on{unpaid}: headswap resume {run_id}{to_end}"
    return f"What was submitted goes on: headswap status {run_id} --wait{to_end}"


def _write_down(deps: Deps, run_id: str, error: HeadswapError) -> None:
    """Write down the error; where that fails too, the first error is the one to be told.

    An error that names a task which the journal does not know is the journal's own: the task exists, and
    must not look refused.
    """
    run = deps.journal.find(run_id)
    if run is None or (run.task_id is None and "task_id" in error.ids):
        return
    if run.task_id is not None and not isinstance(error, FailedError):
        # The task lives on at the service, whatever befell the watching or the saving of it.
        error.ids.setdefault("task_id", run.task_id)
        return
    with suppress(HeadswapError):
        if not isinstance(error, JobCancelledError):
            deps.journal.failed(run_id, _status_after(run, error), error)
        elif run.status is not Status.CANCELLED:
            deps.journal.cancelled(run_id, error)
    if isinstance(error, OutcomeUnknownError):
        error.hint = f"It is not sent again by itself. See what is known: headswap resume {run_id}"


def _status_after(run: Run, error: HeadswapError) -> Status:
    if isinstance(error, OutcomeUnknownError):
        return Status.UNKNOWN
    # An answer that no class is known for is an answer: the same again would bring it again.
    is_over = isinstance(error, _ENDING) or type(error) is HeadswapError
    return Status.FAILED if is_over else run.status
