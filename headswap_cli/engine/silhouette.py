"""Tell by a face where the head and the shoulders are, which hide whoever is behind."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import face_width, yaw_sine
from headswap_cli.engine.raster import rasterise
from headswap_cli.engine.types import Landmarks, Mask

# A head with short hair about the middle of its face, in face widths: up, down, sideways.
_UP, _DOWN, _ASIDE = 0.95, 0.8, 0.62
# How far the skull's middle lies behind the face's.
_SKULL = 0.25
# Half the width of neck and shoulders, in face widths, at so many below the chin.
_BODY = ((-0.3, 0.38), (0.0, 0.5), (0.1, 0.7), (0.3, 1.1), (0.6, 1.4), (1.0, 1.6), (9.0, 1.7))
# Likewise of one who leans, or stretches out an arm.
_LEANING = ((0.0, 0.8), (0.2, 1.3), (0.4, 1.7), (1.0, 2.0), (9.0, 2.3))
_SOFT = 0.025
# How soft a face's edge is, face widths.
_EDGE = 0.02


def silhouette(shape: tuple[int, ...], landmarks: Landmarks) -> Mask:
    """Return how far each pixel is somebody's head or shoulders, (height, width), 0 to 1.

    Args:
        shape: Of the picture.
        landmarks: Their face, in its pixels.
    """
    mask = np.zeros(shape[:2], np.float32)
    for outline in outlines(landmarks):
        cv2.fillPoly(mask, [outline], (1.0,))
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.7, _SOFT * face_width(landmarks))), np.float32)


def clothes(shape: tuple[int, ...], landmarks: Landmarks) -> Mask:
    """Return where somebody's clothes may be however they lean, (height, width), 0 or 1.

    Args:
        shape: Of the picture.
        landmarks: Their face, in its pixels.
    """
    mask = np.zeros(shape[:2], np.float32)
    return np.asarray(cv2.fillPoly(mask, [_body(landmarks, _LEANING)], (1.0,)), np.float32)


def inside(shape: tuple[int, ...], landmarks: Landmarks, triangles: NDArray[np.int32]) -> Mask:
    """Return how far each pixel is somebody's face, (height, width), 0 at its edge to 1.

    Args:
        shape: Of the picture.
        landmarks: The face, in its pixels.
        triangles: Of the face mesh, (n, 3); eyes and mouth open.
    """
    points = landmarks[: topology.MESH_POINTS]
    there = rasterise(points, points[:, :2], triangles, shape[1], shape[0])[..., 0] >= 0
    edges, _ = cv2.findContours(there.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    mask = cv2.drawContours(np.zeros(shape[:2], np.float32), edges, -1, (1.0,), cv2.FILLED)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.7, _EDGE * face_width(landmarks)))
    return np.asarray(np.clip(2 * soft - 1, 0, 1), np.float32)


def outlines(landmarks: Landmarks) -> list[NDArray[np.int32]]:
    """Return polygons (n, 2) that together are somebody's head and shoulders: skull, face, body.

    Args:
        landmarks: Their face.
    """
    width = face_width(landmarks)
    top, chin = landmarks[topology.FOREHEAD, :2], landmarks[topology.CHIN, :2]
    up = (top - chin) / max(1.0, float(np.linalg.norm(top - chin)))
    right = np.array([-up[1], up[0]], np.float32)
    shift = -_SKULL * yaw_sine(landmarks) * width
    middle = 0.62 * top + 0.38 * chin + shift * right
    turns = np.linspace(0, 2 * np.pi, 48, endpoint=False)[:, np.newaxis]
    along = np.where(np.sin(turns) > 0, _UP, _DOWN) * np.sin(turns)
    head = middle + width * (along * up + _ASIDE * np.cos(turns) * right)
    face = landmarks[topology.OVAL, :2]
    return [np.round(head).astype(np.int32), np.round(face).astype(np.int32), _body(landmarks, _BODY)]


def _body(landmarks: Landmarks, reach: tuple[tuple[float, float], ...]) -> NDArray[np.int32]:
    """Return a polygon, (n, 2), of half the given widths at so many face widths below the chin.

    Shoulders are below a head however it is held.
    """
    width, chin = face_width(landmarks), landmarks[topology.CHIN, :2]
    neck = chin - np.array([_SKULL * yaw_sine(landmarks) * width, 0], np.float32)
    sides = [neck + width * np.array(reach)[:, ::-1] * (side, 1) for side in (-1, 1)]
    return np.round(np.concatenate([sides[0], sides[1][::-1]])).astype(np.int32)
