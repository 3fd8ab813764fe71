"""Lay the posed head into the frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.types import Frame, Mask

Floats = NDArray[np.float32]

_LEVELS = 4
_SMALLEST = 8


@dataclass(frozen=True, slots=True)
class Background:
    """What stands behind the old head: ``picture + share * plate``, and before that a neck.

    ``picture``, ``share`` and the neck's ``skin`` and ``shown``, how far it is there, are of any smaller size
    than the piece and stretched over it; the neck's outline stays as sharp as it is. ``old`` is how much of
    each pixel of the piece the old head was.
    """

    picture: Floats
    share: Mask
    skin: Floats
    shown: Mask
    plate: Frame
    old: Mask


def compose(
    target: Frame, background: Background, layer: Floats, strength: Mask, result: Frame
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Put the new head over the frame from which the old one is taken away.

    Args:
        target: Piece of the frame, (height, width, 3), BGR.
        background: What to show instead of the old head.
        layer: The new head, BGR times alpha and alpha, (height, width, 4).
        strength: 0 where the frame must stay as it is (something stands in front), else up to 1.
        result: Filled; where it was not changed it is ``target`` to the bit.

    Returns: Where the frame was changed, and where the new head is, (height, width) each.
    Source: "over" of Porter, Duff, Compositing digital images, SIGGRAPH 1984, on gamma-coded values, as the
        mattes were worked out.
    """
    changed, head = (np.zeros(strength.shape, np.bool_) for _ in range(2))
    result[...] = target
    _compose(
        target,
        background.picture,
        background.share,
        np.dstack([background.skin, background.shown]),
        background.plate,
        background.old,
        layer,
        strength,
        result,
        changed,
        head,
    )
    return changed, head


@kernel
def _place(index: int, small: int, large: int) -> tuple[int, int, np.float32]:
    """Return between which pixels of a small row one of a large row lies, and how far from the first."""
    half = np.float32(0.5)
    place = (np.float32(index) + half) * np.float32(small / large) - half
    place = min(max(place, np.float32(0)), np.float32(small - 1))
    first = int(place)
    return first, min(first + 1, small - 1), place - np.float32(first)


@kernel
def _stretch_neck(neck: Floats, between: tuple[int, int], down: np.float32, row: Floats) -> None:
    """Fill a row of a neck, (columns, 4), from two of a small one; where it is not, only that."""
    above, below = between
    is_there = False
    for x in range(row.shape[0]):
        row[x, 3] = neck[above, x, 3] + (neck[below, x, 3] - neck[above, x, 3]) * down
        is_there = is_there or row[x, 3] > 0
    if is_there:
        for x in range(row.shape[0]):
            for k in range(3):
                row[x, k] = neck[above, x, k] + (neck[below, x, k] - neck[above, x, k]) * down


@kernel
def _steep(left: np.float32, right: np.float32, far: np.float32, times: np.float32) -> np.float32:
    """Return how far something is there between two pixels, its edge so many times as steep."""
    zero, half, one = np.float32(0), np.float32(0.5), np.float32(1)
    if left + right <= zero:
        return zero
    return min(max((left + (right - left) * far - half) * times + half, zero), one)


@kernel
def _round(colour: Floats, pixel: NDArray[np.uint8]) -> None:
    for k in range(3):
        value = min(max(colour[k] + np.float32(0.5), np.float32(0)), np.float32(255))
        pixel[k] = np.uint8(np.int32(value))


