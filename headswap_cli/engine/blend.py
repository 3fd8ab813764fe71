"""Lay the posed head into the frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.types import Frame, Mask

Floats = NDArray[np.float32]
Number = TypeVar("Number", bound=np.generic)

_LEVELS = 4
_SMALLEST = 8


@dataclass(frozen=True, slots=True)
class Background:
    """What stands behind the old head: ``picture + share * plate``, all of the piece's size.

    ``old`` tells how much of each pixel the old head was.
    """

    picture: Floats
    share: Mask
    plate: Frame
    old: Mask


def compose(
    target: Frame, background: Background, layer: Floats, strength: Mask, result: Frame
) -> NDArray[np.bool_]:
    """Put the new head over the frame from which the old one is taken away.

    Args:
        target: Piece of the frame.
        background: What to show instead of the old head.
        layer: The new head, BGR times alpha and alpha, (height, width, 4).
        strength: 0 where the frame must stay as it is (something stands in front), else up to 1.
        result: Filled; outside the returned mask it is ``target`` to the bit.

    Returns: Where the frame was changed, (height, width).
    """
    changed = np.zeros(strength.shape, np.bool_)
    _compose(
        target,
        background.picture,
        background.share,
        background.plate,
        background.old,
        layer,
        strength,
        result,
        changed,
    )
    return changed


@kernel
def _compose(  # noqa: PLR0917 - kernels take arguments by place
    target: Frame,
    picture: Floats,
    share: Mask,
    plate: Frame,
    old: Mask,
    layer: Floats,
    strength: Mask,
    result: Frame,
    changed: NDArray[np.bool_],
) -> None:
    height, width = old.shape
    # Single precision throughout: plain numbers would make every step a double one.
    zero, half, one, white, hardly = (
        np.float32(0),
        np.float32(0.5),
        np.float32(1),
        np.float32(255),
        np.float32(0.004),
    )
    for y in range(height):
        for x in range(width):
            most = strength[y, x]
            gone = old[y, x] * most
            cover = layer[y, x, 3] * most
            if max(gone, cover) < hardly:
                for k in range(3):
                    result[y, x, k] = target[y, x, k]
                continue
            changed[y, x] = True
            for k in range(3):
                hidden = picture[y, x, k] + share[y, x] * np.float32(plate[y, x, k])
                hidden = min(max(hidden, zero), white)
                behind = np.float32(target[y, x, k]) * (one - gone) + hidden * gone
                value = behind * (one - cover) + layer[y, x, k] * most
                result[y, x, k] = np.uint8(min(max(value + half, zero), white))


def join_bands(target: Frame, layer: Floats, mask: Mask, strength: Mask, result: Frame) -> NDArray[np.bool_]:
    """Join the new face with the frame in frequency bands: the coarser the band, the wider the seam.

    Args:
        target: Piece of the frame.
        layer: The new head, BGR times alpha and alpha, (height, width, 4).
        mask: How much of it is wanted, 0 to 1.
        strength: 0 where the frame must stay as it is, else up to 1.
        result: Filled; outside the returned mask it is ``target`` to the bit.

    Returns: Where the frame was changed, (height, width).
    Source: Burt, Adelson, A multiresolution spline, ACM Transactions on Graphics 2(4), 1983; joined is the
        difference of both pictures, which the bands add up to as well.
    """
    size = target.shape[1::-1]
    difference = np.empty(target.shape, np.float32)
    _subtract(target, layer, mask, difference)
    half = _halved(difference)
    half_mask = _halved(mask)
    coarse = _joined(half, half_mask, _LEVELS - 1)
    # Coarse bands reach further than the mask; what they add must end near it.
    close = cv2.GaussianBlur(cv2.dilate(half_mask, np.ones((3, 3), np.uint8)), (0, 0), 1.0)
    near = np.asarray(cv2.resize(np.minimum(close * 3, 1), size, interpolation=cv2.INTER_LINEAR), np.float32)
    fine = np.asarray(cv2.pyrUp(half, dstsize=size), np.float32)
    changed = np.empty(mask.shape, np.bool_)
    wide = np.asarray(cv2.pyrUp(coarse, dstsize=size), np.float32)
    joined = np.empty_like(target)
    _add(
        _rows(target),
        _rows(difference),
        _rows(fine),
        _rows(wide),
        mask,
        near,
        strength,
        _rows(joined),
        changed,
    )
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


def _rows(picture: NDArray[Number]) -> NDArray[Number]:
    """Return a picture, (height, width, 3), as (height, width * 3): loops over that take several at once."""
    return picture.reshape(picture.shape[0], -1)


@kernel
def _subtract(target: Frame, layer: Floats, mask: Mask, difference: Floats) -> None:
    height, width = mask.shape
    hardly, zero = np.float32(1e-3), np.float32(0)
    for y in range(height):
        for x in range(width):
            inside = mask[y, x] > hardly
            alpha = layer[y, x, 3]
            for k in range(3):
                apart = layer[y, x, k] - np.float32(target[y, x, k]) * alpha
                difference[y, x, k] = apart if inside else zero


@kernel
def _mix(difference: Floats, fine: Floats, wide: Floats, mask: Mask, joined: Floats) -> None:
    """Fill ``joined`` with a band, as much of it as is wanted, and the wider bands below it."""
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            for k in range(3):
                joined[y, x, k] = (difference[y, x, k] - fine[y, x, k]) * mask[y, x] + wide[y, x, k]


@kernel
def _add(  # noqa: PLR0917 - kernels take arguments by place
    target: NDArray[np.uint8],
    difference: Floats,
    fine: Floats,
    wide: Floats,
    mask: Mask,
    near: Mask,
    strength: Mask,
    joined: NDArray[np.uint8],
    changed: NDArray[np.bool_],
) -> None:
    height, width = mask.shape
    hardly, half, white = np.float32(0.004), np.float32(0.5), np.float32(255)
    zero = np.float32(0)
    inside, shown = np.empty(3 * width, np.float32), np.empty(3 * width, np.float32)
    for y in range(height):
        for x in range(width):
            most = near[y, x] * strength[y, x]
            is_seen = most >= hardly
            changed[y, x] = is_seen
            most = most if is_seen else zero
            for k in range(3):
                inside[3 * x + k], shown[3 * x + k] = mask[y, x], most
        for i in range(3 * width):
            added = (difference[y, i] - fine[y, i]) * inside[i] + wide[y, i]
            value = np.float32(target[y, i]) + added * shown[i] + half
            joined[y, i] = np.uint8(np.int32(min(max(value, zero), white)))
