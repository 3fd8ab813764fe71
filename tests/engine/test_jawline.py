"""A head is cut off along the jaw that the photo shows, evenly."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import disc, inside
from headswap_cli.engine.jawline import above_jaw, turning
from headswap_cli.engine.types import Landmarks, Mask
from tests.engine import heads

pytestmark = pytest.mark.media

SKIN, LINE, DARK_HAIR = (150, 170, 210), (110, 125, 160), (40, 40, 50)
SHAPE = (512, 512)
NOTHING, ALL = np.zeros(SHAPE, np.float32), np.ones(SHAPE, np.float32)
# Beside the chin, and where the jaw turns up to the ear.
PLACES = (378, 149, 397, 172)


def face() -> Landmarks:
    return heads.reference().landmarks


def width() -> float:
    return heads.reference().face_width


def grown(by: float) -> Mask:
    """Return the mesh's outline so many face widths larger, or smaller."""
    oval = inside(face()[topology.OVAL], SHAPE)
    change = cv2.dilate if by > 0 else cv2.erode
    return np.asarray(change(oval, disc(abs(by) * width())), np.float32)


def beyond(place: int, by: float) -> tuple[int, int]:
    """Return the row and column so many face widths outside a place of the outline."""
    middle = face()[topology.OVAL, :2].mean(axis=0)
    way = face()[place, :2] - middle
    x, y = np.round(face()[place, :2] + way / np.linalg.norm(way) * by * width()).astype(int).tolist()
    return y, x


def portrait() -> NDArray[np.uint8]:
    return np.full((*SHAPE, 3), SKIN, np.uint8)


def with_line(by: float) -> NDArray[np.uint8]:
    """Return skin with a dark line along the outline, so many face widths within it."""
    picture = portrait()
    picture[(grown(-by + 0.005) > 0) & (grown(-by - 0.005) == 0)] = LINE
    return picture


@pytest.mark.parametrize("place", PLACES)
def test_a_head_ends_at_its_dark_line_where_the_mesh_reaches_over_it(place: int) -> None:
    left = above_jaw(with_line(0.03), ALL, grown(0.02), NOTHING > 0, face())
    assert left[beyond(place, -0.06)] > 0.9
    assert left[beyond(place, 0.0)] < 0.1


def test_a_jaw_that_is_not_seen_is_where_the_mesh_has_it() -> None:
    left = above_jaw(portrait(), ALL, grown(0.02), NOTHING > 0, face())
    assert all(left[beyond(place, -0.01)] > 0.9 for place in PLACES)


@pytest.mark.parametrize("place", PLACES[2:])
def test_a_spur_beside_the_jaw_goes_and_the_jaw_stays(place: int) -> None:
    person = grown(0.01)
    row, column = beyond(place, 0.02)
    cv2.circle(person, (column, row), round(0.02 * width()), (1,), -1)
    left = above_jaw(portrait(), person, ALL, NOTHING > 0, face())
    assert left[beyond(place, 0.035)] < 0.3
    assert left[beyond(place, -0.01)] > 0.9


def test_hair_that_hangs_down_beside_the_jaw_stays() -> None:
    picture, hair = portrait(), grown(0.01) == 0
    picture[hair] = DARK_HAIR
    np.testing.assert_array_equal(above_jaw(picture, ALL, ALL, hair, face()), 1)


def test_beyond_a_jaw_its_shade_goes_on_and_within_nothing_changes() -> None:
    colours = np.full((60, 60, 3), 180, np.float32)
    cut = np.zeros((60, 60, 1), np.float32)
    colours[28:30], cut[30:] = 140, 1
    shaded = turning(colours, cut, 100.0)
    np.testing.assert_array_equal(shaded[:30], colours[:30])
    assert shaded[30, 30].max() < 155
    np.testing.assert_array_equal(shaded[40:], colours[40:])
