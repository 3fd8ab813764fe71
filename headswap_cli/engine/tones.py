"""Sum up what colours something has in a few tones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FEWEST = 12
# So many pixels tell a tone as well as all.
_ENOUGH = 400


def some(picture: NDArray[np.uint8], area: NDArray[np.bool_]) -> Floats:
    """Return some of the colours of an area, (n, 3)."""
    indices = np.flatnonzero(area)
    return picture.reshape(-1, 3)[indices[:: max(1, len(indices) // _ENOUGH)]].astype(np.float32)


def tones(colours: Floats, count: int, *, lightness: int = 0) -> Floats:
    """Return the means of colours that are parted by their lightness, (count, 3); none of next to none.

    Args:
        colours: (n, 3).
        count: Of the tones.
        lightness: Which of the three tells it: Lab's first, BGR's second.
    """
    if len(colours) < FEWEST:
        return np.zeros((0, 3), np.float32)
    ordered = colours[np.argsort(colours[:, lightness], kind="stable")]
    bounds = np.linspace(0, len(ordered), count + 1).astype(np.intp)
    sums = np.add.reduceat(ordered, bounds[:-1], axis=0)
    return np.asarray(sums / np.diff(bounds)[:, np.newaxis], np.float32)


def middling(colours: Floats) -> Floats:
    """Return the median of each of three channels of some colours, (n, 3), the upper one of two."""
    return np.asarray(np.partition(colours, len(colours) // 2, axis=0)[len(colours) // 2], np.float32)
