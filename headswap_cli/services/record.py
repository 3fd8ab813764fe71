"""Keeping the journal in step with a workflow, whatever ends it."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from headswap_cli.errors import (
    DeadlineError,
    EngineError,
    FailedError,
    HeadswapError,
    NetworkError,
    OutcomeUnknownError,
    Stopped,
)
from headswap_cli.models import Backend, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headswap_cli.services.deps import Deps


@contextmanager
def recording(deps: Deps, run_id: str) -> Iterator[None]:
    """Write down how the run ended if it ends in an error, and let every error name the run.

    A passed deadline, a signal or an engine that stops is no failure of the run: its analysis or task
    can be gone on with.
    """
    try:
        yield
    except DeadlineError as error:
        error.ids.setdefault("run_id", run_id)
        raise
    except HeadswapError as error:
        error.ids.setdefault("run_id", run_id)
        if deps.settings.backend is Backend.LOCAL and isinstance(error, NetworkError):
            stopped_engine = EngineError(
                f"The local engine has stopped; the run {run_id} is not over.",
                hint=f"Start it and wait on: headswap status {run_id} --wait",
            )
            stopped_engine.ids = error.ids
            raise stopped_engine from error
        _write_down(deps, run_id, error)
        raise
    except Stopped as stopped:
        stopped.hint = _way_on(deps, run_id)
        raise


def _way_on(deps: Deps, run_id: str) -> str:
    """Say how to go on with a run that was stopped."""
    run = deps.journal.find(run_id)
    if run is None or (run.task_id is None and run.analysis_id is None):
        return "Nothing was submitted yet."
    if run.task_id is None and run.body is not None:
        return f"Whether the task was created is not known: headswap status {run_id}"
    if run.task_id is None and run.parameters.get("command") != "analyze":
        analysis = f"headswap status {run.analysis_id} --wait"
        return f"The analysis goes on: {analysis} && headswap swap {run.analysis_id} --face 1=IMAGE"
    return f"What was submitted goes on: headswap status {run_id} --wait && headswap download {run_id}"


def _write_down(deps: Deps, run_id: str, error: HeadswapError) -> None:
    """Write down the error; where that fails too, the first error is the one to be told.

    An error that names a task which the journal does not know is the journal's own: the task exists, and
    must not look refused.
    """
    run = deps.journal.find(run_id)
    if run is not None and run.task_id is None and "task_id" in error.ids:
        return
    if run is not None and run.task_id is not None and not isinstance(error, FailedError):
        # The task lives on at the service, whatever befell the watching or the saving of it.
        error.ids.setdefault("task_id", run.task_id)
        return
    unknown = isinstance(error, OutcomeUnknownError)
    with suppress(HeadswapError):
        deps.journal.failed(run_id, Status.UNKNOWN if unknown else Status.FAILED, error)
