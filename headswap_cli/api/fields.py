"""Reading single fields of a record that may hold anything: a value of the right type, or None."""

from __future__ import annotations

import math
import re

from headswap_cli.text import masked, printable

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_ID = re.compile(r"[!-~]{1,200}")
# No space, no control character, no surrogate: such a string is no URL and could harm a terminal.
_URL = re.compile(r"https?://[^\s\x00-\x20\x7f-\x9f\ud800-\udfff]{1,8000}", re.IGNORECASE)


def whole(value: object) -> int | None:
    """Return a whole number that came as 3, 3.0 or "3"."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and abs(value) < 10**18 else None


def number(value: object) -> float | None:
    """Return a finite number that came as a number or as a string of one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        converted = float(value)
    except (ValueError, OverflowError):
        return None
    return converted if math.isfinite(converted) else None


def percentage(value: object) -> float:
    """Return a progress between 0 and 100; what is no number is 0."""
    return min(max(number(value) or 0.0, 0.0), 100.0)


def identifier(value: object) -> str | None:
    """Return an id of printable ASCII without spaces."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def web_url(value: object) -> str | None:
    """Return an http(s) URL, unchanged."""
    return value if isinstance(value, str) and _URL.fullmatch(value) else None


def sentence(value: object) -> str | None:
    """Return what a text field says, made printable, no link's query in it; None if it says nothing."""
    return printable(masked(value)) or None if isinstance(value, str) else None
