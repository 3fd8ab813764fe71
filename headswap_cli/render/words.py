"""Text broken between words, where a terminal would break it anywhere; nothing else is ever broken."""

from __future__ import annotations

import os
import re
import shutil
import textwrap
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

# A last column this narrow reads worse than lines of its own below the row.
_LEAST_COLUMN = 20
_BELOW = 4
# A command is there to be copied: it stays whole, to the end of the text, and behind a short label.
_COMMAND = re.compile(r"(?:^[a-z ]{1,12}: |^|(?<= ))(?:headswap|ffmpeg|pip|curl) .*")
# Where a second command begins behind one, with what it is for; if one line is too short, each gets its own.
_NEXT_COMMAND = re.compile(r"(?<=[;,.]) (?=(?:[A-Za-z ]{1,40}:? )?(?:headswap|ffmpeg|pip|curl) )")


def size_of(stream: TextIO) -> os.terminal_size:
    """Return the columns and lines of the terminal behind ``stream``; stdout may lead elsewhere."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return shutil.get_terminal_size()
    return size if size.columns > 0 and size.lines > 0 else shutil.get_terminal_size()


def columns_of(stream: TextIO) -> int | None:
    """Return how wide the terminal behind ``stream`` is; None where it is none."""
    return size_of(stream).columns if stream.isatty() else None


def wrapped(text: str, columns: int | None) -> str:
    """Return sentences in lines of at most ``columns``, as they are for None.

    Words longer than that, paths and commands among them, stay whole.
    """
    if columns is None:
        return text
    return "\n".join(line for sentence in text.split("\n") for line in _lines(sentence, columns))


def laid(starts: Sequence[str], cells: Sequence[str], columns: int | None) -> str:
    """Return rows whose last cells are broken within their column, or below the row where that is too narrow.

    Args:
        starts: What stands before the cells, of the same width in every row.
        cells: The last of each row.
        columns: Of the terminal; None leaves a row on its line.
    """
    return "\n".join(_row(start, cell, columns) for start, cell in zip(starts, cells, strict=True))


def _row(start: str, cell: str, columns: int | None) -> str:
    if columns is None or len(start) + len(cell) <= columns:
        return f"{start}{cell}".rstrip()
    hang, room = len(start), columns - len(start)
    lines = _lines(cell, room)
    if room >= _LEAST_COLUMN and max(map(len, lines)) <= room:
        return start + f"\n{' ' * hang}".join(lines)
    return f"\n{' ' * _BELOW}".join([start.rstrip(), *_lines(cell, columns - _BELOW)])


def _lines(text: str, columns: int) -> list[str]:
    if len(text) <= columns:
        return [text]
    command = _COMMAND.search(text)
    prose, kept = (text[: command.start()], command[0]) if command else (text, "")
    lines = textwrap.wrap(prose, max(1, columns), break_long_words=False, break_on_hyphens=False)
    if not kept:
        return lines or [text]
    first, *others = _NEXT_COMMAND.split(kept)
    if lines and len(lines[-1]) + 1 + len(first) <= columns:
        return [*lines[:-1], f"{lines[-1]} {first}", *others]
    return [*lines, first, *others]
