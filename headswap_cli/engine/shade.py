"""Look the head up in its texture, pixel by pixel, with its colours fitted to the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.channels import GREY
from headswap_cli.engine.kernel import kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.engine.colour import Grade

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
# What is known of the photo's pixels beside their colours.
SKIN, INNER_FACE = 0, 1
# Colour curves have so many steps for each grey level, and end at 255.
STEPS = 4
# Between hair and skin there are curves for so many parts of the way.
_WAYS = 32
# Texture points are told apart down to so manieth parts of a pixel: four pixels' weights then add up to 256.
_BITS = 4
_PARTS = 1 << _BITS
# Every other byte of eight, with room beside each for its product with a weight.
_LANES = np.uint64(0x00FF00FF00FF00FF)
# Places are unsigned throughout: signed ones would be asked each time whether they count from the end.
_Packed = NDArray[np.uint64]
_Corners = tuple[np.uint64, np.uint64, np.uint64, np.uint64]


def packed(texture: Bytes, weights: Bytes) -> _Packed:
    """Return a level of a head, (height, width): each pixel's bytes side by side in one number.

    Args:
        texture: BGR and alpha, (height, width, 4).
        weights: Skin and inner face, (height, width, 2), 0 to 255.
    """
    together = np.zeros(texture.shape[:2], np.uint64)
    for place, channel in enumerate((*np.moveaxis(texture, 2, 0), *np.moveaxis(weights, 2, 0))):
        together |= channel.astype(np.uint64) << np.uint64(8 * place)
    return together


class Levels:
    """What is drawn on a head, at every size; levels that were used are kept as ``shade`` reads them.

    Args:
        textures: BGR and alpha, (height, width, 4), each half the size of the one before.
        weights: Skin and inner face, (height, width, 2), likewise.
    """

    def __init__(self, textures: Sequence[Bytes], weights: Sequence[Bytes]) -> None:
        self._textures = textures
        self._weights = weights
        self._packed: dict[int, _Packed] = {}

    def __getitem__(self, level: int) -> _Packed:
        if level not in self._packed:
            self._packed[level] = packed(self._textures[level], self._weights[level])
        return self._packed[level]

    def fitting(self, size: float, last: int | None = None) -> int:
        """Return the level that is no smaller than what is drawn.

        Args:
            size: Of what is drawn, in sizes of the first level.
            last: The level before; it stays unless the size has clearly become another.
        """
        exact = float(np.log2(1 / max(size, 1e-3)))
        if last is not None and last - 0.2 <= exact <= last + 1.2:
            return last
        return int(np.clip(np.floor(exact), 0, len(self._textures) - 1))


def shade(
    seen: Floats, scale: float, texture: _Packed, *, grade: Grade, gains: Floats, weight: int
) -> tuple[Floats, Floats]:
    """Return the head as it is seen: bilinear, at the level of the texture that fits its size.

    Args:
        seen: (height, width, 2), texture points of the first level; below 0 nothing is seen.
        scale: Size of ``texture`` in sizes of the first level.
        texture: See ``packed``.
        grade: What is made of the photo's colours.
        gains: Light, factors, (rows, columns) of any smaller size, stretched over the piece.
        weight: ``SKIN`` or ``INNER_FACE``.

    Returns: The layer, (height, width, 4): BGR times alpha, and alpha 0 to 1; and the weight that is asked
        for, (height, width), 0 to 1, times alpha.
    Source: levels of a texture: Williams, Pyramidal parametrics, SIGGRAPH 1983.
    """
    height, width = seen.shape[:2]
    layer = np.empty((height, width, 4), np.float32)
    weights = np.empty((height, width), np.float32)
    ways = np.empty((_WAYS + 1, *grade.curves.shape[1:]), np.float32)
    _part(grade.curves, ways)
    _shade(seen, scale, texture, ways, grade.chroma, gains, weight, layer, weights)
    return layer, weights


@kernel
def _between_rows(field: Floats, y: float, row: Floats) -> None:
    """Fill ``row`` with a small field at ``y`` of its own pixels, the edge repeated."""
    rows = field.shape[0]
    y = min(max(y, 0.0), rows - 1.0)
    above = int(y)
    below, down = min(above + 1, rows - 1), np.float32(y - above)
    for x in range(field.shape[1]):
        row[x] = field[above, x] + (field[below, x] - field[above, x]) * down


@kernel
def _places(columns: int, width: int, before: Floats) -> None:
    """Fill ``before`` with where the middles of ``width`` pixels lie in a row of ``columns``."""
    for x in range(width):
        before[x] = np.float32(min(max((x + 0.5) * columns / width - 0.5, 0.0), columns - 1.0))


@kernel
def _corner(position: np.float32, scale: np.float32, limit: int) -> tuple[np.uint32, np.uint32]:
    """Return the pixel before a texture point at this level, and how many parts of one it lies beyond."""
    exact = min(max(position * scale, np.float32(0)), np.float32(limit - 1.1))
    parts = np.uint32(np.int32(exact * np.float32(_PARTS) + np.float32(0.5)))
    return parts >> np.uint32(_BITS), parts & np.uint32(_PARTS - 1)


@kernel
def _between(corners: _Corners, right: np.uint32, down: np.uint32, place: int) -> np.uint64:
    """Return four bytes between four pixels, every other one from ``place`` on, times 256, in 16 bits each.

    Source: Fisher, Dietz, Compiling for SIMD within a register, LCPC 1998.
    """
    shift = np.uint64(8 * place)
    left, up = np.uint32(_PARTS) - right, np.uint32(_PARTS) - down
    return (
        ((corners[0] >> shift) & _LANES) * np.uint64(left * up)
        + ((corners[1] >> shift) & _LANES) * np.uint64(right * up)
        + ((corners[2] >> shift) & _LANES) * np.uint64(left * down)
        + ((corners[3] >> shift) & _LANES) * np.uint64(right * down)
    )


@kernel
def _lane(four: np.uint64, index: int) -> np.float32:
    return np.float32(np.int32((four >> np.uint64(16 * index)) & np.uint64(0xFFFF)))


@kernel
def _part(curves: Floats, ways: Floats) -> None:
    """Fill ``ways`` with the curves between the first, at 0, and the second, at the end."""
    for way in range(_WAYS + 1):
        share = np.float32(way / _WAYS)
        for k in range(3):
            for step in range(curves.shape[2]):
                ways[way, k, step] = curves[0, k, step] + (curves[1, k, step] - curves[0, k, step]) * share


@kernel
def _step(value: np.float32, grey: np.float32, chroma: np.float32) -> np.uint32:
    """Return a curve's step for a value, both in steps, brought nearer to its grey or further from it."""
    level = grey + (value - grey) * chroma + np.float32(0.5)
    return np.uint32(np.int32(min(max(level, np.float32(0)), np.float32(255 * STEPS))))


