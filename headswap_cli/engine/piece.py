"""The part of a frame around a head: what is soft is worked out at a small size, the rest at full size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.types import Box, Frame

Floats = NDArray[np.float32]

# Light, fill and mattes are worked out where a face is so many pixels wide.
_SMALL_FACE = 56
_SMALLEST_PIECE = 12


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of the frame that is worked on, at full size and small.

    ``x0``, ``y0``, ``width`` and ``height`` place it in the frame; ``factor`` is small over full size, across
    and down; ``pixels`` the face's width in the frame.
    """

    image: Frame
    small: Frame
    x0: int
    y0: int
    width: int
    height: int
    factor: tuple[float, float]
    pixels: float

    def full(self, points: Floats) -> Floats:
        """Return points of the frame, (n, 2 or 3), in the piece's pixels."""
        placed = points.copy()
        placed[:, :2] -= (self.x0, self.y0)
        return placed

    def reduced(self, points: Floats) -> Floats:
        """Return points of the frame, (n, 2 or 3), in the small piece's pixels."""
        placed = self.full(points)
        placed[:, :2] = (placed[:, :2] + 0.5) * self.factor - 0.5
        placed[:, 2:] *= self.factor[0]
        return placed

    def enlarged(self, picture: Floats) -> Floats:
        """Stretch a small picture, (rows, columns) or (rows, columns, n), to full size, bilinearly."""
        if picture.shape[:2] == (self.height, self.width):
            return picture
        size = (self.width, self.height)
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.float32)

    def shrunk(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Average a picture of full size, (height, width) or (height, width, n), to the small one."""
        if picture.shape[:2] == self.small.shape[:2]:
            return picture
        size = self.small.shape[1::-1]
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)

    @property
    def part(self) -> tuple[slice, slice]:
        """Where the piece is in the frame."""
        return np.s_[self.y0 : self.y0 + self.height, self.x0 : self.x0 + self.width]


def cut_piece(frame: Frame, box: Box, face_width: float) -> Piece | None:
    """Return the part of the frame within a box, None where next to nothing of it is in the frame.

    Args:
        frame: The whole frame, (height, width, 3), BGR.
        box: (4,): x0, y0, x1, y1, pixels; it may reach beyond the frame.
        face_width: Pixels; the wider the face, the smaller the small picture is beside the piece.
    """
    rows, columns = frame.shape[:2]
    x0, y0 = (int(value) for value in np.maximum(np.floor(box[:2]), 0))
    x1, y1 = (int(value) for value in np.minimum(np.ceil(box[2:]), (columns, rows)))
    width, height = x1 - x0, y1 - y0
    if min(width, height) < _SMALLEST_PIECE:
        return None
    shrink = max(1, round(face_width / _SMALL_FACE))
    # Whole steps are averaged three times as fast.
    (x0, x1), (y0, y1) = _in_steps(x0, x1, columns, shrink), _in_steps(y0, y1, rows, shrink)
    width, height = x1 - x0, y1 - y0
    image = np.ascontiguousarray(frame[y0:y1, x0:x1])
    size = (max(2, round(width / shrink)), max(2, round(height / shrink)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if shrink > 1 else image
    factor = (size[0] / width, size[1] / height)
    return Piece(image, np.asarray(small, np.uint8), x0, y0, width, height, factor, face_width)


def _in_steps(start: int, end: int, limit: int, step: int) -> tuple[int, int]:
    """Widen a span to a multiple of ``step`` where there is room for that."""
    length = -(-(end - start) // step) * step
    if length > limit:
        return start, end
    start = min(start, limit - length)
    return start, start + length
