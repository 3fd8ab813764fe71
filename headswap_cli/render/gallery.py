"""People side by side, each with a caption, as large as the terminal has room for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from headswap_cli.render import drawing
from headswap_cli.render.terminal import Graphics
from headswap_cli.render.views import first_seen, seen_share

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from PIL.Image import Image

    from headswap_cli.models import Person
    from headswap_cli.render.terminal import Terminal

_COLUMNS = (14, 26)
# A block is two pixels: few of them are nobody's face.
_BLOCK_COLUMNS = (20, 38)
_GAP = 2
# Of the lines of a terminal the pictures leave some to the table, and to the questions below.
_LINES_LEFT = 9
_LEAST_ROWS = 4
# Fourteen lines of blocks are 28 pixels, enough to know a face by; more only push the table away.
_MOST_ROWS = 14


@dataclass(frozen=True, slots=True)
class _Tile:
    """One picture in whole cells, its caption below it."""

    image: Image | None
    columns: int
    rows: int
    caption: str


def gallery(
    people: Sequence[Person], contents: Mapping[int, bytes], terminal: Terminal
) -> tuple[str, list[str]]:
    """Return what draws the people on a terminal, and a sentence for each picture that is not drawn.

    Args:
        people: All of them.
        contents: Their pictures as they came, by number from 1; nothing is believed of them.
        terminal: Where they are drawn.
    """
    images, faults = _decoded(contents)
    if not images:
        return "", faults
    across = (terminal.columns + _GAP) // len(people) - _GAP
    least, most = _BLOCK_COLUMNS if terminal.graphics is Graphics.BLOCKS else _COLUMNS
    columns = max(min(least, terminal.columns), min(most, across))
    rows = max(_LEAST_ROWS, min(columns // 2 + 1, _MOST_ROWS, terminal.lines - _LINES_LEFT))
    tiles = [_tile(person, images.get(person.person), columns, rows, terminal) for person in people]
    abreast = max(1, (terminal.columns + _GAP) // (columns + _GAP))
    lines = (tiles[at : at + abreast] for at in range(0, len(tiles), abreast))
    return "".join(_line(line, columns, terminal) for line in lines), faults


def _decoded(contents: Mapping[int, bytes]) -> tuple[dict[int, Image], list[str]]:
    images, faults = {}, []
    for person, content in contents.items():
        try:
            images[person] = drawing.decode(content)
        except drawing.UndrawableError as error:
            faults.append(f"no picture of person {person}: it {error}")
    return images, faults


def _tile(person: Person, image: Image | None, columns: int, rows: int, terminal: Terminal) -> _Tile:
    caption = _caption(person, columns)
    if image is None:
        return _Tile(None, 0, rows, caption)
    return _Tile(*drawing.fitted(image, columns, rows, terminal.cell), caption)


def _caption(person: Person, columns: int) -> str:
    """Return the longest caption that there is room for."""
    number, share = str(person.person), seen_share(person)
    seen = f"{share} from {first_seen(person)}"
    known = [f"person {number}: {seen}", f"{number}: {seen}", f"{number}: {share}"] if share != "-" else []
    return next((text for text in (*known, f"person {number}") if len(text) <= columns), number)


def _line(tiles: Sequence[_Tile], columns: int, terminal: Terminal) -> str:
    rows = max(tile.rows for tile in tiles)
    captions = "".join(tile.caption.ljust(columns + _GAP) for tile in tiles).rstrip()
    if terminal.graphics is Graphics.BLOCKS:
        drawn = "".join(f"{line}\n" for line in _block_lines(tiles, columns, terminal))
    else:
        # Room is made first, for a picture does not scroll; then each is laid from the room's top.
        pictures = "".join(
            _picture(tile, index * (columns + _GAP), terminal) for index, tile in enumerate(tiles)
        )
        room = "\n" * rows
        drawn = f"{room}\x1b[{rows}A{pictures}\r\x1b[{rows}B"
    return f"{drawn}{captions}\n\n"


def _picture(tile: _Tile, left: int, terminal: Terminal) -> str:
    if tile.image is None:
        return ""
    match terminal.graphics:
        case Graphics.KITTY:
            command = drawing.kitty(tile.image, tile.columns, tile.rows)
        case Graphics.ITERM:
            command = drawing.iterm(tile.image, tile.columns, tile.rows)
        case _:
            command = drawing.sixel(tile.image)
    place = f"\r\x1b[{left}C" if left else "\r"
    return f"{place}\x1b7{command}\x1b8"


def _block_lines(tiles: Sequence[_Tile], columns: int, terminal: Terminal) -> Iterator[str]:
    pictures = [
        drawing.blocks(tile.image, tile.columns, tile.rows, true_colours=terminal.true_colours)
        if tile.image
        else []
        for tile in tiles
    ]
    widths = [tile.columns for tile in tiles]
    for line in zip_longest(*pictures):
        cells = zip(line, widths, strict=True)
        yield "".join(
            (drawn or " " * width) + " " * (columns + _GAP - width) for drawn, width in cells
        ).rstrip()
