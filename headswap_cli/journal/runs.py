"""A run, its steps, and which step may follow which."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from headswap_cli.models import Status

if TYPE_CHECKING:
    import sqlite3

    from headswap_cli.wire import JsonObject

TO_STDOUT = "-"
"""Stands in the journal for a result that went to stdout: no path leads to it."""

# Columns that hold paths and messages, which need not be valid Unicode.
_LOOSE = ("source", "target", "output", "error")


class StepKind(StrEnum):
    """What can happen to a run."""

    PUBLISHED = "published"
    SUBMITTED = "submitted"
    ANALYSED = "analysed"
    INTENDED = "intended"
    WAIVED = "waived"
    CREATED = "created"
    STATE = "state"
    CHARGED = "charged"
    FETCHING = "fetching"
    FETCHED = "fetched"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


# What can be said only of a task.
_WITH_A_TASK = frozenset(
    {StepKind.STATE, StepKind.CHARGED, StepKind.FETCHING, StepKind.FETCHED, StepKind.DONE}
)


class StepOrderError(Exception):
    """A step that can't follow what is written: a mistake in this program, not of its user."""


class BoughtError(Exception):
    """What was about to be paid for has been paid for, or may have been, by another run.

    Args:
        run_id: That run.
    """

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id)
        self.run_id = run_id


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a run; ``at`` in seconds since the epoch."""

    kind: StepKind
    at: float
    detail: JsonObject


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its steps have left it; ``created_at`` in seconds since the epoch, ``progress`` 0 to 100.

    ``body`` is the create request exactly as it was to be sent. ``content`` names what was asked for,
    ``purchase`` what was to be paid for: equal ones are one run, and one task. ``source_key`` names the
    source video by what is in it.
    ``seen_at`` is when anything was last written down of it, where that was asked for.
    ``held`` is the API's raw figure, ``credits_charged`` what the balance fell by, None where it
    can't be told.
    """

    run_id: str
    profile: str
    backend: str
    source: str
    target: str | None
    status: Status
    progress: float
    analysis_id: str | None
    task_id: str | None
    video_url: str | None
    body: JsonObject | None
    output: str | None
    size_bytes: int | None
    sha256: str | None
    error: str | None
    created_at: float
    parameters: JsonObject = field(default_factory=dict)
    last_step: StepKind | None = None
    held: float | None = None
    credits_charged: float | None = None
    seen_at: float | None = None
    content: str | None = None
    purchase: str | None = None
    source_key: str | None = None

    @property
    def is_unanswered(self) -> bool:
        """Whether a create has left, or may have, whose answer nobody has written down."""
        is_asked = self.body is not None and self.task_id is None
        return is_asked and (self.status is Status.UNKNOWN or self.last_step is StepKind.INTENDED)

    @property
    def is_bought(self) -> bool:
        """Whether its task exists, or may: nothing is sent anew for it."""
        return self.task_id is not None or self.is_unanswered

    @property
    def state(self) -> Status:
        """What is known of it now: its status, unless a create has no answer or nothing was submitted."""
        if self.is_unanswered:
            return Status.UNKNOWN
        is_unsent = self.status is Status.QUEUED and self.task_id is None and self.analysis_id is None
        return Status.UNSENT if is_unsent else self.status

    @property
    def is_before_its_task(self) -> bool:
        """Whether it is not over and has no task yet, as far as is known; it may never get one."""
        return self.task_id is None and not self.state.is_terminal

    @property
    def is_resumable(self) -> bool:
        """Whether it was to come to a task, so that ``resume`` goes on with it."""
        return self.command in {"run", "swap"} and not self.is_rehearsal

    @property
    def is_rehearsal(self) -> bool:
        """Whether it was to stop before its task."""
        return bool(self.parameters.get("dry_run"))

    @property
    def command(self) -> str:
        """The command that began it."""
        return str(self.parameters.get("command", "run"))


def check_order(run: Run, kind: StepKind) -> None:
    """Check that a paid task is written down once, after its intent, and that nothing is intended twice.

    Raises:
        StepOrderError: the step can't follow.
    """
    if kind in {StepKind.FAILED, StepKind.CANCELLED}:
        return
    if kind in {StepKind.CREATED, StepKind.WAIVED}:
        allowed = run.is_unanswered
    elif kind in _WITH_A_TASK:
        allowed = run.task_id is not None
    else:
        allowed = run.task_id is None and not run.is_unanswered
    if not allowed:
        raise StepOrderError(f"{kind} can't follow {run.last_step or 'the beginning'} in {run.run_id}.")


def loose(value: object) -> object:
    """Return a string as SQLite takes it: a path with bytes outside UTF-8 goes in as a blob."""
    if not isinstance(value, str) or value.isascii():
        return value
    packed = value.encode("utf-8", "surrogatepass")
    try:
        packed.decode("utf-8")
    except UnicodeDecodeError:
        return packed
    return value


def read_run(row: sqlite3.Row) -> Run:
    """Return a row of the table ``runs`` as a value."""
    columns = {name: row[name] for name in row.keys() if name != "number"}  # noqa: SIM118
    for name in _LOOSE:
        if isinstance(columns[name], bytes):
            columns[name] = columns[name].decode("utf-8", "surrogatepass")
    last_step, body = columns["last_step"], columns["body"]
    columns |= {
        "status": Status(columns["status"]),
        "parameters": json.loads(columns["parameters"]),
        "last_step": StepKind(last_step) if last_step else None,
        "body": json.loads(body) if body else None,
    }
    return Run(**columns)