@kernel
def _compose(  # noqa: PLR0917 - kernels take arguments by place
    target: Frame,
    picture: Floats,
    share: Mask,
    neck: Floats,
    plate: Frame,
    old: Mask,
    layer: Floats,
    strength: Mask,
    result: Frame,
    changed: NDArray[np.bool_],
    head: NDArray[np.bool_],
) -> None:
    height, width = old.shape
    rows, columns = share.shape
    line, shares = np.empty((columns, 3), np.float32), np.empty(columns, np.float32)
    # Single precision throughout: plain numbers would make every step a double one.
    zero, half, one, white = np.float32(0), np.float32(0.5), np.float32(1), np.float32(255)
    hardly, trace, whole = np.float32(0.004), np.float32(1e-4), np.float32(0.9999)
    necks, steeper = np.zeros((columns, 4), np.float32), np.float32(max(1.0, width / columns))
    for y in range(height):
        above, below, down = _place(y, rows, height)
        _stretch_neck(neck, (above, below), down, necks)
        for x in range(columns):
            shares[x] = share[above, x] + (share[below, x] - share[above, x]) * down
            for k in range(3):
                line[x, k] = picture[above, x, k] + (picture[below, x, k] - picture[above, x, k]) * down
        for x in range(width):
            most, gone, cover = strength[y, x], old[y, x], layer[y, x, 3]
            if max(gone, cover) * most < hardly:
                continue
            changed[y, x], head[y, x] = True, cover * most > half
            if cover * most >= whole:
                _round(layer[y, x], result[y, x])
                continue
            shows = gone * (one - cover) > trace
            left, right, far = _place(x, columns, width) if shows else (0, 0, zero)
            part = shares[left] + (shares[right] - shares[left]) * far
            skin = _steep(necks[left, 3], necks[right, 3], far, steeper)
            for k in range(3):
                seen = np.float32(target[y, x, k])
                behind = seen
                if shows:
                    hidden = line[left, k] + (line[right, k] - line[left, k]) * far
                    hidden += part * np.float32(plate[y, x, k])
                    own = necks[left, k] + (necks[right, k] - necks[left, k]) * far
                    hidden += (own - hidden) * skin
                    behind += (min(max(hidden, zero), white) - seen) * gone
                # At the edge of what is in front nothing of the background shines through.
                value = seen * (one - most) + (behind * (one - cover) + layer[y, x, k]) * most
                result[y, x, k] = np.uint8(np.int32(min(max(value + half, zero), white)))


