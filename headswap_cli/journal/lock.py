"""One process at a time works on a run; the lock goes with the process that holds it, however it ends."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt

    def _take(file: BinaryIO) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def exclusive(path: Path) -> Iterator[bool]:
    """Hold the lock at ``path`` and yield True; yield False where another process holds it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            _take(file)
        except OSError:
            yield False
            return
        if not _is_at(path, file):
            # Whoever held it before has just removed the name; the next file under it may be held, too.
            with exclusive(path) as is_held:
                yield is_held
            return
        try:
            yield True
        finally:
            # Before the lock goes, so that nobody takes it on a file that is about to vanish.
            with suppress(OSError):
                path.unlink()


def _is_at(path: Path, file: BinaryIO) -> bool:
    if sys.platform == "win32":
        return True
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
