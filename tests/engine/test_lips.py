"""A photo's lips are left plain: no shine, and nothing of the open mouth."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.lips import plain_lips
from headswap_cli.engine.types import Frame, Landmarks
from tests.engine import heads

pytestmark = pytest.mark.media

SKIN, LIP, SHINE, MOUTH = (150, 170, 210), (110, 100, 180), (235, 230, 250), (20, 20, 40)


def face() -> Landmarks:
    return heads.reference().landmarks


def portrait() -> Frame:
    picture = np.full((512, 512, 3), SKIN, np.uint8)
    for ring, colour in ((topology.OUTER_LIPS, LIP), (topology.INNER_LIPS, (255, 255, 255))):
        cv2.fillPoly(picture, [np.round(face()[ring, :2]).astype(np.int32)], colour)
    return picture


def on_the_lower_lip() -> tuple[int, int]:
    x, y = face()[[14, 17], :2].mean(axis=0)
    return round(float(x)), round(float(y))


def seen_at(picture: NDArray[np.uint8], place: tuple[int, int]) -> NDArray[np.float64]:
    return np.asarray(picture[place[1], place[0]], np.float64)


@pytest.mark.parametrize("foreign", [SHINE, MOUTH])
def test_what_is_no_lip_goes_nearly(foreign: tuple[int, int, int]) -> None:
    picture, place = portrait(), on_the_lower_lip()
    cv2.circle(picture, place, 3, foreign, -1)
    left = np.abs(seen_at(plain_lips(picture, face()), place) - LIP).max()
    assert left < 0.35 * np.abs(np.subtract(foreign, LIP)).max()


def test_plain_lips_and_all_that_is_not_lip_stay_as_they_are() -> None:
    picture = portrait()
    plain = plain_lips(picture, face())
    np.testing.assert_allclose(seen_at(plain, on_the_lower_lip()), LIP, atol=2)
    for pair in ([13, 14], [205, 187]):
        x, y = np.round(face()[pair, :2].mean(axis=0)).astype(int).tolist()
        np.testing.assert_array_equal(plain[y, x], picture[y, x])
    assert plain.shape == picture.shape


def test_a_tiny_face_is_left_alone() -> None:
    picture, small = portrait(), face() * np.float32(0.1)
    np.testing.assert_array_equal(plain_lips(picture, small), picture)
