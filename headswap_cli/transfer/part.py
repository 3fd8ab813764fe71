"""A file on its way to its name: private and locked while it is incomplete, on the disk before it is renamed.

``NAME.part`` holds the bytes and ``NAME.part.json`` says whose they are. That note is always written before
the first byte it speaks of, so that bytes are never taken for another object's, whatever kills the process.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headswap_cli.errors import InputError, TransferError
from headswap_cli.leftovers import check_way, note_of, part_of
from headswap_cli.models import Saved
from headswap_cli.transfer.digest import GrowingDigest
from headswap_cli.transfer.ranges import Held, strong_etag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

    from headswap_cli.transfer.ranges import Ruling

_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
# Windows locks bytes, and a locked byte can't be read: this one is beyond every result.
_LOCKED_BYTE = 1 << 40


@dataclass(frozen=True, slots=True)
class _Note:
    """Whose bytes they are, and the mode that a new file has in that folder."""

    identity: str
    mode: int
    etag: str | None = None
    total: int | None = None


class Part:
    """The ``.part`` of one target, this process's alone until it is closed.

    It is kept for a later process if that could go on with it, and removed otherwise.
    """

    def __init__(self, target: Path, file: FileIO, note: _Note) -> None:
        self.path = part_of(target)
        self._target, self._file, self._note = target, file, note
        self._size_bytes = os.fstat(file.fileno()).st_size
        self._digest = GrowingDigest(self.path)
        self._is_there, self._is_whole = True, False

    @property
    def held(self) -> Held:
        """What is on the disk by now."""
        return Held(self._size_bytes, self._note.etag, self._note.total)

    def replace(self, ruling: Ruling) -> None:
        """Forget the bytes and begin another object's."""
        self._digest.close()
        with writing(self.path):
            if self._size_bytes:
                self._file.truncate(0)
                os.fsync(self._file.fileno())
            self._file.seek(0)
            self._size_bytes = 0
            self._note = replace(self._note, etag=ruling.etag, total=ruling.total)
            _write_note(note_of(self._target), self._note)
        self._digest = GrowingDigest(self.path)

    def resume(self, ruling: Ruling) -> None:
        """Get ready to go on behind the last byte."""
        self._note = replace(self._note, total=ruling.total)
        self._file.seek(self._size_bytes)

    def append(self, chunk: bytes) -> None:
        """Add bytes; they outlive this process at once, though not yet a power cut."""
        left = memoryview(chunk)
        try:
            while left:
                written = self._file.write(left)
                self._size_bytes += written
                left = left[written:]
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self._digest.grown(self._size_bytes)

    def sync(self) -> None:
        """Bring the bytes down to the disk."""
        with writing(self.path):
            os.fsync(self._file.fileno())

    def sha256(self) -> str:
        """Return the hash of the whole file, in lower-case hex."""
        with writing(self.path):
            return self._digest.finish(self._size_bytes)

    def become_target(self, *, force: bool = True) -> Saved:
        """Give the file its name, in place of an older one if ``force``.

        Raises:
            InputError: something has that name by now; the part is kept, whole.
        """
        sha256 = self.sha256()
        with writing(self._target):
            self.path.chmod(self._note.mode)
            if os.name != "posix":  # an open file can't be renamed there
                self._file.close()
            try:
                (self.path.replace if force else self._take_free_name)(self._target)
            except FileExistsError as error:
                self._is_whole = True
                raise InputError(
                    f"{str(self._target)!r} appeared meanwhile and was left as it is; the result is kept as "
                    f"{str(self.path)!r}.",
                    hint="Save it elsewhere: -o FILE, or over that one: --force",
                ) from error
        self._is_there = False
        note_of(self._target).unlink(missing_ok=True)
        sync_folder(self._target.parent)
        return Saved(self._target, self._size_bytes, sha256)

    def _take_free_name(self, target: Path) -> None:
        """Rename unless there is such a file; only a link or Windows can do so in one step."""
        if os.name != "posix":
            self.path.rename(target)
            return
        try:
            target.hardlink_to(self.path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if os.path.lexists(target):
                raise FileExistsError(target) from None
            self.path.replace(target)
        else:
            self.path.unlink()

    def discard(self) -> None:
        """Remove it: nobody can go on with it."""
        if not self._is_there:
            return
        self._is_there = False
        self._digest.close()
        if os.name != "posix":
            self._file.close()
        self.path.unlink(missing_ok=True)
        note_of(self._target).unlink(missing_ok=True)

    def close(self) -> None:
        """Let the next process have it, if it is any use."""
        if not (self._is_whole or self.held.is_resumable):
            self.discard()
        self._digest.close()
        self._file.close()


@contextmanager
def open_part(target: Path, identity: str) -> Iterator[Part]:
    """Open the part of ``target``, with what an earlier process left of the same object.

    Args:
        target: The name it is to get.
        identity: Which object it is, whatever the link is signed with.

    Raises:
        InputError: another process is writing it, nothing can be written there, or as ``check_way``.
    """
    path = part_of(target)
    check_way(target)
    try:
        file, note = _take(target, identity)
    except (BlockingIOError, PermissionError) as error:
        raise InputError(
            f"Another download is writing {str(path)!r}, or it is not yours.",
            hint="Let it finish, or save elsewhere: -o FILE",
        ) from error
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be created: {error.strerror}.", hint="Use -o FILE") from error
    part = Part(target, file, note)
    try:
        yield part
    finally:
        part.close()


def clear_part(target: Path) -> None:
    """Remove what is left beside a file that has got its name: its first name, and whose bytes they were."""
    part = part_of(target)
    with suppress(OSError):
        if os.path.samestat(part.lstat(), target.lstat()):
            part.unlink()
    if not os.path.lexists(part):
        with suppress(OSError):
            note_of(target).unlink()


def _take(target: Path, identity: str) -> tuple[FileIO, _Note]:
    """Open and lock the part, an earlier one if it can be gone on with; every turn ends or removes a file."""
    path = part_of(target)
    while True:
        try:
            file = _opened(path, os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            with suppress(FileNotFoundError):
                if (taken := _take_earlier(target, identity)) is not None:
                    return taken
            continue
        try:
            _lock(file)
            if _is_at(file, path):
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                path.chmod(0o600)
                return file, _Note(identity, mode)
        except BaseException:
            file.close()
            raise
        file.close()


def _take_earlier(target: Path, identity: str) -> tuple[FileIO, _Note] | None:
    """Return an earlier process's part if it is of that object; else remove it, unless it is in use."""
    path = part_of(target)
    if not _is_own(path):
        path.unlink()
        return None
    file = _opened(path, 0)
    try:
        _lock(file)
        if _is_at(file, path):
            note = _read_note(note_of(target))
            if note is not None and note.identity == identity:
                return file, note
            path.unlink()
    except BaseException:
        file.close()
        raise
    file.close()
    return None


def _opened(path: Path, more_flags: int) -> FileIO:
    # Unbuffered: what was received is the system's at once, and no signal finds it half handed over.
    return open(os.open(path, _FLAGS | more_flags, 0o666), "r+b", buffering=0)  # noqa: PTH123


def _is_own(path: Path) -> bool:
    """Whether there is a plain file of this user alone; a link could lead anywhere."""
    found = path.lstat()
    is_mine = os.name != "posix" or found.st_uid == os.geteuid()
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and is_mine


def _is_at(file: FileIO, path: Path) -> bool:
    """Whether the open file still has that name: it may have got its last one before the lock was ours."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    return False


if sys.platform == "win32":
    import msvcrt

    def _lock(file: FileIO) -> None:
        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import errno
    import fcntl

    def _lock(file: FileIO) -> None:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # Some network file systems have no locks; one download at a time is safe there too.
            if error.errno not in {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS}:
                raise


def _write_note(path: Path, note: _Note) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump({"url": note.identity, "etag": note.etag, "total": note.total, "mode": note.mode}, file)
    fresh.replace(path)


def _read_note(path: Path) -> _Note | None:
    """Return the note, None if there is none or anything in it is not as it was written."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes()[:16384])
        etag, total = found["etag"], found["total"]
        note = _Note(str(found["url"]), int(found["mode"]) & 0o666, etag, total)
        is_sound = etag is None or strong_etag({"etag": etag}) == etag
        return note if is_sound and (total is None or (type(total) is int and total >= 0)) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into ours."""
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> TransferError:
    return TransferError(
        f"{str(path)!r} can't be written: {error.strerror}.", hint="Make room, or save elsewhere: -o FILE"
    )


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` outlive a power cut, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
