"""From the source's size to the result's: frames, backgrounds and landmarks alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from headswap_cli.engine.camera import rescaled
from headswap_cli.engine.types import Plate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headswap_cli.engine.types import Frame, VideoProperties


@dataclass(frozen=True, slots=True)
class Fit:
    """Scales down to (``width``, ``height``), or cuts off a last odd row and column, which scales nothing."""

    width: int
    height: int
    across: float
    down: float

    @classmethod
    def to_size(cls, video: VideoProperties, width: int, height: int) -> Fit:
        """Return the way from frames of ``video`` to frames of the size."""
        if video.width - width < 2 and video.height - height < 2:
            return cls(width, height, 1.0, 1.0)
        return cls(width, height, width / video.width, height / video.height)

    def frame(self, image: Frame) -> Frame:
        """Return a frame of the source, (height, width, 3), at the new size."""
        if self._is_cut:
            return np.ascontiguousarray(image[: self.height, : self.width])
        return np.asarray(
            cv2.resize(image, (self.width, self.height), interpolation=cv2.INTER_AREA), np.uint8
        )

    def landmarks(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return landmarks (..., 3) in pixels of the new size; the middle of a pixel is at whole numbers."""
        if self._is_cut:
            return points
        factors = np.array([self.across, self.down, self.across], np.float32)
        shift = np.array([0.5, 0.5, 0.0], np.float32)
        return np.asarray((points + shift) * factors - shift, np.float32)

    def plate(self, plate: Plate) -> Plate:
        """Return a shot's background at the new size."""
        if self._is_cut:
            return Plate(self.frame(plate.image), plate.seen[: self.height, : self.width])
        return _resized(plate, (self.width, self.height))

    def moving(self, plate: Plate, motion: NDArray[np.float32]) -> tuple[Plate, NDArray[np.float64]]:
        """Return the background of a camera that moves at the new size, and ``Shot.motion`` for that.

        Args:
            plate: The background, which may reach further than a frame.
            motion: ``Shot.motion`` at the old size, (frames, 2, 3).
        """
        if self._is_cut:
            return plate, motion.astype(np.float64)
        height, width = plate.seen.shape
        size = (round(width * self.across), round(height * self.down))
        factors = (self.across, self.down), (size[0] / width, size[1] / height)
        return _resized(plate, size), np.stack([rescaled(one, *factors) for one in motion])

    @property
    def _is_cut(self) -> bool:
        return self.across == self.down == 1.0


def _resized(plate: Plate, size: tuple[int, int]) -> Plate:
    image = cv2.resize(plate.image, size, interpolation=cv2.INTER_AREA)
    seen = cv2.resize(plate.seen, size, interpolation=cv2.INTER_NEAREST)
    return Plate(np.asarray(image, np.uint8), np.asarray(seen, np.uint8))
