"""Faces that meet are looked at one by one, and in their surroundings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from headswap_cli.engine import topology
from headswap_cli.engine.apart import Apart, Moving
from headswap_cli.engine.geometry import face_box
from headswap_cli.engine.track import Follower
from headswap_cli.engine.types import Detection
from tests.engine import heads

if TYPE_CHECKING:
    from headswap_cli.engine.mesh import FaceMesh
    from headswap_cli.engine.types import Frame, Landmarks

SIDE = 100.0


class Watched:
    """A mesh that notes how large the pictures were."""

    def __init__(self, mesh: FaceMesh) -> None:
        self.sizes: list[int] = []
        self._mesh = mesh

    def from_landmarks(self, frame: Frame, previous: Landmarks) -> tuple[Landmarks, float]:
        self.sizes.append(frame.shape[0] * frame.shape[1])
        return self._mesh.from_landmarks(frame, previous)


@pytest.mark.media
def test_where_faces_meet_in_a_large_frame_makes_no_difference_and_no_more_work() -> None:
    frames, track = heads.scene("single_face.mp4", 0, 1)
    small, face = frames[0], track[0]
    height, width = small.shape[:2]
    corner = np.array([2 * width, height, 0], np.float32)
    large = np.random.default_rng(3).integers(0, 256, (3 * height, 4 * width, 3)).astype(np.uint8)
    large[height : 2 * height, 2 * width : 3 * width] = small
    seen, sizes = [], []
    for frame, shift in ((small, np.zeros(3, np.float32)), (large, corner)):
        mesh = Watched(heads.mesh())
        kept = frame.copy()
        own, other = face + shift, face + shift + np.array([140, 10, 0], np.float32)
        found = Apart[str](mesh).look(frame, {"own": Moving(own, own), "other": Moving(other, other)})
        assert (frame == kept).all()
        seen.append({name: landmarks - shift for name, (landmarks, _) in found.items()})
        sizes.append(max(mesh.sizes))
    # Beyond the small frame its edge is repeated: the face beside it is not looked at as in the large one.
    np.testing.assert_allclose(seen[1]["own"], seen[0]["own"], atol=0.5)
    assert sizes[1] <= (2.9 * np.ptp(face_box(face).reshape(2, 2), axis=0).max()) ** 2


def square(left: float, number: int) -> Landmarks:
    """A face whose depth tells who it is."""
    chance = np.random.default_rng(1)
    landmarks = chance.uniform(0.0, SIDE, (topology.LANDMARKS, 3)).astype(np.float32)
    landmarks[0, :2], landmarks[1, :2] = 0, SIDE
    landmarks[topology.RIGHT_CHEEK, :2], landmarks[topology.LEFT_CHEEK, :2] = (0, 50), (SIDE, 50)
    landmarks[:, 0] += left
    landmarks[:, 1] += 100
    landmarks[:, 2] = number
    return landmarks


class Scripted:
    """A mesh that finds faces where they are to be."""

    def __init__(self, places: list[list[float]]) -> None:
        self.places = places
        self.age = 0

    def from_landmarks(self, frame: Frame, previous: Landmarks) -> tuple[Landmarks, float]:
        places = self.places[int(previous[0, 2])]
        way = np.array([places[self.age] - places[self.age - 1], 0, 0], np.float32)
        return previous + way, 1.0

    def from_detection(self, frame: Frame, detection: Detection) -> tuple[Landmarks, float]:
        number = round(detection.score)
        return square(self.places[number][self.age], number), 1.0


def test_a_face_behind_one_that_begins_anew_is_followed_all_the_same() -> None:
    # The first falls into the second, before which the third is half hidden by then.
    mesh = Scripted([[20, 60, 105, 150, 185, 195], [200] * 6, [400, 360, 320, 285, 245, 236]])
    follower = Follower(mesh, 0)
    blank = np.zeros((300, 700, 3), np.uint8)

    def detect(frame: Frame, *, tiles: bool) -> list[Detection]:
        if mesh.age:
            return []
        keypoints = np.zeros((6, 2), np.float32)
        return [
            Detection(float(number), face_box(square(place[0], number)), keypoints)
            for number, place in enumerate(mesh.places)
        ]

    for age in range(6):
        mesh.age = age
        follower.observe(age, blank, detect)

    ends = {int(face.landmarks[0, 2]): face.last_frame for face in follower.faces}
    assert ends[2] == 5
