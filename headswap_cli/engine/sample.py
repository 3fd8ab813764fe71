"""Read a picture between its pixels, from within compiled loops."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel

Bytes = NDArray[np.uint8]


@kernel
def between(picture: Bytes, x: float, y: float, k: int) -> float:
    """Return channel ``k`` of a picture, (height, width, channels), at ``x``, ``y``; its edge is repeated.

    By cubic convolution: what is but a pixel or two high, as the gap between small lips, stays as dark
    as it is, where a straight line between pixels would make it paler. It may be out of range by a little.

    Source: Keys, Cubic convolution interpolation for digital image processing, IEEE Transactions on
    Acoustics, Speech, and Signal Processing 29(6), 1981, eq. 15.
    """
    rows, columns = picture.shape[:2]
    left, top = math.floor(x), math.floor(y)
    total = 0.0
    for j in range(-1, 3):
        row = min(max(top + j, 0), rows - 1)
        line = 0.0
        for i in range(-1, 3):
            line += _weight(x - left - i) * picture[row, min(max(left + i, 0), columns - 1), k]
        total += _weight(y - top - j) * line
    return total


@kernel
def _weight(apart: float) -> float:
    """Return what a pixel counts so far away, in pixels: Keys' kernel, a = -1/2."""
    away = abs(apart)
    if away < 1:
        return (1.5 * away - 2.5) * away * away + 1
    if away < 2:
        return ((2.5 - 0.5 * away) * away - 4) * away + 2
    return 0.0
