"""The record of what was asked and what came of it: SQLite, written by the server's process alone."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import threading
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from headswap_cli.engine.orders import photos_of
from headswap_cli.engine.storage import fetched_name
from headswap_cli.media import is_url
from headswap_cli.wire import COMPLETED, FAILED, PROCESSING, QUEUED, SERVER_FAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from headswap_cli.wire import JsonObject

# Each script takes the database from the version that is its index to the next.
_MIGRATIONS = (
    """
    CREATE TABLE job (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        source TEXT NOT NULL,
        status INTEGER NOT NULL,
        progress INTEGER NOT NULL DEFAULT 0,
        body TEXT NOT NULL,
        result TEXT,
        error_code INTEGER NOT NULL DEFAULT 0,
        error_reason TEXT NOT NULL DEFAULT '',
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL
    );
    CREATE INDEX job_by_status ON job (status, number);
    CREATE INDEX job_by_source ON job (source, kind, status, number);
    """,
    # How many workers died of it.
    "ALTER TABLE job ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0;",
    # What another one of will mend it.
    "ALTER TABLE job ADD COLUMN error_subject TEXT NOT NULL DEFAULT '';",
    # Whether it ended on the user's wish; the vendor has no number for such an end, so it counts as failed.
    "ALTER TABLE job ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;",
)
GARBLED = "the engine's record of what was asked is damaged; ask for it anew"
_CANCELLED = "it was cancelled on the user's wish (headswap cancel)"
# A job is taken up again after the first death of its worker, which may be somebody else's doing.
DEATHS_ALLOWED = 2
_STATUS_NUMBERS = {"queued": QUEUED, "processing": PROCESSING, "completed": COMPLETED, "failed": FAILED}


class Kind(StrEnum):
    """What a job does."""

    ANALYSIS = "analysis"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class Job:
    """One analysis or task.

    ``source`` is the media name of the source video, or the URL that an analysis fetches it from; ``status``
    a number of ``wire``, ``progress`` 0 to 100, ``body`` what was asked, ``result`` what came of it
    (completed jobs only). ``error_subject`` is what another one of will mend a failure, as in ``wire``, if
    that is known; ``is_cancelled`` whether a failed one ended on the user's wish. ``ahead`` is how many jobs
    come before a queued one, and ``front`` the first of them, where that was asked for.
    """

    id: str
    kind: Kind
    source: str
    status: int
    progress: int
    body: JsonObject
    result: JsonObject | None
    error_code: int
    error_reason: str
    created_ms: int
    updated_ms: int
    error_subject: str = ""
    is_cancelled: bool = False
    ahead: int = 0
    front: Job | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in {COMPLETED, FAILED}


class JobStore:
    """Jobs in a database file; every change is one statement, safe to call from any thread.

    What only reads has a connection of its own: it never waits for a write, however slow the disk.

    Args:
        path: The database; made if need be, for its owner only.
        clock: Tells the Unix time, in seconds.

    Raises: sqlite3.DatabaseError: The file is no database, or one of a newer version of this program.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        # SQLite gives its side files the mode of the database.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._clock = clock
        self._writer = _Connection(path)
        try:
            self._writer.migrate()
        except sqlite3.DatabaseError:
            self._writer.close()
            raise
        self._reader = _Connection(path)

    def close(self) -> None:
        """Close the database."""
        self._reader.close()
        self._writer.close()

    def add(self, kind: Kind, source: str, body: JsonObject) -> Job:
        """Record a new job at the end of the queue; its id looks like one of the vendor's (24 hex digits)."""
        return self._write(
            "INSERT INTO job (id, kind, source, status, body, created_ms, updated_ms)"
            " VALUES (:id, :kind, :source, :queued, :body, :now, :now) RETURNING *",
            id=secrets.token_hex(12),
            kind=kind,
            source=source,
            body=json.dumps(body),
        )[0]

    def get(self, kind: Kind, job_id: str) -> Job | None:
        """Return the job of this kind and id."""
        job = _first(self._read("SELECT * FROM job WHERE id = :id AND kind = :kind", id=job_id, kind=kind))
        if job is None or job.status != QUEUED:
            return job
        before = self._reader.run(
            "SELECT *, count(*) OVER () AS ahead FROM job WHERE status IN (:queued, :processing)"
            " AND number < (SELECT number FROM job WHERE id = :id) ORDER BY number LIMIT 1",
            {**_STATUS_NUMBERS, "id": job_id},
        )
        return replace(job, ahead=before[0]["ahead"], front=_job(before[0])) if before else job

    def find(self, job_id: str) -> Job | None:
        """Return the job of this id, whatever it is."""
        return _first(self._read("SELECT * FROM job WHERE id = :id", id=job_id))

    def analysis_of(self, source: str) -> Job | None:
        """Return the latest completed analysis of a source video."""
        return _first(
            self._read(
                "SELECT * FROM job WHERE source = :source AND kind = :kind AND status = :completed"
                " ORDER BY number DESC LIMIT 1",
                source=source,
                kind=Kind.ANALYSIS,
            )
        )

    def claim(self) -> Job | None:
        """Take the oldest queued job up: it is processing from now on, or failed if its record is garbled."""
        return _first(
            self._write(
                "UPDATE job SET status = :processing, updated_ms = :now WHERE number ="
                " (SELECT number FROM job WHERE status = :queued ORDER BY number LIMIT 1) RETURNING *"
            )
        )

    def advance(self, job_id: str, percent: int) -> None:
        """Note progress; it never falls and is below 100 until the job is completed."""
        self._write(
            "UPDATE job SET progress = MAX(progress, MIN(:percent, 99)), updated_ms = :now"
            " WHERE id = :id AND status = :processing",
            id=job_id,
            percent=percent,
        )

    def complete(self, job_id: str, result: JsonObject) -> bool:
        """Note what came of a job; return whether it is completed now: a cancelled one stays so."""
        completed = self._write(
            "UPDATE job SET status = :completed, progress = 100, result = :result, updated_ms = :now"
            " WHERE id = :id AND NOT cancelled RETURNING *",
            id=job_id,
            result=json.dumps(result),
        )
        return bool(completed)

    def fail(self, job_id: str, code: int, reason: str, subject: str = "") -> None:
        """Note why nothing came of a job; a cancelled one stays so."""
        self._write(
            "UPDATE job SET status = :failed, error_code = :code, error_reason = :reason,"
            " error_subject = :subject, updated_ms = :now WHERE id = :id AND NOT cancelled",
            id=job_id,
            code=code,
            subject=subject,
            # Half a surrogate pair in a file's name or tags could not be stored.
            reason=reason.encode(errors="replace").decode(),
        )

    def cancel(self, job_id: str) -> Job | None:
        """End a job that is not over, on the user's wish.

        Returns: The job as it is now; None if there is none that is not over.
        """
        return _first(
            self._write(
                "UPDATE job SET status = :failed, cancelled = 1, error_reason = :reason, updated_ms = :now"
                " WHERE id = :id AND status IN (:queued, :processing) RETURNING *",
                id=job_id,
                reason=_CANCELLED,
            )
        )

    def mourn(self, job_id: str, code: int, reason: str) -> Job | None:
        """Note that a worker died of a job: it is queued again in its old place, or failed if it is enough.

        Returns: The job as it is now; what was done of it is to be done anew.
        """
        return _first(
            self._write(
                "UPDATE job SET deaths = deaths + 1, updated_ms = :now,"
                " progress = iif(deaths + 1 < :allowed, 0, progress),"
                " status = iif(deaths + 1 < :allowed, :queued, :failed),"
                " error_code = iif(deaths + 1 < :allowed, 0, :code),"
                " error_reason = iif(deaths + 1 < :allowed, '', :reason)"
                " WHERE id = :id AND status = :processing RETURNING *",
                id=job_id,
                allowed=DEATHS_ALLOWED,
                code=code,
                reason=reason,
            )
        )

    def requeue(self) -> None:
        """Put what was processing back into the queue, in its old place; it begins anew."""
        self._write(
            "UPDATE job SET status = :queued, progress = 0, updated_ms = :now WHERE status = :processing"
        )

    def counts(self) -> tuple[int, int]:
        """Return how many jobs are queued and how many processing."""
        ((queued, processing),) = self._reader.run(
            "SELECT count(*) FILTER (WHERE status = :queued), count(*) FILTER (WHERE status = :processing)"
            " FROM job WHERE status IN (:queued, :processing)",
            _STATUS_NUMBERS,
        )
        return queued, processing

    def media_in_use(self) -> frozenset[str]:
        """Return the names of the files that queued and running jobs need."""
        unfinished = self._read("SELECT * FROM job WHERE status IN (:queued, :processing)")
        return frozenset().union(*map(_media_of, unfinished))

    def forget(self, before_s: float | None = None) -> int:
        """Delete ended jobs, all or those not touched since ``before_s`` (Unix time); return how many.

        A job whose time has not come yet, since a clock was set back, counts as touched now.
        """
        self._write("UPDATE job SET updated_ms = :now WHERE updated_ms > :now")
        return len(
            self._write(
                "DELETE FROM job WHERE (:before IS NULL OR updated_ms < :before)"
                " AND status IN (:completed, :failed) RETURNING *",
                before=None if before_s is None else int(before_s * 1000),
            )
        )

    def _read(self, statement: str, **values: object) -> list[Job]:
        return [_job(row) for row in self._reader.run(statement, {**_STATUS_NUMBERS, **values})]

    def _write(self, statement: str, **values: object) -> list[Job]:
        now = int(self._clock() * 1000)
        rows = self._writer.run(statement, {**_STATUS_NUMBERS, "now": now, **values})
        return [_job(row) for row in rows]


