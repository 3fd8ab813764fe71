"""Draw the line of lashes where an eye shuts: the photo's were left behind with its open lid."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_DARKNESS = 0.6
# Thickness in eye widths.
_THICKNESS = 0.055


def draw_lashes(layer: Floats, line: Floats, opening: float) -> None:
    """Darken the head along the edge of an upper lid.

    Args:
        layer: The head, (height, width, 4), changed in place.
        line: The lid's edge from corner to corner in the layer's pixels, (n, 2).
        opening: How far the eye is open; at 1 nothing is drawn.
    """
    amount = _DARKNESS * min(1.0, max(0.0, 1 - opening) * 1.5)
    width = float(np.linalg.norm(line[-1] - line[0]))
    margin = 2 + 0.1 * width
    x0, y0 = (int(value) for value in np.maximum(np.floor(line.min(axis=0) - margin), 0))
    x1, y1 = (int(value) for value in np.minimum(np.ceil(line.max(axis=0) + margin), layer.shape[1::-1]))
    if amount <= 0 or x1 - x0 < 2 or y1 - y0 < 2:
        return
    thickness = max(1.0, _THICKNESS * width)
    mask = np.zeros((y1 - y0, x1 - x0), np.float32)
    points = np.round((line - (x0, y0)) * 16).astype(np.int32)
    cv2.polylines(mask, [points], isClosed=False, color=(1.0,), thickness=max(1, round(thickness)), shift=4)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.6, 0.4 * thickness))
    layer[y0:y1, x0:x1, :3] *= 1 - amount * soft[..., np.newaxis]
