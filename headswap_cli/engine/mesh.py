"""Lay the face mesh on a face: 468 landmarks by one network, eyelids and irises refined by another.

Source of crops and outputs: Kartynnik et al., Real-time facial surface geometry from monocular video,
arXiv:1907.06724, 2019; Ablavatski et al., Real-time pupil tracking, arXiv:2006.11341, 2020.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import Crop, bounding_box
from headswap_cli.engine.networks import Network, sigmoid, to_input

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from headswap_cli.engine.types import Detection, Landmarks
    from headswap_cli.engine.types import Frame as Image

# What the mesh network was trained on is half as large again as the face.
_MARGIN = 1.5
# The iris network's squares, in eye widths. Where it sees lids hangs on how large it is shown an eye, most of
# all one that is hardly open: of heads drawn with lids known to be so, one look tells r = .90, two .97.
_EYE_MARGINS = (2.0, 2.65)
# How far lids go from where the mesh has them to where the iris network does: neither errs as the other.
_TRUST = 0.9
_EYELID_POINTS = 16
_MINIMAL_SIDE = 4.0
# Below this presence there is nothing to refine.
_PRESENT = 0.5

# The iris network lists the eyelids as lower from the inner to the outer corner, then upper likewise.
_LOWER_THEN_UPPER = [*range(8, -1, -1), *range(9, 16)]
_RIGHT_LIDS = topology.RIGHT_EYE[_LOWER_THEN_UPPER]
_LEFT_LIDS = topology.LEFT_EYE[_LOWER_THEN_UPPER]


class FaceMesh:
    """Lays landmarks on one face at a time.

    Args:
        weights: The folder of the fetched weights.
    """

    def __init__(self, weights: Path) -> None:
        self._mesh = Network(weights / "face_landmark.tflite")
        self._iris = Network(weights / "iris_landmark.tflite")

    def from_detection(self, frame: Image, detection: Detection) -> tuple[Landmarks, float]:
        """Return the landmarks of a face just detected, and how surely a face is there (0 to 1)."""
        landmarks, presence = self._shape(frame, _crop_of_detection(detection))
        if presence < _PRESENT:
            return landmarks, presence
        # The detector's box is rough; looked at again, the face sits as the network knows it.
        return self.from_landmarks(frame, landmarks)

    def from_landmarks(self, frame: Image, previous: Landmarks) -> tuple[Landmarks, float]:
        """Return the landmarks of a face that was at ``previous`` a moment ago, and its presence (0 to 1)."""
        crop = crop_of_landmarks(previous)
        landmarks, presence = self._shape(frame, crop)
        if presence >= _PRESENT:
            self._refine_eye(frame, landmarks, crop.angle, topology.RIGHT_IRIS, _RIGHT_LIDS, mirrored=True)
            self._refine_eye(frame, landmarks, crop.angle, topology.LEFT_IRIS, _LEFT_LIDS, mirrored=False)
        return landmarks, presence

    @property
    def side(self) -> int:
        """Of the square that the network looks at, pixels."""
        return self._mesh.size

    def of_square(self, image: Image, crop: Crop) -> tuple[Landmarks, float]:
        """Return a face's landmarks in the frame, irises in the middle of the eyes, and its presence.

        Args:
            image: The face's square, see ``crop_of_landmarks``, (side, side, 3), BGR.
            crop: Where it is in the frame.
        """
        points, presence = self._mesh(to_input(image))
        landmarks = np.empty((topology.LANDMARKS, 3), np.float32)
        landmarks[: topology.MESH_POINTS] = crop.to_frame(points.reshape(-1, 3), self.side)
        for iris, lids in ((topology.RIGHT_IRIS, _RIGHT_LIDS), (topology.LEFT_IRIS, _LEFT_LIDS)):
            landmarks[iris] = landmarks[lids].mean(axis=0)
        return landmarks, float(sigmoid(presence).item())

    def _shape(self, frame: Image, crop: Crop) -> tuple[Landmarks, float]:
        return self.of_square(crop.take(frame, self.side), crop)

    def _refine_eye(
        self,
        frame: Image,
        landmarks: Landmarks,
        angle: float,
        iris: NDArray[np.int32],
        lids: NDArray[np.int32],
        *,
        mirrored: bool,
    ) -> None:
        """Move one eye's lids (in the plane) and replace its iris."""
        outer, inner = landmarks[lids[0]], landmarks[lids[8]]
        centre = (outer + inner) / 2
        width = float(np.linalg.norm(outer[:2] - inner[:2]))
        sides = [max(margin * width, _MINIMAL_SIDE) for margin in _EYE_MARGINS]
        crops = [Crop(float(centre[0]), float(centre[1]), side, angle) for side in sides]
        placed = np.mean([self._look(frame, crop, mirrored=mirrored) for crop in crops], axis=0)
        landmarks[lids, :2] += _TRUST * (placed[:_EYELID_POINTS] - landmarks[lids, :2])
        landmarks[iris, :2] = placed[_EYELID_POINTS:]
        landmarks[iris, 2] = centre[2]

    def _look(self, frame: Image, crop: Crop, *, mirrored: bool) -> NDArray[np.float32]:
        """Return an eye's lids and iris, (21, 2), pixels of the frame; the network knows left eyes only."""
        size = self._iris.size
        image = crop.take(frame, size)
        contours, iris_points = self._iris(to_input(image[:, ::-1] if mirrored else image))
        points = np.concatenate([contours.reshape(-1, 3)[:_EYELID_POINTS], iris_points.reshape(-1, 3)])
        if mirrored:
            points[:, 0] = size - points[:, 0]
        return crop.to_frame(points, size)[:, :2]


def crop_of_landmarks(landmarks: Landmarks) -> Crop:
    """Return the upright square around a face, half as large again."""
    right, left = landmarks[topology.RIGHT_EYE_CORNERS[0]], landmarks[topology.LEFT_EYE_CORNERS[0]]
    angle = math.atan2(left[1] - right[1], left[0] - right[0])
    cos, sin = math.cos(angle), math.sin(angle)
    upright = np.array([[cos, sin], [-sin, cos]])
    box = bounding_box(landmarks[: topology.MESH_POINTS, :2] @ upright.T)
    x, y = upright.T @ (box[:2] + box[2:]) / 2
    return Crop(float(x), float(y), max(_MARGIN * float((box[2:] - box[:2]).max()), _MINIMAL_SIDE), angle)


def _crop_of_detection(detection: Detection) -> Crop:
    right, left = detection.keypoints[0], detection.keypoints[1]
    x, y = (detection.box[:2] + detection.box[2:]) / 2
    side = max(_MARGIN * float((detection.box[2:] - detection.box[:2]).max()), _MINIMAL_SIDE)
    return Crop(float(x), float(y), side, math.atan2(left[1] - right[1], left[0] - right[0]))
