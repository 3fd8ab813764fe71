"""How far eyes are open is told by both together."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from headswap_cli.engine import hull
from headswap_cli.engine.geometry import face_box, face_width
from headswap_cli.engine.lids import Lids
from headswap_cli.engine.paint import Painter
from headswap_cli.engine.piece import cut_piece
from headswap_cli.engine.reference import read_photo
from headswap_cli.engine.retarget import Retargeter
from headswap_cli.engine.types import Landmarks
from tests import media
from tests.engine import heads, worse

pytestmark = pytest.mark.media


def seen(right: float, left: float) -> Landmarks:
    """The reference's face with its lids' gaps as such parts of their own."""
    own = heads.reference().landmarks
    face = own.copy()
    for eye, part in zip(hull.EYES, (right, left), strict=True):
        upper, lower = np.array(eye.pairs).T
        middle = (own[upper] + own[lower]) / 2
        face[upper], face[lower] = (middle + (own[one] - middle) * np.float32(part) for one in (upper, lower))
    return face


def lids_of(*shut: tuple[float, float]) -> Lids:
    """Somebody's whose eyes are open but for these frames of a hundred."""
    faces = [seen(*gaps) for gaps in shut] + [seen(1, 1)] * (100 - len(shut))
    return Lids(np.stack(faces), 0.0, heads.reference().landmarks)


def test_eyes_that_are_half_open_together_are_so_though_one_is_never_seen_to_shut() -> None:
    lids = lids_of(*[(0.45, 0.1)] * 5)
    right, left = lids.openings(seen(0.72, 0.72))
    assert 0.2 < right < 0.6
    assert left - right < 0.16


def test_a_blink_shuts_both_eyes_and_open_eyes_are_as_open_as_usual() -> None:
    lids = lids_of(*[(0.45, 0.3)] * 5)
    assert max(lids.openings(seen(0.45, 0.3))) == 0
    assert lids.openings(seen(1, 1)) == pytest.approx((1, 1), abs=0.01)


def test_an_eye_that_winks_is_less_open_than_the_other() -> None:
    right, left = lids_of(*[(0.4, 0.4)] * 5).openings(seen(0.4, 1))
    assert right < 0.5 * left


def test_an_iris_is_looked_for_where_both_eyes_are_open() -> None:
    assert lids_of((0.4, 1), (0.4, 0.4)).awake.sum() == 98


@pytest.mark.parametrize("width", [36, 43])
def test_lids_of_a_small_face_move_with_every_twentieth_of_a_pixel(width: int) -> None:
    photo, reference = read_photo(media.photo("astronaut.png")), heads.reference("0-f15-hao-ph.jpg")
    large = worse.face_of(photo)
    scale = width / face_width(large)
    frame = np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    place = np.asarray((large + 0.5) * scale - 0.5, np.float32)
    piece = cut_piece(frame, face_box(place), face_width(place))
    assert piece is not None
    posed = Retargeter(
        reference.vertices, reference.texture_points, np.repeat(place[np.newaxis], 8, axis=0)
    ).pose(place)
    upper = [pair[0] for eye in hull.EYES for pair in eye.pairs]
    drawn = []
    for step in range(21):
        points = posed.points.copy()
        points[upper, 1] += np.float32(step / 20)
        layer, _ = Painter(reference, reference.triangles).paint(
            piece, place, replace(posed, points=points), None, np.zeros(2, np.float32)
        )
        drawn.append(layer[..., :3])
    changes = [float(np.abs(after - before).sum()) for before, after in pairwise(drawn)]
    assert min(changes) > 0.5 * np.mean(changes)
