"""Reading the journal: runs by their ids, by their content, and what like jobs took."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from headswap_cli.journal.runs import TO_STDOUT, Run, Step, StepKind, StepOrderError, read_run
from headswap_cli.models import Saved, Status

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

# A create that left, whose answer nobody has written down.
_UNANSWERED = "(body IS NOT NULL AND task_id IS NULL AND (status = 'unknown' OR last_step = 'intended'))"
_PAID = f"(task_id IS NOT NULL OR {_UNANSWERED})"
_SEEN = "*, (SELECT max(at) FROM steps WHERE steps.run_id = runs.run_id) AS seen_at"
_LOST = "status IN ('failed', 'cancelled')"
# What somebody asked for and has not got: never answered for, or a task that has brought no file yet. One
# whose task has failed or was cancelled, or that was refused, is over; so is a task alone once completed.
_OPEN = (
    f"(json_extract(parameters, '$.dry_run') IS NULL AND NOT {_LOST} AND output IS NULL"
    " AND (json_extract(parameters, '$.command') = 'run'"
    " OR (json_extract(parameters, '$.command') = 'swap' AND status != 'completed')))"
)


class JournalReader:
    """What can be asked of the journal, by any thread.

    Args:
        connection: The open file.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        # A thread may begin to read within what it writes.
        self._guard = threading.RLock()

    def durations(self, like_jobs: str, length_s: float | None = None) -> list[float]:
        """Return how long the newest like jobs took, seconds, newest first, at most 20.

        Args:
            like_jobs: As ``took`` was told.
            length_s: Only of videos about as long, by a third at most.
        """
        rows = self._rows(
            "SELECT took_s FROM durations WHERE like_jobs = ?1"
            " AND (?2 IS NULL OR length_s IS NULL OR length_s BETWEEN ?2 * 0.75 AND ?2 * 1.34)"
            " ORDER BY number DESC LIMIT 20",
            (like_jobs, length_s),
        )
        return [row["took_s"] for row in rows]

    def others_paid(self, run_id: str) -> bool:
        """Whether another paid run of the profile did anything since this one's task was sent."""
        [row] = self._rows(
            "SELECT EXISTS (SELECT 1 FROM steps JOIN runs USING (run_id)"
            " WHERE run_id != ?1 AND body IS NOT NULL"
            " AND profile = (SELECT profile FROM runs WHERE run_id = ?1)"
            " AND at >= (SELECT max(at) FROM steps WHERE run_id = ?1 AND kind = 'intended'))",
            (run_id,),
        )
        return bool(row[0])

    def find(self, identifier: str) -> Run | None:
        """Return the newest run with that run, task or analysis id, and when it was last seen."""
        rows = self._rows(
            f"SELECT {_SEEN} FROM runs WHERE run_id = ?1 OR task_id = ?1 OR analysis_id = ?1"  # noqa: S608
            " ORDER BY number DESC LIMIT 1",
            (identifier,),
        )
        return next(map(read_run, rows), None)

    def beginning_with(self, letters: str) -> list[tuple[str, str]]:
        """Return the ids that begin so, newest first: what each is (run, task, analysis), and the id.

        Of runs the letters behind ``run-`` will do, too.
        """
        rows = self._rows(
            "SELECT kind, id FROM (SELECT number, 'run' AS kind, run_id AS id FROM runs"
            " UNION SELECT number, 'task', task_id FROM runs"
            " UNION SELECT number, 'analysis', analysis_id FROM runs)"
            " WHERE substr(id, 1, length(?1)) = ?1 OR substr(id, 1, length(?1) + 4) = 'run-' || ?1"
            " GROUP BY kind, id ORDER BY max(number) DESC",
            (letters,),
        )
        return [(row["kind"], row["id"]) for row in rows]

    def find_content(self, content: str) -> Run | None:
        """Return the run that was begun for this content, or whose task was bought by that name.

        Of several the newest that has a task, or may have: what was to be paid for again and was not does not
        stand before what was paid for. What was cancelled is begun anew.
        """
        rows = self._rows(
            "SELECT * FROM runs WHERE (content = ?1 OR purchase = ?1) AND status != 'cancelled'"  # noqa: S608
            f" ORDER BY {_PAID} DESC, number DESC LIMIT 1",
            (content,),
        )
        return next(map(read_run, rows), None)

    def find_unpaid(self, content: str) -> Run | None:
        """Return the newest run of this content that is to be paid for again, and has yet to be."""
        rows = self._rows(
            f"SELECT * FROM runs WHERE content = ?1 AND NOT {_PAID}"  # noqa: S608  a constant of this file
            f" AND NOT {_LOST} AND json_extract(parameters, '$.is_new') ORDER BY number DESC LIMIT 1",
            (content,),
        )
        return next(map(read_run, rows), None)

    def analyses(self, source_key: str, profile: str, *, spoilt_by: Sequence[str]) -> list[tuple[str, str]]:
        """Return the newest analyses of a source: their ids and the URLs that they were asked for by.

        Args:
            source_key: What names the source by what is in it.
            profile: Whose.
            spoilt_by: The slugs of errors after which an analysis is not trusted any more.
        """
        rows = self._rows(
            "SELECT analysis_id, video_url, max(number) AS newest FROM runs"
            " WHERE source_key = ? AND profile = ? AND analysis_id IS NOT NULL AND video_url IS NOT NULL"
            " AND NOT EXISTS (SELECT 1 FROM runs AS other JOIN steps USING (run_id)"
            " WHERE other.analysis_id = runs.analysis_id AND kind = 'failed'"
            " AND json_extract(detail, '$.slug') IN (SELECT value FROM json_each(?)))"
            " GROUP BY analysis_id, video_url ORDER BY newest DESC LIMIT 3",
            (source_key, profile, json.dumps(spoilt_by)),
        )
        return [(row["analysis_id"], row["video_url"]) for row in rows]

    def runs_on(self, job_id: str) -> list[Run]:
        """Return the runs that are not over and wait for this task, or analysis, oldest first."""
        rows = self._rows(
            "SELECT * FROM runs WHERE (task_id = ?1 OR (analysis_id = ?1 AND body IS NULL))"  # noqa: S608
            f" AND status != 'completed' AND NOT {_LOST} ORDER BY number",
            (job_id,),
        )
        return [read_run(row) for row in rows]

    def runs(self, limit: int | None = 100) -> list[Run]:
        """Return the newest runs, newest first, and when each was last seen; without a limit all."""
        rows = self._rows(
            f"SELECT {_SEEN} FROM runs ORDER BY number DESC LIMIT ?",  # noqa: S608  a constant of this file
            (-1 if limit is None else limit,),
        )
        return [read_run(row) for row in rows]

    def count(self) -> int:
        """Return how many runs there are."""
        return int(self._rows("SELECT count(*) FROM runs")[0][0])

    def open_runs(self) -> list[Run]:
        """Return the runs whose result somebody still waits for, oldest first."""
        rows = self._rows(
            f"SELECT * FROM runs WHERE {_OPEN} ORDER BY number"  # noqa: S608  a constant of this file
        )
        return [read_run(row) for row in rows]

    def finished_before(self, moment: float) -> list[Run]:
        """Return the runs begun before ``moment`` (seconds since the epoch) that nobody waits for."""
        rows = self._rows(
            f"SELECT * FROM runs WHERE created_at < ? AND NOT {_OPEN}"  # noqa: S608  a constant of this file
            f" AND NOT {_UNANSWERED} ORDER BY number",
            (moment,),
        )
        return [read_run(row) for row in rows]

    def steps(self, run_id: str) -> list[Step]:
        """Return what happened to a run, oldest first."""
        rows = self._rows("SELECT kind, at, detail FROM steps WHERE run_id = ? ORDER BY number", (run_id,))
        return [Step(StepKind(kind), at, json.loads(detail)) for kind, at, detail in rows]

    def told(self, run_id: str) -> set[str]:
        """Return what the user was told of a run."""
        return {notice for (notice,) in self._rows("SELECT notice FROM told WHERE run_id = ?", (run_id,))}

    def last(self, run_id: str, kind: StepKind) -> Step | None:
        """Return the newest step of a kind, None if there is none."""
        return next((step for step in reversed(self.steps(run_id)) if step.kind is kind), None)

    def saved(self, run_id: str) -> list[Saved]:
        """Return the files that a run's result was saved as, each as it was last, the newest first."""
        saved: dict[str, Saved] = {}
        for step in reversed(self.steps(run_id)):
            if step.kind is StepKind.DONE and (output := step.detail["output"]) != TO_STDOUT:
                size_bytes, sha256 = step.detail["size_bytes"], step.detail["sha256"]
                saved.setdefault(output, Saved(Path(output), size_bytes, sha256))
        return list(saved.values())

    def run(self, run_id: str) -> Run:
        """Return a run that is known to exist, as it is now.

        Raises:
            StepOrderError: it doesn't.
        """
        rows = self._rows("SELECT * FROM runs WHERE run_id = ?", (run_id,))
        if not rows:
            raise StepOrderError(f"There is no run {run_id}.")
        return read_run(rows[0])

    def _bought(self, purchase: str, run_id: str) -> str | None:
        """Return another run that has bought this, or may have."""
        rows = self._rows("SELECT * FROM runs WHERE purchase = ? ORDER BY number DESC", (purchase,))
        runs = map(read_run, rows)
        others = (run for run in runs if run.run_id != run_id and run.status is not Status.CANCELLED)
        return next((run.run_id for run in others if run.is_bought), None)

    def _number(self, run_id: str) -> int:
        """Return what a run is counted by, from 1; never used twice."""
        rows = self._rows("SELECT number FROM runs WHERE run_id = ?", (run_id,))
        if not rows:
            raise StepOrderError(f"There is no run {run_id}.")
        return int(rows[0]["number"])

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        with self._guard:
            return self._connection.execute(query, values).fetchall()
