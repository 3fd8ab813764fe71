"""Find what is laid over a shot, lettering, bars, logos: it stays as it is while a face moves behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.channels import largest
from headswap_cli.engine.geometry import disc, face_width
from headswap_cli.engine.kernel import kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.engine.types import Frame, Landmarks, Mask

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# The shorter side at which shots are looked at, pixels, or nearly twice that.
_SIDE = 360
# So many samples tell what stays, and in so many a face must have been behind it.
_FEWEST, _BEHIND = 6, 3
# The mesh's outline may lie beyond the face's: so near to it, face widths, what stays may be what is behind.
_RIM = 0.05
# Standard deviations over time, grey levels: what stays, what may be an edge of it, and what stirs.
_STAYS, _NEARLY, _STIRS = 9.0, 18.0, 10.0
# A step in the mean picture, grey levels, and standard deviations of what is beyond it.
_STEP, _SHARP = 40.0, 1.5
# An overlay's colour, grey levels either way; how many colours there are at most; the least proof, pixels.
_ALIKE, _MOST_COLOURS, _LEAST = 28.0, 6, 8
# Its edge is mixed with what is beyond: so far, in pixels, and in grey levels from its colour.
_MIXED_REACH, _MIXED = 2, 90.0
# How far off is beyond an edge, pixels.
_BESIDE, _FAR = 2, 4
# Shares of an overlay's outline: where it is sharp, and where something stirs beside it, of that over a face.
_OUTLINED, _PROVED = 0.7, 0.25
# What has its colour and an outline as sharp is of it too, if no more than so many times as large.
_LARGER = 4


@dataclass(frozen=True, slots=True)
class _Stay:
    """What stays: the mean picture, its spread, where it ends sharply, and where that is before a face."""

    mean: Floats
    spread: Mask
    outlined: Bools
    proved: Bools


class OverlayGatherer:
    """Adds up sampled frames of one shot in which there are faces."""

    def __init__(self) -> None:
        self._count = 0
        self._sum: Floats = np.zeros((0, 0, 3), np.float32)
        self._squares: Floats = self._sum
        self._behind: Floats = np.zeros((0, 0), np.float32)

    def add(self, frame: Frame, faces: Sequence[Landmarks]) -> None:
        """Take a sample, (height, width, 3), BGR, with the faces in it, (478, 3) each, in its pixels."""
        shrink = max(1, min(frame.shape[:2]) // _SIDE)
        size = (frame.shape[1] // shrink, frame.shape[0] // shrink)
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA) if shrink > 1 else frame
        if not self._count:
            self._sum, self._squares = np.zeros(small.shape, np.float32), np.zeros(small.shape, np.float32)
            self._behind = np.zeros(small.shape[:2], np.float32)
        self._count += 1
        cv2.accumulate(small, self._sum)
        cv2.accumulateSquare(small, self._squares)
        inside = np.zeros(small.shape[:2], np.uint8)
        for face in faces:
            outline = np.round(face[topology.OVAL, :2] / shrink).astype(np.int32)
            whole = cv2.fillPoly(np.zeros_like(inside), [outline], (1,))
            inside |= cv2.erode(whole, disc(_RIM * face_width(face) / shrink), borderValue=0)
        cv2.accumulate(inside, self._behind)

    def overlay(self) -> Mask | None:
        """Return how much is laid over, (height, width) of its own, 0 to 1; None where nothing is."""
        if self._count < _FEWEST:
            return None
        # Most shots have none, which is soon known where the faces were.
        x, y, across, down = cv2.boundingRect((self._behind > 0).astype(np.uint8))
        if self._look(np.s_[y : y + down, x : x + across]).proved.sum() < _LEAST:
            return None
        found = _found(self._look(np.s_[:, :]), self._behind >= _BEHIND)
        if not found.any():
            return None
        return np.asarray(cv2.GaussianBlur(_wider(found, 1).astype(np.float32), (0, 0), 0.7), np.float32)

    def _look(self, part: tuple[slice, slice]) -> _Stay:
        mean, squares = (one[part] / np.float32(self._count) for one in (self._sum, self._squares))
        spread = np.sqrt(np.maximum(largest(squares - mean * mean), 0))
        outlined, proved = (np.zeros(spread.shape, np.bool_) for _ in range(2))
        _mark(mean, spread, self._behind[part], outlined, proved)
        return _Stay(mean, spread, outlined, proved)


def packed(overlay: Mask) -> bytes:
    """Return an overlay, (height, width), 0 to 1, as a PNG."""
    return cv2.imencode(".png", np.round(overlay * 255).astype(np.uint8))[1].tobytes()


def unpacked(content: bytes, width: int, height: int) -> NDArray[np.uint8]:
    """Return the overlay that was packed at a frame's size, (height, width), 0 to 255.

    So it takes a quarter of the memory of a mask.
    """
    image = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _found(stay: _Stay, behind: Bools) -> Bools:
    """Return what is laid over a shot, colour by colour, the one most sure first."""
    found, left = np.zeros(behind.shape, np.bool_), stay.proved.copy()
    for _ in range(_MOST_COLOURS):
        if left.sum() < _LEAST:
            break
        apart = largest(np.abs(stay.mean - _commonest(stay.mean, left)))
        alike = apart < _ALIKE
        parts = _parts(alike & (stay.spread < _NEARLY), stay.outlined, left, behind)
        found |= _wider(parts, _MIXED_REACH) & (parts | (apart < _MIXED))
        # Beside an overlay a calm face ends as sharply.
        left &= ~(alike | _wider(found, _FAR))
    return found | _calm_holes(found, stay.spread)


def _wider(area: Bools, reach: int) -> Bools:
    side = 2 * reach + 1
    return np.asarray(cv2.dilate(area.astype(np.uint8), np.ones((side, side), np.uint8)) > 0, np.bool_)


def _calm_holes(found: Bools, spread: Mask) -> Bools:
    """Return what lies within overlays and stays as well: words on a bar."""
    count, labels = cv2.connectedComponents((~found).astype(np.uint8), connectivity=4)
    stirs = np.bincount(labels[spread > _STAYS], minlength=count) > 0
    edges = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    stirs[np.concatenate(edges)] = True
    return np.asarray(~stirs[labels] & ~found, np.bool_)


def _commonest(mean: Floats, area: Bools) -> Floats:
    """Return the median colour of the largest part of an area."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(area.astype(np.uint8), connectivity=8)
    largest_part = labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return np.asarray(np.median(mean[largest_part], axis=0), np.float32)


