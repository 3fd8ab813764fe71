"""Let a neck that nobody saw be as sharp as the skin above it: it has the grain of the chin."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.types import Mask

Floats = NDArray[np.float32]

# What is finer than this is grain, in face widths; it is no stronger, in grey levels: what is has an edge.
_FINE, _STRONGEST = 0.03, 5.0
# So far below where it comes from it is laid, in face widths, and so far below the chin it ends, after it has
# faded: further up there are lips.
_DOWN, _FADES = 0.2, 0.08
# So far above the chin the jaw leaves the neck, and what lies so far above that, in face widths.
_JAW = 0.5
# From so much on a pixel is the new head's, and inner face.
_HEAD, _FACE = 0.9, 0.5


def chins_grain(layer: Floats, face: Mask, width: float) -> Mask:
    """Return the grain of a head's lower face below its chin, grey levels, (height, width), 0 elsewhere.

    Args:
        layer: The head, BGR times alpha and alpha, (height, width, 4).
        face: How much of it is inner face, (height, width).
        width: Of the face, pixels.
    """
    grain = np.zeros(face.shape, np.float32)
    x, y, across, down = cv2.boundingRect((face > _FACE).view(np.uint8))
    top, low = max(y, y + down - round(_JAW * width)), min(len(face), y + down + round(_DOWN * width))
    if not across or low <= top:
        return grain
    part = np.s_[top:low, x : x + across]
    # Beyond the head's edge there is nothing: that is no grain.
    grey, alpha = (np.ascontiguousarray(layer[part][..., channel]) for channel in (1, 3))
    sides = (2 * max(1, round(_FINE * width)) + 1,) * 2
    fine = grey - alpha * (cv2.blur(grey, sides) / np.maximum(cv2.blur(alpha, sides), 1e-3))
    _lay(np.asarray(fine, np.float32), layer[part], face[part], width, grain[part])
    return grain


@kernel
def _lay(fine: Floats, layer: Floats, face: Mask, width: float, grain: Mask) -> None:
    """Fill in, below the last row of each column in which the head is, what is so far above."""
    height, columns = fine.shape
    down, fades = max(1, round(_DOWN * width)), np.float32(_FADES * width)
    most, zero, one = np.float32(_STRONGEST), np.float32(0), np.float32(1)
    for x in range(columns):
        chin = height - 1
        while chin > 0 and layer[chin, x, 3] < _HEAD:
            chin -= 1
        for y in range(max(chin, down), min(chin + down, height)):
            if face[y - down, x] > _FACE:
                left = min(max(np.float32(chin + down - y) / fades, zero), one)
                grain[y, x] = min(max(fine[y - down, x], -most), most) * left
