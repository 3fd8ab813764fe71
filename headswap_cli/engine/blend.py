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
    for y in range(height):
        for x in range(width):
            most = strength[y, x]
            gone = old[y, x] * most
            cover = layer[y, x, 3] * most
            if max(gone, cover) < 0.004:
                for k in range(3):
                    result[y, x, k] = target[y, x, k]
                continue
            changed[y, x] = True
            for k in range(3):
                hidden = min(max(picture[y, x, k] + share[y, x] * plate[y, x, k], 0.0), 255.0)
                behind = target[y, x, k] * (1 - gone) + hidden * gone
                value = behind * (1 - cover) + layer[y, x, k] * most
                result[y, x, k] = np.uint8(min(max(value + 0.5, 0.0), 255.0))


def blend_bands(target: Floats, face: Floats, mask: Mask) -> Floats:
    """Join two pictures in four frequency bands: the coarser the band, the wider the seam.

    Args:
        target: (height, width, 3).
        face: Same size; what lies outside ``mask`` is not looked at.
        mask: How much of ``face`` is wanted, 0 to 1.

    Returns: (height, width, 3); equal to ``target`` away from the mask.
    Source: Burt, Adelson, A multiresolution spline, ACM Transactions on Graphics 2(4), 1983.
    """
    below, above = [target], [np.where(mask[..., np.newaxis] > 1e-3, face, target)]
    masks = [mask]
    while len(below) <= _LEVELS and min(below[-1].shape[:2]) >= _SMALLEST:
        for pyramid in (below, above, masks):
            pyramid.append(np.asarray(cv2.pyrDown(pyramid[-1]), np.float32))
    joined = _mixed(below[-1], above[-1], masks[-1])
    for level in range(len(below) - 2, -1, -1):
        size = below[level].shape[1::-1]
        lower = below[level] - cv2.pyrUp(below[level + 1], dstsize=size)
        upper = above[level] - cv2.pyrUp(above[level + 1], dstsize=size)
        wide = np.asarray(cv2.pyrUp(joined, dstsize=size), np.float32)
        joined = wide + _mixed(_floats(lower), _floats(upper), masks[level])
    return joined


def _mixed(below: Floats, above: Floats, mask: Mask) -> Floats:
    weight = mask[..., np.newaxis]
    return np.asarray(below + (above - below) * weight, np.float32)


def _floats(picture: NDArray[np.generic]) -> Floats:
    return np.asarray(picture, np.float32)
