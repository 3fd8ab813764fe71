"""Let a mended hole in a picture begin with the tones that its surroundings end with."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.fill import push_pull

Floats = NDArray[np.float32]

# How far around the hole pieces are compared with what is there: pixels of the small picture.
_RIM = 2


def evened(
    mended: Floats, known: NDArray[np.bool_], free: NDArray[np.uint8], places: NDArray[np.int32], step: int
) -> Floats:
    """Return ``mended`` without what its pieces are off at the hole's rim, smoothly all over the hole.

    Args:
        mended: (height, width, 3), any colours.
        known: (height, width), False in the hole.
        free: The same of a smaller picture, (rows, columns), 0 in the hole.
        places: Which row and column of the smaller picture each of its pixels has its piece from,
            (rows, columns, 2).
        step: How many times smaller it is.

    Source: Perez, Gangnet, Blake, Poisson image editing, ACM Transactions on Graphics 22(3), 2003, section 2:
        the correction is a membrane over the hole; here push and pull spread it.
    """
    height, width = known.shape
    distance = cv2.distanceTransform(known.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    rows, columns = np.nonzero(known & (distance <= _RIM * step))
    small_row, small_column = rows // step, columns // step
    away = (_going_on(free, places)[small_row, small_column] - np.stack([small_row, small_column], 1)) * step
    from_row = np.clip(rows + away[:, 0], 0, height - 1)
    from_column = np.clip(columns + away[:, 1], 0, width - 1)
    is_known = known[from_row, from_column]
    rim = rows[is_known], columns[is_known]
    off, trust = np.zeros_like(mended), np.zeros(known.shape, np.float32)
    off[rim] = mended[rim] - mended[from_row[is_known], from_column[is_known]]
    trust[rim] = 1
    return np.where(known[..., np.newaxis], mended, mended + push_pull(off, trust))


def _going_on(free: NDArray[np.uint8], places: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the places with the hole's own pieces going on around it: each pixel's is the nearest one."""
    _, labels = cv2.distanceTransformWithLabels(free, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    nearest = np.zeros((int(labels.max()) + 1, 2), np.int32)
    hole = free == 0
    nearest[labels[hole]] = np.argwhere(hole)
    near = nearest[labels]
    grid = np.moveaxis(np.indices(free.shape, dtype=np.int32), 0, -1)
    return np.asarray(places[near[..., 0], near[..., 1]] + grid - near, np.int32)
