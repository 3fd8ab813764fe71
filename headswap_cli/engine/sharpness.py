"""Make the head as sharp as the face that it replaces."""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.types import Mask

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

# Blur and sharpening below these are not seen; nothing is blurred by more.
_SOFTER, _SHARPER, _MOST = 0.3, 0.1, 3.8
# So much of the blur that edges lack is given: all of it would hide how lids and eyes move.
_PART = 0.6
# By how much of a blur a head's edges may be softer than the frame's, and how much sharper it is made beyond.
_SOFT_ENOUGH, _SHARPENING = 0.6, 2.0
# By what an edge is blurred again to see how blurred it was, pixels, and which part of the edges is steep.
_AGAIN, _STEEPEST, _FEWEST = 1.0, 0.2, 8
# Grey levels a pixel of a slope that is no noise; a ratio of slopes this near to 1 tells no more.
_SLOPE, _NO_EDGE = 2.0, 0.01
# What the Sobel operator makes of a slope of one grey level a pixel.
_SOBEL = 8.0


class SharpnessFitter:
    """Finds how much the texture must be blurred to look as sharp as the face it replaces."""

    def __init__(self) -> None:
        self._sigma: float | None = None

    @property
    def sigma(self) -> float:
        """What was found last; 0 before anything was."""
        return self._sigma or 0.0

    def fit(self, target: Bytes, head: Bytes, target_face: Bytes, head_face: Bytes) -> float:
        """Return the blur's sigma, pixels; below 0 the head is too soft and wants sharpening (at most -1).

        Args:
            target: Grey piece of the frame around the face, (height, width).
            head: The posed head in the same piece, grey, (height, width).
            target_face: Where the face is in ``target``, > 0.
            head_face: Likewise in ``head``.

        Blurs add up as squares: what the head's edges lack is the root of the difference.
        """
        wanted, own = edge_blur(target, target_face), edge_blur(head, head_face)
        if math.isnan(wanted) or math.isnan(own):
            return self.sigma
        lacking = math.sqrt(abs(wanted**2 - own**2))
        if own < wanted:
            found = min(_MOST, _PART * lacking)
        else:
            found = -min(1.0, max(0.0, _SHARPENING * (lacking - _SOFT_ENOUGH)))
        self._sigma = found if self._sigma is None else 0.5 * self._sigma + 0.5 * found
        return self._sigma


def edge_blur(grey: Bytes, inside: Bytes) -> float:
    """Return how blurred a picture's edges are: a Gaussian's sigma, pixels; NaN where there are next to none.

    The steeper a step is, the more of its slope another blur takes away, however high the step is: beards,
    pores and wrinkles make a face no sharper, and noise hardly does.

    Args:
        grey: (height, width).
        inside: Where to look, > 0.

    Source: Zhuo, Sim, Defocus map estimation from a single image, Pattern Recognition 44(9), 2011, eq. 5-6.
    """
    across, down = (np.asarray(part, np.float32) for part in cv2.spatialGradient(grey))
    # OpenCV's own magnitude depends on where in memory its pictures lie, by the last bit.
    slopes = np.sqrt(across * across + down * down) / np.float32(_SOBEL)
    crests = (slopes >= cv2.dilate(slopes, np.ones((3, 3), np.uint8))) & (slopes > _SLOPE) & (inside > 0)
    places = np.flatnonzero(crests)
    own = slopes.ravel()[places]
    count = max(_FEWEST, int(len(own) * _STEEPEST))
    if len(own) < count:
        return math.nan
    steepest = np.argpartition(own, -count)[-count:]
    ratios = own[steepest] / np.maximum(_blurred_slopes(grey, places[steepest]), 1e-3)
    return float(np.median(_AGAIN / np.sqrt(np.maximum(ratios**2 - 1, _NO_EDGE))))


def _blurred_slopes(grey: Bytes, places: NDArray[np.intp]) -> Floats:
    """Return how steep the blurred picture is at some places, (n,), worked out there alone."""
    ways = _slope_filters()
    reach = ways.shape[1] // 2
    wide = cv2.copyMakeBorder(grey, *(reach,) * 4, cv2.BORDER_REFLECT_101)
    around = np.lib.stride_tricks.sliding_window_view(wide, ways.shape[1:])
    seen = around[np.unravel_index(places, grey.shape)].reshape(len(places), -1).astype(np.float32)
    return np.asarray(np.linalg.norm(seen @ ways.reshape(2, -1).T, axis=1), np.float32)


