"""Read a picture between its pixels, from within compiled loops."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel

Bytes = NDArray[np.uint8]


@kernel
def between(picture: Bytes, x: float, y: float, k: int) -> float:
    """Return channel ``k`` of a picture, (height, width, channels), at ``x``, ``y``; its edge is repeated."""
    rows, columns = picture.shape[:2]
    x, y = min(max(x, 0.0), columns - 1.0), min(max(y, 0.0), rows - 1.0)
    x0, y0 = int(x), int(y)
    x1, y1 = min(x0 + 1, columns - 1), min(y0 + 1, rows - 1)
    above = picture[y0, x0, k] + (x - x0) * (float(picture[y0, x1, k]) - picture[y0, x0, k])
    below = picture[y1, x0, k] + (x - x0) * (float(picture[y1, x1, k]) - picture[y1, x0, k])
    return float(above + (y - y0) * (below - above))
