"""Carry the pose, expression and gaze of the person in the video over to the reference's head."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import hull, topology
from headswap_cli.engine.bearing import Bearing, Sight
from headswap_cli.engine.gaze import Gaze
from headswap_cli.engine.geometry import Similarity, face_width, similarities
from headswap_cli.engine.lids import Lids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headswap_cli.engine.hull import Eye
    from headswap_cli.engine.types import Landmarks

Floats = NDArray[np.float32]

_SAMPLES = 300
_LIKEST_PART = 8
_LIPS = np.unique(np.concatenate([topology.OUTER_LIPS, topology.INNER_LIPS]))
_JAW = topology.OVAL[8:29]
# How much of the lips' outline is the video's: a photo's smile stays on no other face.
_LIP_SHARE = 0.85
_LIP_LINE = [13, 14]
# The photo's cheeks go on smiling when its corners no longer do: these go further, in parts of the way.
_SOBER, _SOBER_REACH = 0.35, 0.09
# An opening mouth lifts the upper lip's middle off the corners by such a part of its gap.
_UPPER_LIP, _LIFTED = 13, 0.25
# A smile lifts the corners by so many face widths.
_SMILE = 0.05
# Lips that touch show red from so far towards their outer edge, not the photo's teeth; apart from so far,
# in face widths, they don't touch.
_LIP_RED, _LIPS_APART = 0.4, 0.03
# How far the cheeks follow the lips, and the skin the jaw, in face widths: the nostrils are no further off.
_LIP_REACH, _JAW_REACH = 0.05, 0.2
# How much of the jaw line is the video's, so that the head meets the neck.
_JAW_SHARE = 0.2
# An upper lid does most of a blink.
_UPPER_LID = 0.8
# How far shut lids hang down in the middle, in eye widths: an eyeball is round.
_SAG = 0.06
# How far the fold above follows it, and from where between fold and brow a shut lid's skin is taken.
_CREASE = 0.2
_LID_SKIN, _CREASE_SKIN = 0.3, 0.85
# How far from the lower lid and the corners outwards a shut eye's skin begins.
_SKIN_BELOW = 0.6
# How far behind its place an eyeball is drawn, face widths.
_SOCKET = 0.1
# How much of the face's edge each ring of hair goes with.
_RING_FOLLOW = (
    0.85 * np.maximum(0, 1 - 0.6 * (np.array(hull.RINGS, np.float32) - 1))[:, np.newaxis, np.newaxis]
)


@dataclass(frozen=True, slots=True)
class Posed:
    """The reference's mesh in the frame.

    ``points`` (n, 3) in pixels, depth for drawing; ``texture_points`` (n, 2) where they are in the texture;
    ``scale`` pixels of the frame per pixel of the texture; ``yaw`` in degrees; ``mouth_gap`` the widest
    gap between the person's lips, in face widths; ``openings`` of the eyes, 0 shut, 1 as in the photo;
    ``less_smile`` how much less of a smile it is than the photo's, 0 to 1; ``still`` (478, 3) the posed face
    as if nothing in it moved.
    """

    points: Floats
    texture_points: Floats
    scale: float
    yaw: float
    mouth_gap: float
    openings: tuple[float, float]
    less_smile: float
    still: Landmarks

    @property
    def landmarks(self) -> Landmarks:
        """The posed face, (478, 3)."""
        return self.points[: topology.LANDMARKS]


def yaws_of(vertices: Floats, faces: Iterable[Landmarks]) -> list[float]:
    """Return how far a head is turned aside from the way it is in the photo, degrees, as ``Posed`` tells it.

    Args:
        vertices: The reference's, see ``Reference.vertices``.
        faces: The person's landmarks, one face after the other.
    """
    stable = np.stack([landmarks[topology.STABLE] for landmarks in faces])
    return [_yaw(placed) for placed in similarities(vertices[topology.STABLE], stable)]


def _yaw(placed: Similarity) -> float:
    forward = placed.rotation[:, 2]
    return math.degrees(math.atan2(float(forward[0]), float(forward[2])))


class Retargeter:
    """Knows how one person's face looks when it is most like the reference's, and moves the one by the other.

    Args:
        vertices: The reference's landmarks, rings and eyeballs, see ``Reference.vertices``.
        texture_points: Where they are in its texture.
        shapes: What of the person's landmarks tells how the face moves, (n, 478, 3), see ``habits``.
        fits: Whether the face takes on the outline of the person's, as it must where their head stays.
        beyond: How far that face's jaw reaches beyond the person's, face widths, to cover the rim of a beard.
        bearing: How the head must be held to be seen as the person is.
    """

    def __init__(
        self,
        vertices: Floats,
        texture_points: Floats,
        shapes: Floats,
        *,
        fits: bool = False,
        beyond: float = 0.0,
        bearing: Bearing | None = None,
    ) -> None:
        self._fits = fits
        self._beyond = np.float32(beyond)
        self._bearing = bearing or Bearing()
        self._vertices = vertices
        self._texture_points = texture_points
        self._reference = vertices[: topology.LANDMARKS]
        self._width = face_width(self._reference)
        upright = self._normalised(shapes)
        shapes = np.stack([shape for shape, _ in upright])
        self._likest = _likest(shapes, self._reference)
        self._rest = self._at_rest()
        self._near_corners = _nearness(self._reference, topology.MOUTH_CORNERS, _SOBER_REACH * self._width)
        turned = math.radians(float(np.median([abs(_yaw(placed)) for _, placed in upright])))
        self._lids = Lids(shapes, turned, self._reference)
        # Under lids that are almost shut the iris is only guessed.
        self._gaze = Gaze(self._reference, vertices[hull.FIRST_EYE :], shapes[self._lids.awake])

    def pose(self, landmarks: Landmarks) -> Posed:
        """Return the reference's mesh as the person holds and moves the face in this frame.

        Args:
            landmarks: The person's, pixels of the frame.

        Source: motions, not shapes, are carried over from mesh to mesh: Noh, Neumann, Expression cloning,
            SIGGRAPH 2001; here the meshes share their topology.
        """
        shape, placed = self._normalised(landmarks[np.newaxis])[0]
        put_right = self._bearing.correction(self._sight(shape, placed))
        placed = self._turned(placed, put_right)
        vertices = self._vertices.copy()
        face = self._rest + (shape - self._likest)
        face[:, 1] -= self._near_corners @ np.full(2, put_right.corners * self._width, np.float32)
        less_smile = self._sober(face)
        _match_lips(face, shape)
        texture_points = self._texture_points.copy()
        gaps = _lip_gaps(landmarks) / face_width(landmarks)
        _close_lips(texture_points, gaps)
        openings = self._lids.openings(shape)
        for opening, eye in zip(openings, hull.EYES, strict=True):
            self._match_lids(face, texture_points, opening, eye)
        vertices[: topology.LANDMARKS] = face
        self._gaze.turn(vertices[hull.FIRST_EYE :], face, shape)
        self._move_rings(vertices, face)
        points = placed.apply(vertices).astype(np.float32)
        # Eyeballs are behind the lids, but before the hair that is behind the far side of a turned head.
        points[hull.FIRST_EYE :, 2] += np.float32(_SOCKET * self._width * placed.scale)
        return Posed(
            points=points,
            texture_points=texture_points,
            scale=placed.scale,
            yaw=_yaw(placed),
            mouth_gap=float(gaps.max()),
            openings=openings,
            less_smile=less_smile,
            still=placed.apply(self._rest).astype(np.float32),
        )

    def sights(self, faces: Floats) -> list[Sight]:
        """Return how faces, (n, 478, 3), are held beside the reference's."""
        return [self._sight(shape, placed) for shape, placed in self._normalised(faces)]

    def _sight(self, shape: Floats, placed: Similarity) -> Sight:
        lips, corners = (shape[points, 1].mean() for points in (_LIP_LINE, topology.MOUTH_CORNERS))
        return Sight(
            yaw=_yaw(placed),
            pitch=math.degrees(math.asin(-float(np.clip(placed.rotation[1, 2], -1, 1)))),
            corners=float(lips - corners) / self._width,
            gap=_lip_gap(shape) / self._width,
        )

    def _turned(self, placed: Similarity, by: Sight) -> Similarity:
        """Turn the head further, about the middle of what expression moves least."""
        turn, _ = cv2.Rodrigues(np.radians([by.pitch, by.yaw, 0.0]))
        rotation = turn @ placed.rotation
        middle = self._reference[topology.STABLE].mean(axis=0)
        shift = placed.shift + placed.scale * ((placed.rotation - rotation) @ middle)
        return Similarity(placed.scale, rotation, shift)

    def _normalised(self, faces: Floats) -> list[tuple[Floats, Similarity]]:
        """Return faces in the reference's pose, and the ways back to the frame."""
        stable = topology.STABLE
        placed = similarities(self._reference[stable], faces[:, stable])
        return [
            (one.inverse().apply(face).astype(np.float32), one)
            for one, face in zip(placed, faces, strict=True)
        ]

    def _at_rest(self) -> Floats:
        """Return the reference's face as smiling as the person's likest, its jaw on the person's neck."""
        reference, likest, width = self._reference, self._likest, self._width
        rest = reference.copy()
        middle = [0, 17]
        lips = (likest[_LIPS] - likest[middle].mean(0)) - (reference[_LIPS] - reference[middle].mean(0))
        moved = _spread(reference, _LIPS, lips * _LIP_SHARE, _LIP_REACH * width)
        if self._fits:
            edge, outline = topology.OVAL, likest[topology.OVAL] - reference[topology.OVAL]
        else:
            edge, outline = _JAW, (likest[_JAW] - reference[_JAW]) * _JAW_SHARE
            below = np.clip((reference[_JAW, 1] - reference[1, 1]) / (0.25 * width), 0, 1)
            outline *= below[:, np.newaxis]
        moved += _spread(reference, edge, outline, _JAW_REACH * width) * _not_lips(reference, width)
        axes = 3 if self._fits else 2
        rest[:, :axes] += moved[:, :axes]
        rest[topology.OVAL, :2] += self._beyond * width * _down_the_jaw(reference)
        return rest

    def _sober(self, face: Floats) -> float:
        """Carry the mouth's corners lower than they belong where the photo smiles more than this face.

        Returns: How much more it smiles, 0 to 1.
        """
        lower = np.maximum(_soberness(face) - _soberness(self._reference), 0)
        face[:, 1] += _SOBER * self._near_corners @ lower
        return float(np.clip(lower.mean() / (_SMILE * self._width), 0, 1))

    def _match_lids(self, face: Floats, texture_points: Floats, opening: float, eye: Eye) -> None:
        """Open the lids so far, 1 being as in the photo.

        Where lids shut, the mesh loses the corners: only the gap is taken from it. The photo's lashes would
        be drawn out over a shut lid: skin from above them is, instead.
        """
        face[eye.lids] = self._rest[eye.lids]
        shut = max(0.0, 1 - opening)
        (upper, lower), creases, above = _sides(eye.pairs), list(eye.creases), list(eye.above)
        excess = (self._reference[upper] - self._reference[lower]) * np.float32(1 - opening)
        face[upper] -= _UPPER_LID * excess
        face[lower] += (1 - _UPPER_LID) * excess
        face[creases] -= _CREASE * excess
        sag = shut * _SAG * _bow(self._reference, eye)
        face[upper, 1] += sag
        face[lower, 1] += sag
        fold, rise = texture_points[creases], texture_points[above] - texture_points[creases]
        texture_points[upper] += shut * (fold + _LID_SKIN * rise - texture_points[upper])
        texture_points[creases] += shut * _CREASE_SKIN * rise
        # Where the mesh has the lower lid too high, or the corner too far in, the white would show below it.
        for edge, around in ((lower, eye.below[0]), (list(eye.corners), eye.below[1])):
            texture_points[edge] += (
                shut * shut * _SKIN_BELOW * (texture_points[list(around)] - texture_points[edge])
            )

    def _move_rings(self, vertices: Floats, face: Floats) -> None:
        """Let hair and ears follow the edge of the face, less the further out."""
        moved = (face - self._reference)[topology.OVAL]
        vertices[hull.FIRST_RING : hull.FIRST_EYE, :2] += (_RING_FOLLOW * moved[:, :2]).reshape(-1, 2)


