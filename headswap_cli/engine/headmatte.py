"""Follow one head's matte from frame to frame, in a window of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headswap_cli.engine.piece import Piece
    from headswap_cli.engine.types import Frame, Mask, Matte

# The square around the head, in face widths, and how far above the face's middle it reaches.
_SIDE, _ABOVE = 3.2, 0.55
_SMALLEST_SIDE = 64.0
# In that square the person hardly moves: every other frame is enough, and of a head that is still since then,
# in face widths, fewer.
_EVERY, _STILL_EVERY, _STILL, _INERTIA = 2, 3, 0.015, 0.2


def head_window(middle: NDArray[np.float32], face_width: float) -> tuple[float, float, float]:
    """Return the square that shows a whole head: left edge, upper edge and side, pixels.

    Args:
        middle: Of the face, (2,).
        face_width: From cheek to cheek, pixels.
    """
    side = _SIDE * face_width
    return float(middle[0]) - side / 2, float(middle[1]) - _ABOVE * side, side


@dataclass(slots=True)
class HeadMatte:
    """Steadies one head's matte over time.

    Args:
        matte: Tells people from background in a square window.
    """

    matte: Matte
    _seen: Mask | None = None
    _age: int = 0
    _place: NDArray[np.float32] | None = None

    def reset(self) -> None:
        """Forget the frame before."""
        self._seen, self._age, self._place = None, 0, None

    def of_piece(self, frame: Frame, piece: Piece, middle: NDArray[np.float32], face_width: float) -> Mask:
        """Return how much of each pixel of the small piece shows a person, 0 to 1.

        Args:
            frame: Whole, BGR.
            piece: Around the head.
            middle: Of the posed face, (2,), pixels of the frame.
            face_width: Of the posed face, pixels.
        """
        x0, y0, side = head_window(middle, max(face_width, _SMALLEST_SIDE / _SIDE))
        self._age += 1
        if self._seen is None or self._is_old(np.array([x0, y0, x0 + side], np.float32), face_width):
            now = self.matte(frame, x0, y0, side)
            self._seen = now if self._seen is None else (1 - _INERTIA) * now + _INERTIA * self._seen
            self._age, self._place = 0, np.array([x0, y0, x0 + side], np.float32)
        step = side / self._seen.shape[0]
        across, down = piece.factor
        to_small = np.array(
            [[step * across, 0, (x0 - piece.x0) * across], [0, step * down, (y0 - piece.y0) * down]]
        )
        return np.asarray(cv2.warpAffine(self._seen, to_small, piece.small.shape[1::-1]), np.float32)

    def _is_old(self, place: NDArray[np.float32], face_width: float) -> bool:
        if self._place is None or self._age < _EVERY:
            return self._place is None
        moved = float(np.abs(place - self._place).max())
        return self._age >= _STILL_EVERY or moved > _STILL * face_width
