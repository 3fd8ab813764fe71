"""Lay a coarse mask along the edges of a picture, at any size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.channels import GREY
from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.types import Frame, Mask

Floats = NDArray[np.float32]

_HARDLY = 0.01
# Up to so much of the guided mask there is nothing, from so much on nothing else: of a mask that is as wide
# as its thing, and of one that is rather too wide.
EVEN, WIDE = (0.3, 0.7), (0.35, 0.7)


def laid_along(
    mask: Mask,
    small: Frame,
    fine: Frame,
    radius: int,
    *,
    axis: Floats = GREY,
    bounds: tuple[float, float] = EVEN,
) -> Mask:
    """Return a mask that ends where the picture changes, of the size of ``fine``, 0 to 1.

    Args:
        mask: Of the size of ``small``.
        small: The picture, at the mask's size.
        fine: The same picture, as large or larger.
        radius: How far off an edge of the mask may lie, pixels of ``small``.
        axis: Along which colours tell the thing from what is behind it, (3,), BGR.
        bounds: ``EVEN`` or ``WIDE``.

    Source: He, Sun, Tang, IEEE TPAMI 35(6), 2013, eq. 5-8; He, Sun, arXiv:1505.00996, algorithm 2.
    """
    soft = np.zeros(fine.shape[:2], np.float32)
    across, down = fine.shape[1] / small.shape[1], fine.shape[0] / small.shape[0]
    # A guided mask reaches twice as far as one mean, and one pixel more where it is enlarged.
    x0, y0, x1, y1 = _extent(mask, 2 * radius + 1)
    if x0 == x1:
        return soft
    weights = np.asarray(axis / 255, np.float32)
    near = np.s_[y0:y1, x0:x1]
    guide = np.asarray(cv2.transform(small[near].astype(np.float32), weights.reshape(1, 3)), np.float32)
    left, top = int(np.floor(x0 * across)), int(np.floor(y0 * down))
    part = np.s_[top : int(np.ceil(y1 * down)), left : int(np.ceil(x1 * across))]
    steps = np.array([left, top, 1 / across, 1 / down, x0, y0, *bounds], np.float32)
    _lay(fine[part], _guide(guide, mask[near], radius), weights, steps, soft[part])
    soft[part] = cv2.blur(soft[part], (3, 3))
    return soft


def _extent(mask: Mask, margin: int) -> tuple[int, int, int, int]:
    """Return the box about what a mask shows, and so many pixels around."""
    x, y, across, down = cv2.boundingRect((mask > _HARDLY).view(np.uint8))
    if not across:
        return 0, 0, 0, 0
    height, width = mask.shape
    return (
        max(0, x - margin),
        max(0, y - margin),
        min(width, x + across + margin),
        min(height, y + down + margin),
    )


def _guide(guide: Mask, mask: Mask, radius: int) -> Floats:
    """Return a mask as a function of a grey picture, (height, width, 2): slope and level."""

    def mean(array: Mask) -> Mask:
        return np.asarray(cv2.blur(array, (2 * radius + 1, 2 * radius + 1)), np.float32)

    centre, level = mean(guide), mean(mask)
    slope = (mean(guide * mask) - centre * level) / (mean(guide * guide) - centre * centre + 1e-3)
    return np.dstack(
        [mean(np.asarray(slope, np.float32)), mean(np.asarray(level - slope * centre, np.float32))]
    )


@kernel
def _lay(frame: Frame, guided: Floats, axis: Floats, steps: Floats, mask: Mask) -> None:
    """Fill in what ``guided`` makes of a part of a picture of any size.

    ``steps``: the part's place (x, y) in the picture, how many pixels of the small one a pixel is across and
    down, the place of ``guided`` in that, and between which of its values the mask grows from 0 to 1.
    """
    height, width = mask.shape
    rows, columns = guided.shape[:2]
    zero, hardly, half, one = np.float32(0), np.float32(1e-3), np.float32(0.5), np.float32(1)
    none, whole = steps[6], steps[7]
    for y in range(height):
        v = (steps[1] + np.float32(y) + half) * steps[3] - half - steps[5]
        v = min(max(v, zero), np.float32(rows - 1))
        top = int(v)
        under, low = min(top + 1, rows - 1), v - np.float32(top)
        for x in range(width):
            u = (steps[0] + np.float32(x) + half) * steps[2] - half - steps[4]
            u = min(max(u, zero), np.float32(columns - 1))
            left = int(u)
            beside, right = min(left + 1, columns - 1), u - np.float32(left)
            most = zero
            for k in range(2):
                most = max(most, abs(guided[top, left, k]), abs(guided[top, beside, k]))
                most = max(most, abs(guided[under, left, k]), abs(guided[under, beside, k]))
            if most < hardly:
                mask[y, x] = zero
                continue
            value, grey = zero, zero
            for k in range(3):
                grey += axis[k] * np.float32(frame[y, x, k])
            for k in range(2):
                upper = guided[top, left, k] * (one - right) + guided[top, beside, k] * right
                lower = guided[under, left, k] * (one - right) + guided[under, beside, k] * right
                part = upper * (one - low) + lower * low
                value += part * grey if k == 0 else part
            mask[y, x] = min(max((value - none) / (whole - none), zero), one)
