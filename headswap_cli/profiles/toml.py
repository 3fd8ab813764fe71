"""Reading TOML that people write: every mistake is named with its file, its key and its line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from headswap_cli.errors import InputError
from headswap_cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

# apiKey, API-KEY, AKOOL_API_KEY: whatever way it is spelt.
_SECRET = re.compile(r"(key|token|secret|password|bearer)\s*$", re.IGNORECASE)


def read_toml(path: Path) -> dict[str, Any] | None:
    """Return the document at ``path``, None if there is no such file.

    Raises:
        InputError: it can't be read or is no TOML.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be read: {error.strerror}.") from error
    import tomllib

    try:
        return tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is not UTF-8.", hint="Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{str(path)!r} is no TOML: {printable(str(error), 160)}.") from error


def check_keys(path: Path, values: Mapping[str, Any], allowed: Collection[str]) -> dict[str, str]:
    """Return the settings in ``values``, all of which must be allowed and text.

    Raises:
        InputError: names the file, the key and its line, never the value.
    """
    for key, value in values.items():
        where = f"{str(path)!r}{_line(path, key)}"
        if key not in allowed:
            raise InputError(
                f"{where} sets {printable(key)!r}, {_why_not(key)}.", hint=f"It may set: {', '.join(allowed)}"
            )
        if not isinstance(value, str):
            raise InputError(f"{where}: {key} is not a text.", hint=f'Write it in quotes: {key} = "..."')
    return dict(values)


def is_secret(key: str) -> bool:
    """Tell whether a setting of that name would hold a secret."""
    return _SECRET.search(key) is not None


def _why_not(key: str) -> str:
    if is_secret(key):
        return "and a secret has no place there; keys go by `headswap profile set NAME --api-key-stdin`"
    if key.lower().replace("-", "_") == "base_url":
        return "and a folder may not say where a key is sent; that is for `headswap profile set` to say"
    return "which is no setting there"


def _line(path: Path, key: str) -> str:
    """Return ``, line N`` of the first line that sets ``key`` or opens a table of that name."""
    start = re.compile(rf"\s*\[*\s*[\"']?{re.escape(key)}[\"']?\s*[=.\]]")
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if start.match(line):
            return f", line {number},"
    return ""
