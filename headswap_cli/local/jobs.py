"""How jobs of the local engine stand, read from its record: whether or not it runs, and without a request."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headswap_cli.models import Status
from headswap_cli.wire import COMPLETED, FAILED, PROCESSING, QUEUED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

RECORD = "jobs.sqlite3"
_STATUSES = {
    QUEUED: Status.QUEUED,
    PROCESSING: Status.PROCESSING,
    COMPLETED: Status.COMPLETED,
    FAILED: Status.FAILED,
}
# The engine writes in a millisecond; nobody waits longer for a list.
_PATIENCE_S = 0.5


@dataclass(frozen=True, slots=True)
class JobState:
    """How an analysis or a task stands; ``progress`` is 0 to 100, ``error`` why nothing came of it.

    ``notices`` are what there is to know of a task's result.
    """

    status: Status
    progress: float
    error: str | None
    notices: tuple[str, ...] = ()


def job_states(data_dir: Path, job_ids: Iterable[str]) -> dict[str, JobState]:
    """Return how jobs stand, by their ids; those that are not there, or cannot be read, are left out."""
    record = data_dir.absolute() / "engine" / RECORD
    if not record.exists():
        return {}
    try:
        with closing(
            sqlite3.connect(f"{record.as_uri()}?mode=ro", uri=True, timeout=_PATIENCE_S)
        ) as database:
            # One row that is garbled must not keep the others from being read.
            database.text_factory = lambda text: text.decode(errors="replace")
            rows = database.execute(
                "SELECT id, status, progress, error_reason, cancelled, result FROM job"
                " WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(job_ids)),),
            ).fetchall()
    except sqlite3.Error:
        # Damaged, or of another version: the engine itself says so when it is asked.
        return {}
    return {
        job_id: JobState(
            Status.CANCELLED if cancelled else _STATUSES.get(status, Status.UNKNOWN),
            progress,
            error or None,
            _notices(result),
        )
        for job_id, status, progress, error, cancelled, result in rows
    }


def _notices(result: str | None) -> tuple[str, ...]:
    """Return what a job's result says of itself: nothing while there is none, or where it is garbled."""
    try:
        notices = json.loads(result or "{}").get("notices")
    except (AttributeError, ValueError):
        return ()
    return tuple(map(str, notices)) if isinstance(notices, list) else ()
