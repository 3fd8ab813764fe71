"""A head is tried on before it is worn: how it is then held is nearer to how the person holds theirs."""

from __future__ import annotations

import numpy as np
import pytest

from headswap_cli.engine import tryon
from headswap_cli.engine.bearing import Bearing
from headswap_cli.engine.geometry import Crop, similarity
from headswap_cli.engine.mesh import crop_of_landmarks
from headswap_cli.engine.retarget import Retargeter
from headswap_cli.engine.tryon import try_on
from headswap_cli.engine.types import Landmarks
from tests.engine import heads

pytestmark = pytest.mark.media


def turned(yaw: float, pitch: float) -> Landmarks:
    """The reference's own face, large in a frame, turned by so many degrees."""
    face = heads.reference().landmarks
    about_y, about_x = np.radians([yaw, pitch])
    aside = np.array(
        [[np.cos(about_y), 0, np.sin(about_y)], [0, 1, 0], [-np.sin(about_y), 0, np.cos(about_y)]]
    )
    down = np.array(
        [[1, 0, 0], [0, np.cos(about_x), -np.sin(about_x)], [0, np.sin(about_x), np.cos(about_x)]]
    )
    middle = face.mean(axis=0)
    return np.asarray((face - middle) @ (down @ aside).T + middle, np.float32)


def nodding() -> Landmarks:
    """Somebody who looks about."""
    return np.stack([turned(yaw, pitch) for yaw in (-16, -8, 0, 8, 16) for pitch in (-10, -5, 0, 5, 10)])


def strays(bearing: Bearing, faces: Landmarks) -> float:
    """Return how far the drawn heads are seen from where they were to look, degrees."""
    reference = heads.reference()
    retargeter = Retargeter(reference.vertices, reference.texture_points, faces, bearing=bearing)
    drawer = tryon._Drawer(reference, heads.mesh().side)
    apart = []
    for face in faces:
        crop: Crop = crop_of_landmarks(face)
        posed = retargeter.pose(face)
        view = drawer.drawn(posed, crop.matrix(heads.mesh().side), heads.mesh().side / crop.side)
        found, presence = heads.mesh().of_square(view, crop)
        assert presence > 0.5
        asked, seen = retargeter.sights(np.stack([face, found]))
        apart.append(np.hypot(asked.yaw - seen.yaw, asked.pitch - seen.pitch))
    return float(np.sqrt(np.mean(np.square(apart))))


def test_a_head_that_was_tried_on_is_seen_to_look_where_the_person_looks() -> None:
    faces = nodding()
    bearing = try_on(heads.reference(), faces, heads.mesh())
    assert strays(bearing, faces[::2]) < 0.8 * strays(Bearing(), faces[::2])


def test_of_somebody_seen_in_a_few_frames_nothing_is_learned() -> None:
    bearing = try_on(heads.reference(), nodding()[:7], heads.mesh())
    assert not bearing.matrix.any()


def test_a_head_that_is_turned_further_stays_in_its_place() -> None:
    reference, faces = heads.reference(), nodding()
    matrix = np.zeros((3, 5))
    matrix[:2, 0] = 0.5
    plain, further = (
        Retargeter(reference.vertices, reference.texture_points, faces, bearing=bearing).pose(faces[3])
        for bearing in (Bearing(), Bearing(matrix=matrix))
    )
    between = similarity(plain.landmarks, further.landmarks)
    angle = np.degrees(np.arccos((np.trace(between.rotation) - 1) / 2))
    assert angle == pytest.approx(np.hypot(4, 4), abs=0.3)
    width = np.ptp(plain.landmarks[:, 0])
    assert np.linalg.norm((further.landmarks - plain.landmarks)[:, :2].mean(axis=0)) < 0.06 * width
