"""What a swap does to the pixels: what it leaves alone, how it flickers, how sharp the head's outline is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import face_box, face_width
from headswap_cli.engine.headmatte import head_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headswap_cli.engine.matte import PersonMatte
    from headswap_cli.engine.types import Frame, Landmarks

_PATCH = 24
_BLUR = 1.5
# Grey levels that no coding makes.
_NOTICED = 20.0


@dataclass
class Outside:
    """Compares what two pictures show where nothing was changed."""

    squared: float = 0.0
    pixels: int = 0
    similarities: list[float] = field(default_factory=list)

    def add(self, source: Frame, result: Frame, changed: NDArray[np.bool_]) -> None:
        kept = ~changed
        apart = cv2.absdiff(source, result)[kept].astype(np.float64)
        self.squared += float((apart**2).sum())
        self.pixels += apart.size
        if kept.any():
            # What was changed must not count for its neighbours either.
            alike = np.where(changed[..., np.newaxis], source, result)
            self.similarities.append(float(_ssim(source, alike)[kept].mean()))

    @property
    def psnr_db(self) -> float:
        if self.squared == 0:
            return math.inf
        return 10 * math.log10(255**2 * self.pixels / self.squared)

    @property
    def ssim(self) -> float:
        return float(np.mean(self.similarities)) if self.similarities else math.nan


def _ssim(first: Frame, second: Frame) -> NDArray[np.float64]:
    """Return the structural similarity of each pixel's surroundings.

    Source: Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 13(4), 2004, eq. 13; sigma 1.5, on grey.
    """
    x, y = (cv2.cvtColor(one, cv2.COLOR_BGR2GRAY).astype(np.float64) for one in (first, second))

    def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), _BLUR), np.float64)

    a, b = _mean(x), _mean(y)
    spread = _mean(x * x) + _mean(y * y) - a * a - b * b
    shared = _mean(x * y) - a * b
    one, two = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return (2 * a * b + one) * (2 * shared + two) / ((a * a + b * b + one) * (spread + two))


@dataclass
class InFront:
    """Counts how much of what is in front of a face stays in front."""

    there: int = 0
    kept: int = 0

    def add(self, source: Frame, result: Frame, covered: NDArray[np.bool_]) -> None:
        """Look at a frame; ``covered`` is what of the face something is in front of."""
        apart = cv2.absdiff(source, result)[covered].mean(axis=1)
        self.there += len(apart)
        self.kept += int((apart < _NOTICED).sum())

    @property
    def share(self) -> float:
        """The part that is still to be seen; NaN where nothing was in front."""
        return self.kept / self.there if self.there else math.nan


@dataclass
class Flicker:
    """How much the face's brightness departs from its neighbours in time, grey levels."""

    patches: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, frame: Frame, landmarks: Landmarks) -> None:
        box = face_box(landmarks)
        centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        scale = _PATCH / size
        matrix = np.array([[scale[0], 0, _PATCH / 2 - scale[0] * centre[0]], [0, scale[1], 0]])
        matrix[1, 2] = _PATCH / 2 - scale[1] * centre[1]
        grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).astype(np.float32)
        soft = cv2.GaussianBlur(grey, (0, 0), max(1.0, float(size[0]) / _PATCH))
        self.patches.append(np.asarray(cv2.warpAffine(soft, matrix, (_PATCH, _PATCH)), np.float32))

    def level(self) -> float:
        if len(self.patches) < 3:
            return math.nan
        seen = np.stack(self.patches)[:, 4:-4, 4:-4]
        return float(np.abs(seen[1:-1] - (seen[:-2] + seen[2:]) / 2).mean())


def outline_gradient(frame: Frame, landmarks: Landmarks, matte: PersonMatte) -> float:
    """Return the mean gradient along the outline of the hair, above the ears; NaN where none is in the frame.

    The steepest step within a narrow band about the matte's edge counts, in grey levels a pixel.
    """
    middle = landmarks[topology.OVAL, :2].mean(axis=0)
    x0, y0, side = head_window(middle, face_width(landmarks))
    person = matte(frame, x0, y0, side)
    step = side / person.shape[0]
    to_frame = np.array([[step, 0, x0], [0, step, y0]])
    wide = cv2.warpAffine(person, to_frame, frame.shape[1::-1])
    edge = cv2.morphologyEx((wide > 0.5).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    ears = int(min(landmarks[topology.RIGHT_CHEEK, 1], landmarks[topology.LEFT_CHEEK, 1]))
    edge[max(0, ears) :] = 0
    edge[:2] = 0
    if edge.sum() < _PATCH:
        return math.nan
    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(grey, cv2.CV_32F, 0, 1) / 8
    reach = 2 * max(1, round(0.03 * face_width(landmarks))) + 1
    steepest = cv2.dilate(np.hypot(across, down), np.ones((reach, reach), np.uint8))
    return float(steepest[edge > 0].mean())
