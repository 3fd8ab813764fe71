"""Text from elsewhere, made fit for a terminal and for a file name."""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 300

# Whole escape sequences (CSI; OSC and its like up to their terminator), so that no "[31m" stays behind.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
)
# https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_DROPPED = frozenset({"Cc", "Cs", "Zl", "Zp"})
_QUERY = re.compile(r"(https?://[^\s?#\"']+)\?[^\s\"']*", re.IGNORECASE)


def printable(text: str, limit: int = MAX_LENGTH) -> str:
    """Return ``text`` on one line without control, escape, bidi or surrogate characters.

    Args:
        text: What a server or a file says; of any length.
        limit: The most characters that are kept; a longer text ends in an ellipsis.
    """
    kept = _SEQUENCES.sub("", text[: 8 * limit])
    kept = "".join(" " if _is_space(letter) else letter for letter in kept if _is_shown(letter))
    kept = " ".join(kept.split())
    return kept if len(kept) <= limit and len(text) <= 8 * limit else kept[: limit - 1] + "…"


def masked(text: str) -> str:
    """Return a text whose URLs have lost their queries: one may be a signature."""
    return _QUERY.sub(r"\1?...", text)


def harmless(text: str) -> str:
    """Return ``text`` whole and with all its blanks, but nothing in it that a terminal obeys."""
    kept = _SEQUENCES.sub("", text)
    return "".join(" " if _is_space(letter) else letter for letter in kept if _is_shown(letter))


def file_stem(name: str, limit: int = 55) -> str:
    """Return the stem of the last part of a path, of characters that every file system takes.

    Never empty, never hidden, never more than ``limit`` characters, of four bytes at the most each.
    """
    last = re.split(r"[/\\]", name)[-1]
    stem = last.rpartition(".")[0] or last
    safe = re.sub(r"[^\w.-]+", "_", printable(stem)).strip("._")
    return safe[:limit] or "video"


def _is_space(letter: str) -> bool:
    return letter in "\t\n\r\v\f\x85\u2028\u2029"


def _is_shown(letter: str) -> bool:
    return _is_space(letter) or (letter not in _BIDI and unicodedata.category(letter) not in _DROPPED)