def habits(landmarks: Floats) -> Floats:
    """Return what of a person's landmarks, (n, 478, 3), tells how the face moves, likewise."""
    return np.ascontiguousarray(landmarks[:: max(1, len(landmarks) // _SAMPLES)])


def _likest(shapes: Floats, reference: Floats) -> Floats:
    """Return the mean of the frames in which the mouth is most like the reference's."""
    gaps, widths = _lip_gaps(shapes).max(axis=1), np.linalg.norm(shapes[:, 61] - shapes[:, 291], axis=1)
    unlike = np.abs(gaps - _lip_gap(reference))
    unlike += 0.5 * np.abs(widths - np.linalg.norm(reference[61] - reference[291]))
    chosen = np.argsort(unlike, kind="stable")[: max(3, len(shapes) // _LIKEST_PART)]
    return np.asarray(shapes[chosen].mean(axis=0), np.float32)


def _lip_gaps(faces: Landmarks) -> Floats:
    """Return the gaps between the lips of faces, (..., 478, 3), from right to left, (..., 9), pixels."""
    upper, lower = _sides(topology.LIP_PAIRS)
    return np.asarray(np.linalg.norm(faces[..., upper, :] - faces[..., lower, :], axis=-1), np.float32)


def _lip_gap(landmarks: Landmarks) -> float:
    return float(_lip_gaps(landmarks).max())


@cache
def _sides(pairs: tuple[tuple[int, int], ...]) -> tuple[list[int], list[int]]:
    """Return the upper points of pairs, and the lower ones."""
    return [upper for upper, _ in pairs], [lower for _, lower in pairs]


def _soberness(landmarks: Landmarks) -> Floats:
    """Return how far the mouth's corners lie below its upper lip, but not for being open, (2,), pixels."""
    fallen = landmarks[topology.MOUTH_CORNERS, 1] - landmarks[_UPPER_LIP, 1]
    return np.asarray(fallen - _LIFTED * _lip_gap(landmarks), np.float32)


def _bow(landmarks: Landmarks, eye: Eye) -> Floats:
    """Return how high a bow from corner to corner is over an eye's pairs, (n,), 1 being the eye's width."""
    upper, _ = _sides(eye.pairs)
    outer, inner = landmarks[list(eye.corners), 0]
    along = np.clip((landmarks[upper, 0] - outer) / (inner - outer), 0, 1)
    return np.asarray(4 * along * (1 - along) * abs(inner - outer), np.float32)


def _match_lips(face: Floats, shape: Floats) -> None:
    """Open the lips exactly as far as the person does."""
    upper, lower = _sides(topology.LIP_PAIRS)
    excess = (shape[lower, 1] - shape[upper, 1] - face[lower, 1] + face[upper, 1]) / 2
    face[upper, 1] -= excess
    face[lower, 1] += excess


def _close_lips(texture_points: Floats, gaps: Floats) -> None:
    """Let lips meet in red where they touch, corners with their neighbours."""
    inner, outer = topology.INNER_LIPS, topology.OUTER_LIPS
    pairs = np.maximum(0, 1 - gaps / np.float32(_LIPS_APART))
    touching = np.concatenate([pairs[:1], pairs, pairs[-1:], pairs[::-1]])[:, np.newaxis]
    texture_points[inner] += _LIP_RED * touching * (texture_points[outer] - texture_points[inner])


def _spread(points: Floats, sources: NDArray[np.int32], moves: Floats, reach: float) -> Floats:
    """Return how all points move if ``sources`` move so: fully there, fading over ``reach`` pixels."""
    apart = np.linalg.norm(points[:, np.newaxis, :2] - points[np.newaxis, sources, :2], axis=2)
    weights = np.exp(-((apart / (0.4 * reach)) ** 2)) + 1e-12
    mean = weights @ moves / weights.sum(axis=1, keepdims=True)
    fading = np.exp(-0.5 * (apart.min(axis=1) / reach) ** 2)
    moved = mean * fading[:, np.newaxis]
    moved[sources] = moves
    return np.asarray(moved, np.float32)


def _down_the_jaw(face: Floats) -> Floats:
    """Return which way is out of a face along its edge, (36, 2): 1 long at the chin, 0 at the ears' lobes."""
    edge = face[topology.OVAL, :2]
    out = edge - edge.mean(axis=0)
    lobes = face[topology.LOBES, 1].mean()
    share = np.clip((edge[:, 1] - lobes) / (face[topology.CHIN, 1] - lobes), 0, 1)
    return np.asarray(out * (share / np.linalg.norm(out, axis=1))[:, np.newaxis], np.float32)


def _nearness(points: Floats, sources: NDArray[np.int32], reach: float) -> Floats:
    """Return 1 at each of ``sources``, falling with the distance from it, (n, sources)."""
    apart = np.linalg.norm(points[:, np.newaxis, :2] - points[np.newaxis, sources, :2], axis=2)
    return np.asarray(np.exp(-0.5 * (apart / reach) ** 2), np.float32)


def _not_lips(points: Floats, width: float) -> Floats:
    apart = np.linalg.norm(points[:, np.newaxis, :2] - points[np.newaxis, _LIPS, :2], axis=2).min(axis=1)
    return np.asarray(np.clip(apart / (0.12 * width), 0, 1)[:, np.newaxis], np.float32)
