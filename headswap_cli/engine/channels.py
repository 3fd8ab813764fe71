"""Over the three channels of every pixel: NumPy, asked along so short an axis, takes ten times as long."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def largest(picture: NDArray[np.floating]) -> Floats:
    """Return the largest of the three channels, (height, width)."""
    most = np.maximum(np.maximum(picture[..., 0], picture[..., 1]), picture[..., 2])
    return np.asarray(most, np.float32)


def total(picture: NDArray[np.floating]) -> Floats:
    """Return the sum of the three channels, (height, width)."""
    return np.asarray(picture[..., 0] + picture[..., 1] + picture[..., 2], np.float32)


def length(picture: NDArray[np.floating]) -> Floats:
    """Return the root of the sum of the squared channels, (height, width)."""
    return np.sqrt(total(np.square(picture)))
