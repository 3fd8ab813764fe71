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
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, offset: int) -> None:
        os.lseek(descriptor, offset, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    # There are no locks that several have: who looks is in the way of who looks for microseconds.
    _share = _lock

    def _unlock(descriptor: int, offset: int) -> None:
        os.lseek(descriptor, offset, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int, offset: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)

    def _share(descriptor: int, offset: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, offset)

    def _unlock(descriptor: int, offset: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, offset)


_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS}
# Who only looks at a lock has it for microseconds: who works on the run has it after these too.
_LOOKS_S = (0.001, 0.01)


@dataclass(slots=True)
class _LockFile:
    descriptor: int
    taken: set[int] = field(default_factory=set)


_open_files: Final[dict[Path, _LockFile]] = {}
_guard = threading.Lock()


def take(path: Path, offset: int, *, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Take the lock that is this byte of the file; return False if anybody has it, this process included.

    Any thread may give it back.

    Raises:
        OSError: the file can't be opened.
    """
    place = Path(os.path.realpath(path))
    with _guard:
        return _take(place, offset, sleep)


def give_back(path: Path, offset: int) -> None:
    """Give a lock back that ``take`` has taken."""
    place = Path(os.path.realpath(path))
    with _guard:
        _give_back(place, offset)


def is_taken(path: Path, offset: int) -> bool:
    """Return whether anybody has a lock, this process included; none of its threads is in the way meanwhile.

    Raises:
        OSError: the file can't be opened.
    """
    place = Path(os.path.realpath(path))
    with _guard:
        file = _open(place)
        if offset in file.taken:
            return True
        is_free = _is_locked(_share, file.descriptor, offset)
        if is_free:
            with suppress(OSError):
                _unlock(file.descriptor, offset)
        _close_unused(place, file)
        return not is_free


def _open(place: Path) -> _LockFile:
    file = _open_files.get(place)
    if file is None:
        file = _open_files[place] = _LockFile(os.open(place, os.O_RDWR | os.O_CREAT, 0o600))
    return file


def _take(place: Path, offset: int, sleep: Callable[[float], None]) -> bool:
    file = _open(place)
    if offset in file.taken:
        return False
    if not _is_locked(_lock, file.descriptor, offset):
        for wait_s in _LOOKS_S:
            sleep(wait_s)
            if _is_locked(_lock, file.descriptor, offset):
                break
        else:
            _close_unused(place, file)
            return False
    file.taken.add(offset)
    return True


def _is_locked(lock: Callable[[int, int], None], descriptor: int, offset: int) -> bool:
    """Lock a byte, one way or the other; return whether this process has it now."""
    try:
        lock(descriptor, offset)
    except OSError as error:
        # Some network file systems have no locks; one command at a time is safe there too.
        return error.errno in _NO_LOCKS
    return True


def _give_back(place: Path, offset: int) -> None:
    file = _open_files[place]
    with suppress(OSError):
        _unlock(file.descriptor, offset)
    file.taken.remove(offset)
    _close_unused(place, file)


def _close_unused(place: Path, file: _LockFile) -> None:
    if not file.taken:
        del _open_files[place]
        os.close(file.descriptor)
