"""Paths as people type them, paste them or drop them on a terminal, and what Tab makes of them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

_QUOTES = "'\""
_PHOTOS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".avif", ".bmp", ".tif", ".tiff", ".gif"})


def dropped_path(text: str, *, is_windows: bool = os.name == "nt") -> str:
    """Return the path, or the http(s) URL, that a line means.

    A file of that very name wins; else quotes, the escapes of a shell and ``file://`` are undone: terminals
    write one of these where a file is dropped on them.

    Args:
        text: The line.
        is_windows: Whether backslashes part folders.
    """
    text = text.strip()
    if text.lower().startswith("file://"):
        return _of_url(text)
    if text.lower().startswith(("http://", "https://")) or _is_there(text):
        return text
    if is_windows:
        return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES else text
    try:
        words = shlex.split(text)
    except ValueError:
        return text
    # Several words are one path with spaces that nobody escaped.
    return words[0] if len(words) == 1 else text


def completed(text: str) -> tuple[str, list[str]]:
    """Return a line with as much more of the path as is certain, and the names that it may go on to.

    Folders end in a separator; among files the photos are proposed, and all if there are none.
    """
    path = dropped_path(text) if text.strip() else ""
    folder, start = os.path.split(path)
    names = _names(Path(folder or ".").expanduser(), start)
    if not names:
        return text, []
    more = names[0]
    while not all(name.startswith(more) for name in names):
        more = more[:-1]
    return os.path.join(folder, more) if folder else more, names if len(names) > 1 else []  # noqa: PTH118


def _names(folder: Path, start: str) -> list[str]:
    try:
        found = [entry for entry in os.scandir(folder) if entry.name.startswith(start)]
        shown = [entry for entry in found if start.startswith(".") or not entry.name.startswith(".")]
        folders = [f"{entry.name}{os.sep}" for entry in shown if entry.is_dir()]
        files = [entry.name for entry in shown if not entry.is_dir()]
    except (OSError, ValueError):
        return []
    photos = [name for name in files if Path(name).suffix.lower() in _PHOTOS]
    return sorted(folders + (photos or files))


def _of_url(url: str) -> str:
    try:
        return url2pathname(urlsplit(url).path)
    except (OSError, ValueError):
        return url


def _is_there(text: str) -> bool:
    try:
        return bool(text) and Path(text).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return False
