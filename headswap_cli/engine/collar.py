"""Tell where clothes begin below hair of their colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def clothes_below(found: NDArray[np.uint8], middle: float, ears: float, low: float) -> NDArray[np.int64]:
    """Return the row in which clothes of the hair's colour begin in each column, (width,).

    Short hair ends above ``low``: what goes on is no hair. Where it hangs together with hair above, the
    clothes begin as they do further out.

    Args:
        found: 1 where the picture has the hair's colour, (height, width).
        middle: The column of the face's middle.
        ears: The row in which ears end.
        low: The row in which hair ends.
    """
    height, width = found.shape
    top, end = (int(np.clip(np.ceil(row), 0, height)) for row in (ears, low))
    rows = np.arange(top, end)
    # Where a column has no such colour for the last time before the end.
    bare = np.where(found[top:end] == 0, rows[:, np.newaxis], -1).max(axis=0, initial=-1)
    is_known = (bare >= 0) & (bare < end - 1)
    half = int(np.clip(round(middle), 0, width))
    left = _carried(bare[:half], is_known[:half], height)
    right = _carried(bare[half:][::-1], is_known[half:][::-1], height)[::-1]
    return np.concatenate([left, right])


def _carried(values: NDArray[np.int64], is_known: NDArray[np.bool_], before: int) -> NDArray[np.int64]:
    """Return the last known value at each place, ``before`` where there was none."""
    last = np.maximum.accumulate(np.where(is_known, np.arange(len(values)), -1))
    return np.where(last >= 0, values[last], before)