@kernel
def _shade(  # noqa: PLR0917 - kernels take arguments by place
    seen: Floats,
    scale: float,
    texture: _Packed,
    ways: Floats,
    chroma: Floats,
    gains: Floats,
    weight: int,
    layer: Floats,
    weights: Floats,
) -> None:
    height, width = seen.shape[:2]
    rows, columns = texture.shape
    # Single precision throughout: plain numbers would make every step a double one.
    factor, one, zero = np.float32(scale), np.float32(1), np.float32(0)
    share, to_steps, most = np.float32(1 / (256 * 255)), np.float32(STEPS / 256), np.float32(255)
    on_all, on_skin = np.float32(0.6), np.float32(0.4)
    # The last pixel has a neighbour beyond the edge, which counts for nothing.
    places, lights = np.empty(width, np.float32), np.zeros(gains.shape[1] + 1, np.float32)
    _places(gains.shape[1], width, places)
    for y in range(height):
        _between_rows(gains, (y + 0.5) * gains.shape[0] / height - 0.5, lights)
        layer[y], weights[y] = zero, zero
        for x in range(width):
            if seen[y, x, 0] < zero:
                continue
            x0, right = _corner(seen[y, x, 0], factor, columns)
            y0, down = _corner(seen[y, x, 1], factor, rows)
            x1, y1 = x0 + np.uint32(1), y0 + np.uint32(1)
            corners = (texture[y0, x0], texture[y0, x1], texture[y1, x0], texture[y1, x1])
            odd = _between(corners, right, down, 1)
            alpha = _lane(odd, 1) * share
            if alpha <= zero:
                continue
            even = _between(corners, right, down, 0)
            skin = _lane(even, 2) * share
            way = np.uint32(np.int32(skin * np.float32(_WAYS) + np.float32(0.5)))
            kept = chroma[0] + (chroma[1] - chroma[0]) * skin
            place = np.uint32(np.int32(places[x]))
            after = lights[place + np.uint32(1)]
            light = lights[place] + (after - lights[place]) * (places[x] - np.float32(place))
            lit = (one + (light - one) * (on_all + on_skin * skin)) * alpha
            blue, green, red = _lane(even, 0) * to_steps, _lane(odd, 0) * to_steps, _lane(even, 1) * to_steps
            grey = blue * GREY[0] + green * GREY[1] + red * GREY[2]
            layer[y, x, 0] = min(ways[way, 0, _step(blue, grey, kept)] * lit, most * alpha)
            layer[y, x, 1] = min(ways[way, 1, _step(green, grey, kept)] * lit, most * alpha)
            layer[y, x, 2] = min(ways[way, 2, _step(red, grey, kept)] * lit, most * alpha)
            layer[y, x, 3] = alpha
            weights[y, x] = (skin if weight == SKIN else _lane(odd, 2) * share) * alpha
