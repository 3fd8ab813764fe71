"""Keys as a terminal sends them, read one by one; the terminal is left as it was found."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator


class Key(StrEnum):
    """A key that is no text."""

    UP = "up"
    DOWN = "down"
    LEFT = "left"
    RIGHT = "right"
    ENTER = "enter"
    TAB = "tab"
    BACKSPACE = "backspace"
    CLEAR = "clear"
    ESCAPE = "escape"
    INTERRUPT = "interrupt"


# What lies between these was pasted, or dropped from the file manager, and is text whatever it holds.
_PASTE = re.compile(rb"\x1b\[200~(.*?)\x1b\[201~", re.DOTALL)
_PASTE_START = b"\x1b[200~"
_SEQUENCE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[@-~]|[^\[O\x1b])")
_ARROWS = {b"A": Key.UP, b"B": Key.DOWN, b"C": Key.RIGHT, b"D": Key.LEFT, b"Z": Key.UP}
_CONTROLS = {
    "\r": Key.ENTER,
    "\n": Key.ENTER,
    "\t": Key.TAB,
    "\x7f": Key.BACKSPACE,
    "\b": Key.BACKSPACE,
    "\x15": Key.CLEAR,
    "\x03": Key.INTERRUPT,
    "\x04": Key.ESCAPE,
}
# After so long a lone escape is the key and no beginning.
_LONE_S = 0.05
_LONGEST = 65536


def parse_keys(data: bytes, *, is_all: bool) -> tuple[list[Key | str], bytes]:
    """Return the keys in what a terminal sent, text letter by letter but a paste as a whole.

    Args:
        data: What came and was not used yet.
        is_all: Whether nothing comes that could belong to it.

    Returns: The keys, and the beginning of one that is not all there, never with ``is_all``.
    """
    keys: list[Key | str] = []
    while data:
        if data.startswith(b"\x1b"):
            key, size = _sequence(data, is_all=is_all)
        else:
            key, size = _letter(data, is_all=is_all)
        if size == 0:
            break
        data = data[size:]
        if key is not None:
            keys.append(key)
    return keys, data


def _sequence(data: bytes, *, is_all: bool) -> tuple[Key | str | None, int]:
    """Return the key that an escape begins, None if it is none of ours, and its length, 0 if it goes on."""
    if (paste := _PASTE.match(data)) is not None:
        return paste[1].decode(errors="replace"), paste.end()
    is_begun = data.startswith(_PASTE_START) or _PASTE_START.startswith(data)
    if is_begun and not is_all and len(data) < _LONGEST:
        return None, 0
    sequence = _SEQUENCE.match(data)
    if sequence is None:
        return (Key.ESCAPE, 1) if is_all or data.startswith(b"\x1b\x1b") else (None, 0)
    return _ARROWS.get(sequence[0][-1:]) if len(sequence[0]) > 2 else None, sequence.end()


def _letter(data: bytes, *, is_all: bool) -> tuple[Key | str | None, int]:
    """Return the letter at the beginning, and its length in UTF-8, 0 if the rest of it is to come."""
    size = 1 + sum(data[0] >= least for least in (0xC0, 0xE0, 0xF0))
    if len(data) < size and not is_all:
        return None, 0
    text = data[:size].decode(errors="replace")
    if len(text) > 1:
        # No UTF-8: one byte is lost, not its neighbours.
        return None, 1
    return _CONTROLS.get(text, text if text.isprintable() and text != "\ufffd" else None), size


if sys.platform == "win32":
    import msvcrt

    _SPECIAL = {"H": Key.UP, "P": Key.DOWN, "M": Key.RIGHT, "K": Key.LEFT}

    def is_foreground(source: TextIO) -> bool:
        """Whether the keys that are pressed now are meant for this process."""
        return True

    @contextmanager
    def pressed(source: TextIO, shown: TextIO) -> Iterator[Iterator[Key | str]]:
        """Yield the keys as they are pressed."""

        def _keys() -> Iterator[Key | str]:
            while True:
                letter = msvcrt.getwch()
                if letter in "\x00\xe0":
                    special = _SPECIAL.get(msvcrt.getwch())
                    if special is not None:
                        yield special
                elif letter == "\x1b":
                    yield Key.ESCAPE
                else:
                    yield _CONTROLS.get(letter, letter)

        yield _keys()

else:
    import os
    import select
    import termios

    def is_foreground(source: TextIO) -> bool:
        """Whether the keys that are pressed now are meant for this process: to read others' would stop it."""
        try:
            return os.tcgetpgrp(source.fileno()) == os.getpgrp()
        except OSError:
            return False

    @contextmanager
    def pressed(source: TextIO, shown: TextIO) -> Iterator[Iterator[Key | str]]:
        """Yield the keys as they are pressed, from now on: what was typed before is dropped.

        Args:
            source: The terminal that they are pressed on; at its end comes an escape.
            shown: The terminal's screen.
        """
        terminal = source.fileno()
        kept = termios.tcgetattr(terminal)
        quiet = [*kept]
        quiet[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
        termios.tcsetattr(terminal, termios.TCSAFLUSH, quiet)
        shown.write("\x1b[?2004h\x1b[?25l")
        shown.flush()
        try:
            yield _read(terminal)
        finally:
            shown.write("\x1b[?2004l\x1b[?25h")
            shown.flush()
            termios.tcsetattr(terminal, termios.TCSADRAIN, kept)

    def _read(terminal: int) -> Iterator[Key | str]:
        rest = b""
        while True:
            ready, _, _ = select.select([terminal], [], [], _LONE_S if rest else None)
            came = os.read(terminal, 4096) if ready else b""
            if ready and not came:
                yield Key.ESCAPE
                return
            keys, rest = parse_keys(rest + came, is_all=not ready)
            yield from keys
