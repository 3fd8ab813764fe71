"""Over the three channels of every pixel: NumPy, asked along so short an axis, takes ten times as long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float32]

# Shares of blue, green and red in grey: ITU-R BT.601-7, 2.5.1, as ``cv2.COLOR_BGR2GRAY`` has it.
GREY = np.array([0.114, 0.587, 0.299], np.float32)
# Grey levels, of all three channels together, that keep the tint of what is dark from being chance.
DARK = 60.0


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


def tint(colours: NDArray[np.floating]) -> Floats:
    """Return each channel's share of the light less the mean, in parts of 1000: 0 for any grey.

    Shade changes it little. The channels are the last axis, of any number before it.
    """
    light = total(colours)[..., np.newaxis]
    return np.asarray(1000 * (colours - light / 3) / (light + DARK), np.float32)


def percentiles(values: NDArray[np.generic], shares: Sequence[float]) -> Floats:
    """Return for every column of values, (n, channels), the values below which such shares of it lie.

    Args:
        values: At least one row.
        shares: Percent.

    Returns: (channels, shares); between two values there are none, as there are in ``np.percentile``.
    """
    places = np.round(np.array(shares) / 100 * (len(values) - 1)).astype(np.intp)
    return np.stack([np.sort(column)[places] for column in values.T.copy()]).astype(np.float32)


def medians(values: NDArray[np.generic]) -> NDArray[np.floating]:
    """Return the median of every column of values, (n, channels), as ``np.median`` does to the bit.

    Args:
        values: At least one row, no NaN.

    Returns: (channels,); of whole numbers in double precision.
    """
    columns, half = np.sort(values.T.copy(), axis=1), len(values) // 2
    return np.asarray(columns[:, half - 1 + len(values) % 2 : half + 1].mean(axis=1))
