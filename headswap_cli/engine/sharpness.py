"""Make the head as sharp as the face that it replaces."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.types import Mask

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

# Blur and sharpening below these are not seen.
_SOFTER, _SHARPER = 0.3, 0.1
_BLURS = (0.0, 0.5, 0.8, 1.2, 1.7, 2.3, 3.0, 3.8)


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

        Source: the mean Laplacian as the measure of focus: Nayar, Nakagawa, Shape from focus, IEEE TPAMI
            16(8), 1994.
        """
        if not (target_face.any() and head_face.any()):
            return self.sigma
        wanted = _detail(target, target_face) * 1.1
        own = _detail(head, head_face)
        if own <= wanted:
            found = -min(1.0, max(0.0, wanted / max(own, 1e-3) - 1.2))
        else:
            found = _BLURS[-1]
            previous, before = 0.0, own
            for sigma in _BLURS[1:]:
                now = _detail(np.asarray(cv2.GaussianBlur(head, (0, 0), sigma), np.uint8), head_face)
                if now <= wanted:
                    found = previous + (sigma - previous) * (before - wanted) / max(before - now, 1e-6)
                    break
                previous, before = sigma, now
        self._sigma = found if self._sigma is None else 0.5 * self._sigma + 0.5 * found
        return self._sigma


def _detail(grey: Bytes, inside: Bytes) -> float:
    return float(cv2.mean(np.abs(cv2.Laplacian(grey, cv2.CV_16S)), inside)[0])


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
    """Add what a 5 by 5 Gaussian would take away to the colours of a layer, (height, width * 4)."""
    height, length = rows.shape
    # The rows above are changed by then: they are kept as they were.
    before, above, own = np.empty(length, np.float32), np.empty(length, np.float32), rows[0].copy()
    before[:], above[:] = own, own
    down = np.empty(length + 16, np.float32)
    amounts = np.full(length, amount, np.float32)
    amounts[3::4] = 0
    for y in range(height):
        below, beyond = rows[min(y + 1, height - 1)], rows[min(y + 2, height - 1)]
        for i in range(length):
            down[i + 8] = (
                own[i] * taps[0] + (above[i] + below[i]) * taps[1] + (before[i] + beyond[i]) * taps[2]
            )
        for k in range(8):
            down[k], down[length + 8 + k] = down[8 + k % 4], down[length + 4 + k % 4]
        changed = rows[y]
        for i in range(length):
            soft = (
                down[i + 8] * taps[0]
                + (down[i + 4] + down[i + 12]) * taps[1]
                + (down[i] + down[i + 16]) * taps[2]
            )
            changed[i] = own[i] + (own[i] - soft) * amounts[i]
        before, above, own = above, own, before
        if y + 1 < height:
            own[:] = rows[y + 1]
