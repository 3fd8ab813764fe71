"""What a swap does to the pixels: what it leaves alone, how it flickers, how soft the hair's edge is."""

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

    from headswap_cli.engine.types import Frame, Landmarks, Mask, Matte

_PATCH = 24
_BLUR = 1.5
# Grey levels that no coding makes.
_NOTICED = 20.0
# Where a hair's edge is looked for, in face widths from the matte's; from where to where on either side of it
# the colours are compared, and by how many levels they must differ, or there is none.
_EDGE_NEAR, _BESIDE, _LEAST_STEP = 0.05, (0.015, 0.06), 30.0
_EDGE_STEP = 0.25


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


def outline_width(frame: Frame, landmarks: Landmarks, matte: Matte) -> float:
    """Return how wide the edge of the hair is above the ears, pixels; NaN where there is too little to see.

    A step's height over its steepest slope: of a Gaussian edge 2.51 sigma, nearly its 10-90 % width (2.56).
    Dark hair before a light wall has no other than before a dark one.
    """
    width = face_width(landmarks)
    middle = landmarks[topology.OVAL, :2].mean(axis=0)
    x0, y0, side = head_window(middle, width)
    person = matte(frame, x0, y0, side)
    step = side / person.shape[0]
    to_frame = np.array([[step, 0, x0], [0, step, y0]])
    size = frame.shape[1::-1]
    wide = np.asarray(cv2.warpAffine(person, to_frame, size, flags=cv2.INTER_CUBIC), np.float32)
    ears = float(min(landmarks[topology.RIGHT_CHEEK, 1], landmarks[topology.LEFT_CHEEK, 1]))
    across = _across(frame, wide, ears, 0.1 * width, max(1.0, 0.03 * width))
    found = [one for one in (_edge_width(colours, width) for colours in across) if one is not None]
    return float(np.median(found)) if len(found) >= _PATCH else math.nan


def _across(frame: Frame, wide: Mask, lowest: float, reach: float, smooth: float) -> NDArray[np.float32]:
    """Return the colours across a matte's outline, from outside to inside, (places, steps, 3)."""
    soft = cv2.GaussianBlur(wide, (0, 0), smooth)
    contours, _ = cv2.findContours((wide > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    places = np.concatenate([np.zeros((0, 2), np.int32), *(contour[:, 0] for contour in contours)])
    high = np.array([frame.shape[1], min(frame.shape[0], lowest)]) - (reach + 2, 0)
    places = places[(places > reach + 1).all(axis=1) & (places < high).all(axis=1)]
    rows, columns = places[:, 1], places[:, 0]
    ways = np.stack(
        [cv2.Sobel(soft, cv2.CV_32F, *order)[rows, columns] for order in ((1, 0), (0, 1))], axis=1
    )
    ways /= np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-9)
    steps = np.arange(-reach, reach + _EDGE_STEP, _EDGE_STEP)
    x, y = ((places[:, k, np.newaxis] + ways[:, k, np.newaxis] * steps).astype(np.float32) for k in range(2))
    return np.asarray(cv2.remap(frame, x, y, cv2.INTER_CUBIC), np.float32)


def _edge_width(colours: NDArray[np.float32], width: float) -> float | None:
    """Return the width of the edge in a row of colours, pixels; None where the sides are too much alike."""
    apart = round(0.5 / _EDGE_STEP)
    slopes = (colours[2 * apart :] - colours[: -2 * apart]) / (2 * apart * _EDGE_STEP)
    near = np.abs(np.arange(len(slopes)) - len(slopes) // 2) * _EDGE_STEP < _EDGE_NEAR * width
    steepest = int((np.linalg.norm(slopes, axis=1) * near).argmax())
    place = steepest + apart
    close, far = (math.ceil(part * width / _EDGE_STEP) for part in _BESIDE)
    before, after = colours[max(0, place - far) : max(0, place - close)], colours[place + close : place + far]
    if min(len(before), len(after)) == 0:
        return None
    step = after.mean(axis=0) - before.mean(axis=0)
    height = float(np.linalg.norm(step))
    slope = float(slopes[steepest] @ step) / max(height, 1e-9)
    return height / slope if height > _LEAST_STEP and slope > 0 else None
