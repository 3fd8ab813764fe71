"""Names with spaces that were typed without quotes, so that the shell made several words of each."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


# Of more words no name is made: a shell may have put in thousands of files.
_MOST_WORDS = 20


def names_in_pieces(words: Sequence[str]) -> list[str]:
    """Return the files whose names stand there as several words, in the quotes that keep them together.

    A file is meant where the words joined by a space are one, and one of them by itself is none. What comes
    before ``=`` is left out, as in ``--face 1=my face.png``.
    """
    names: list[str] = []
    first = 0
    while first < len(words):
        last = _end_of_name(words, first)
        if last > first:
            names.append(shlex.quote(" ".join(words[first:last])))
        first = max(last, first + 1)
    return names


def _end_of_name(words: Sequence[str], first: int) -> int:
    """Return the place after the longest name that begins there; ``first`` where none does."""
    for last in range(min(len(words), first + _MOST_WORDS), first + 1, -1):
        name = " ".join(words[first:last])
        pieces = [words[first].rpartition("=")[2], *words[first + 1 : last]]
        if any(map(os.path.isfile, (name, " ".join(pieces)))) and not all(map(os.path.exists, pieces)):
            return last
    return first
