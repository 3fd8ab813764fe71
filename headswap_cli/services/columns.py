"""What the columns of a batch are called, and what their cells mean."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError
from headswap_cli.media import is_other_url, is_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

VIDEO, FACE = "video", "face"
# A separator is one only where the next face says whose it is, as each of several must: paths and URLs may
# hold semicolons.
_WHOSE = r"\d{1,9}|obj:\d{1,9}|left|right|largest|all"
_NEXT_FACE = re.compile(rf"\s*[;\n]\s*(?=(?:{_WHOSE}|like:[^=;\n]+)=)")
_FACE_COLUMN = re.compile(rf"face[ ._-]?(?P<whose>{_WHOSE})", re.IGNORECASE)
_YES, _NO = frozenset({"yes", "true", "on", "1", "x", "y"}), frozenset({"no", "false", "off", "0", "n"})
_MAX_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns are called, as the flags are without dashes, and how their cells are read.

    ``parse`` makes a value of a text and raises ``InputError``; ``video`` and ``face`` are in it.
    ``switches`` are on or off. ``whole`` are flags that hold for the batch and are no columns, ``alone``
    those that mean something for one run only.
    """

    parse: Mapping[str, Callable[[str], Any]]
    switches: frozenset[str]
    whole: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a column may have."""
        return (*self.parse, *sorted(self.switches))

    def find(self, written: str) -> str:
        """Return the column that a name means: ``--No_Sound`` is ``no-sound``, ``face.2`` is a ``face``.

        Raises:
            InputError: there is no such column; the message names the nearest.
        """
        name = column_name(written)
        if name in self.names:
            return name
        if name in self.whole:
            raise InputError(f"this holds for the whole batch: headswap batch ... --{name}")
        if name in self.alone:
            raise InputError(f"this is for one run alone: headswap run ... --{name}")
        near = get_close_matches(name, self.names, n=1)
        known = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(self.names)}"
        raise InputError(f"there is no such column; {known}")

    def read(self, written: str, cell: object) -> Any:
        """Return what a cell means; of ``face`` a tuple of what ``parse`` made of each.

        Args:
            written: The column's name as it was written.
            cell: A text; in JSON also a list, an object or a truth value.

        Raises:
            InputError: nothing that the column takes, or there is no such column.
        """
        name = self.find(written)
        if name in self.switches:
            return _switch(cell)
        if name == FACE:
            return self._read_faces(written, cell)
        return self.parse[name](_text(cell))

    def _read_faces(self, written: str, cell: object) -> tuple[Any, ...]:
        """Return each face of a cell.

        Raises:
            InputError: says what is wrong with every one.
        """
        found, wrong = [], []
        for read in _faces(written, cell):
            try:
                found.append(self.parse[FACE](read()))
            except InputError as error:
                wrong.append(error.message)
        if wrong:
            raise InputError(" ".join(wrong))
        return tuple(found)


def column_name(written: str) -> str:
    """Return a name as the flags are written, without dashes before it."""
    if _FACE_COLUMN.fullmatch(written.strip()):
        return FACE
    return re.sub(r"[\s_]+", "-", written.strip().lower()).removeprefix("--")


def placed(source: str, folder: Path) -> str:
    """Return a path or a URL as it is to be read from a file in ``folder``; a folder's last slash is kept."""
    if is_url(source) or is_other_url(source) or source.startswith("~") or not folder.name:
        return source
    return f"{folder / source}{'/' if source.endswith(('/', chr(92))) else ''}"


def shown(text: str) -> str:
    """Return a value in quotes, cut short where it is very long."""
    return repr(text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…")


def _faces(written: str, cell: object) -> Iterator[Callable[[], str]]:
    """Yield what reads each face as ``--face`` takes it: of a text, a list, or an object by person.

    Each returns a text, or raises ``InputError``.
    """
    column = _FACE_COLUMN.fullmatch(written.strip())
    whose = column["whose"].lower() if column else None
    for name, images in cell.items() if isinstance(cell, dict) else [(whose, cell)]:
        for image in images if isinstance(images, list) else [images]:
            if name is not None:
                yield partial(_named, name, image)
            else:
                yield from (partial(_text, face) for face in _parted(image))


def _parted(faces: object) -> list[object]:
    """Return the faces of a text, each of which says whose it is; what is no text by itself."""
    if not isinstance(faces, str):
        return [faces]
    return [*_NEXT_FACE.split(faces.strip().removesuffix(";").rstrip())]


def _named(whose: str, image: object) -> str:
    return f"{whose}={_text(image)}"


def _switch(cell: object) -> bool:
    word = str(cell).lower() if isinstance(cell, str | bool | int) else ""
    if word not in _YES | _NO:
        raise InputError(f"{shown(str(cell))} is neither yes nor no.")
    return word in _YES


def _text(cell: object) -> str:
    if not isinstance(cell, str) or not cell.strip():
        raise InputError(f"{shown(json.dumps(cell))} is no text.")
    if "\0" in cell:
        raise InputError(f"{shown(cell)} holds a NUL, which no path, URL or word does.")
    try:
        # A name of other bytes than UTF-8 is as good as any.
        cell.encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise InputError(f"{shown(cell)} holds half a character, which no path, URL or word does.") from error
    return cell
