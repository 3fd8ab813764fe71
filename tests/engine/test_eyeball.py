"""Eyeballs are painted whole, of what the lids leave to be seen of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from headswap_cli.engine import hull, topology
from headswap_cli.engine.eyeball import bare_eyeballs
from headswap_cli.engine.types import Frame, Landmarks

SKIN, WHITE, IRIS, LASHES = (120, 150, 200), (190, 190, 195), (35, 45, 60), (25, 25, 30)
LIDS = (90, 105, 180)
WIDTH, RADIUS = 60.0, 13.0
PLACES = ((70.0, 60.0), (210.0, 60.0))


def face(gap: float, iris_at: float = 0.0) -> Landmarks:
    """Landmarks of which only the eyes mean anything, lids ``gap`` pixels apart."""
    landmarks = np.zeros((topology.LANDMARKS, 3), np.float32)
    steps = np.linspace(-1, 1, 9)
    for eye, (x, y), side in zip(hull.EYES, PLACES, (1, -1), strict=True):
        bow = gap / 2 * (1 - steps**2)
        along = x + side * steps * WIDTH / 2
        landmarks[eye.lids[:9], 0], landmarks[eye.lids[:9], 1] = along, y + bow
        landmarks[eye.lids[9:], 0], landmarks[eye.lids[9:], 1] = along[7:0:-1], (y - bow)[7:0:-1]
        turn = np.linspace(0, 2 * np.pi, 4, endpoint=False)
        landmarks[eye.iris[0], :2] = x + iris_at, y
        landmarks[eye.iris[1:], 0] = x + iris_at + RADIUS * np.cos(turn)
        landmarks[eye.iris[1:], 1] = y + RADIUS * np.sin(turn)
    return landmarks


def portrait(landmarks: Landmarks, rim: tuple[int, int, int] = SKIN) -> Frame:
    """Skin, and in it eyes whose edge, three pixels of it, is of another colour."""
    picture = np.full((120, 280, 3), SKIN, np.uint8)
    for eye in hull.EYES:
        opening = np.zeros(picture.shape[:2], np.uint8)
        cv2.fillPoly(opening, [np.round(landmarks[eye.lids, :2]).astype(np.int32)], (1,))
        eyeball = np.full_like(picture, WHITE)
        centre = np.round(landmarks[eye.iris[0], :2]).astype(int).tolist()
        cv2.circle(eyeball, centre, round(RADIUS), IRIS, -1)
        picture[opening > 0] = rim
        inner = cv2.erode(opening, np.ones((7, 7), np.uint8))
        picture[inner > 0] = eyeball[inner > 0]
    return picture


@pytest.mark.parametrize("rim", [SKIN, LASHES])
@pytest.mark.parametrize("gap", [18.0, 30.0])
def test_an_iris_is_whole_and_white_all_around_it_whatever_the_lids_edge(
    gap: float, rim: tuple[int, int, int]
) -> None:
    landmarks = face(gap)
    bare = bare_eyeballs(portrait(landmarks, rim), landmarks).astype(float)
    for x, y in PLACES:
        for turn in np.linspace(0, 2 * np.pi, 16):
            near, far = (
                bare[round(y + reach * np.sin(turn)), round(x + reach * np.cos(turn))]
                for reach in (0.75 * RADIUS, 1.4 * RADIUS)
            )
            np.testing.assert_allclose(near, IRIS, atol=12)
            np.testing.assert_allclose(far, WHITE, atol=12)


def test_an_eye_that_is_shut_gets_a_dark_iris_in_something_pale() -> None:
    landmarks = face(0.5)
    bare = bare_eyeballs(portrait(landmarks), landmarks)
    for x, y in PLACES:
        assert bare[round(y), round(x)].max() < 80
        assert bare[round(y), round(x + 2 * RADIUS)].min() > 150


def test_what_is_as_red_as_lids_is_no_white_between_narrow_ones() -> None:
    landmarks = face(18.0)
    picture = portrait(landmarks)
    picture[(picture == WHITE).all(axis=2)] = LIDS
    bare = bare_eyeballs(picture, landmarks).astype(int)
    for x, y in PLACES:
        white = bare[round(y - 2 * RADIUS), round(x)]
        assert white.max() == pytest.approx(max(LIDS), abs=25)
        assert np.ptp(white) < 0.25 * max(LIDS)


def test_a_glint_stays_where_it_is() -> None:
    landmarks = face(30)
    picture = portrait(landmarks)
    for x, y in PLACES:
        cv2.circle(picture, (round(x) + 4, round(y) - 5), 2, (250, 250, 250), -1)
    bare = bare_eyeballs(picture, landmarks)
    for x, y in PLACES:
        assert bare[round(y) - 5, round(x) + 4].min() > 200


def test_what_is_not_near_an_eye_is_left_alone() -> None:
    landmarks = face(24)
    picture = portrait(landmarks)
    changed = (bare_eyeballs(picture, landmarks) != picture).any(axis=2)
    assert changed.any()
    assert not changed[:, 136:144].any()
    assert not changed[:10].any()
