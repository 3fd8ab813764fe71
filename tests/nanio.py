"""A real S3-compatible server on loopback, which checks signatures and their expiry."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

BUCKET = "shelf"


class Nanio:
    """The server, with one bucket; what it holds are files in a folder.

    Args:
        folder: Where it keeps its objects.
    """

    def __init__(self, folder: Path) -> None:
        if find_spec("nanio") is None:
            pytest.skip("the S3 server is not installed: pip install nanio")
        self.folder = folder
        self.bucket = folder / BUCKET
        self.bucket.mkdir(parents=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.keys = {"AWS_ACCESS_KEY_ID": "AKIDNANIO", "AWS_SECRET_ACCESS_KEY": "secret-of-nanio"}

    def __enter__(self) -> Self:
        env = {"NANIO_ACCESS_KEY": self.keys["AWS_ACCESS_KEY_ID"]}
        env |= {"NANIO_SECRET_KEY": self.keys["AWS_SECRET_ACCESS_KEY"]}
        serve = ("serve", "--host", "127.0.0.1", "--port", str(self.port), "--data-dir", str(self.folder))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "nanio", *serve],
            env={**os.environ, **env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 30
        while not self._is_listening():
            assert self._process.poll() is None, "nanio ended"
            assert time.monotonic() < until, "nanio does not listen"
            time.sleep(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)

    def hosting_for(self, name: str) -> str:
        """Return a setting with a prefix of its own; a space in it is as good as any letter."""
        prefix = quote("".join(letter if letter.isalnum() else " " for letter in name))
        return f"s3://{BUCKET}/{prefix}?endpoint={self.url}&region=us-east-1"

    def _is_listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
