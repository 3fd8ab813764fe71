"""The engine's files: what was uploaded, previews of people, results. Names are checked, never joined raw."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

UPLOAD_LIMIT_BYTES = 4 * 1024**3
PREVIEW_TYPE = "image/jpeg"
RESULT_TYPE = "video/mp4"

_UPLOAD = re.compile(r"[0-9a-f]{64}")
_PREVIEW = re.compile(r"[0-9a-f]{24}-[0-9]{1,4}\.jpg")
_RESULT = re.compile(r"[0-9a-f]{24}\.mp4")


class TooLargeError(Exception):
    """More bytes arrived than the store takes."""


class HashMismatchError(Exception):
    """The bytes are not those that the name promises."""


def is_upload_name(name: str) -> bool:
    """Whether ``name`` is one of an uploaded file: the lower-case hex SHA-256 of its bytes."""
    return _UPLOAD.fullmatch(name) is not None


def preview_name(analysis_id: str, obj_id: int) -> str:
    """Return the name of the picture that shows a person of an analysis."""
    return f"{analysis_id}-{obj_id}.jpg"


def result_name(task_id: str) -> str:
    """Return the name of a task's video."""
    return f"{task_id}.mp4"


def media_type(name: str) -> str:
    """Return the content type of a stored file; uploads are bytes of whatever kind."""
    return {".jpg": PREVIEW_TYPE, ".mp4": RESULT_TYPE}.get(Path(name).suffix, "application/octet-stream")


class MediaStore:
    """Files under one folder, readable by their owner only.

    Args:
        folder: Where they lie; made if need be.
        limit_bytes: The largest upload.
    """

    def __init__(self, folder: Path, *, limit_bytes: int = UPLOAD_LIMIT_BYTES) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self.drafts = folder / "drafts"
        self._places = {
            _UPLOAD: folder / "uploads",
            _PREVIEW: folder / "previews",
            _RESULT: folder / "results",
        }
        for place in (folder, self.drafts, *self._places.values()):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, name: str) -> Path | None:
        """Return where ``name`` lies or would lie; None if it is no name of ours."""
        for pattern, place in self._places.items():
            if pattern.fullmatch(name):
                return place / name
        return None

    def find(self, name: str) -> Path | None:
        """Return the file called ``name``, or None."""
        path = self.path(name)
        return path if path is not None and path.is_file() else None

    def touch(self, name: str) -> bool:
        """Note that ``name`` is in use, so that it is not cleared away as old; False if it isn't there."""
        path = self.find(name)
        if path is None:
            return False
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)
            return True
        return False

    def receive(self, sha256: str) -> Upload:
        """Begin to take in the file whose bytes have this hash."""
        return Upload(self.drafts / secrets.token_hex(8), self._places[_UPLOAD] / sha256, self.limit_bytes)

    def clear(self, before_s: float) -> int:
        """Delete files not touched since ``before_s`` (Unix time); return how many."""
        old = [
            path for place in self._places.values() for path in place.iterdir() if _is_older(path, before_s)
        ]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def drop_drafts(self) -> None:
        """Delete what was never finished; only while nobody writes."""
        for path in self.drafts.iterdir():
            path.unlink(missing_ok=True)


def _is_older(path: Path, before_s: float) -> bool:
    try:
        return path.stat().st_mtime < before_s
    except FileNotFoundError:
        return False


class Upload:
    """A file on its way in: a draft until its hash is proved, then in its place at once.

    A context manager; whatever was not kept is deleted when it ends.
    """

    def __init__(self, draft: Path, target: Path, limit_bytes: int) -> None:
        self._draft = draft
        self._target = target
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        self._hash = hashlib.sha256()
        self._file = os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A full disk can refuse the last buffered bytes too; the draft goes either way.
        with contextlib.suppress(OSError):
            self._file.close()
        self._draft.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            TooLargeError: The limit is passed.
            OSError: They cannot be written.
        """
        self._size_bytes += len(data)
        if self._size_bytes > self._limit_bytes:
            raise TooLargeError
        self._hash.update(data)
        self._file.write(data)

    def keep(self) -> None:
        """Put the file in its place, durably.

        Raises:
            HashMismatchError: It is not what its name promises.
            OSError: It cannot be written.
        """
        if self._hash.hexdigest() != self._target.name:
            raise HashMismatchError
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._draft.replace(self._target)
