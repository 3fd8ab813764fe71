"""Turn the eyes of a reference's head as the person in the video turns theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import hull

if TYPE_CHECKING:
    from headswap_cli.engine.hull import Eye
    from headswap_cli.engine.types import Landmarks

Floats = NDArray[np.float32]

# How far the person's usual gaze is taken to be the photo's: lids differ, so in height wholly.
_HABIT = np.array([0.5, 1.0], np.float32)
# The network takes the eye's corners along with the iris: so much of a turn is left between them.
_TOLD = 0.7
# How far an iris may go in eye widths, across and down.
_LIMITS = np.array([0.3, 0.12], np.float32)
# What of the eye's width the caruncle takes in the corner at the nose: no iris is over it.
_CARUNCLE = 0.08


class Gaze:
    """Knows where the irises of a photo and of a person usually stand, and moves the ones by the others.

    Args:
        reference: The photo's landmarks, (478, 3).
        nodes: Of both its eyeballs, one after the other, (2 * ``hull.EYE_POINTS``, 3).
        awake: The person's landmarks with open eyes, in the photo's pose, (n, 478, 3); of none, it is taken
            for granted that they look straight ahead.
    """

    def __init__(self, reference: Landmarks, nodes: Floats, awake: Floats) -> None:
        self._eyeballs = [
            _eyeball(reference, part, eye, _usual(awake, eye))
            for eye, part in zip(hull.EYES, np.split(nodes, len(hull.EYES)), strict=True)
        ]

    def turn(self, nodes: Floats, face: Landmarks, shape: Landmarks) -> None:
        """Shift the irises as the person's are shifted, the white following less the further out.

        Args:
            nodes: Of both eyeballs, (2 * ``hull.EYE_POINTS``, 3), pixels of the photo; changed in place.
            face: The photo's landmarks as they are posed, (478, 3), pixels of the photo.
            shape: The person's in this frame, (478, 3), in the photo's pose and pixels.
        """
        turn = self._turn_of(shape)
        for eye, resting, part in zip(
            hull.EYES, self._eyeballs, np.split(nodes, len(hull.EYES)), strict=True
        ):
            shift = np.clip(turn + resting.ahead, *resting.limits) * resting.width
            middle, _ = hull.eye_frame(face, eye)
            part[:, :2] += middle - resting.middle + resting.follow * shift
            part[:, 2] += face[list(eye.corners), 2].mean() - resting.depth

    def _turn_of(self, shape: Floats) -> Floats:
        """Return how far the person looks away from where they usually look, (2,), eye widths.

        Both eyes turn as one, and one alone is measured less surely.
        """
        turns = [
            (_stand(shape, eye) - resting.usual) / _TOLD
            for eye, resting in zip(hull.EYES, self._eyeballs, strict=True)
        ]
        # An eye that is hardly seen may be measured far off: it moves the other one by so much at most.
        return np.asarray(np.clip(turns, -_LIMITS, _LIMITS).mean(axis=0), np.float32)


@dataclass(frozen=True, slots=True)
class _Eyeball:
    """An eyeball in the photo: what its nodes are moved from.

    ``middle`` (2,) between the eye's corners, ``width`` and ``depth`` theirs; ``usual`` (2,) the person's
    gaze, ``ahead`` (2,) how far the iris then is from where it is in the photo, and ``limits`` (2, 2) the
    least and the most that it may be, eye widths; ``follow`` (nodes, 1) how far each node goes with it.
    """

    middle: Floats
    width: float
    depth: float
    usual: Floats
    ahead: Floats
    limits: Floats
    follow: Floats


def _eyeball(reference: Landmarks, nodes: Floats, eye: Eye, usual: Floats) -> _Eyeball:
    middle, width = hull.eye_frame(reference, eye)
    own = _stand(reference, eye)
    radius = hull.iris_radius(reference, eye)
    limits = np.stack([-_LIMITS, _LIMITS])
    outer, inner = reference[list(eye.corners), 0]
    nasal, furthest = np.sign(inner - outer), 0.5 - _CARUNCLE - radius / width
    # Where the photo's own is further, it stays.
    limits[int(nasal > 0), 0] = nasal * np.clip(furthest - nasal * own[0], 0, _LIMITS[0])
    distance = np.linalg.norm(nodes[:, :2] - reference[eye.iris[0], :2], axis=1)
    return _Eyeball(
        middle=middle,
        width=width,
        depth=float(reference[list(eye.corners), 2].mean()),
        usual=usual,
        ahead=(1 - _HABIT) * (usual - own),
        limits=limits,
        follow=np.clip((2.6 - distance / radius) / 1.3, 0, 1)[:, np.newaxis],
    )


def _stand(faces: Landmarks, eye: Eye) -> Floats:
    """Return where the iris stands between the corners in faces, (..., 478, 3), in eye widths, (..., 2)."""
    middles, widths = hull.eye_frames(faces, eye)
    return np.asarray((faces[..., eye.iris[0], :2] - middles) / widths[..., np.newaxis], np.float32)


def _usual(shapes: Floats, eye: Eye) -> Floats:
    if not len(shapes):
        return np.zeros(2, np.float32)
    return np.asarray(np.median(_stand(shapes, eye), axis=0), np.float32)
