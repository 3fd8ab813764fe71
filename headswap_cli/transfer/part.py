"""A file on its way to its name: private while it is incomplete, on the disk before it is renamed."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError, TransferError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO


def create_part(
    part: Path, stall_timeout_s: float, now: Callable[[], float] = time.time
) -> tuple[BinaryIO, int]:
    """Create ``part`` for the owner alone; return it open, and the mode a new file has here by default.

    One that nobody has written to for a whole stall timeout was left by a killed process and is replaced.
    """
    try:
        if part.is_symlink() or (part.exists() and now() - part.stat().st_mtime > stall_timeout_s):
            part.unlink()
        file = part.open("xb")
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        part.chmod(0o600)
    except FileExistsError as error:
        raise InputError(
            f"Another download seems to be writing {str(part)!r}.", hint=f"If none is: rm {str(part)!r}"
        ) from error
    except OSError as error:
        raise InputError(f"{str(part)!r} can't be created: {error.strerror}.", hint="Use -o FILE") from error
    return file, mode


def write_chunks(
    file: BinaryIO, part: Path, chunks: Iterator[bytes], on_size: Callable[[int], object]
) -> tuple[int, str]:
    """Write all chunks down to the disk; return their length and SHA-256."""
    size_bytes, digest = 0, hashlib.sha256()
    with file:
        for chunk in chunks:
            with writing(part):
                file.write(chunk)
            digest.update(chunk)
            size_bytes += len(chunk)
            on_size(size_bytes)
        with writing(part):
            file.flush()
            os.fsync(file.fileno())
    return size_bytes, digest.hexdigest()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into ours."""
    try:
        yield
    except OSError as error:
        raise TransferError(
            f"{str(path)!r} can't be written: {error.strerror}.", hint="Make room, or save elsewhere: -o FILE"
        ) from error


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` outlive a power cut, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
