"""Make the head as sharp as the face that it replaces."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

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
            target: Grey piece of the frame around the face.
            head: The posed head in the same piece, grey.
            target_face: Where the face is in ``target``, > 0.
            head_face: Likewise in ``head``.
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


def resharpen(layer: Floats, sigma: float) -> Floats:
    """Blur (sigma > 0) or sharpen (sigma < 0) a premultiplied layer, (height, width, 4)."""
    if sigma > 0.3:
        return np.asarray(cv2.GaussianBlur(layer, (0, 0), sigma), np.float32)
    if sigma < -0.1:
        x, y, width, height = cv2.boundingRect(np.asarray(layer[..., 3] > 0, np.uint8))
        part = layer[y : y + height, x : x + width]
        sharper = layer.copy()
        if part.size:
            soft = np.asarray(cv2.GaussianBlur(part, (5, 5), 1.0), np.float32)
            _sharpen(part, soft, np.float32(-0.7 * sigma), sharper[y : y + height, x : x + width])
        return sharper
    return layer


@kernel
def _sharpen(layer: Floats, soft: Floats, amount: np.float32, sharper: Floats) -> None:
    height, width = layer.shape[:2]
    for y in range(height):
        for x in range(width):
            for k in range(3):
                sharper[y, x, k] = layer[y, x, k] + (layer[y, x, k] - soft[y, x, k]) * amount
