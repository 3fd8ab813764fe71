"""Keep glasses whole that a person wears: what shows of them in a frame tells where all of them is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from headswap_cli.engine.types import Mask
    from headswap_cli.engine.unlike import Compared

Floats = NDArray[np.float32]

# So surely a pixel is not the face's, and of so large a part of the glasses, where they are on.
_SEEN, _ON = 0.1, 0.25
# As they stand off the face they seem to slip as it turns: by no more pixels, and each must be worth so much
# of the glasses.
_SLIP, _WORTH = 2, 0.02
_INERTIA = 0.35


class Worn:
    """Follows one person's glasses from frame to frame."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the frame before."""
        self._slip: Floats | None = None
        self._share = np.float32(0)

    def find(self, compared: Compared) -> Mask | None:
        """Return how much the glasses cover, (height, width), 0 to 1; None where none are on."""
        worn = compared.worn.astype(np.float32)
        count = float(worn.sum())
        if not count:
            # How they sat does not tell how they sit when they show again, at any time later.
            self.reset()
            return None
        seen = np.pad((compared.score > _SEEN).astype(np.float32), _SLIP)
        shares = cv2.matchTemplate(seen, worn, cv2.TM_CCORR) / count
        steps = np.abs(np.arange(-_SLIP, _SLIP + 1))
        down, across = np.unravel_index(
            (shares - _WORTH * (steps[:, np.newaxis] + steps)).argmax(), shares.shape
        )
        slip = np.array([across - _SLIP, down - _SLIP], np.float32)
        share = np.float32(shares[down, across] > _ON)
        if self._slip is None:
            self._slip, self._share = slip, share
        self._slip += (1 - _INERTIA) * (slip - self._slip)
        self._share += np.float32(1 - _INERTIA) * (share - self._share)
        if self._share < _SEEN:
            return None
        moved = np.array([[1, 0, self._slip[0]], [0, 1, self._slip[1]]])
        placed = cv2.warpAffine(worn, moved, worn.shape[::-1])
        return np.asarray(cv2.GaussianBlur(placed, (0, 0), 0.7) * self._share, np.float32)
