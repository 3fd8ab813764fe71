"""The SQLite file under the journal: private, durable, open to several processes, and of a known version."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

from headswap_cli.errors import HeadswapError
from headswap_cli.folders import make_private_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headswap_cli.wire import JsonObject

BUSY_TIMEOUT_S = 30.0

# One entry per version, never changed once released; PRAGMA user_version counts those that were applied.
MIGRATIONS = (
    """
    CREATE TABLE runs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id TEXT NOT NULL UNIQUE,
        created_at REAL NOT NULL,
        profile TEXT NOT NULL,
        backend TEXT NOT NULL,
        source TEXT NOT NULL,
        target TEXT,
        parameters TEXT NOT NULL,
        last_step TEXT,
        status TEXT NOT NULL DEFAULT 'queued',
        progress REAL NOT NULL DEFAULT 0,
        video_url TEXT,
        analysis_id TEXT,
        body TEXT,
        task_id TEXT,
        output TEXT,
        size_bytes INTEGER,
        sha256 TEXT,
        error TEXT
    );
    CREATE INDEX runs_by_analysis ON runs (analysis_id);
    CREATE INDEX runs_by_task ON runs (task_id);
    CREATE TABLE steps (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
        kind TEXT NOT NULL,
        at REAL NOT NULL,
        detail TEXT NOT NULL
    );
    CREATE INDEX steps_by_run ON steps (run_id, number);
    """,
    """
    ALTER TABLE runs ADD COLUMN held REAL;
    ALTER TABLE runs ADD COLUMN credits_charged REAL;
    CREATE INDEX steps_by_time ON steps (at);
    CREATE TABLE durations (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        like_jobs TEXT NOT NULL,
        length_s REAL,
        took_s REAL NOT NULL
    );
    CREATE INDEX durations_by_like ON durations (like_jobs, number);
    """,
    """
    ALTER TABLE runs ADD COLUMN content TEXT;
    ALTER TABLE runs ADD COLUMN purchase TEXT;
    CREATE INDEX runs_by_content ON runs (content);
    CREATE INDEX runs_by_purchase ON runs (purchase);
    """,
    """
    ALTER TABLE runs ADD COLUMN source_key TEXT;
    CREATE INDEX runs_by_source ON runs (source_key);
    """,
    """
    CREATE TABLE told (
        run_id TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
        notice TEXT NOT NULL,
        PRIMARY KEY (run_id, notice)
    ) WITHOUT ROWID;
    """,
)


def make_private(path: Path) -> None:
    """Make the file and its folder for the owner alone; SQLite gives its helper files the same mode."""
    make_private_folder(path.parent)
    path.touch(mode=0o600)
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)


def open_store(path: Path) -> sqlite3.Connection:
    """Open the file for commits that outlive a power cut, at the newest version.

    Threads may share what it returns if they take turns.

    Raises:
        sqlite3.Error: it is no database, is from a newer version, or stays locked.
    """
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        _switch_to_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _switch_to_wal(
    connection: sqlite3.Connection,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Switch a new file to write-ahead logging; SQLite does not wait by itself for others who do the same."""
    give_up = clock() + BUSY_TIMEOUT_S
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if clock() > give_up:
                raise
            sleep(0.01)


def _migrate(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == len(MIGRATIONS):
        return
    if version > len(MIGRATIONS):
        raise sqlite3.DatabaseError("it was written by a newer headswap; upgrade this one")
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been faster.
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            for statement in filter(None, map(str.strip, script.split(";"))):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def unwritable(error: sqlite3.Error, detail: JsonObject) -> HeadswapError:
    """Return the error of a failed write; it names the id that would else be lost."""
    ids = {name: detail[name] for name in ("task_id", "analysis_id") if name in detail}
    named = "".join(f" Keep this {name}: {value}." for name, value in ids.items())
    return HeadswapError(
        f"The journal can't be written: {error}.{named}", hint="Make room on the disk.", **ids
    )
