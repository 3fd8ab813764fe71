"""Draw the outlines of a head no sharper than a camera's, and without the mesh's stairs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

# Alpha that changes by more from pixel to pixel is no soft edge.
_STEP = 0.6
# An outline has at most so many times the pixels of the picture's two sides.
_MOST_STEPS = 12
# How far to either side the way of an outline is looked at, and is averaged along, pixels.
_REACH = 4
# Nothing to compare: the head is looked at from the front.
_UNSEEN = np.empty((0, 0, 2), np.float32)


def soften_steps(layer: Floats, seen: Floats = _UNSEEN, jump: float = math.inf) -> None:
    """Average along the outlines where the mesh ends, or hides another part of itself: all or nothing there.

    Args:
        layer: BGR times alpha and alpha, (height, width, 4); changed in place.
        seen: Which place of the texture each pixel shows, (height, width, 2), -1 where none; without it the
            head's own outline alone is softened, where there is no soft hair beyond it.
        jump: What is further apart in the texture from one pixel to the next hides something, pixels.

    Source: along an outline, not across: Iourcha, Yang, Pomianowski, A directionally adaptive edge
        anti-aliasing filter, High Performance Graphics, 2009.
    """
    places = np.empty((_MOST_STEPS * sum(layer.shape[:2]), 2), np.int32)
    marks = np.zeros(layer.shape[:2], np.uint8)
    count = _steps(layer, seen, np.float32(_STEP), np.float32(jump), marks, places)
    _average(layer, places[:count], marks, np.empty((count, 4), np.float32))


@kernel
def _steps(  # noqa: PLR0917 - kernels take arguments by place
    layer: Floats, seen: Floats, step: np.float32, jump: np.float32, marks: Bytes, places: NDArray[np.int32]
) -> int:
    """Write and mark which pixels are on both sides of each step, while there is room; return how many."""
    height, width, _ = layer.shape
    count, looks = 0, seen.size > 0
    for y in range(1, height - 2):
        for x in range(1, width - 2):
            alpha = layer[y, x, 3]
            across = abs(layer[y, x + 1, 3] - alpha) > step
            down = abs(layer[y + 1, x, 3] - alpha) > step
            if looks and alpha > 0:
                across |= _jumps(seen, y, x, 0, 1, jump)
                down |= _jumps(seen, y, x, 1, 0, jump)
            if across or down:
                count = _mark(marks, y, x, places, count)
                count = _mark(marks, y, x + across, places, count)
                count = _mark(marks, y + down, x, places, count)
    return count


@kernel
def _jumps(  # noqa: PLR0917 - kernels take arguments by place
    seen: Floats, y: int, x: int, down: int, right: int, jump: np.float32
) -> bool:
    """Whether a pixel and the one beside or below it show places of the texture that are far apart."""
    if seen[y, x, 0] < 0 or seen[y + down, x + right, 0] < 0:
        return False
    across = abs(seen[y + down, x + right, 0] - seen[y, x, 0])
    return bool(across + abs(seen[y + down, x + right, 1] - seen[y, x, 1]) > jump)


@kernel
def _mark(marks: Bytes, y: int, x: int, places: NDArray[np.int32], count: int) -> int:
    if marks[y, x] or count == len(places):
        return count
    marks[y, x] = 1
    places[count, 0], places[count, 1] = y, x
    return count + 1


@kernel
def _average(layer: Floats, places: NDArray[np.int32], marks: Bytes, means: Floats) -> None:
    """Put into each place the mean of what lies along the outline through it, the nearer the more."""
    half, share = np.float32(0.5), np.float32(0.5 / (_REACH + 1) ** 2)
    for index in range(len(places)):
        y, x = places[index, 0], places[index, 1]
        across, down = _way(marks, y, x)
        for k in range(4):
            means[index, k] = 0
        for step in range(-_REACH, _REACH + 1):
            weight, far = share * np.float32(_REACH + 1 - abs(step)), np.float32(step)
            for side in (-half, half):
                v = np.float32(y) + far * down + side * across
                u = np.float32(x) + far * across - side * down
                _add(layer, v, u, weight, means, index)
    for index in range(len(places)):
        for k in range(4):
            layer[places[index, 0], places[index, 1], k] = means[index, k]


@kernel
def _way(marks: Bytes, y: int, x: int) -> tuple[np.float32, np.float32]:
    """Return which way an outline runs, as a unit step across and down: the main axis of its pixels."""
    height, width = marks.shape
    level, upright, mixed = 0, 0, 0
    for v in range(max(0, y - _REACH), min(height, y + _REACH + 1)):
        for u in range(max(0, x - _REACH), min(width, x + _REACH + 1)):
            if marks[v, u]:
                level += (u - x) * (u - x)
                upright += (v - y) * (v - y)
                mixed += (u - x) * (v - y)
    angle = 0.5 * math.atan2(2.0 * mixed, float(level - upright))
    return np.float32(math.cos(angle)), np.float32(math.sin(angle))


@kernel
def _add(  # noqa: PLR0917 - kernels take arguments by place
    layer: Floats, v: np.float32, u: np.float32, weight: np.float32, means: Floats, index: int
) -> None:
    """Add the layer between its pixels to a mean, its edge repeated."""
    height, width, _ = layer.shape
    v = min(max(v, np.float32(0)), np.float32(height - 1))
    u = min(max(u, np.float32(0)), np.float32(width - 1))
    top, left = min(int(v), height - 2), min(int(u), width - 2)
    low, right = v - np.float32(top), u - np.float32(left)
    one = np.float32(1)
    for k in range(4):
        above = layer[top, left, k] * (one - right) + layer[top, left + 1, k] * right
        below = layer[top + 1, left, k] * (one - right) + layer[top + 1, left + 1, k] * right
        means[index, k] += weight * (above * (one - low) + below * low)
