"""A list of runs tells those that wait for the local engine as it has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headswap_cli.journal import Journal
from headswap_cli.local.jobs import JobState
from headswap_cli.models import Backend, Status
from headswap_cli.services.runs import as_they_are

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("command", "told"),
    [
        # Its task is yet to be created.
        ("run", (Status.PROCESSING, 0.0)),
        ("analyze", (Status.COMPLETED, 100.0)),
    ],
)
def test_a_run_whose_analysis_alone_is_over_is_not(
    tmp_path: Path, command: str, told: tuple[Status, float]
) -> None:
    with Journal(tmp_path / "journal.sqlite3") as journal:
        run_id = journal.begin(
            profile="local", backend=Backend.LOCAL, source="clip.mp4", parameters={"command": command}
        )
        journal.submitted(run_id, "analysis")
        over = JobState(Status.COMPLETED, 100.0, None)
        (run,) = as_they_are(journal.runs(), lambda ids: dict.fromkeys(ids, over))
        assert (run.status, run.progress) == told
        journal.intend(run_id, {})
        journal.created(run_id, "task")
        (run,) = as_they_are(journal.runs(), lambda ids: dict.fromkeys(ids, over))
        assert (run.status, run.progress) == (Status.COMPLETED, 100.0)
