"""Carry the pose, expression and gaze of the person in the video over to the reference's head."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import hull, topology
from headswap_cli.engine.geometry import Similarity, face_width, similarity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.engine.hull import Eye
    from headswap_cli.engine.types import Landmarks

Floats = NDArray[np.float32]

_SAMPLES = 300
_NEUTRAL_PART = 8
_LIPS = np.unique(np.concatenate([topology.OUTER_LIPS, topology.INNER_LIPS]))
_JAW = topology.OVAL[8:29]
# Differences of the lips' corners, in face widths, that are taste below and a smile above.
_SMILE = (0.012, 0.05)
# How far the cheeks follow the lips, and the skin the jaw, in face widths.
_LIP_REACH, _JAW_REACH = 0.13, 0.2
# How much of the jaw line is the video's, so that the head meets the neck.
_JAW_SHARE = 0.6
# An upper lid does most of a blink.
_UPPER_LID = 0.8
_WIDEST = 1.12
# The mesh never sees lids meet: shut is somewhat above the clip's smallest gap, in parts of the open gap.
_SHUT = (0.3, 0.55)
_SHUT_MARGIN = 0.2
_OPEN = 0.9
# Gaze: how much of the iris's shift is taken, how far it may go in eye widths, across and down.
_GAZE = 0.85
_GAZE_LIMITS = np.array([0.2, 0.1], np.float32)


@dataclass(frozen=True, slots=True)
class Posed:
    """The reference's mesh in the frame.

    ``points`` (n, 3) in pixels, depth for drawing; ``scale`` pixels of the frame per pixel of the texture;
    ``yaw`` in degrees; ``mouth_gap`` the widest lip gap of the person in the video, in face widths.
    """

    points: Floats
    scale: float
    yaw: float
    mouth_gap: float

    @property
    def landmarks(self) -> Landmarks:
        """The posed face, (478, 3)."""
        return self.points[: topology.LANDMARKS]


class Retargeter:
    """Knows one person's resting face and how the reference's maps onto it.

    Args:
        vertices: The reference's landmarks, rings and eyeballs, see ``Reference.vertices``.
        tracks_landmarks: All the person's landmarks, one array (n, 478, 3) per track.
    """

    def __init__(self, vertices: Floats, tracks_landmarks: Sequence[Floats]) -> None:
        self._vertices = vertices
        self._reference = vertices[: topology.LANDMARKS]
        self._width = face_width(self._reference)
        every = np.concatenate(list(tracks_landmarks))
        chosen = every[:: max(1, len(every) // _SAMPLES)]
        shapes = np.stack([self._normalised(one)[0] for one in chosen])
        self._neutral = _neutral(shapes, self._width)
        self._rest = self._at_rest()
        openings = np.array([[_lid_gap(shape, eye) for shape in shapes] for eye in hull.EYES])
        self._open = np.maximum(np.percentile(openings, 75, axis=1), 1e-3)
        self._shut = np.clip(np.percentile(openings, 1, axis=1) / self._open + _SHUT_MARGIN, *_SHUT)

    def pose(self, landmarks: Landmarks) -> Posed:
        """Return the reference's mesh as the person holds and moves the face in this frame."""
        shape, placed = self._normalised(landmarks)
        vertices = self._vertices.copy()
        face = self._rest + (shape - self._neutral)
        _match_lips(face, shape)
        for opening, eye in zip(self._openings(shape), hull.EYES, strict=True):
            self._match_lids(face, float(opening), eye)
        vertices[: topology.LANDMARKS] = face
        for number, eye in enumerate(hull.EYES):
            first = hull.FIRST_EYE + number * hull.EYE_POINTS
            self._turn_eyeball(vertices[first : first + hull.EYE_POINTS], face, shape, eye)
        self._move_rings(vertices, face)
        points = placed.apply(vertices).astype(np.float32)
        points[hull.FIRST_EYE :, 2] += np.float32(1e4)  # eyeballs are drawn behind everything
        forward = placed.rotation[:, 2]
        return Posed(
            points=points,
            scale=placed.scale,
            yaw=math.degrees(math.atan2(float(forward[0]), float(forward[2]))),
            mouth_gap=_lip_gap(landmarks) / face_width(landmarks),
        )

    def _normalised(self, landmarks: Landmarks) -> tuple[Floats, Similarity]:
        """Return a face in the reference's pose, and the way back to the frame."""
        stable = topology.STABLE
        placed = similarity(self._reference[stable], landmarks[stable])
        return placed.inverse().apply(landmarks).astype(np.float32), placed

    def _at_rest(self) -> Floats:
        """Return the reference's face without its own smile, its jaw on the person's neck."""
        reference, neutral, width = self._reference, self._neutral, self._width
        rest = reference.copy()
        middle = [0, 17]
        lips = (neutral[_LIPS] - neutral[middle].mean(0)) - (reference[_LIPS] - reference[middle].mean(0))
        corners = np.searchsorted(_LIPS, (61, 291))
        smile = float(np.linalg.norm(lips[corners, :2], axis=1).mean()) / width
        share = float(np.clip((smile - _SMILE[0]) / (_SMILE[1] - _SMILE[0]), 0, 1))
        moved = _spread(reference, _LIPS, lips * share, _LIP_REACH * width)
        jaw = (neutral[_JAW] - reference[_JAW]) * _JAW_SHARE
        below = np.clip((reference[_JAW, 1] - reference[1, 1]) / (0.25 * width), 0, 1)
        jaw *= below[:, np.newaxis]
        moved += _spread(reference, _JAW, jaw, _JAW_REACH * width) * _not_lips(reference, width)
        rest[:, :2] += moved[:, :2]
        return rest

    def _openings(self, shape: Floats) -> NDArray[np.float64]:
        """Return how far the right and the left eye are open: 0 shut, 1 as usual."""
        gaps = np.array([_lid_gap(shape, eye) for eye in hull.EYES]) / self._open
        # One eye alone is measured less surely than both together.
        gaps = 0.5 * gaps + 0.5 * gaps.mean()
        opening = (gaps - self._shut) / (_OPEN - self._shut)
        wide = 1 + np.maximum(gaps - 1, 0)
        return np.asarray(np.clip(np.minimum(opening, wide), 0, _WIDEST), np.float64)

    def _match_lids(self, face: Floats, opening: float, eye: Eye) -> None:
        """Open the lids so far, 1 being as in the photo."""
        for upper, lower in eye.pairs:
            wanted = (self._reference[upper] - self._reference[lower]) * opening
            excess = (face[upper] - face[lower]) - wanted
            face[upper] -= _UPPER_LID * excess
            face[lower] += (1 - _UPPER_LID) * excess

    def _turn_eyeball(self, nodes: Floats, face: Floats, shape: Floats, eye: Eye) -> None:
        """Shift the iris as the person's is shifted, the white following less the further out."""
        reference = self._reference
        old_middle, width = hull.eye_frame(reference, eye)
        iris = reference[eye.iris[0], :2]
        shift = (
            np.clip(_gaze(shape, eye) - _gaze(reference, eye), -_GAZE_LIMITS, _GAZE_LIMITS) * width * _GAZE
        )
        distance = np.linalg.norm(nodes[:, :2] - iris, axis=1) / hull.iris_radius(reference, eye)
        follow = np.clip((2.6 - distance) / 1.3, 0, 1)
        new_middle, _ = hull.eye_frame(face, eye)
        nodes[:, :2] += new_middle - old_middle + follow[:, np.newaxis] * shift
        nodes[:, 2] += face[list(eye.corners), 2].mean() - reference[list(eye.corners), 2].mean()

    def _move_rings(self, vertices: Floats, face: Floats) -> None:
        """Let hair and ears follow the edge of the face, less the further out."""
        moved = (face - self._reference)[topology.OVAL]
        for number, reach in enumerate(hull.RINGS):
            first = hull.FIRST_RING + number * hull.RING_POINTS
            follow = 0.85 * max(0.0, 1 - 0.6 * (reach - 1))
            vertices[first : first + hull.RING_POINTS, :2] += moved[:, :2] * follow