def join_bands(target: Frame, layer: Floats, mask: Mask, strength: Mask, result: Frame) -> NDArray[np.bool_]:
    """Join the new face with the frame in frequency bands: the coarser the band, the wider the seam.

    Args:
        target: Piece of the frame, (height, width, 3), BGR.
        layer: The new head, BGR times alpha and alpha, (height, width, 4).
        mask: How much of it is wanted, 0 to 1.
        strength: 0 where the frame must stay as it is, else up to 1.
        result: Filled; outside the returned mask it is ``target`` to the bit.

    Returns: Where the frame was changed, (height, width).
    Source: Burt, Adelson, A multiresolution spline, ACM Transactions on Graphics 2(4), 1983; joined is the
        difference of both pictures, which the bands add up to as well.
    """
    shape = tuple(-(-length // 2) for length in mask.shape)
    half, half_mask = np.empty((*shape, 3), np.float32), np.empty(shape, np.float32)
    _halve(target, layer, mask, half, half_mask)
    coarse = _joined(half, half_mask, _LEVELS - 1)
    # Coarse bands reach further than the mask; what they add must end near it.
    close = cv2.GaussianBlur(cv2.dilate(half_mask, np.ones((3, 3), np.uint8)), (0, 0), 1.0)
    size = mask.shape[1::-1]
    near = np.asarray(cv2.resize(np.minimum(close * 3, 1), size, interpolation=cv2.INTER_LINEAR), np.float32)
    changed = np.empty(mask.shape, np.bool_)
    joined = np.empty_like(target)
    _add(target, layer, mask, half, coarse, near, strength, joined, changed)
    result[...] = joined
    return changed


def _joined(difference: Floats, mask: Mask, levels: int) -> Floats:
    joined = np.empty_like(difference)
    if levels == 0 or min(mask.shape) < _SMALLEST:
        nothing = np.zeros_like(difference)
        _mix(difference, nothing, nothing, mask, joined)
        return joined
    half = _halved(difference)
    lower = _joined(half, _halved(mask), levels - 1)
    size = mask.shape[1::-1]
    fine, wide = (np.asarray(cv2.pyrUp(one, dstsize=size), np.float32) for one in (half, lower))
    _mix(difference, fine, wide, mask, joined)
    return joined


def _halved(picture: Floats) -> Floats:
    return np.asarray(cv2.pyrDown(picture), np.float32)


@kernel
def _halve(target: Frame, layer: Floats, mask: Mask, half: Floats, half_mask: Mask) -> None:
    """Fill in the new head less the frame, and the mask: each the mean of two by two pixels."""
    height, width = mask.shape
    hardly, quarter = np.float32(1e-3), np.float32(0.25)
    for row in range(half.shape[0]):
        for column in range(half.shape[1]):
            blue = green = red = inside = np.float32(0)
            for step in range(4):
                y, x = min(2 * row + step // 2, height - 1), min(2 * column + step % 2, width - 1)
                if mask[y, x] > hardly:
                    alpha = layer[y, x, 3]
                    inside += mask[y, x]
                    blue += layer[y, x, 0] - np.float32(target[y, x, 0]) * alpha
                    green += layer[y, x, 1] - np.float32(target[y, x, 1]) * alpha
                    red += layer[y, x, 2] - np.float32(target[y, x, 2]) * alpha
            half[row, column, 0], half[row, column, 1] = blue * quarter, green * quarter
            half[row, column, 2], half_mask[row, column] = red * quarter, inside * quarter


@kernel
def _mix(difference: Floats, fine: Floats, wide: Floats, mask: Mask, joined: Floats) -> None:
    """Fill ``joined`` with a band, as much of it as is wanted, and the wider bands below it."""
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            for k in range(3):
                joined[y, x, k] = (difference[y, x, k] - fine[y, x, k]) * mask[y, x] + wide[y, x, k]


@kernel
def _stretch(small: Floats, y: int, line: Floats, row: Floats) -> None:
    """Fill a row, (width, 3), of a picture twice as large as ``small``; ``line`` has room for one of that."""
    near, far = np.float32(0.75), np.float32(0.25)
    rows, columns = small.shape[:2]
    above = y // 2
    beside = max(above - 1, 0) if y % 2 == 0 else min(above + 1, rows - 1)
    for x in range(columns):
        for k in range(3):
            line[x, k] = small[above, x, k] * near + small[beside, x, k] * far
    for x in range(columns):
        before, after = max(x - 1, 0), min(x + 1, columns - 1)
        for k in range(3):
            own = line[x, k] * near
            row[2 * x, k] = own + line[before, k] * far
            row[2 * x + 1, k] = own + line[after, k] * far


@kernel
def _add(  # noqa: PLR0917 - kernels take arguments by place
    target: Frame,
    layer: Floats,
    mask: Mask,
    half: Floats,
    coarse: Floats,
    near: Mask,
    strength: Mask,
    joined: Frame,
    changed: NDArray[np.bool_],
) -> None:
    height, width = mask.shape
    hardly, rounded, white, zero = np.float32(0.004), np.float32(0.5), np.float32(255), np.float32(0)
    columns = half.shape[1]
    line, fine = np.empty((columns, 3), np.float32), np.empty((2 * columns, 3), np.float32)
    wide = np.empty_like(fine)
    for y in range(height):
        _stretch(half, y, line, fine)
        _stretch(coarse, y, line, wide)
        for x in range(width):
            most = near[y, x] * strength[y, x]
            changed[y, x] = most >= hardly
            most = most if most >= hardly else zero
            alpha, inside = layer[y, x, 3], mask[y, x]
            for k in range(3):
                old = np.float32(target[y, x, k])
                added = (layer[y, x, k] - old * alpha - fine[x, k]) * inside + wide[x, k]
                joined[y, x, k] = np.uint8(np.int32(min(max(old + added * most + rounded, zero), white)))
