"""One at a time works on a run; the lock goes with the process that holds it, however it ends.

All locks are bytes of one file, so that hundreds of them cost one file descriptor. A process keeps one
descriptor for it, because POSIX drops every lock that a process has on a file when it closes any
descriptor of it; and a set beside it, because such locks never exclude the process itself.
https://pubs.opengroup.org/onlinepubs/9699919799/functions/fcntl.html
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Final

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, offset: int) -> None:
        os.lseek(descriptor, offset, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int, offset: int) -> None:
        os.lseek(descriptor, offset, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int, offset: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)

    def _unlock(descriptor: int, offset: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, offset)


_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS}


@dataclass(slots=True)
class _LockFile:
    descriptor: int
    taken: set[int] = field(default_factory=set)


_open_files: Final[dict[Path, _LockFile]] = {}
_guard = threading.Lock()


def take(path: Path, offset: int) -> bool:
    """Take the lock that is this byte of the file; return False if anybody has it, this process included.

    Any thread may give it back.

    Raises:
        OSError: the file can't be opened.
    """
    place = Path(os.path.realpath(path))
    with _guard:
        file = _open_files.get(place)
        if file is None:
            file = _LockFile(os.open(place, os.O_RDWR | os.O_CREAT, 0o600))
            _open_files[place] = file
        if offset in file.taken:
            return False
        try:
            _lock(file.descriptor, offset)
        except OSError as error:
            # Some network file systems have no locks; one command at a time is safe there too.
            if error.errno not in _NO_LOCKS:
                _close_unused(place, file)
                return False
        file.taken.add(offset)
        return True


def give_back(path: Path, offset: int) -> None:
    """Give a lock back that ``take`` has taken."""
    place = Path(os.path.realpath(path))
    with _guard:
        file = _open_files[place]
        with suppress(OSError):
            _unlock(file.descriptor, offset)
        file.taken.remove(offset)
        _close_unused(place, file)


def _close_unused(place: Path, file: _LockFile) -> None:
    if not file.taken:
        del _open_files[place]
        os.close(file.descriptor)
