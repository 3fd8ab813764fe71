"""Gather a shot's background from what people leave visible, for a camera that stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from headswap_cli.engine.types import Plate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headswap_cli.engine.types import Frame, Mask

# Less than this much of a person counts as background.
_BACKGROUND = 0.1
# Median change of the background, grey levels, beyond which the camera moves.
_STILL = 4.0
_TRIALS = 4
_LEAST_SAMPLES = 2
# Around people, in pixels of the mask: the matte is soft and coarse there.
_MARGIN = np.ones((7, 7), np.uint8)


class PlateGatherer:
    """Averages the background of sampled frames of one shot, and notices when the camera moves."""

    def __init__(self) -> None:
        self._sum: NDArray[np.float32] | None = None
        self._seen: NDArray[np.float32] | None = None
        self._changes: list[float] = []

    @property
    def is_moving(self) -> bool:
        """Whether the camera is known not to stand still: more samples are pointless."""
        return len(self._changes) >= _TRIALS and float(np.median(self._changes)) > _STILL

    def add(self, frame: Frame, people: Mask) -> None:
        """Take a sample; ``people`` is the matte of the frame's ``window``."""
        visible = _background(frame, people)
        if self._sum is None or self._seen is None:
            self._sum, self._seen = np.zeros(frame.shape, np.float32), np.zeros(frame.shape[:2], np.float32)
        else:
            self._changes.append(self._change(frame, visible, self._sum, self._seen))
        cv2.accumulate(frame, self._sum, visible)
        self._seen += visible

    def plate(self) -> Plate | None:
        """Return the background; None where the camera moved or there were too few samples."""
        if self._sum is None or self._seen is None or len(self._changes) + 1 < _LEAST_SAMPLES:
            return None
        if float(np.median(self._changes)) > _STILL:
            return None
        mean = self._sum / np.maximum(self._seen, 1)[..., np.newaxis]
        return Plate((mean + 0.5).astype(np.uint8), np.minimum(self._seen, 255).astype(np.uint8))

    @staticmethod
    def _change(
        frame: Frame, visible: NDArray[np.uint8], total: NDArray[np.float32], seen: NDArray[np.float32]
    ) -> float:
        """Return the median change against the mean so far, where both are known; every 4th pixel will do."""
        both = (visible[::4, ::4] > 0) & (seen[::4, ::4] > 0)
        if int(both.sum()) < 30:
            return float("inf")
        mean = total[::4, ::4][both] / seen[::4, ::4][both][:, np.newaxis]
        return float(np.median(np.abs(frame[::4, ::4][both] - mean)))


def window(frame: Frame) -> tuple[float, float, float]:
    """Return (x0, y0, side) of the square around the frame's middle that holds all of it."""
    height, width = frame.shape[:2]
    side = max(height, width)
    return (width - side) / 2, (height - side) / 2, side


def _background(frame: Frame, people: Mask) -> NDArray[np.uint8]:
    """Return where the frame shows no person, (height, width), 0 or 1."""
    x0, y0, side = window(frame)
    grown = cv2.dilate(people, _MARGIN)
    scale = people.shape[0] / side
    matrix = np.array([[scale, 0, -x0 * scale], [0, scale, -y0 * scale]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    full = cv2.warpAffine(grown, matrix, frame.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(full < _BACKGROUND, np.uint8)
