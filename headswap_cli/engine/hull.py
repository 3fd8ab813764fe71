"""Build the mesh that carries the head: the face, hair behind it in rings, eyeballs behind the lids."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.types import Landmarks, Mask

Floats = NDArray[np.float32]
Triangles = NDArray[np.int32]

# How far each ring lies from the middle of the face, in distances of the oval.
RINGS = (1.12, 1.28, 1.5, 1.8, 2.2, 2.7)
RING_POINTS = len(topology.OVAL)
FIRST_RING = topology.LANDMARKS
FIRST_EYE = FIRST_RING + len(RINGS) * RING_POINTS

# Nodes across and down one eyeball's patch; its half width and half height in eye widths.
EYE_COLUMNS, EYE_ROWS = 13, 9
EYE_POINTS = EYE_COLUMNS * EYE_ROWS
EYE_REACH = (0.55, 0.5)
# The mean iris is 11.7 mm wide, the opening between the lids 30 mm.
_IRIS_LIMITS = (0.15, 0.26)
_MIDDLE = (topology.FOREHEAD, topology.CHIN, topology.RIGHT_CHEEK, topology.LEFT_CHEEK, 168, 6)


@dataclass(frozen=True, slots=True)
class Eye:
    """One eye's indices: ``lids`` ring, ``corners`` outer and inner, ``iris`` centre first.

    ``pairs`` are (upper lid, lower lid), ``creases`` the points above the upper ones, ``above`` those above
    the creases, below the brow, ``below`` those around the lower ones and the corners, as ``pairs`` and
    ``corners`` are ordered.
    """

    lids: NDArray[np.int32]
    corners: tuple[int, int]
    iris: NDArray[np.int32]
    pairs: tuple[tuple[int, int], ...]
    creases: tuple[int, ...]
    above: tuple[int, ...]
    below: tuple[tuple[int, ...], tuple[int, int]]


EYES = (
    Eye(
        topology.RIGHT_EYE,
        topology.RIGHT_EYE_CORNERS,
        topology.RIGHT_IRIS,
        topology.RIGHT_EYE_PAIRS,
        (247, 30, 29, 27, 28, 56, 190),
        (113, 225, 224, 223, 222, 221, 189),
        ((25, 110, 24, 23, 22, 26, 112), (130, 243)),
    ),
    Eye(
        topology.LEFT_EYE,
        topology.LEFT_EYE_CORNERS,
        topology.LEFT_IRIS,
        topology.LEFT_EYE_PAIRS,
        (467, 260, 259, 257, 258, 286, 414),
        (342, 445, 444, 443, 442, 441, 413),
        ((255, 339, 254, 253, 252, 256, 341), (359, 463)),
    ),
)


def eye_frame(landmarks: Floats, eye: Eye) -> tuple[Floats, float]:
    """Return the middle between an eye's corners, (2,), and their distance, pixels."""
    middles, widths = eye_frames(landmarks, eye)
    return middles, float(widths)


def eye_frames(faces: Floats, eye: Eye) -> tuple[Floats, Floats]:
    """Return as ``eye_frame`` does of faces, (..., 478, 3): the middles, (..., 2), and distances, (...)."""
    outer, inner = faces[..., eye.corners[0], :2], faces[..., eye.corners[1], :2]
    apart = np.maximum(1, np.linalg.norm(outer - inner, axis=-1))
    return np.asarray((outer + inner) / 2, np.float32), np.asarray(apart, np.float32)


def ring_points(landmarks: Landmarks) -> Floats:
    """Return the rings around the face, (rings * 36, 3), pixels, the further out the further back."""
    outline = landmarks[topology.OVAL]
    middle = landmarks[list(_MIDDLE)].mean(axis=0)
    middle[1] = (landmarks[topology.FOREHEAD, 1] + landmarks[topology.CHIN, 1]) / 2
    rings = []
    for reach in RINGS:
        ring = outline.copy()
        ring[:, :2] = middle[:2] + (outline[:, :2] - middle[:2]) * reach
        ring[:, 2] += face_width(landmarks) * 0.55 * (0.9 * (reach - 1)) ** 0.8
        rings.append(ring)
    return np.concatenate(rings).astype(np.float32)


