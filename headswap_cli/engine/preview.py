"""Show a person at their best: how good a view of a face is, and the portrait cut from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import Crop, face_box

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headswap_cli.engine.types import Box, Frame, Landmarks

# From here on more pixels, or more detail, make no better view.
_ENOUGH_WIDTH = 90.0
_ENOUGH_DETAIL = 9.0
# Height to width of an eye as the mesh sees it: lids that meet still stand apart by this.
_CLOSED_EYE, _OPEN_EYE = 0.18, 0.34
_DETAIL_SIZE = 96
# In face heights: room for the hair above, for the shoulders below, and to each side.
_ABOVE, _BELOW, _ASIDE = 0.65, 0.8, 0.8
_LONGEST_SIDE = 512


def quality(frame: Frame, landmarks: Landmarks, presence: float) -> float:
    """Return how good a view of a face is, 0 to 1: large, sharp, frontal, whole, eyes open.

    Args:
        frame: The whole frame, (height, width, 3), BGR.
        landmarks: The face, (478, 3), in its pixels.
        presence: How surely it is one, 0 to 1.
    """
    box = face_box(landmarks)
    width = float(box[2] - box[0])
    nose = (landmarks[topology.NOSE_TIP, 0] - box[0]) / width
    frontal = 1 - min(0.9, 2 * abs(float(nose) - 0.5))
    size = min(1.0, width / _ENOUGH_WIDTH)
    sharp = min(1.0, _detail(frame, box) / _ENOUGH_DETAIL)
    opening = (_eye_opening(landmarks) - _CLOSED_EYE) / (_OPEN_EYE - _CLOSED_EYE)
    eyes = 0.3 + 0.7 * min(1.0, max(0.0, opening))
    return presence * frontal * size * sharp * eyes * _visible_part(frame, box)


def portrait(frame: Frame, landmarks: Landmarks, others: Iterable[Landmarks]) -> tuple[Frame, Landmarks]:
    """Cut a head with hair and shoulders out of a frame.

    Args:
        frame: The whole frame, (height, width, 3), BGR.
        landmarks: The face, (478, 3), in its pixels.
        others: The other faces there, kept out as far as can be.

    Returns: The portrait, at the frame's resolution up to 512 pixels a side, and the landmarks in it.
    """
    box = face_box(landmarks)
    height = float(box[3] - box[1])
    reach = np.array([_ASIDE, _ABOVE, _ASIDE, _BELOW], np.float32) * height
    outer = box + reach * (-1, -1, 1, 1)
    for other in others:
        _keep_out(outer, box, face_box(other))
    rows, columns = frame.shape[:2]
    limit = np.array([columns, rows, columns, rows])
    x0, y0, x1, y1 = (int(edge) for edge in np.clip(outer, 0, limit - (1, 1, 0, 0)))
    image = frame[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    scale = min(1.0, _LONGEST_SIDE / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image.copy()
    placed = (landmarks - np.array([x0, y0, 0], np.float32)) * np.float32(scale)
    return np.asarray(small, np.uint8), placed


def _keep_out(outer: Box, own: Box, other: Box) -> None:
    """Draw the portrait's edge back to half way between two faces beside one another."""
    if other[2] < own[0]:
        outer[0] = max(outer[0], (other[2] + own[0]) / 2)
    elif other[0] > own[2]:
        outer[2] = min(outer[2], (own[2] + other[0]) / 2)


def _detail(frame: Frame, box: Box) -> float:
    """Return the contrast of the finest detail of a face, in grey levels at a fixed size."""
    (x, y), side = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max())
    grey = cv2.cvtColor(Crop(float(x), float(y), side).take(frame, _DETAIL_SIZE), cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).std())


def _eye_opening(landmarks: Landmarks) -> float:
    """Return the mean height of the eyes as a part of their width."""
    openings = [
        np.linalg.norm(landmarks[eye[12], :2] - landmarks[eye[4], :2])
        / max(1e-3, float(np.linalg.norm(landmarks[eye[0], :2] - landmarks[eye[8], :2])))
        for eye in (topology.RIGHT_EYE, topology.LEFT_EYE)
    ]
    return float(np.mean(openings))


def _visible_part(frame: Frame, box: Box) -> float:
    """Return how much of the face's box is inside the frame, 0 to 1."""
    limit = np.array([frame.shape[1], frame.shape[0]], np.float32)
    inside = np.clip(np.minimum(box[2:], limit) - np.maximum(box[:2], 0), 0, None)
    return float(inside.prod() / (box[2:] - box[:2]).prod())


def packed(image: Frame) -> bytes:
    """Return a portrait, BGR, as a JPEG that looks the same and takes a tenth of the memory."""
    return cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, 95))[1].tobytes()


def unpacked(content: bytes) -> Frame:
    """Return the portrait that was packed, (height, width, 3), BGR."""
    return np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), np.uint8)
