"""What of an old head its matte misses is found by the background, and nothing that stays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from headswap_cli.engine import topology
from headswap_cli.engine.remains import Remains, remains_of
from headswap_cli.engine.types import Frame, Landmarks, Mask, Plate
from tests.engine import heads

pytestmark = pytest.mark.media

SIZE = 120
WALL, SKIN, HAIR = (190, 150, 60), (110, 140, 195), (30, 26, 24)
# Beside the neck, below the left ear.
WISP = np.s_[74:84, 36:39]


def face() -> Landmarks:
    reference = heads.reference()
    scaled = reference.landmarks * np.float32(40 / reference.face_width)
    return np.asarray(scaled + np.array([60, 60, 0], np.float32) - scaled[topology.OVAL].mean(axis=0))


def somebody(hair: tuple[int, int, int] = HAIR) -> tuple[Frame, Mask, Frame]:
    """Return a picture of somebody with a wisp of hair that their matte misses, the matte and the wall."""
    rows, columns = np.indices((SIZE, SIZE))
    outline = cv2.fillPoly(
        np.zeros((SIZE, SIZE), np.uint8), [np.round(face()[topology.OVAL, :2]).astype(np.int32)], (1,)
    )
    neck = (np.abs(columns - 60) < 14) & (rows > 70)
    head = (np.hypot((columns - 60) / 25, (rows - 52) / 32) < 1) & (rows < 66)
    wall = np.full((SIZE, SIZE, 3), WALL, np.uint8)
    picture = wall.copy()
    picture[head] = hair
    picture[neck | (outline > 0)] = SKIN
    picture[WISP] = np.array(hair) * 0.6 + np.array(WALL) * 0.4
    return picture, (head | neck | (outline > 0)).astype(np.float32), wall


def found(picture: Frame, person: Mask, wall: Frame, seen: int = 9) -> Remains:
    plate = Plate(wall, np.full(person.shape, seen, np.uint8))
    return remains_of(picture, person, face(), np.zeros_like(person), plate)


@pytest.mark.parametrize("hair", [HAIR, (60, 190, 215)])
def test_a_wisp_that_is_half_wall_is_found_whatever_its_colour(hair: tuple[int, int, int]) -> None:
    strands = found(*somebody(hair)).strands
    assert strands[WISP].mean() > 0.8
    assert strands[70:, 44:].max() < 0.1


@pytest.mark.parametrize(("share", "strand"), [(0.6, True), (0.8, False)])
def test_what_the_matte_has_the_most_of_is_the_persons_and_no_strand_that_it_misses(
    share: float, *, strand: bool
) -> None:
    picture, person, wall = somebody()
    person[WISP] = share
    assert found(picture, person, wall).strands[WISP].mean() == pytest.approx(float(strand), abs=0.1)


def test_a_wisp_is_found_in_other_light_than_the_background_was_seen_in() -> None:
    picture, person, wall = somebody()
    assert found(np.asarray(picture * 0.8, np.uint8), person, wall).strands[WISP].mean() > 0.8


def test_the_skin_of_an_ear_or_a_neck_that_the_matte_misses_is_no_wisp_but_the_persons() -> None:
    picture, person, wall = somebody()
    picture[WISP] = WALL
    picture[80:100, 45:48] = np.array(SKIN) * 0.6 + np.array(WALL) * 0.4
    person[80:100, 45:48] = 0
    remains = found(picture, person, wall)
    assert remains.strands[70:].max() < 0.1
    assert remains.person[82:98, 45:48].min() > 0.9


def test_a_collar_of_the_hairs_colour_stays() -> None:
    picture, person, wall = somebody()
    chin = round(float(face()[topology.CHIN, 1]))
    collar = np.s_[chin - 3 : SIZE, 30:46]
    picture[WISP] = WALL
    picture[collar], person[collar] = HAIR, 1
    assert found(picture, person, wall).strands[70:].max() < 0.1


def test_beside_a_background_that_nobody_saw_wisps_are_told_only_where_it_is_plain() -> None:
    picture, person, wall = somebody()
    assert found(picture, person, wall, seen=0).strands.max() < 0.1
    seen = np.full(person.shape, 9, np.uint8)
    seen[60:, 24:96] = 0
    nothing = np.zeros_like(person)
    guessed = remains_of(picture, person, face(), nothing, Plate(wall, seen))
    assert guessed.strands[WISP].mean() > 0.8
    striped = wall.copy()
    striped[60::6] = 20
    unsure = remains_of(picture, person, face(), nothing, Plate(striped, seen))
    assert unsure.strands[70:].max() < 0.1


def test_without_a_background_in_sight_the_matte_is_believed() -> None:
    picture, person, wall = somebody()
    remains = found(picture, np.ones_like(person), wall)
    assert (remains.person == 1).all()
    assert not remains.strands.any()
