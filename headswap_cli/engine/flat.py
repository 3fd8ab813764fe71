"""Lay faces flat: one map, the mesh in the same places of it, whatever frame or photo they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import bounding_box, face_box, face_width
from headswap_cli.engine.raster import rasterise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.engine.types import Frame, Landmarks

Floats = NDArray[np.float32]

# The map of the face, pixels, and the margin around it.
SIDE, _MARGIN = 112, 4


def layout_of(shapes: Sequence[Landmarks]) -> Floats:
    """Return the mesh as it lies in the most frontal view, upright, fitted into the map, (468, 2), pixels."""
    frontal = min(shapes, key=_aside)[: topology.MESH_POINTS, :2]
    eyes = frontal[topology.LEFT_EYE_CORNERS[0]] - frontal[topology.RIGHT_EYE_CORNERS[0]]
    along = eyes / max(1e-3, float(np.linalg.norm(eyes)))
    upright = frontal @ np.array([[along[0], -along[1]], [along[1], along[0]]])
    box = bounding_box(upright)
    scale = (SIDE - 1 - 2 * _MARGIN) / (box[2:] - box[:2])
    return np.asarray((upright - box[:2]) * scale + _MARGIN, np.float32)


def _aside(landmarks: Landmarks) -> float:
    cheeks = landmarks[[topology.RIGHT_CHEEK, topology.LEFT_CHEEK], 0].mean()
    return abs(float(landmarks[topology.NOSE_TIP, 0] - cheeks)) / max(1.0, face_width(landmarks))


def flattened(frame: Frame, landmarks: Landmarks, layout: Floats, triangles: NDArray[np.int32]) -> Floats:
    """Return a face laid flat, (SIDE, SIDE, 3), BGR.

    Args:
        frame: The picture, BGR.
        landmarks: Of the face, pixels.
        layout: See ``layout_of``.
        triangles: The face mesh's, (n, 3); eyes and mouth open.
    """
    box = face_box(landmarks)
    size = np.array(frame.shape[1::-1])
    x0, y0 = np.clip(np.floor(box[:2]).astype(int), 0, size - 2)
    x1, y1 = np.clip(np.ceil(box[2:]).astype(int) + 1, (x0 + 2, y0 + 2), size)
    part, blur = frame[y0:y1, x0:x1], 0.4 * face_width(landmarks) / SIDE
    soft = cv2.GaussianBlur(part, (0, 0), blur) if blur > 0.5 else part
    places = landmarks[: topology.MESH_POINTS, :2] - np.array([x0, y0], np.float32)
    corners = np.zeros((topology.MESH_POINTS, 3), np.float32)
    corners[:, :2] = layout
    seen = rasterise(corners, places, triangles, SIDE, SIDE)
    flat = cv2.remap(soft, seen[..., 0], seen[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, np.float32)


def inside_of(layout: Floats, triangles: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return where the mesh is in the map, (SIDE, SIDE).

    Args:
        layout: Where its points lie in the map, (468, 2), pixels.
        triangles: Its own, (n, 3).
    """
    flat = np.zeros((topology.MESH_POINTS, 3), np.float32)
    flat[:, :2] = layout
    return rasterise(flat, layout, triangles, SIDE, SIDE)[..., 0] >= 0