@cache
def _slope_filters() -> Floats:
    """Return what a Gaussian and the Sobel operator are together, across and down, (2, n, n)."""
    reach = math.ceil(3 * _AGAIN) + 1
    dot = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    dot[reach, reach] = 1
    soft = cv2.GaussianBlur(dot, (2 * reach - 1, 2 * reach - 1), _AGAIN)
    across = cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=1 / _SOBEL, borderType=cv2.BORDER_CONSTANT)
    return np.stack([across, across.T]).astype(np.float32)


def resharpen(layer: Floats, face: Mask, sigma: float) -> None:
    """Blur a head (sigma > 0) or sharpen it (sigma < 0), in place.

    Args:
        layer: BGR times alpha and alpha, (height, width, 4).
        face: How much of it is inner face: that goes with it where it is blurred.
        sigma: Pixels; below 0 how much sharper, at most -1: an unsharp mask.
    """
    if sigma > _SOFTER:
        part = _around(layer[..., 3], math.ceil(4 * sigma) + 1)
        for picture in (layer[part], face[part]):
            picture[...] = cv2.GaussianBlur(picture, (0, 0), sigma)
    elif sigma < -_SHARPER:
        _sharpen(layer.reshape(layer.shape[0], -1), np.float32(-0.7 * sigma), _taps())


def _around(alpha: Mask, reach: int) -> tuple[slice, slice]:
    """Return where there is anything, and so many pixels around it."""
    x, y, width, height = cv2.boundingRect(np.asarray(alpha > 0, np.uint8))
    return np.s_[max(0, y - reach) : y + height + reach, max(0, x - reach) : x + width + reach]


def _taps() -> Floats:
    return np.asarray(cv2.getGaussianKernel(5, 1.0, cv2.CV_32F)[2:, 0], np.float32)


@kernel
def _sharpen(rows: Floats, amount: np.float32, taps: Floats) -> None:
    """Add what a 5 by 5 Gaussian would take away to the colours of a layer, (height, width * 4).

    What the Gaussian takes away for want of a head beyond the outline makes no rim there.
    """
    height, length = rows.shape
    # The rows above are changed by then: they are kept as they were.
    before, above, own = np.empty(length, np.float32), np.empty(length, np.float32), rows[0].copy()
    before[:], above[:] = own, own
    down, soft = np.empty(length + 16, np.float32), np.empty(length, np.float32)
    for y in range(height):
        first, last = _row_span(own)
        below, beyond = rows[min(y + 1, height - 1)], rows[min(y + 2, height - 1)]
        # Two pixels further to either side.
        start, end = max(0, first - 8), min(length, last + 8)
        _mean(
            (before[start:end], above[start:end], own[start:end], below[start:end], beyond[start:end]),
            taps,
            down[start + 8 : end + 8],
        )
        for k in range(8):
            down[k], down[length + 8 + k] = down[8 + k % 4], down[length + 4 + k % 4]
        size = last - first
        aside = (down[first:], down[first + 4 :], down[first + 8 :], down[first + 12 :], down[first + 16 :])
        _mean(aside, taps, soft[:size])
        _lift(own[first:last], soft[:size], amount, rows[y, first:last])
        before, above, own = above, own, before
        if y + 1 < height:
            own[:] = rows[y + 1]


@kernel
def _row_span(row: Floats) -> tuple[int, int]:
    """Return from where to where there is anything in a row, (width * 4), every fourth of it alpha."""
    first, last = 0, row.shape[0]
    while first < last and row[first + 3] <= 0:
        first += 4
    while last > first and row[last - 1] <= 0:
        last -= 4
    return first, last


@kernel
def _mean(five: tuple[Floats, Floats, Floats, Floats, Floats], taps: Floats, mean: Floats) -> None:
    """Fill in the mean of five rows, the taps counted from the middle one."""
    before, above, own, below, beyond = five
    for i in range(mean.shape[0]):
        mean[i] = own[i] * taps[0] + (above[i] + below[i]) * taps[1] + (before[i] + beyond[i]) * taps[2]


@kernel
def _lift(own: Floats, soft: Floats, amount: np.float32, changed: Floats) -> None:
    """Fill in the colours of a row less so much of its mean, as far as that is of anything."""
    hardly = np.float32(1e-3)
    for i in range(0, own.shape[0], 4):
        share = own[i + 3] / max(soft[i + 3], hardly)
        for k in range(3):
            changed[i + k] = own[i + k] + (own[i + k] - soft[i + k] * share) * amount
