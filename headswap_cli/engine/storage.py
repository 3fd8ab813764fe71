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
    from collections.abc import Collection, Iterator
    from types import TracebackType

UPLOAD_LIMIT_BYTES = 4 * 1024**3
PREVIEW_TYPE = "image/jpeg"
RESULT_TYPE = "video/mp4"
# File systems round times, and other machines' clocks are never quite ours.
CLOCK_SLACK_S = 60.0

_UPLOAD = re.compile(r"[0-9a-f]{64}")
_PREVIEW = re.compile(r"[0-9a-f]{24}-[0-9]{1,4}\.jpg")
_RESULT = re.compile(r"[0-9a-f]{24}\.mp4")
_FETCHED = re.compile(r"[0-9a-f]{24}(-[0-9]{1,4}){0,2}\.fetched")


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


def fetched_name(job_id: str, obj_id: int | None = None, number: int = 0) -> str:
    """Return the name of what a job fetched: its source video, or a person's photo, numbered from 0."""
    if obj_id is None:
        return f"{job_id}.fetched"
    return f"{job_id}-{obj_id}-{number}.fetched" if number else f"{job_id}-{obj_id}.fetched"


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
            _FETCHED: folder / "fetched",
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

    @contextlib.contextmanager
    def made(self, name: str, job_id: str) -> Iterator[Path]:
        """Yield a draft to write to; unless that fails it is put in its place as ``name``, whole and durable.

        Every attempt has a draft of its own: a worker whose server was killed may be writing still.

        Raises: ValueError: ``name`` is no name of ours.
        """
        target = self.path(name)
        if target is None:
            raise ValueError(f"no name of a media file: {name!r}")
        draft = self.drafts / f"{job_id}.{secrets.token_hex(8)}{target.suffix}"
        try:
            yield draft
            draft.chmod(0o600)
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)

    def clear(self, before_s: float | None = None, *, keep: Collection[str] = ()) -> int:
        """Delete files, all of them or those not touched since ``before_s`` (Unix time); return how many.

        Args:
            before_s: The time; None deletes whatever its age.
            keep: Names of files that stay.
        """
        old = [
            path
            for place in self._places.values()
            for path in place.iterdir()
            if path.name not in keep and (before_s is None or _is_older(path, before_s))
        ]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def clear_made(self) -> int:
        """Delete all previews and results; return how many."""
        made = [path for kind in (_PREVIEW, _RESULT) for path in self._places[kind].iterdir()]
        for path in made:
            path.unlink(missing_ok=True)
        return len(made)

    def redate(self, now_s: float) -> None:
        """Date back to ``now_s`` what claims to be younger: a clock that was set back makes nothing stay."""
        for path in (path for place in self._places.values() for path in place.iterdir()):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime > now_s + CLOCK_SLACK_S:
                    os.utime(path, (now_s, now_s))

    def drop_made(self, job_id: str) -> None:
        """Delete all that a job has made or fetched, finished or not; only while nobody works on it."""
        self.drop_drafts(job_id)
        for kind in (_PREVIEW, _RESULT, _FETCHED):
            for path in self._places[kind].glob(f"{job_id}[.-]*"):
                path.unlink(missing_ok=True)

    def drop_drafts(self, job_id: str = "") -> None:
        """Delete what was never finished, of one job or all; only while nobody writes."""
        for path in self.drafts.glob(f"{job_id}*"):
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
