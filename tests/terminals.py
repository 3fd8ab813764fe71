"""A real terminal for a command: one that answers what terminals are asked, with keys to press."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import Headswap

LONG_S = 60.0
XTERM = b"\x1b[?62;22c"
SIXEL = b"\x1b[6;20;10t\x1b[?62;4;22c"
KITTY = b"\x1b_Gi=31;OK\x1b\\\x1b[6;20;10t\x1b[?62c"
_QUESTION = b"\x1b[c"
STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[78]|\x1b_G[^\x1b]*\x1b\\|\x1bP[^\x1b]*\x1b\\")
# Gives the command a session of its own and the terminal on its stdin as the one that controls it.
_SEIZE = (
    "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.argv[1], sys.argv[1:])"
)


class Screen:
    """A command on a terminal; a context manager that ends it.

    Args:
        headswap: The program and where it runs.
        arguments: The command's.
        answer: What the terminal answers to the question what it is; None lets it stay mute.
        columns: How wide it is.
        stdout: Where stdout goes instead.
        env: Variables, over those of ``headswap``.
    """

    def __init__(
        self,
        headswap: Headswap,
        *arguments: object,
        answer: bytes | None = XTERM,
        columns: int = 80,
        stdout: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._headswap, self._answer = headswap, answer
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 30, columns, 0, 0))
        known = {name: value for name, value in headswap.env.items() if name not in {"TMUX", "COLORTERM"}}
        shown = {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "30"}
        out = stdout.open("wb") if stdout else None
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SEIZE, *headswap.command(*arguments)],
            cwd=headswap.cwd,
            env={**known, **shown, **(env or {})},
            stdin=theirs,
            stdout=out or theirs,
            stderr=theirs,
        )
        os.close(theirs)
        if out:
            out.close()
        self.seen = b""
        self._answered = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LONG_S)
        os.close(self._ours)

    @property
    def text(self) -> str:
        """All that was shown, without what steers and draws."""
        return STEERING.sub("", self.seen.decode(errors="replace"))

    def press(self, keys: str | bytes) -> None:
        """Press keys, or paste text."""
        os.write(self._ours, keys.encode() if isinstance(keys, str) else keys)

    def until(self, text: str) -> None:
        """Wait until a text was shown after the last key that was waited for."""
        start = len(self.text)
        while text not in self.text[start:] and text not in self.text[-4000:]:
            assert self._look(), f"{text!r} was not shown: {self.text}"

    def ended(self) -> int:
        """Wait for the end and return the exit code."""
        while self._look():
            pass
        code = self.process.wait(LONG_S)
        self._headswap.assert_secret(self.text)
        assert "Traceback" not in self.text, self.text
        return code

    def _look(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], LONG_S)
        assert ready, f"nothing came: {self.text}"
        try:
            chunk = os.read(self._ours, 65536)
        except OSError:  # EIO: nobody holds the other end any more
            return False
        self.seen += chunk
        if self._answer is not None and self.seen.count(_QUESTION) > self._answered:
            self._answered += 1
            os.write(self._ours, self._answer)
        return bool(chunk)