def _parts(alike: Bools, outlined: Bools, proved: Bools, behind: Bools) -> Bools:
    """Return those parts of one colour that are proved to be before a face, and their like elsewhere."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(alike.astype(np.uint8), connectivity=8)
    inner = cv2.erode(alike.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    edge = alike & ~inner

    def number(of: Bools) -> NDArray[np.intp]:
        return np.bincount(labels[of], minlength=count)

    sharp = number(edge & outlined) >= _OUTLINED * number(edge)
    proofs = number(proved)
    sure = sharp & (proofs >= _LEAST) & (number(edge & proved) >= _PROVED * number(edge & behind))
    sure[0] = False
    if not sure.any():
        return np.zeros(alike.shape, np.bool_)
    areas = stats[:, cv2.CC_STAT_AREA]
    kept = sure | (sharp & (areas >= _LEAST) & (areas <= _LARGER * areas[sure].max()))
    kept[0] = False
    return np.asarray(kept[labels], np.bool_)


@kernel
def _mark(mean: Floats, spread: Mask, behind: Mask, outlined: Bools, proved: Bools) -> None:
    """Mark what stays and ends sharply, and where a face that stirs is beyond that end.

    The edge of a thing that moves is none: where it is for a share p of the time, the mean changes by p of
    its contrast, and the spread, sqrt(p (1 - p)) of it, is more than that.
    """
    height, width = spread.shape
    for y in range(_FAR, height - _FAR):
        for x in range(_FAR, width - _FAR):
            if spread[y, x] > _NEARLY:
                continue
            before_face = spread[y, x] < _STAYS and behind[y, x] >= _BEHIND
            for way in range(9):
                down, across = way // 3 - 1, way % 3 - 1
                if _ends_sharply(mean, spread, y, x, down, across):
                    outlined[y, x] = True
                    if before_face and _stirs_beyond(spread, behind, y, x, down, across):
                        proved[y, x] = True


@kernel
def _ends_sharply(  # noqa: PLR0917 - kernels take arguments by place
    mean: Floats, spread: Mask, y: int, x: int, down: int, across: int
) -> bool:
    """Whether all that is beyond a pixel one way has another colour, for all that moves there."""
    for far in range(_BESIDE, _FAR + 1):
        v, u = y + far * down, x + far * across
        step = np.float32(0)
        for k in range(3):
            step = max(step, abs(mean[y, x, k] - mean[v, u, k]))
        if step <= max(_STEP, _SHARP * spread[v, u]):
            return False
    return True


@kernel
def _stirs_beyond(  # noqa: PLR0917 - kernels take arguments by place
    spread: Mask, behind: Mask, y: int, x: int, down: int, across: int
) -> bool:
    """Whether a face stirs all the way beyond a pixel."""
    for far in range(_BESIDE, _FAR + 1):
        v, u = y + far * down, x + far * across
        if spread[v, u] <= _STIRS or behind[v, u] <= 0:
            return False
    return True