class _Connection:
    """A connection that one thread uses at a time."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        # One row that is garbled must not keep the others from being read.
        self._database.text_factory = lambda text: text.decode(errors="replace")

    def migrate(self) -> None:
        """Bring the database to the newest version, in one step each.

        Raises: sqlite3.DatabaseError: It is of a version that is not known yet.
        """
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version > len(_MIGRATIONS):
            message = f"the job store has version {version}; known are versions up to {len(_MIGRATIONS)}"
            raise sqlite3.DatabaseError(message)
        self._database.execute("PRAGMA journal_mode = WAL")
        # A job that was acknowledged outlives a power cut, for 0.6 ms a write.
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("PRAGMA busy_timeout = 5000")
        for number, script in enumerate(_MIGRATIONS[version:], start=version + 1):
            self._database.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")

    def run(self, statement: str, values: Mapping[str, object]) -> list[sqlite3.Row]:
        """Run one statement; return the rows it selects or returns."""
        with self._lock:
            return self._database.execute(statement, values).fetchall()

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            self._database.close()


def _media_of(job: Job) -> set[str]:
    """Return the names of the files that a job needs; what was given by URL has one once it is fetched."""
    return {
        fetched_name(job.id) if is_url(job.source) else job.source,
        *(
            fetched_name(job.id, int(obj_id), number) if is_url(name) else name
            for obj_id, names in photos_of(job.body).items()
            for number, name in enumerate(names)
        ),
    }


def _first(jobs: list[Job]) -> Job | None:
    return jobs[0] if jobs else None


def _job(row: sqlite3.Row) -> Job:
    """Return the job of a row; one that is garbled has failed, whatever it says."""
    job = Job(
        id=row["id"],
        kind=Kind.TASK,
        source=row["source"],
        status=row["status"],
        progress=row["progress"],
        body={},
        result=None,
        error_code=row["error_code"],
        error_reason=row["error_reason"],
        created_ms=row["created_ms"],
        updated_ms=row["updated_ms"],
        error_subject=row["error_subject"],
        is_cancelled=bool(row["cancelled"]),
    )
    try:
        result, body = _object(row["result"]) if row["result"] else None, _object(row["body"])
        photos_of(body)
        return replace(job, kind=Kind(row["kind"]), body=body, result=result)
    except ValueError:
        return replace(job, status=FAILED, error_code=SERVER_FAULT, error_reason=GARBLED)


def _object(text: str) -> JsonObject:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(text)
    return value
