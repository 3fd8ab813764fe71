"""Smooth the folds of a photo's smile where the person does not smile: they would run through a calm face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import sixteenths
from headswap_cli.engine.kernel import kernel

if TYPE_CHECKING:
    from headswap_cli.engine.types import Landmarks

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

# From beside the nose down around the corner of the mouth, right and left.
_LINES = ((203, 206, 216, 57, 61, 212), (423, 426, 436, 287, 291, 432))
# In face widths: the band about those lines, what of a dark line is filled, its softness.
_BAND, _FOLD, _SOFT = 0.1, 0.11, 0.025
# How much of a fold goes at most.
_SHARE = 0.9
# How much of the lips keeps its dark lines: a laugh's corners are dark, a calm mouth's are not.
_LIPS = 0.92
_SMALLEST = 24.0
# Wider faces are reduced to about this: folds are soft.
_WORKED_ON = 64.0


def smooth_folds(layer: Floats, landmarks: Landmarks, width: float, amount: float) -> None:
    """Brighten the dark lines beside nose and mouth to the skin on either side of them.

    Args:
        layer: The head, (height, width, 4), BGR times alpha and alpha, changed in place.
        landmarks: Its own, in the layer's pixels.
        width: Of its face, pixels.
        amount: How much less of a smile there is than in the photo, 0 to 1.

    Source: closing by Serra, Image Analysis and Mathematical Morphology, 1982; dark lines narrower than the
        element are filled with the darker of what lies on either side.
    """
    if amount <= 0 or width < _SMALLEST:
        return
    for line in _LINES:
        _smooth_side(layer, landmarks, line, width, amount)


def _smooth_side(
    layer: Floats, landmarks: Landmarks, line: tuple[int, ...], width: float, amount: float
) -> None:
    points = landmarks[list(line), :2]
    margin = (_BAND + _FOLD) * width
    x0, y0 = np.maximum(np.floor(points.min(axis=0) - margin), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(points.max(axis=0) + margin), layer.shape[1::-1]).astype(int)
    # Whole steps are averaged three times as fast.
    shrink = max(1, round(width / _WORKED_ON))
    size = ((x1 - x0) // shrink, (y1 - y0) // shrink)
    if min(size) < 4:
        return
    part = layer[y0 : y0 + size[1] * shrink, x0 : x0 + size[0] * shrink]
    small = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.float32)
    origin = np.array([x0, y0], np.float32)
    outline = landmarks[topology.OUTER_LIPS, :2]
    middle = outline.mean(axis=0)
    lips = (middle + (outline - middle) * _LIPS - origin) / shrink
    filled, share = _filled(small, (points - origin) / shrink, lips, width / shrink)
    _brighten(filled, share, amount * _SHARE, part)


def _filled(
    part: Floats, line: NDArray[np.floating], lips: NDArray[np.floating], width: float
) -> tuple[Bytes, Bytes]:
    """Return the colours without dark lines, (height, width, 3), and how much of them is wanted, 0 to 255."""
    mask = np.zeros(part.shape[:2], np.uint8)
    thick = max(1, round(_BAND * width))
    cv2.polylines(mask, [sixteenths(line)], isClosed=False, color=(255,), thickness=thick, shift=4)
    # The lips have dark lines of their own, and keep them; away from the head there is nothing to brighten.
    cv2.fillPoly(mask, [sixteenths(lips)], (0,), shift=4)
    mask[part[..., 3] < 0.95] = 0
    soft = max(0.6, _SOFT * width)
    share = cv2.GaussianBlur(mask, (0, 0), soft)
    side = 2 * max(1, round(_FOLD * width / 2)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    # Rounded down: what is flat must not become brighter.
    colours = part[..., :3].astype(np.uint8)
    closed = cv2.GaussianBlur(cv2.morphologyEx(colours, cv2.MORPH_CLOSE, disc), (0, 0), soft)
    return np.asarray(closed, np.uint8), np.asarray(share, np.uint8)


def _brighten(filled: Bytes, share: Bytes, amount: float, part: Floats) -> None:
    """Lift what is darker than a smaller picture towards it, as much as that wants."""
    size = part.shape[1::-1]
    wanted = np.asarray(cv2.resize(share, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    brighter = np.asarray(cv2.resize(filled, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    _lift(brighter, wanted, np.float32(amount / 255), part)


@kernel
def _lift(brighter: Bytes, wanted: Bytes, amount: np.float32, part: Floats) -> None:
    height, width = wanted.shape
    for y in range(height):
        for x in range(width):
            if wanted[y, x]:
                weight = amount * np.float32(wanted[y, x])
                for k in range(3):
                    lacking = np.float32(brighter[y, x, k]) - part[y, x, k]
                    part[y, x, k] += weight * max(lacking, np.float32(0))
