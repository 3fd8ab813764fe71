"""What a face does, in numbers: where it is turned, how far eyes and mouth are open, whether it smiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import face_width

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headswap_cli.engine.types import Landmarks

# Right to left across the face: eyes' outer and inner corners, cheeks, temples, mouth, nostrils.
_ACROSS = ((33, 263), (133, 362), (234, 454), (127, 356), (61, 291), (98, 327))
_EYES = (
    (topology.RIGHT_EYE_PAIRS, topology.RIGHT_EYE_CORNERS),
    (topology.LEFT_EYE_PAIRS, topology.LEFT_EYE_CORNERS),
)
# The mesh takes a head for less turned than it is: measured on photos that were turned by 20 to 50 degrees.
_YAW_GAIN = 1.35
# One eye this much narrower than both are on average is shut, not ill measured.
_WINK = 1.6
_MOUTH_MIDDLE = (0, 17)


@dataclass(frozen=True, slots=True)
class Look:
    """How a face looks in one picture.

    ``yaw`` and ``pitch`` in degrees, 0 from the front, positive to the viewer's right and downwards;
    ``lids`` the gaps between the right and the left eye's lids in eye widths; ``mouth_gap`` the widest gap
    between the lips and ``smile`` how far the mouth's corners stand above its middle, in face widths.
    """

    yaw: float
    pitch: float
    lids: tuple[float, float]
    mouth_gap: float
    smile: float

    @property
    def openness(self) -> float:
        """How far the eyes are open: their mean gap, less where one of them is much narrower."""
        return min(sum(self.lids) / 2, _WINK * min(self.lids))


def look_of(landmarks: Landmarks) -> Look:
    """Measure a face.

    Args:
        landmarks: (478, 3); however the head is tilted in the picture's plane.
    """
    landmarks = _levelled(landmarks)
    width = face_width(landmarks)
    first, second = (landmarks[[pair[side] for pair in _ACROSS]] for side in (0, 1))
    across = second - first
    right = (across / np.linalg.norm(across, axis=1, keepdims=True)).sum(axis=0)
    down = landmarks[topology.CHIN] - landmarks[topology.FOREHEAD]
    middle, corners = (landmarks[[*points], 1].mean() for points in (_MOUTH_MIDDLE, topology.MOUTH_CORNERS))
    openings = [_gaps(landmarks, pairs)[:, :2] / _apart(landmarks, corners_of) for pairs, corners_of in _EYES]
    right_lids, left_lids = (float(np.linalg.norm(gaps, axis=1).mean()) for gaps in openings)
    return Look(
        yaw=_YAW_GAIN * math.degrees(math.atan2(float(right[2]), float(right[0]))),
        pitch=math.degrees(math.atan2(float(down[2]), float(down[1]))),
        lids=(right_lids, left_lids),
        mouth_gap=float(np.linalg.norm(_gaps(landmarks, topology.LIP_PAIRS), axis=1).max()) / width,
        smile=float(middle - corners) / width,
    )


def _levelled(landmarks: Landmarks) -> Landmarks:
    """Turn a face in the picture's plane until its eyes are level."""
    x, y = (landmarks[263] - landmarks[33])[:2] / np.linalg.norm((landmarks[263] - landmarks[33])[:2])
    turn = np.array([[x, -y], [y, x]], np.float32)
    level = landmarks.copy()
    level[:, :2] = landmarks[:, :2] @ turn
    return level


def _gaps(landmarks: Landmarks, pairs: tuple[tuple[int, int], ...]) -> NDArray[np.float32]:
    upper, lower = zip(*pairs, strict=True)
    return np.asarray(landmarks[list(lower)] - landmarks[list(upper)], np.float32)


def _apart(landmarks: Landmarks, corners: tuple[int, int]) -> float:
    return max(1.0, float(np.linalg.norm(landmarks[corners[0], :2] - landmarks[corners[1], :2])))