def _neutral(shapes: Floats, width: float) -> Floats:
    """Return the mean of the frames in which the mouth is closed and at its usual width."""
    gaps = np.array([_lip_gap(shape) for shape in shapes]) / width
    widths = np.linalg.norm(shapes[:, 61] - shapes[:, 291], axis=1) / width
    unrest = gaps + 0.5 * np.abs(widths - np.percentile(widths, 35))
    calm = np.argsort(unrest, kind="stable")[: max(3, len(shapes) // _NEUTRAL_PART)]
    return np.asarray(shapes[calm].mean(axis=0), np.float32)


def _lip_gap(landmarks: Landmarks) -> float:
    upper, lower = zip(*topology.LIP_PAIRS, strict=True)
    return float(np.linalg.norm(landmarks[list(upper)] - landmarks[list(lower)], axis=1).max())


def _lid_gap(landmarks: Landmarks, eye: Eye) -> float:
    upper, lower = zip(*eye.pairs, strict=True)
    return float(np.linalg.norm((landmarks[list(upper)] - landmarks[list(lower)])[:, :2], axis=1).mean())


def _gaze(landmarks: Landmarks, eye: Eye) -> Floats:
    """Return where the iris stands between the corners, in eye widths."""
    middle, width = hull.eye_frame(landmarks, eye)
    return np.asarray((landmarks[eye.iris[0], :2] - middle) / width, np.float32)


def _match_lips(face: Floats, shape: Floats) -> None:
    """Open the lips exactly as far as the person does."""
    for upper, lower in topology.LIP_PAIRS:
        excess = (shape[lower] - shape[upper] - face[lower] + face[upper])[1] / 2
        face[upper, 1] -= excess
        face[lower, 1] += excess


def _spread(points: Floats, sources: NDArray[np.int32], moves: Floats, reach: float) -> Floats:
    """Return how all points move if ``sources`` move so: fully there, fading over ``reach`` pixels."""
    apart = np.linalg.norm(points[:, np.newaxis, :2] - points[np.newaxis, sources, :2], axis=2)
    weights = np.exp(-((apart / (0.4 * reach)) ** 2)) + 1e-12
    mean = weights @ moves / weights.sum(axis=1, keepdims=True)
    fading = np.exp(-0.5 * (apart.min(axis=1) / reach) ** 2)
    moved = mean * fading[:, np.newaxis]
    moved[sources] = moves
    return np.asarray(moved, np.float32)


def _not_lips(points: Floats, width: float) -> Floats:
    apart = np.linalg.norm(points[:, np.newaxis, :2] - points[np.newaxis, _LIPS, :2], axis=2).min(axis=1)
    return np.asarray(np.clip(apart / (0.12 * width), 0, 1)[:, np.newaxis], np.float32)
