"""Grow a picture into a hole, piece by piece, edges that run into it first."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel

Floats = NDArray[np.float32]
Area = NDArray[np.uint8]
Places = NDArray[np.int32]

# Half a piece's side, pixels.
HALF = 3
# A piece from so many pixels away must be so much more alike: squared grey levels for each squared pixel.
_NEARBY = np.float32(1.5)


def pieces_in(free: Area) -> Area:
    """Return 1 where a whole piece lies within the picture and is known."""
    side = 2 * HALF + 1
    inside = cv2.erode(free, np.ones((side, side), np.uint8))
    inside[:HALF], inside[-HALF:], inside[:, :HALF], inside[:, -HALF:] = 0, 0, 0, 0
    return np.asarray(inside, np.uint8)


def grown(colours: Floats, free: Area) -> tuple[Floats, Places]:
    """Fill the hole from its rim inwards, piece by piece, edges that run into it first."""
    picture, filled = colours.copy(), free.copy()
    height, width = free.shape
    places = np.ascontiguousarray(np.moveaxis(np.indices((height, width), dtype=np.int32), 0, -1))
    sources = np.argwhere(pieces_in(free) > 0).astype(np.int32)
    _grow(picture, filled, free.astype(np.float32), sources, places)
    return picture, places


@kernel
def _grow(picture: Floats, filled: Area, sure: Floats, sources: Places, places: Places) -> None:
    """Fill ``picture`` and ``places`` until ``filled`` is 1 everywhere.

    Source: Criminisi, Perez, Toyama, Region filling and object removal by exemplar-based image inpainting,
        IEEE Transactions on Image Processing 13(9), 2004, section III.
    """
    height, width = filled.shape
    urgent = np.full((height, width), np.float32(-1))
    _note_urgency(picture, filled, sure, (0, height, 0, width), urgent)
    while True:
        y, x = divmod(int(urgent.argmax()), width)
        most = urgent[y, x]
        if most < 0:
            return
        from_y, from_x = sources[_most_alike(picture, filled, sources, y, x)]
        for row in range(max(y - HALF, 0), min(y + HALF + 1, height)):
            for column in range(max(x - HALF, 0), min(x + HALF + 1, width)):
                if filled[row, column] == 0:
                    filled[row, column] = 1
                    places[row, column, 0], places[row, column, 1] = from_y + row - y, from_x + column - x
                    sure[row, column] = min(most, np.float32(1)) * np.float32(0.9)
                    for k in range(3):
                        picture[row, column, k] = picture[from_y + row - y, from_x + column - x, k]
        _note_urgency(picture, filled, sure, _around(y, x, height, width), urgent)


@kernel
def _around(y: int, x: int, height: int, width: int) -> tuple[int, int, int, int]:
    """Return the rows and columns whose urgency may change with the piece about a pixel."""
    reach = 2 * HALF + 1
    return max(y - reach, 0), min(y + reach + 1, height), max(x - reach, 0), min(x + reach + 1, width)


@kernel
def _note_urgency(
    picture: Floats, filled: Area, sure: Floats, part: tuple[int, int, int, int], urgent: Floats
) -> None:
    """Write into ``urgent`` how urgent each pixel of a part is; -1 where it is filled."""
    for row in range(part[0], part[1]):
        for column in range(part[2], part[3]):
            value = np.float32(-1)
            if filled[row, column] == 0:
                value = _urgency(picture, filled, sure, row, column)
            urgent[row, column] = value


@kernel
def _most_alike(picture: Floats, filled: Area, sources: Places, y: int, x: int) -> int:
    """Return the index of the piece that is most alike, and not too far away."""
    known = filled[max(y - HALF, 0) : y + HALF + 1, max(x - HALF, 0) : x + HALF + 1].sum()
    best, chosen = np.float32(1e30), 0
    for number in range(len(sources)):
        other_y, other_x = sources[number, 0], sources[number, 1]
        away = np.float32(_NEARBY * known * ((y - other_y) ** 2 + (x - other_x) ** 2))
        if away < best:
            apart = away + _apart_where(picture, filled, (y, x, other_y, other_x), best - away)
            if apart < best:
                best, chosen = apart, number
    return chosen


@kernel
def _urgency(picture: Floats, filled: Area, sure: Floats, y: int, x: int) -> np.float32:
    """Return how sure the surroundings of a pixel are, and how strong an edge runs into the hole there."""
    height, width = filled.shape
    total, strongest = np.float32(0), np.float32(0)
    normal_y, normal_x, edge_y, edge_x = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    for row in range(max(y - HALF, 0), min(y + HALF + 1, height)):
        for column in range(max(x - HALF, 0), min(x + HALF + 1, width)):
            if filled[row, column] == 0:
                continue
            total += sure[row, column]
            normal_y += row - y
            normal_x += column - x
            slope_y, slope_x = _slope(picture, filled, row, column)
            strength = slope_y * slope_y + slope_x * slope_x
            if strength > strongest:
                strongest, edge_y, edge_x = strength, slope_y, slope_x
    size = np.float32(math.sqrt(normal_y * normal_y + normal_x * normal_x) + 1e-6)
    runs_in = abs(edge_y * normal_x - edge_x * normal_y) / size
    return total / np.float32((2 * HALF + 1) ** 2) * (np.float32(0.05) + runs_in / np.float32(765))


@kernel
def _slope(picture: Floats, filled: Area, y: int, x: int) -> tuple[np.float32, np.float32]:
    """Return how a picture changes down and across, the channels added up; 0 beside what is not filled."""
    height, width = filled.shape
    down, across = np.float32(0), np.float32(0)
    if y + 1 < height and x + 1 < width and filled[y + 1, x] > 0 and filled[y, x + 1] > 0:
        for k in range(3):
            down += picture[y + 1, x, k] - picture[y, x, k]
            across += picture[y, x + 1, k] - picture[y, x, k]
    return down, across


@kernel
def _apart_where(
    picture: Floats, filled: Area, pair: tuple[int, int, int, int], enough: np.float32
) -> np.float32:
    """Return the sum of squared differences of two pieces where the first is filled."""
    y, x, other_y, other_x = pair
    height, width = filled.shape
    total = np.float32(0)
    for row in range(max(y - HALF, 0), min(y + HALF + 1, height)):
        for column in range(max(x - HALF, 0), min(x + HALF + 1, width)):
            if filled[row, column] > 0:
                for k in range(3):
                    off = picture[row, column, k] - picture[other_y + row - y, other_x + column - x, k]
                    total += off * off
        if total >= enough:
            return enough
    return total
