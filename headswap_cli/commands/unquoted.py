"""Names with spaces that were typed without quotes, so that the shell made several words of each."""

from __future__ import annotations

import os
import shlex
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


# Of more words no name is made: a shell may have put in thousands of files.
_MOST_WORDS = 20


def names_in_pieces(words: Sequence[str]) -> list[str]:
    """Return the files whose names stand there as several words, in the quotes that keep them together.

    A file is meant where the words joined by a space are one, and one of them by itself is none. What comes
    before ``=`` is left out, as in ``--face 1=my face.png``.
    """
    names: list[str] = []
    first, is_there = 0, cache(os.path.exists)
    while first < len(words):
        last = _end_of_name(words, first, is_there)
        if last > first:
            names.append(shlex.quote(" ".join(words[first:last])))
        first = max(last, first + 1)
    return names


def _end_of_name(words: Sequence[str], first: int, is_there: Callable[[str], bool]) -> int:
    """Return the place after the longest name that begins there; ``first`` where none does."""
    for last in range(min(len(words), first + _MOST_WORDS), first + 1, -1):
        pieces = [words[first].rpartition("=")[2], *words[first + 1 : last]]
        # Thousands of files that are there are each looked at once; on a network's disk a look takes long.
        if all(map(is_there, pieces)):
            continue
        if any(map(os.path.isfile, (" ".join(words[first:last]), " ".join(pieces)))):
            return last
    return first
