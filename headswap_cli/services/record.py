"""Keeping the journal in step with a workflow, whatever ends it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from headswap_cli.errors import DeadlineError, HeadswapError, OutcomeUnknownError, Stopped
from headswap_cli.models import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headswap_cli.services.deps import Deps


@contextmanager
def recording(deps: Deps, run_id: str) -> Iterator[None]:
    """Write down how the run ended if it ends in an error, and let every error name the run.

    A passed deadline or a signal is no failure of the run: its analysis or task goes on.
    """
    try:
        yield
    except DeadlineError as error:
        error.ids.setdefault("run_id", run_id)
        raise
    except HeadswapError as error:
        error.ids.setdefault("run_id", run_id)
        unknown = isinstance(error, OutcomeUnknownError)
        deps.journal.failed(run_id, Status.UNKNOWN if unknown else Status.FAILED, error)
        raise
    except Stopped as stopped:
        stopped.hint = f"What was submitted goes on: headswap status {run_id} --wait"
        raise
