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
    near = cv2.GaussianBlur(cv2.dilate(half_mask, np.ones((3, 3), np.uint8)), (0, 0), 1.0)
    near = cv2.resize(np.clip(near * 3, 0, 1), size, interpolation=cv2.INTER_LINEAR)
    fine = np.asarray(cv2.pyrUp(half, dstsize=size), np.float32)
    changed = np.zeros(mask.shape, np.bool_)
    wide = np.asarray(cv2.pyrUp(coarse, dstsize=size), np.float32)
    _add(target, difference, fine, wide, mask, np.asarray(near * strength, np.float32), result, changed)
    return changed


def _joined(difference: Floats, mask: Mask, levels: int) -> Floats:
    if levels == 0 or min(mask.shape) < _SMALLEST:
        return np.asarray(difference * mask[..., np.newaxis], np.float32)
    half = _halved(difference)
    lower = _joined(half, _halved(mask), levels - 1)
    size = mask.shape[1::-1]
    band = difference - cv2.pyrUp(half, dstsize=size)
    return np.asarray(cv2.pyrUp(lower, dstsize=size) + band * mask[..., np.newaxis], np.float32)


def _halved(picture: Floats) -> Floats:
    return np.asarray(cv2.pyrDown(picture), np.float32)


@kernel
def _subtract(target: Frame, layer: Floats, mask: Mask, difference: Floats) -> None:
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            inside = mask[y, x] > 1e-3
            alpha = layer[y, x, 3]
            for k in range(3):
                difference[y, x, k] = layer[y, x, k] - target[y, x, k] * alpha if inside else 0.0


@kernel
def _add(  # noqa: PLR0917 - kernels take arguments by place
    target: Frame,
    difference: Floats,
    fine: Floats,
    wide: Floats,
    mask: Mask,
    strength: Mask,
    result: Frame,
    changed: NDArray[np.bool_],
) -> None:
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            most = strength[y, x]
            if most < 0.004:
                for k in range(3):
                    result[y, x, k] = target[y, x, k]
                continue
            changed[y, x] = True
            for k in range(3):
                joined = (difference[y, x, k] - fine[y, x, k]) * mask[y, x] + wide[y, x, k]
                value = target[y, x, k] + joined * most
                result[y, x, k] = np.uint8(min(max(value + 0.5, 0.0), 255.0))
