"""What a terminal can draw: asked of it, within a moment, and only where there is one.

Libraries that ask fail where stdin is no terminal, or eat what was typed; here the terminal itself is opened.
"""

from __future__ import annotations

import os
import re
import sys
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TextIO

from headswap_cli.render.view import is_live
from headswap_cli.render.words import size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What a VT340 has, and most fonts come close to.
USUAL_CELL = (10, 20)
# A terminal at the other end of the world answers within this; then it is one that never does.
PATIENCE_S = 1.0
_MOST_BYTES = 4096
# A kitty picture of one pixel that is not to be shown, the size of a cell, and what every terminal answers.
# https://sw.kovidgoyal.net/kitty/graphics-protocol/#querying-support-and-available-transmission-mediums
_QUESTION = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[16t\x1b[c"
_KITTY_ANSWER = re.compile(rb"\x1b_Gi=31;OK")
_CELL_ANSWER = re.compile(rb"\x1b\[6;(\d{1,4});(\d{1,4})t")
_LAST_ANSWER = re.compile(rb"\x1b\[\?([\d;]*)c")
_SIXEL = b"4"
# Multiplexers swallow pictures, and these two print the question instead of answering it.
_UNASKED = ("screen", "tmux", "linux")
_UNASKED_PROGRAMS = frozenset({"Apple_Terminal"})
_TRUE_COLOURS = frozenset({"truecolor", "24bit"})
_ITERM = frozenset({"iTerm.app", "WezTerm"})


class Graphics(StrEnum):
    """How pictures are drawn."""

    KITTY = "kitty"
    ITERM = "iterm"
    SIXEL = "sixel"
    BLOCKS = "blocks"


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal that draws pictures; ``cell`` is a character's width and height in pixels."""

    graphics: Graphics
    columns: int
    lines: int
    cell: tuple[int, int] = USUAL_CELL
    true_colours: bool = False


def drawing_terminal(stream: TextIO, env: Mapping[str, str] = os.environ) -> Terminal | None:
    """Return what the terminal behind ``stream`` can draw.

    Returns: None for a pipe or a file, a dumb terminal, where ``NO_COLOR`` is set, and where the stream's
        text could not hold half blocks.
    """
    if not is_live(stream, env) or env.get("NO_COLOR") or not _takes_blocks(stream):
        return None
    known = _known(env)
    answer = _asked(stream) if known is None else b""
    size = size_of(stream)
    return Terminal(
        graphics=known or graphics_of(answer),
        columns=size.columns,
        lines=size.lines,
        cell=cell_of(answer, stream),
        true_colours=env.get("COLORTERM") in _TRUE_COLOURS,
    )


def graphics_of(answer: bytes) -> Graphics:
    """Return the best way to draw that a terminal's answer names."""
    if _KITTY_ANSWER.search(answer):
        return Graphics.KITTY
    attributes = _LAST_ANSWER.search(answer)
    if attributes and _SIXEL in attributes[1].split(b";"):
        return Graphics.SIXEL
    return Graphics.BLOCKS


def cell_of(answer: bytes, stream: TextIO) -> tuple[int, int]:
    """Return a character's width and height: as the terminal said, as the system knows, or as is usual."""
    told = _CELL_ANSWER.search(answer)
    width, height = (int(told[2]), int(told[1])) if told else _cell_by_system(stream)
    return (width, height) if 2 <= width <= 200 and 4 <= height <= 400 else USUAL_CELL


def _known(env: Mapping[str, str]) -> Graphics | None:
    """Return what the environment says for sure; None where the terminal is to be asked."""
    term, program = env.get("TERM", ""), env.get("TERM_PROGRAM", "")
    if (
        env.get("TMUX")
        or term.startswith(_UNASKED)
        or program in _UNASKED_PROGRAMS
        or sys.platform == "win32"
    ):
        return Graphics.BLOCKS
    return Graphics.ITERM if program in _ITERM or env.get("LC_TERMINAL") == "iTerm2" else None


def _takes_blocks(stream: TextIO) -> bool:
    try:
        "▀".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


if sys.platform == "win32":

    def _asked(stream: TextIO) -> bytes:
        return b""

    def _cell_by_system(stream: TextIO) -> tuple[int, int]:
        return 0, 0

else:
    import fcntl
    import select
    import struct
    import termios

    def _asked(stream: TextIO) -> bytes:
        """Ask the terminal and return what it answers; nothing where it is not this process's to ask."""
        try:
            opened = os.open(os.ttyname(stream.fileno()), os.O_RDWR | os.O_NOCTTY)
        except OSError:
            return b""
        try:
            # In the background a read would stop this process, not fail.
            if os.tcgetpgrp(opened) != os.getpgrp():
                return b""
            stream.flush()
            return ask(opened)
        except (OSError, termios.error):
            return b""
        finally:
            os.close(opened)

    def ask(
        terminal: int, *, patience_s: float = PATIENCE_S, clock: Callable[[], float] = time.monotonic
    ) -> bytes:
        """Return what the terminal behind a file descriptor answers, or as much as comes in time."""
        kept = termios.tcgetattr(terminal)
        quiet = [*kept]
        quiet[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(terminal, termios.TCSANOW, quiet)
        try:
            os.write(terminal, _QUESTION)
            return _read_answer(terminal, clock() + patience_s, clock)
        finally:
            termios.tcsetattr(terminal, termios.TCSANOW, kept)

    def _read_answer(terminal: int, give_up: float, clock: Callable[[], float]) -> bytes:
        answer = b""
        # Byte by byte: what was typed behind the answer is the shell's.
        while len(answer) < _MOST_BYTES and not _LAST_ANSWER.search(answer):
            ready, _, _ = select.select([terminal], [], [], max(0.0, give_up - clock()))
            if not ready or not (byte := os.read(terminal, 1)):
                break
            answer += byte
        return answer

    def _cell_by_system(stream: TextIO) -> tuple[int, int]:
        try:
            size = fcntl.ioctl(stream.fileno(), termios.TIOCGWINSZ, bytes(8))
        except OSError:
            return 0, 0
        rows, columns, width, height = struct.unpack("4H", size)
        return (width // columns, height // rows) if rows and columns else (0, 0)
