"""From the source's size to the result's: frames, backgrounds and landmarks alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from headswap_cli.engine.camera import rescaled, shifted
from headswap_cli.engine.types import NO_BARS, Bars, Plate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headswap_cli.engine.types import Frame, VideoProperties


@dataclass(frozen=True, slots=True)
class Fit:
    """Scales down to (``width``, ``height``), or cuts off a last odd row and column, which scales nothing.

    Bars are not handed on: heads are put on the picture within them, whose pixels are counted from its own
    corner, and ``framed`` puts that back. ``bars`` are the source's, ``rest`` those of the result, to which a
    row or column belongs that is mostly bar.
    """

    width: int
    height: int
    across: float
    down: float
    bars: Bars = NO_BARS
    rest: Bars = NO_BARS

    @classmethod
    def to_size(cls, video: VideoProperties, width: int, height: int) -> Fit:
        """Return the way from frames of ``video`` to frames of the size."""
        bars, across, down = video.bars, width / video.width, height / video.height
        if video.width - width < 2 and video.height - height < 2:
            across = down = 1.0
        bottom = height - round((video.height - bars.bottom) * down)
        right = width - round((video.width - bars.right) * across)
        rest = Bars(round(bars.top * down), max(0, bottom), round(bars.left * across), max(0, right))
        return cls(width, height, across, down, bars, rest)

    @property
    def shape(self) -> tuple[int, int]:
        """The height and width of the picture within the bars."""
        rest = self.rest
        return self.height - rest.top - rest.bottom, self.width - rest.left - rest.right

    def framed(self, picture: NDArray[Any], whole: NDArray[Any]) -> NDArray[Any]:
        """Return a whole frame with another picture in it: itself, where there are no bars."""
        if picture.shape == whole.shape:
            return picture
        framed = whole.copy()
        framed[self.rest.inside(whole.shape)] = picture
        return framed

    def whole(self, image: Frame) -> Frame:
        """Return a frame of the source, (height, width, 3), at the new size, bars and all."""
        if self._is_cut:
            return np.ascontiguousarray(image[: self.height, : self.width])
        return np.asarray(
            cv2.resize(image, (self.width, self.height), interpolation=cv2.INTER_AREA), np.uint8
        )

    def landmarks(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return points (..., 2) or landmarks (..., 3) in pixels of the new size.

        The middle of a pixel is at whole numbers.
        """
        axes = points.shape[-1]
        corner = np.array([self.rest.left, self.rest.top, 0], np.float32)[:axes]
        if self._is_cut:
            return points - corner if corner.any() else points
        factors = np.array([self.across, self.down, self.across], np.float32)[:axes]
        shift = np.array([0.5, 0.5, 0.0], np.float32)[:axes]
        return np.asarray((points + shift) * factors - shift - corner, np.float32)

    def plate(self, plate: Plate) -> Plate:
        """Return the background of a shot, the picture within the bars, at the new size."""
        if self._is_cut:
            return plate.part((slice(self.shape[0]), slice(self.shape[1])))
        bars = self.bars
        edges = bars.top, bars.bottom, bars.left, bars.right
        image, seen = (
            cv2.copyMakeBorder(one, *edges, cv2.BORDER_REPLICATE) for one in (plate.image, plate.seen)
        )
        whole = Plate(np.asarray(image, np.uint8), np.asarray(seen, np.uint8))
        resized = _resized(whole, (self.width, self.height))
        return resized.part(self.rest.inside(resized.seen.shape))

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
        old, new = (-self.bars.left, -self.bars.top), (self.rest.left, self.rest.top)
        moved = [shifted(rescaled(shifted(one, old), *factors), new) for one in motion]
        return _resized(plate, size), np.stack(moved)

    @property
    def _is_cut(self) -> bool:
        return self.across == self.down == 1.0


def _resized(plate: Plate, size: tuple[int, int]) -> Plate:
    image = cv2.resize(plate.image, size, interpolation=cv2.INTER_AREA)
    seen = cv2.resize(plate.seen, size, interpolation=cv2.INTER_NEAREST)
    return Plate(np.asarray(image, np.uint8), np.asarray(seen, np.uint8))
