"""What a face does, frame by frame, measured in the file that came out as in the one that went in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from headswap_cli.engine import hull, topology
from headswap_cli.engine.geometry import face_width, similarity
from headswap_cli.engine.track import smoothed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headswap_cli.engine.types import Frame, Landmarks

FEATURES = ("lids", "mouth", "corners", "gaze")
# Below this spread a source does nothing that a result could follow: lids in eye widths, the mouth in face
# widths, gaze in eye widths. It is what re-measuring one still face in noise and coding gives.
NOISE = {"lids": 0.012, "mouth": 0.004, "corners": 0.003, "gaze": 0.008}
# Under lids that are not so far open, in parts of the usual gap, an iris is only guessed.
_AWAKE = 0.7
_CORNERS = (61, 291)
_LIP_LINE = (13, 14)


@dataclass(frozen=True)
class Motion:
    """One track in one file: ``landmarks`` (n, 478, 3), steadied as the engine steadies them."""

    landmarks: NDArray[np.float32]

    def series(self, canonical: Landmarks) -> dict[str, NDArray[np.float64]]:
        """Return each of ``FEATURES`` over time, head pose taken out by ``canonical``'s stable points."""
        upright = [_upright(shape, canonical) for shape in self.landmarks]
        width = face_width(canonical)
        return {
            "lids": np.array([_lids(shape) for shape in upright]),
            "mouth": np.array([_gap(shape) / width for shape in upright]),
            "corners": np.array([_corner_height(shape) / width for shape in upright]),
            "gaze": np.array([_gaze(shape) for shape in upright]),
        }

    def rotations(self, canonical: Landmarks) -> NDArray[np.float64]:
        """Return the head's turn in each frame, (n, 3, 3)."""
        stable = topology.STABLE
        return np.stack([similarity(canonical[stable], one[stable]).rotation for one in self.landmarks])

    def jitter(self) -> float:
        """Return the median departure of a landmark from its neighbours in time, percent of the face."""
        if len(self.landmarks) < 3:
            return 0.0
        points = self.landmarks[:, : topology.MESH_POINTS, :2]
        apart = np.linalg.norm(points[1:-1] - (points[:-2] + points[2:]) / 2, axis=2)
        widths = np.array([face_width(shape) for shape in self.landmarks[1:-1]])
        return float(np.median(apart / widths[:, np.newaxis]) * 100)


class Mesh(Protocol):
    """Finds landmarks again."""

    def from_landmarks(self, frame: Frame, previous: Landmarks) -> tuple[Landmarks, float]:
        """See ``FaceMesh.from_landmarks``."""


class Observer:
    """Lays landmarks on a face again, its place known from the source's track."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._path: list[Landmarks] = []

    def observe(self, frame: Frame, place: Landmarks) -> None:
        """Look at the next frame; ``place`` is where the source's face is in it."""
        found, _ = self._mesh.from_landmarks(frame, place)
        self._path.append(found)

    @property
    def latest(self) -> Landmarks:
        """What was seen last."""
        return self._path[-1]

    def motion(self) -> Motion:
        """Return all that was seen."""
        return Motion(smoothed(np.stack(self._path)))


def in_mirror(frame: Frame, place: Landmarks) -> tuple[Frame, Landmarks]:
    """Return a frame mirrored, and where its face is there: good enough to look there, not to measure."""
    turned = place.copy()
    turned[:, 0] = frame.shape[1] - 1 - place[:, 0]
    outer = [topology.RIGHT_EYE_CORNERS[0], topology.LEFT_EYE_CORNERS[0]]
    turned[outer] = turned[outer[::-1]]
    return np.ascontiguousarray(frame[:, ::-1]), turned


def correlation(source: NDArray[np.float64], result: NDArray[np.float64], noise: float) -> float:
    """Return Pearson's r of two series; NaN where the source does not move more than ``noise``."""
    if len(source) < 8 or float(source.std()) < noise:
        return math.nan
    return float(np.corrcoef(source, result)[0, 1]) if result.std() > 0 else 0.0


def correlations(
    source: dict[str, NDArray[np.float64]],
    result: dict[str, NDArray[np.float64]],
    shown: NDArray[np.bool_],
    blindfolded: NDArray[np.bool_],
) -> dict[str, float]:
    """Return the correlation of each of ``FEATURES`` where ``shown``; of eyes, where they can be read.

    Not where they are ``blindfolded``, see ``made.blindfolded``. Gaze, where both pairs of eyes are open: an
    iris is as much of a guess under the result's lids as under the source's.
    """
    lids = (source["lids"], result["lids"])
    is_awake = np.logical_and.reduce([one >= _AWAKE * np.percentile(one, 75) for one in lids])
    seen = {"lids": shown & ~blindfolded, "gaze": shown & ~blindfolded & is_awake}
    return {
        name: correlation(source[name][where], result[name][where], NOISE[name])
        for name in FEATURES
        for where in (seen.get(name, shown),)
    }


def mean_of(
    one: dict[str, NDArray[np.float64]], other: dict[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """Return what two readings of the same frames tell together."""
    return {name: (one[name] + other[name]) / 2 for name in one}


def of_both(agreement: float) -> float:
    """Return the reliability of the mean of two readings from the correlation of one with the other.

    Source: Spearman and Brown, British Journal of Psychology 3(3), 1910.
    """
    return 0.0 if agreement <= 0 else 2 * agreement / (1 + agreement)


def pose_error(source: NDArray[np.float64], result: NDArray[np.float64]) -> float:
    """Return the median angle between two heads, degrees; their constant difference in shape is in it."""
    between = np.einsum("nij,nkj->nik", source, result)
    cosine = (np.trace(between, axis1=1, axis2=2) - 1) / 2
    return float(np.degrees(np.median(np.arccos(np.clip(cosine, -1, 1)))))


def _upright(landmarks: Landmarks, canonical: Landmarks) -> Landmarks:
    stable = topology.STABLE
    placed = similarity(canonical[stable], landmarks[stable])
    return np.asarray(placed.inverse().apply(landmarks), np.float32)


def _lids(landmarks: Landmarks) -> float:
    """Return the mean gap between the lids of both eyes, in eye widths."""
    gaps = []
    for eye in hull.EYES:
        upper, lower = zip(*eye.pairs, strict=True)
        apart = (landmarks[list(upper)] - landmarks[list(lower)])[:, :2]
        gaps.append(np.linalg.norm(apart, axis=1).mean() / hull.eye_frame(landmarks, eye)[1])
    return float(np.mean(gaps))


def _gap(landmarks: Landmarks) -> float:
    upper, lower = zip(*topology.LIP_PAIRS, strict=True)
    return float(np.linalg.norm((landmarks[list(upper)] - landmarks[list(lower)])[:, :2], axis=1).max())


def _corner_height(landmarks: Landmarks) -> float:
    """Return how far the mouth's corners are above the line between its lips, pixels."""
    return float(landmarks[list(_LIP_LINE), 1].mean() - landmarks[list(_CORNERS), 1].mean())


def _gaze(landmarks: Landmarks) -> float:
    """Return where the irises stand between the corners of their eyes, in eye widths, to the right."""
    shifts = []
    for eye in hull.EYES:
        middle, width = hull.eye_frame(landmarks, eye)
        shifts.append((landmarks[eye.iris[0], 0] - middle[0]) / width)
    return float(np.mean(shifts))