def ring_triangles(vertices: Floats, alpha: Mask, margin: float) -> Triangles:
    """Return the triangles between the rings that carry any of the head, (n, 3).

    Args:
        vertices: Landmarks, then rings.
        alpha: The head in the texture.
        margin: How near to the head a triangle must come, pixels.
    """
    side = 2 * max(2, round(margin)) + 1
    near = cv2.dilate((alpha > 0.02).astype(np.uint8), np.ones((side, side), np.uint8))
    inner, found = topology.OVAL, []
    for number in range(len(RINGS)):
        outer = np.arange(RING_POINTS, dtype=np.int32) + FIRST_RING + number * RING_POINTS
        inner_next, outer_next = np.roll(inner, -1), np.roll(outer, -1)
        found.append(np.stack([inner, inner_next, outer], 1))
        found.append(np.stack([inner_next, outer_next, outer], 1))
        inner = outer
    all_triangles = np.concatenate(found).astype(np.int32)
    corners = vertices[all_triangles, :2]
    probes = np.concatenate([corners, corners.mean(axis=1, keepdims=True)], axis=1)
    probes = np.clip(probes, 0, np.array(alpha.shape[::-1]) - 1).astype(int)
    return np.ascontiguousarray(all_triangles[near[probes[..., 1], probes[..., 0]].any(axis=1)])


def mouth_triangles() -> Triangles:
    """Return triangles that close the inner lips, (n, 3): without them a closed mouth shows pin holes."""
    pairs = [(topology.INNER_LIPS[0],) * 2, *topology.LIP_PAIRS, (topology.INNER_LIPS[10],) * 2]
    found = []
    for (upper, lower), (next_upper, next_lower) in itertools.pairwise(pairs):
        found += [(upper, lower, next_upper), (lower, next_lower, next_upper)]
    return np.array([face for face in found if len(set(face)) == 3], np.int32)


def eye_nodes(landmarks: Landmarks, eye: Eye) -> Floats:
    """Return the nodes of an eyeball's patch around the middle of the eye, (rows * columns, 3)."""
    middle, width = eye_frame(landmarks, eye)
    across = np.linspace(-EYE_REACH[0], EYE_REACH[0], EYE_COLUMNS) * width + middle[0]
    down = np.linspace(-EYE_REACH[1], EYE_REACH[1], EYE_ROWS) * width + middle[1]
    x, y = np.meshgrid(across, down)
    outer, inner = landmarks[list(eye.corners)]
    # From corner to corner: of a head turned aside a flat patch would stick out beyond the temple.
    along = (x - middle[0]) / (outer[0] - inner[0])
    depth = (outer[2] + inner[2]) / 2 + along * (outer[2] - inner[2])
    return np.stack([x.ravel(), y.ravel(), depth.ravel()], axis=1).astype(np.float32)


def eye_triangles() -> Triangles:
    """Return the triangles of both eyeballs, (n, 3)."""
    corner = np.arange(EYE_POINTS).reshape(EYE_ROWS, EYE_COLUMNS)[:-1, :-1].ravel()
    right, below = corner + 1, corner + EYE_COLUMNS
    one = np.concatenate([np.stack([corner, right, below], 1), np.stack([right, below + 1, below], 1)])
    return np.concatenate([one + FIRST_EYE, one + FIRST_EYE + EYE_POINTS]).astype(np.int32)


def iris_radius(landmarks: Landmarks, eye: Eye) -> float:
    """Return the iris's radius, pixels as the landmarks, (478, 3), kept to what an eye can have."""
    width = eye_frame(landmarks, eye)[1]
    rim = landmarks[eye.iris[1:], :2] - landmarks[eye.iris[0], :2]
    return float(
        np.clip(np.linalg.norm(rim, axis=1).mean(), _IRIS_LIMITS[0] * width, _IRIS_LIMITS[1] * width)
    )
