"""Letting go of faces: jobs and media of last week by themselves, all of them when the user says so."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headswap_cli.engine.jobs import JobStore
    from headswap_cli.engine.storage import MediaStore

KEPT_S = 7 * 24 * 3600.0
CLEAR_EVERY_S = 3600.0
# A clock that moved by more than that between two looks is wrong, or was: or nobody looked.
LEAP_S = 24 * 3600.0
CONFIRMED_S = CLEAR_EVERY_S - 60.0


@dataclass(frozen=True, slots=True)
class Cleared:
    """How many ended jobs and how many files are gone."""

    jobs: int
    files: int


@dataclass(frozen=True, slots=True)
class Look:
    """What the clock says: ``now_s`` and before when things are old (Unix time).

    ``until_s`` is None where nothing is to be deleted as old; ``is_doubted`` is whether the clock has leapt.
    """

    now_s: float
    until_s: float | None
    is_doubted: bool


def clear(jobs: JobStore, media: MediaStore, before_s: float | None = None) -> Cleared:
    """Delete ended jobs and files, all or those not touched since ``before_s`` (Unix time).

    What queued and running jobs need stays, however old it seems.
    """
    # First of all what no job will need: on a full disk it makes room for the record of the rest.
    made = media.clear_made() if before_s is None else 0
    gone = jobs.forget(before_s)
    return Cleared(gone, made + media.clear(before_s, keep=jobs.media_in_use()))


class Calendar:
    """Knows when last week was, and distrusts a clock that has leapt by more than a day since the last look.

    What it knows outlives the engine, so that a machine that wakes up with a wrong clock loses nothing. A
    clock that says the same an hour later is believed. Until then only what was old before the leap is old.

    Args:
        note: The file that what is known is kept in.
        clock: Tells the Unix time, in seconds.
    """

    def __init__(self, note: Path, clock: Callable[[], float] = time.time) -> None:
        self._note = note
        self._clock = clock
        self._believed_s, self._doubted_s = _read(note)

    def look(self) -> Look:
        """Look at the clock, and keep what was seen."""
        now_s = self._clock()
        self._judge(now_s)
        # A full disk keeps nothing, and what is cleared then makes room.
        with contextlib.suppress(OSError):
            _write(self._note, self._believed_s, self._doubted_s)
        believed_s = self._believed_s if self._believed_s is not None else now_s
        is_back = self._doubted_s is not None and now_s < believed_s
        return Look(now_s, None if is_back else believed_s - KEPT_S, self._doubted_s is not None)

    def _judge(self, now_s: float) -> None:
        believed_s, doubted_s = self._believed_s, self._doubted_s
        if believed_s is None or abs(now_s - believed_s) <= LEAP_S:
            self._believed_s, self._doubted_s = now_s, None
        elif doubted_s is None or now_s < doubted_s:
            self._doubted_s = now_s
        elif now_s - doubted_s > LEAP_S:
            # Nobody looked for long: what was said then is confirmed, and what is said now is not.
            self._believed_s, self._doubted_s = doubted_s, now_s
        elif now_s - doubted_s >= CONFIRMED_S:
            self._believed_s, self._doubted_s = now_s, None


def _read(note: Path) -> tuple[float | None, float | None]:
    try:
        said = json.loads(note.read_bytes())
        doubted = said["doubted"]
        return float(said["believed"]), None if doubted is None else float(doubted)
    except (OSError, ValueError, KeyError, TypeError):
        return None, None


def _write(note: Path, believed_s: float | None, doubted_s: float | None) -> None:
    draft = note.with_name(f"{note.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"believed": believed_s, "doubted": doubted_s}, file)
    draft.replace(note)
