"""Leave nothing but lip on a photo's lips: shine is its lamp's, and the dark in their corners its smile's."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.geometry import bounding_box, face_width
from headswap_cli.engine.types import Frame, Landmarks, Mask

# Lips are red: their least channel is bright only where they mirror light. Of it, this percentile is lip,
# and what is brighter by so many grey levels is shine, wholly.
_LIP, _SHINE = 65, 30.0
# Of their brightest channel's median, what is darker than the first part is no shade: from the second down
# it is the open mouth.
_SHADE, _MOUTH = 0.65, 0.45
# How much of either goes, and how soft the lips' outline is, in face widths.
_SHARE, _SOFT = 0.75, 0.012
_SMALLEST = 24.0


def plain_lips(image: Frame, landmarks: Landmarks) -> Frame:
    """Return the picture with what on the lips is not lip filled in from the lip around it.

    Args:
        image: (height, width, 3), BGR; it is not changed.
        landmarks: Of the face in it, (478, 3), pixels.

    Source: the dichromatic model by Shafer, Color Research and Application 10(4), 1985: what a surface
        mirrors has the light's colour, white, so that it lifts every channel.
    """
    width = face_width(landmarks)
    box, margin = bounding_box(landmarks[topology.OUTER_LIPS]), 4 * _SOFT * width
    x0, y0 = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(box[2:] + margin), image.shape[1::-1]).astype(int)
    if width < _SMALLEST or min(x1 - x0, y1 - y0) < 4:
        return image
    picture = image[y0:y1, x0:x1].astype(np.float32)
    lips = _lips(picture.shape[:2], landmarks[:, :2] - (x0, y0), _SOFT * width)
    there = lips > 0.5
    if not there.any():
        return image
    least, most = picture.min(axis=2), picture.max(axis=2)
    shine = (least - np.percentile(least[there], _LIP)) / _SHINE
    mouth = (_SHADE - most / max(float(np.median(most[there])), 1.0)) / (_SHADE - _MOUTH)
    foreign = np.clip(np.maximum(shine, mouth), 0, 1)
    filled = push_pull(picture, np.asarray(lips * (1 - foreign), np.float32))
    picture += (filled - picture) * (_SHARE * lips * foreign)[..., np.newaxis]
    plain = image.copy()
    plain[y0:y1, x0:x1] = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    return plain


def _lips(shape: tuple[int, ...], points: NDArray[np.floating], soft: float) -> Mask:
    """Return where the lips are, without what is between them, 0 to 1."""
    mask = np.zeros(shape, np.uint8)
    for ring, value in ((topology.OUTER_LIPS, 255), (topology.INNER_LIPS, 0)):
        cv2.fillPoly(mask, [np.round(points[ring] * 16).astype(np.int32)], (value,), cv2.LINE_AA, 4)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), soft) * np.float32(1 / 255), np.float32)
