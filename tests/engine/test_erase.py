"""The old head is found, and what stands behind it is told."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.appearance import has_beard, learn, of_face
from headswap_cli.engine.erase import behind, old_head
from headswap_cli.engine.geometry import face_width, yaw_sine
from headswap_cli.engine.types import Frame, Landmarks, Mask, Plate
from tests.engine import heads

pytestmark = pytest.mark.media

SIZE = 120
NOBODY: Mask = np.zeros((SIZE, SIZE), np.float32)


def small_face(width: float = 40, x: float = 60, y: float = 66) -> Landmarks:
    reference = heads.reference()
    scaled = reference.landmarks * np.float32(width / reference.face_width)
    middle = scaled[topology.OVAL].mean(axis=0)
    return np.asarray(scaled - middle + np.array([x, y, 0], np.float32), np.float32)


def inside(face: Landmarks) -> Mask:
    outline = np.round(face[topology.OVAL, :2]).astype(np.int32)
    return np.asarray(cv2.fillPoly(np.zeros((SIZE, SIZE), np.float32), [outline], (1.0,)), np.float32)


def person() -> Mask:
    """Somebody with much hair, neck and shoulders."""
    rows, columns = np.indices((SIZE, SIZE))
    head = np.hypot((columns - 60) / 28, (rows - 58) / 38) < 1
    body = (rows > 95) & (np.abs(columns - 60) < 50)
    return (head | body | ((rows > 80) & (np.abs(columns - 60) < 14))).astype(np.float32)


def portrait(everybody: Mask) -> Frame:
    """A person of one colour before a grey wall."""
    frame = np.full((SIZE, SIZE, 3), 50, np.uint8)
    frame[everybody > 0] = (90, 120, 180)
    return frame


def test_face_and_hair_go_and_shoulders_and_far_away_stay() -> None:
    face = small_face()
    old = old_head(person(), face, [], 1.5)
    assert old[66, 60] > 0.99
    assert old[30, 60] > 0.9
    assert old[58, 35] > 0.9
    assert old[110, 30] == 0
    assert old[5, 5] == 0


def seen_behind(*arguments: Any, **named: Any) -> tuple[NDArray[np.float32], Mask]:
    """Return what is seen where the old head was, and how much of the plate is to be added."""
    scenery = behind(*arguments, **named)
    shown = scenery.shown[..., np.newaxis]
    return scenery.picture * (1 - shown) + scenery.skin * shown, scenery.share * (1 - scenery.shown)


def turned_aside(face: Landmarks, side: int) -> Landmarks:
    turn = np.deg2rad(40) * side
    about = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    middle = face.mean(axis=0)
    return np.asarray((face - middle) @ about.T + middle, np.float32)


@pytest.mark.parametrize("side", [-1, 1])
def test_a_neck_stands_under_the_skull_of_a_head_that_looks_aside(side: int) -> None:
    turned, everybody = turned_aside(small_face(), side), person()
    everybody[round(float(turned[topology.CHIN, 1])) :] = 0
    frame = np.full((SIZE, SIZE, 3), 50, np.uint8)
    plate = Plate(frame, np.full((SIZE, SIZE), 9, np.uint8))
    heads_there = old_head(everybody, turned, [], 1.5), NOBODY
    _, share = seen_behind(frame, everybody, heads_there, turned, plate)
    below = round(float(turned[topology.CHIN, 1])) + 6
    necks = np.flatnonzero(share[below] < 0.5)
    jaws = float(turned[[172, 397], 0].mean())
    assert 5 < side * (necks.mean() - jaws) < 25


def test_a_neck_that_long_hair_hides_is_no_column_but_widens_to_the_shoulders() -> None:
    face, everybody = small_face(), np.ones((SIZE, SIZE), np.float32)
    frame = np.full((SIZE, SIZE, 3), 20, np.uint8)
    frame[:, 52:69] = (90, 120, 180)
    old = np.ones((SIZE, SIZE), np.float32)
    chin = round(float(face[topology.CHIN, 1]))
    old[chin:, 52:69] = 0
    plate = Plate(np.full((SIZE, SIZE, 3), 50, np.uint8), np.full((SIZE, SIZE), 9, np.uint8))
    _, share = seen_behind(frame, everybody, (old, NOBODY), face, plate)
    wide = [int((share[chin + down] < 0.5).sum()) for down in (4, 8, 18)]
    assert 25 <= wide[0] <= wide[1] + 1
    assert wide[2] >= wide[1] + 6


@pytest.mark.parametrize("side", [-1, 1])
def test_the_back_of_a_head_that_looks_aside_goes_too(side: int) -> None:
    face = small_face()
    turned = turned_aside(face, side)
    assert np.sign(yaw_sine(turned)) == -side
    everybody = np.ones((SIZE, SIZE), np.float32)
    frontal, away = (old_head(everybody, shape, [], 1.5) for shape in (face, turned))
    back = np.s_[45:60, 60 + side * 44]
    assert away[back].min() > 0.5
    assert frontal[back].max() < 0.3


@pytest.mark.parametrize("side", [-1, 1])
def test_the_lower_ear_of_a_head_that_leans_goes_too(side: int) -> None:
    face = small_face()
    lean = np.deg2rad(25) * side
    about = np.array([[np.cos(lean), -np.sin(lean), 0], [np.sin(lean), np.cos(lean), 0], [0, 0, 1]])
    middle = face.mean(axis=0)
    leaning = np.asarray((face - middle) @ about.T + middle, np.float32)
    everybody, corner = inside(leaning), 361 if side > 0 else 132
    lobe = np.round(leaning[corner, :2] + (7 * side, 2)).astype(int)
    cv2.circle(everybody, lobe.tolist(), 3, (1.0,), -1)
    assert old_head(everybody, leaning, [], 1.5)[lobe[1], lobe[0]] > 0.9


def test_the_jaws_rim_beyond_the_mesh_goes_too() -> None:
    face, everybody = small_face(), person()
    row = round(float(face[topology.INNER_LIPS, 1].mean())) + 8
    edge = np.flatnonzero(inside(face)[row])
    everybody[row - 6 : row + 7, edge[0] - 12 : edge[-1] + 13] = 1
    old = old_head(everybody, face, [], 1.5)
    assert min(old[row, edge[0] - 2], old[row, edge[-1] + 2]) > 0.7
    assert max(old[row, edge[0] - 10], old[row, edge[-1] + 10]) < 0.1


def test_a_speck_between_two_parts_of_an_old_head_goes_with_them_and_a_wide_gap_stays() -> None:
    strands = NOBODY.copy()
    strands[40:100, 6:10], strands[40:100, 12:16], strands[40:100, 26:30] = 1, 1, 1
    old = old_head(NOBODY, small_face(), [], 0, strands)
    assert old[70, 10:12].min() > 0.95
    assert old[70, 21] < 0.05


def test_a_speck_in_the_hair_that_was_taken_for_a_collar_goes_with_it_and_a_collar_stays() -> None:
    face, neither = small_face(), np.zeros((SIZE, SIZE), np.float32)
    neither[57:60, 34:37] = 1
    neither[50:66, 76:96] = 1
    old = old_head(person(), face, [], 1.5, neither=neither)
    assert old[58, 35] > 0.9
    assert old[58, 86] < 0.1


def test_what_somebody_wears_beside_the_neck_goes_on_up_to_the_jaw() -> None:
    face, everybody = small_face(), person()
    rows, columns = np.indices((SIZE, SIZE))
    jacket = (rows > 76) & (np.abs(columns - 60) > 14)
    everybody[jacket] = 1
    frame = np.full((SIZE, SIZE, 3), 200, np.uint8)
    frame[everybody > 0] = (90, 120, 180)
    frame[jacket] = 30
    plate = Plate(np.full_like(frame, 200), np.full((SIZE, SIZE), 9, np.uint8))
    old = old_head(everybody, face, [], 1.5)
    picture, share = seen_behind(frame, everybody, (old, NOBODY), face, plate)
    shown = picture + share[..., np.newaxis] * plate.image
    rim = (old > 0.3) & (old < 0.8) & jacket & (np.abs(columns - 60) > 17)
    assert rim.sum() > 5
    assert shown[rim].mean() < 80
    # Where it ends it has an edge: neither it nor the wall shines through the other.
    there = behind(frame, everybody, (old, NOBODY), face, plate).share[(old > 0.3)]
    assert ((there > 0.2) & (there < 0.8)).sum() < 0.2 * (there < 0.99).sum()


def test_what_is_neither_hair_nor_skin_stays_beside_the_jaw() -> None:
    face, everybody = small_face(), person()
    ears = round(float(face[[132, 361], 1].mean()))
    strap, neither = np.s_[ears : ears + 5, 82:96], np.zeros_like(everybody)
    everybody[strap], neither[strap] = 1, 1
    assert old_head(everybody, face, [], 1.5)[ears + 1, 91] > 0.9
    old = old_head(everybody, face, [], 1.5, neither=neither)
    assert old[ears + 1, 91] < 0.1
    assert old[66, 60] > 0.99


def test_another_face_stays_where_it_overlaps_the_hair() -> None:
    face, other = small_face(), small_face(width=16, x=60, y=34)
    old = old_head(person(), face, [other], 1.5)
    assert old[34, 60] < 0.2


def test_a_known_background_is_used_and_brought_to_the_frames_light() -> None:
    face, everybody = small_face(), person()
    old = old_head(everybody, face, [], 1.5)
    wall = np.random.default_rng(2).integers(60, 120, (SIZE, SIZE, 3)).astype(np.uint8)
    frame = np.where(everybody[..., np.newaxis] > 0, 200, wall + 12).astype(np.uint8)
    plate = Plate(wall, np.full((SIZE, SIZE), 9, np.uint8))
    picture, share = seen_behind(frame, everybody, (old, NOBODY), face, plate)
    shown = picture + share[..., np.newaxis] * plate.image
    np.testing.assert_allclose(shown[25:45, 45:75], wall[25:45, 45:75] + 12.0, atol=3)


def test_without_a_plate_the_colours_around_are_taken_and_not_the_persons() -> None:
    face, everybody = small_face(), person()
    old = old_head(everybody, face, [], 1.5)
    frame = np.full((SIZE, SIZE, 3), 50, np.uint8)
    frame[everybody > 0] = 220
    picture, share = seen_behind(frame, everybody, (old, NOBODY), face, None)
    assert (share == 0).all()
    assert picture[30:50, 45:75].max() < 60


def test_a_neck_goes_up_to_the_ears_lobes_beside_a_narrower_jaw() -> None:
    face, everybody = small_face(), person()
    plate = Plate(np.full((SIZE, SIZE, 3), 50, np.uint8), np.full((SIZE, SIZE), 9, np.uint8))
    old, lobes = old_head(everybody, face, [], 1.5), round(float(face[topology.LOBES, 1].min()))
    _, share = seen_behind(portrait(everybody), everybody, (old, NOBODY), face, plate)
    assert share[lobes + 1, 50] < 0.1
    assert share[lobes - 8, 50] > 0.9


def test_a_slender_neck_goes_on_no_wider_than_it_is_where_the_old_jaw_was() -> None:
    face, everybody = small_face(), person()
    rows, columns = np.indices((SIZE, SIZE))
    chin = round(float(face[topology.CHIN, 1]))
    everybody[(rows > chin) & (rows < 95) & (np.abs(columns - 60) >= 9)] = 0
    plate = Plate(np.full((SIZE, SIZE, 3), 50, np.uint8), np.full((SIZE, SIZE), 9, np.uint8))
    old = old_head(everybody, face, [], 1.5)
    _, share = seen_behind(portrait(everybody), everybody, (old, NOBODY), face, plate)
    necks = np.flatnonzero(share[chin - 8] < 0.5)
    assert (necks.min(), necks.max()) == (pytest.approx(52, abs=1), pytest.approx(68, abs=1))


@pytest.mark.parametrize("place", [-8, 0, 8])
def test_a_neck_goes_on_on_both_sides_of_a_thing_that_stands_before_it(place: int) -> None:
    face, everybody = small_face(), person()
    rows, columns = np.indices((SIZE, SIZE))
    bar = np.abs(columns - 60 - place) < 3
    frame = portrait(everybody)
    frame[bar] = (150, 60, 30)
    old = old_head(everybody, face, [], 1.5)
    skin, _ = seen_behind(frame, everybody, (old, NOBODY), face, None, hidden=bar.astype(np.float32))
    beside = (rows > 82) & (rows < 90) & (np.abs(columns - 60) < 11) & (np.abs(columns - 60 - place) > 5)
    np.testing.assert_allclose(skin[beside], np.broadcast_to((90, 120, 180), (beside.sum(), 3)), atol=30)


def test_the_neck_goes_on_below_a_shorter_chin() -> None:
    face, everybody = small_face(), person()
    old, frame = old_head(everybody, face, [], 1.5), portrait(everybody)
    picture, _ = seen_behind(frame, everybody, (old, NOBODY), face, None)
    chin = face[topology.CHIN].round().astype(int)
    np.testing.assert_allclose(picture[chin[1] - 1, chin[0]], (90, 120, 180), atol=12)


def test_a_collar_below_a_short_neck_lends_the_chin_no_colour() -> None:
    face, everybody = small_face(), person()
    old, frame = old_head(everybody, face, [], 1.5), portrait(everybody)
    chin = face[topology.CHIN].round().astype(int)
    frame[chin[1] + 4 :] = (160, 60, 30)
    picture, _ = seen_behind(frame, everybody, (old, NOBODY), face, None)
    np.testing.assert_allclose(picture[chin[1] - 1, chin[0]], (90, 120, 180), atol=12)


def bearded(face: Landmarks, everybody: Mask) -> Frame:
    """A frame in which a beard covers the lower face and reaches below the chin."""
    chin, mouth = (round(float(face[place, 1])) for place in (topology.CHIN, 14))
    frame = portrait(everybody)
    frame[mouth : chin + 5, 40:80] = (60, 78, 118)
    return frame


def test_a_beard_goes_as_far_as_it_reaches_and_skin_in_the_chins_shadow_is_below_it() -> None:
    face, everybody = small_face(), person()
    below = round(float(face[topology.CHIN, 1])) + 4
    shaven, old = (old_head(everybody, face, [], 1.5, beard=beard) for beard in (False, True))
    assert shaven[below, 60] < 0.5
    assert old[below, 60] > 0.9
    frame, new = bearded(face, everybody), inside(face)
    picture, _ = seen_behind(frame, everybody, (old, new), face, None, beard=True)
    throat = picture[below, 60]
    assert 0.5 < throat.sum() / 390 < 0.95
    assert throat[2] / throat.sum() > 180 / 390
    np.testing.assert_allclose(picture[below + 8, 60], (90, 120, 180), atol=12)


def test_the_shade_below_a_beard_goes_with_it() -> None:
    face, everybody = small_face(), person()
    old = old_head(everybody, face, [], 1.5, beard=True)
    assert old[round(float(face[topology.CHIN, 1]) + 0.2 * face_width(face)), 60] > 0.5


def test_a_neck_in_other_light_than_the_face_goes_on_in_its_own() -> None:
    face, everybody = small_face(), person()
    old, frame = old_head(everybody, face, [], 1.5), portrait(everybody)
    chin = face[topology.CHIN].round().astype(int)
    frame[chin[1] + 1 :][everybody[chin[1] + 1 :] > 0] = (90, 105, 130)
    # A wall of the face's colour beside the neck.
    frame[(everybody == 0) & (np.indices((SIZE, SIZE))[0] > chin[1] - 8)] = (90, 120, 180)
    picture, _ = seen_behind(frame, everybody, (old, NOBODY), face, None)
    np.testing.assert_allclose(picture[chin[1] - 1, chin[0]], (90, 105, 130), atol=12)


def test_the_side_of_a_neck_that_lies_in_deep_shade_goes_on_in_its_own_colour() -> None:
    face, everybody = small_face(), person()
    frame = portrait(everybody)
    chin = round(float(face[topology.CHIN, 1]))
    frame[chin + 1 :, 40:56] = (12, 34, 74)
    old = old_head(everybody, face, [], 1.5)
    picture, _ = seen_behind(frame, everybody, (old, NOBODY), face, None)
    assert picture[chin - 1, 52].sum() < 0.7 * 390
    np.testing.assert_allclose(picture[chin - 1, 66], (90, 120, 180), atol=15)


def test_the_new_chin_casts_its_own_shadow_on_the_neck() -> None:
    face, everybody = small_face(), person()
    old, frame = old_head(everybody, face, [], 1.5), portrait(everybody)
    chin = round(float(face[topology.CHIN, 1])) - 9
    new = np.roll(inside(face), -9, axis=0)
    picture, _ = seen_behind(frame, everybody, (old, new), face, None)
    light = picture[chin : chin + 12, 60].sum(axis=1) / 390
    assert light[1] < 0.8
    assert (np.diff(light[1:]) > -0.01).all()
    assert light[-1] > 0.97


def beside_a_hand(colour: tuple[int, int, int], *, is_known: bool) -> float:
    """Return how bright what was behind long hair is made beside a hand before the jaw; the wall has 50."""
    face, everybody = small_face(), person()
    rows, columns = np.indices((SIZE, SIZE))
    hand = (rows > 70) & (rows < 90) & (columns < 42)
    everybody[hand] = 1
    frame = np.full((SIZE, SIZE, 3), 50, np.uint8)
    frame[everybody > 0] = 20
    frame[inside(face) > 0] = (90, 120, 180)
    frame[hand] = colour
    old = old_head(everybody, face, [], 1.5) * ~hand
    hidden = hand.astype(np.float32) if is_known else None
    picture, _ = seen_behind(frame, everybody, (old, NOBODY), face, None, hidden=hidden)
    return float(picture[(rows > 72) & (rows < 80) & (columns > 41) & (columns < 45)].mean())


def test_a_gloved_hand_before_the_jaw_does_not_go_on_beside_it_once_it_is_known_for_one() -> None:
    assert beside_a_hand((180, 120, 90), is_known=False) > 80
    assert beside_a_hand((180, 120, 90), is_known=True) < 60


def test_a_bare_hand_before_the_jaw_does_not_go_on_beside_it_known_for_one_or_not() -> None:
    assert beside_a_hand((90, 120, 180), is_known=False) < 60
    assert beside_a_hand((75, 100, 150), is_known=False) < 60
    assert beside_a_hand((90, 120, 180), is_known=True) < 60


@pytest.mark.parametrize(("light", "beard"), [(0.85, False), (0.65, True)])
def test_a_beard_is_told_by_how_dark_the_chin_is(light: float, beard: bool) -> None:
    plain = np.full((SIZE, SIZE, 3), (90, 120, 180), np.uint8)
    appearance = learn([(plain, small_face())] * 3, of_face(heads.reference().triangles))
    assert appearance is not None
    lips = round(float(appearance.layout[14, 1]))
    appearance.colours[lips:] *= np.float32(light)
    assert has_beard(appearance.colours, appearance.layout) is beard
