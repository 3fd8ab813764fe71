"""The hash of a file that is still growing, worked out beside whoever writes it."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

_BLOCK_BYTES = 1 << 20
# So much must be new before a thread is bothered with it.
_STEP_BYTES = 4 << 20


class GrowingDigest:
    """The SHA-256 of the file at ``path``, read as it grows: receiving need not wait for it.

    Args:
        path: What is in it must not change any more, only what comes behind.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = hashlib.sha256()
        self._hashed_bytes = 0
        self._thread: ThreadPoolExecutor | None = None
        self._job: Future[None] | None = None

    def grown(self, size_bytes: int) -> None:
        """Say how long the file is now."""
        if size_bytes - self._hashed_bytes < _STEP_BYTES or (self._job is not None and not self._job.done()):
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "hash")
        self._wait()
        self._job = self._thread.submit(self._hash, size_bytes)

    def finish(self, size_bytes: int) -> str:
        """Return the hash of that many bytes, in lower-case hex."""
        self._wait()
        self._hash(size_bytes)
        self.close()
        return self._digest.hexdigest()

    def close(self) -> None:
        """Let the thread go, and the file."""
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    def _wait(self) -> None:
        if self._job is not None:
            self._job.result()
            self._job = None

    def _hash(self, size_bytes: int) -> None:
        with self._path.open("rb", buffering=0) as file:
            file.seek(self._hashed_bytes)
            while block := file.read(min(_BLOCK_BYTES, size_bytes - self._hashed_bytes)):
                self._digest.update(block)
                self._hashed_bytes += len(block)
