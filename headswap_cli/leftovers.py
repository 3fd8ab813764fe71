"""What a download that was stopped leaves beside its target, told from files of the user's own."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def part_of(target: Path) -> Path:
    """Return where the bytes of a file lie while it is incomplete."""
    return target.with_name(target.name + ".part")


def note_of(target: Path) -> Path:
    """Return where it is written whose bytes they are."""
    return target.with_name(target.name + ".part.json")


def check_way(target: Path) -> None:
    """Check that no file of somebody else's would be lost on the way to ``target``.

    A part is ours if there is a note beside it; what has no byte yet is nobody's loss.

    Raises:
        InputError: there is one.
    """
    part, note = part_of(target), note_of(target)
    is_noted = os.path.lexists(note)
    if os.path.lexists(part):
        foreign = None if is_noted or _is_empty(part) else part
    else:
        foreign = note if is_noted and not _is_ours(note) else None
    if foreign is not None:
        raise InputError(
            f"{str(foreign)!r} is in the way, and no download of this program left it there.",
            hint="Move it away, or save elsewhere: -o FILE",
        )


def _is_empty(path: Path) -> bool:
    found = path.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_size == 0


def _is_ours(note: Path) -> bool:
    try:
        return {"url", "mode"}.issubset(json.loads(note.read_bytes()[:16384]))
    except (OSError, ValueError, TypeError):
        return False
