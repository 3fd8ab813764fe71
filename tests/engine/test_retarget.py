"""The reference's mesh follows the person: pose, lids, lips, gaze and smile."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headswap_cli.engine import hull, topology
from headswap_cli.engine.gaze import _eyeball
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.raster import rasterise
from headswap_cli.engine.retarget import Retargeter
from headswap_cli.engine.types import Landmarks
from tests.engine import heads

pytestmark = pytest.mark.media

BEHIND = 0.1


def retargeter(track: Landmarks) -> Retargeter:
    reference = heads.reference()
    return Retargeter(reference.vertices, reference.texture_points, track)


def own_face(count: int = 8) -> Landmarks:
    """The reference herself, keeping still."""
    return np.repeat(heads.reference().landmarks[np.newaxis], count, axis=0)


def gap(landmarks: NDArray[np.float32], pairs: tuple[tuple[int, int], ...]) -> float:
    return float(np.mean([np.linalg.norm((landmarks[a] - landmarks[b])[:2]) for a, b in pairs]))


def with_lids(landmarks: Landmarks, opening: float) -> Landmarks:
    moved = landmarks.copy()
    for eye in hull.EYES:
        for upper, lower in eye.pairs:
            moved[upper] = moved[lower] + (moved[upper] - moved[lower]) * opening
    return moved


def blinking() -> Landmarks:
    still = heads.reference().landmarks
    return np.stack([with_lids(still, opening) for opening in (1, 1, 1, 1, 1, 0.6, 0.2, 0.6, 1, 1)])


def test_a_face_that_is_the_reference_itself_changes_nothing() -> None:
    reference = heads.reference()
    posed = retargeter(own_face()).pose(reference.landmarks)
    points = posed.points.copy()
    points[hull.FIRST_EYE :, 2] -= BEHIND * face_width(reference.landmarks)
    np.testing.assert_allclose(points, reference.vertices, atol=0.05)
    np.testing.assert_allclose(posed.texture_points, reference.texture_points, atol=0.01)
    assert posed.yaw == pytest.approx(0, abs=0.1)


@settings(deadline=None, max_examples=20)
@given(
    yaw=st.floats(-40, 40),
    roll=st.floats(-40, 40),
    scale=st.floats(0.1, 4),
    shift=st.tuples(st.floats(-300, 300), st.floats(-300, 300)),
)
def test_a_turned_and_moved_face_turns_and_moves_the_whole_head(
    yaw: float, roll: float, scale: float, shift: tuple[float, float]
) -> None:
    reference = heads.reference()
    a, b = math.radians(yaw), math.radians(roll)
    about_y = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    about_z = np.array([[math.cos(b), -math.sin(b), 0], [math.sin(b), math.cos(b), 0], [0, 0, 1]])
    turn = about_z @ about_y

    def placed(points: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(scale * points @ turn.T + (*shift, 0), np.float32)

    posed = retargeter(own_face()).pose(placed(reference.landmarks))
    np.testing.assert_allclose(
        posed.points[:, :2], placed(reference.vertices)[:, :2], atol=0.2 * max(1, scale)
    )
    assert posed.scale == pytest.approx(scale, rel=0.01)
    assert abs(posed.yaw) == pytest.approx(abs(math.degrees(math.atan2(turn[0, 2], turn[2, 2]))), abs=0.5)


def test_shut_lids_shut_the_lids_and_open_ones_open_them() -> None:
    still, track = heads.reference().landmarks, blinking()
    moved = retargeter(track)
    shut, half, wide = (moved.pose(with_lids(still, opening)) for opening in (0.2, 0.65, 1.0))
    for number, eye in enumerate(hull.EYES):
        usual = gap(still, eye.pairs)
        assert gap(shut.landmarks, eye.pairs) < 0.02 * usual
        assert gap(wide.landmarks, eye.pairs) == pytest.approx(usual, rel=0.05)
        assert 0.15 * usual < gap(half.landmarks, eye.pairs) < 0.85 * usual
        assert shut.openings[number] == 0


def test_lids_half_way_down_are_drawn_half_way_and_not_nearly_shut() -> None:
    """The mesh sees shut lids half open, and takes those that come down a little for wide ones."""
    still = heads.reference().landmarks
    moved = retargeter(np.stack([with_lids(still, opening) for opening in (*[1] * 9, 0.75, 0.5, 0.75)]))
    shut, half, nearly = (moved.pose(with_lids(still, opening)).openings for opening in (0.5, 0.77, 0.88))
    assert max(shut) == 0
    assert 0.35 < min(half) <= max(half) < 0.5
    assert 0.55 < min(nearly) <= max(nearly) < 0.8


def test_a_shut_lid_shows_skin_from_above_the_lashes() -> None:
    still = heads.reference().landmarks
    shut = retargeter(blinking()).pose(with_lids(still, 0.2))
    upper = [upper for eye in hull.EYES for upper, _ in eye.pairs[2:5]]
    rise = heads.reference().texture_points[upper, 1] - shut.texture_points[upper, 1]
    assert (rise > 0.5).all()


@settings(deadline=None, max_examples=15)
@given(drop=st.floats(0, 0.25))
def test_the_lips_part_exactly_as_far_as_the_persons(drop: float) -> None:
    face = heads.reference().landmarks.copy()
    for _, lower in topology.LIP_PAIRS:
        face[lower, 1] += drop * heads.reference().face_width
    posed = retargeter(own_face()).pose(face)
    for upper, lower in topology.LIP_PAIRS:
        wanted = face[lower, 1] - face[upper, 1]
        assert posed.points[lower, 1] - posed.points[upper, 1] == pytest.approx(wanted, abs=0.05)


@pytest.mark.parametrize("side", [-1, 1])
def test_the_iris_goes_where_the_person_looks(side: int) -> None:
    face = heads.reference().landmarks.copy()
    track = own_face()
    for eye in hull.EYES:
        face[eye.iris, 0] += side * 0.12 * hull.eye_frame(face, eye)[1]
    moved = retargeter(track)
    before, after = moved.pose(track[0]).points, moved.pose(face).points
    for number, eye in enumerate(hull.EYES):
        first = hull.FIRST_EYE + number * hull.EYE_POINTS
        nodes = slice(first, first + hull.EYE_POINTS)
        to_iris = np.linalg.norm(before[nodes, :2] - track[0][eye.iris[0], :2], axis=1)
        width = hull.eye_frame(face, eye)[1]
        shift = (after - before)[nodes][to_iris.argmin(), 0]
        assert side * shift > 0.08 * width
        corner = (after - before)[nodes][to_iris.argmax(), 0]
        assert abs(corner) < 0.02 * width


def iris_shifts(moved: Retargeter, still: Landmarks, face: Landmarks) -> list[float]:
    """How far each eyeball's middle goes sideways from one face to another, in eye widths."""
    before, after = moved.pose(still).points, moved.pose(face).points
    middle = hull.EYE_POINTS // 2
    return [
        float(after[first + middle, 0] - before[first + middle, 0]) / hull.eye_frame(still, eye)[1]
        for eye, first in zip(hull.EYES, (hull.FIRST_EYE, hull.FIRST_EYE + hull.EYE_POINTS), strict=True)
    ]


def test_both_eyes_turn_as_one_and_further_than_an_iris_is_seen_to_leave_the_corners_middle() -> None:
    still = heads.reference().landmarks
    face = still.copy()
    eye = hull.EYES[0]
    face[eye.iris, 0] += 0.14 * hull.eye_frame(face, eye)[1]
    right, left = iris_shifts(retargeter(own_face()), still, face)
    assert right == pytest.approx(0.1, abs=0.01)
    assert left == pytest.approx(right, abs=0.01)


@pytest.mark.parametrize("side", [-1, 1])
def test_no_iris_is_over_the_inner_corner(side: int) -> None:
    """There is no white."""
    still = heads.reference().landmarks
    face = still.copy()
    for eye in hull.EYES:
        face[eye.iris, 0] += side * 0.3 * hull.eye_frame(face, eye)[1]
    shifts = iris_shifts(retargeter(own_face()), still, face)
    eye, shift = (hull.EYES[0], shifts[0]) if side > 0 else (hull.EYES[1], shifts[1])
    middle, width = hull.eye_frame(still, eye)
    edge = side * (still[eye.iris[0], 0] - middle[0]) + hull.iris_radius(still, eye)
    assert 0.05 < abs(shift) < 0.2
    assert edge / width + abs(shift) == pytest.approx(0.42, abs=0.01)
    assert max(map(abs, shifts)) == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("number", [0, 1])
def test_a_photo_that_looks_to_the_outer_corner_lets_no_iris_go_further_than_others(number: int) -> None:
    eye, looking = hull.EYES[number], heads.reference().landmarks.copy()
    outer, inner = looking[list(eye.corners), :2]
    looking[eye.iris, :2] += 0.3 * (outer - inner)
    nodes = np.split(heads.reference().vertices[hull.FIRST_EYE :], 2)[number]
    limits = _eyeball(looking, nodes, eye, np.zeros(2, np.float32)).limits
    np.testing.assert_allclose(limits[:, 0], (-0.3, 0.3))


def test_lids_that_come_down_a_little_as_measured_come_down_by_more() -> None:
    still = heads.reference().landmarks
    posed = retargeter(blinking()).pose(with_lids(still, 0.9))
    for eye in hull.EYES:
        assert 0.5 < gap(posed.landmarks, eye.pairs) / gap(still, eye.pairs) < 0.8


def test_eyes_wider_in_the_photo_than_the_persons_ever_are_do_not_stare() -> None:
    still = heads.reference().landmarks
    narrow = np.repeat(with_lids(still, 0.8)[np.newaxis], 8, axis=0)
    posed = retargeter(narrow).pose(narrow[0])
    for eye in hull.EYES:
        assert gap(posed.landmarks, eye.pairs) == pytest.approx(0.95 * gap(still, eye.pairs), rel=0.02)


def test_lips_that_part_in_the_middle_still_meet_in_red_at_the_corners() -> None:
    reference = heads.reference()
    face = reference.landmarks.copy()
    for upper, lower in topology.LIP_PAIRS:
        face[lower, 1:] = face[upper, 1:]
    face[14, 1] += 0.06 * reference.face_width
    shifted = retargeter(own_face()).pose(face).texture_points - reference.texture_points
    inner, outer = topology.INNER_LIPS, topology.OUTER_LIPS
    way = reference.texture_points[outer] - reference.texture_points[inner]
    share = (shifted[inner] * way).sum(axis=1) / (way**2).sum(axis=1)
    assert (share[[0, 1, 9, 10, 11, 19]] > 0.25).all()
    np.testing.assert_allclose(share[[5, 15]], 0, atol=0.01)


def test_the_photos_smile_does_not_stay_on_a_face_that_does_not_smile() -> None:
    reference = heads.reference()
    serious = reference.landmarks.copy()
    width = reference.face_width
    serious[61, :2] += (0.06 * width, 0.05 * width)
    serious[291, :2] += (-0.06 * width, 0.05 * width)
    posed = retargeter(np.repeat(serious[np.newaxis], 6, axis=0)).pose(serious).landmarks
    smiling = np.linalg.norm(reference.landmarks[61] - reference.landmarks[291])
    wanted = np.linalg.norm(serious[61] - serious[291])
    shown = np.linalg.norm(posed[61] - posed[291])
    assert shown < smiling - 0.8 * (smiling - wanted)
    assert posed[61, 1] > reference.landmarks[61, 1] + 0.03 * width


def test_lips_that_are_made_narrower_leave_the_nostrils_where_they_are() -> None:
    narrow, width = heads.reference().landmarks.copy(), heads.reference().face_width
    lips = np.concatenate([topology.OUTER_LIPS, topology.INNER_LIPS])
    narrow[lips, 0] = narrow[lips, 0].mean() + 0.6 * (narrow[lips, 0] - narrow[lips, 0].mean())
    narrow[lips, 1] += 0.05 * width * np.abs(narrow[lips, 0] - narrow[0, 0]) / (0.2 * width)
    posed = retargeter(np.repeat(narrow[np.newaxis], 6, axis=0)).pose(narrow).landmarks
    moved = np.linalg.norm((posed - heads.reference().landmarks)[:, :2], axis=1) / width
    assert moved[61] > 0.06
    assert moved[[2, 98, 327]].max() < 0.015


def test_where_the_photo_smiles_more_its_corners_go_lower_than_the_persons() -> None:
    """The photo's cheeks stay as they are: at the same height the corners would still seem to smile."""
    reference, serious = heads.reference(), heads.reference().landmarks.copy()
    drop = 0.05 * reference.face_width
    serious[[61, 291], 1] += drop
    track = np.concatenate([own_face(24), serious[np.newaxis]])
    moved = retargeter(track)
    usual, sober = moved.pose(reference.landmarks).landmarks, moved.pose(serious).landmarks
    fallen = (sober - usual)[[61, 291], 1]
    assert (fallen > 1.2 * drop).all()
    assert (fallen < 1.6 * drop).all()
    assert np.abs((sober - usual)[[10, 1, 152], 1]).max() < 0.05 * drop


def test_a_broader_smile_than_the_photos_is_not_made_broader_still() -> None:
    reference, merry = heads.reference(), heads.reference().landmarks.copy()
    rise = 0.04 * reference.face_width
    merry[[61, 291], 1] -= rise
    moved = retargeter(np.concatenate([own_face(24), merry[np.newaxis]]))
    risen = (moved.pose(reference.landmarks).landmarks - moved.pose(merry).landmarks)[[61, 291], 1]
    np.testing.assert_allclose(risen, rise, rtol=0.05)


def test_shut_lips_show_red_where_the_photo_has_teeth() -> None:
    reference = heads.reference()
    shut, parted = reference.landmarks.copy(), reference.landmarks.copy()
    for upper, lower in topology.LIP_PAIRS:
        shut[lower, 1:] = shut[upper, 1:]
        parted[lower, 1] = parted[upper, 1] + 0.05 * reference.face_width
    moved = retargeter(own_face())
    inner, outer = topology.INNER_LIPS, topology.OUTER_LIPS
    gone = moved.pose(shut).texture_points[inner] - reference.texture_points[inner]
    way = reference.texture_points[outer] - reference.texture_points[inner]
    assert ((gone * way).sum(axis=1) > 0.3 * (way**2).sum(axis=1)).all()
    np.testing.assert_allclose(moved.pose(parted).texture_points, reference.texture_points, atol=0.01)


def test_eyes_open_wider_than_in_the_photo_with_the_persons_but_never_much() -> None:
    still = heads.reference().landmarks
    moved = retargeter(own_face())
    for wide, most in ((1.1, 1.27), (1.6, 1.27)):
        posed = moved.pose(with_lids(still, wide))
        for eye in hull.EYES:
            assert (
                1.05 * gap(still, eye.pairs) < gap(posed.landmarks, eye.pairs) <= most * gap(still, eye.pairs)
            )


def test_eyes_that_laugh_in_the_photo_open_some_way_to_the_persons() -> None:
    still = heads.reference().landmarks
    wide = np.repeat(with_lids(still, 1.3)[np.newaxis], 8, axis=0)
    posed = retargeter(wide).pose(wide[0])
    for eye in hull.EYES:
        assert 1.1 * gap(still, eye.pairs) < gap(posed.landmarks, eye.pairs) < 1.25 * gap(still, eye.pairs)


def test_a_photo_that_smiles_more_than_the_person_is_told_and_one_that_does_not_is_not() -> None:
    still = heads.reference().landmarks
    sad = still.copy()
    sad[[61, 291], 1] += 0.05 * heads.reference().face_width
    moved = retargeter(own_face())
    assert moved.pose(still).less_smile < 0.05
    assert moved.pose(np.asarray(sad, np.float32)).less_smile > 0.5


def test_a_photo_with_an_open_mouth_makes_no_frown_of_a_calm_one() -> None:
    calm = heads.reference().landmarks.copy()
    agape = heads.reference("0-f1-su-ph.jpg")
    width = heads.reference().face_width
    # Lips shut, their corners as low as their middle: neither glad nor sad.
    for upper, lower in topology.LIP_PAIRS:
        calm[[upper, lower], 1] = calm[[upper, lower], 1].mean()
    calm[[61, 78, 291, 308], 1] = calm[13, 1] + 0.02 * width
    moved = Retargeter(agape.vertices, agape.texture_points, np.repeat(calm[np.newaxis], 8, axis=0))
    assert moved.pose(calm).less_smile < 0.3
    assert retargeter(np.repeat(calm[np.newaxis], 8, axis=0)).pose(calm).less_smile > 0.5


@pytest.mark.parametrize("yaw", [-42, -25, 0, 25, 42])
@pytest.mark.parametrize("pitch", [-20, 0, 20])
def test_eyes_show_between_their_lids_alone_and_nothing_shows_through_these(yaw: int, pitch: int) -> None:
    """Of a turned head the hair of the far side is behind the eye, and the temple's outline beside it."""
    reference = heads.reference()
    a, b = math.radians(yaw), math.radians(pitch)
    about_y = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    middle = reference.landmarks.mean(axis=0)
    turned = (reference.landmarks - middle) @ (about_x @ about_y).T + middle
    posed = retargeter(own_face()).pose(turned.astype(np.float32))
    points = posed.points - (*posed.points[:, :2].min(axis=0), 0)
    width, height = np.ceil(points[:, :2].max(axis=0)).astype(int) + 1
    seen = rasterise(points, posed.texture_points, reference.triangles, int(width), int(height))
    eyes = seen[..., 1] > reference.texture_points[hull.FIRST_EYE :, 1].min() - 1
    lids = np.zeros(eyes.shape, np.uint8)
    for eye in hull.EYES:
        cv2.fillPoly(lids, [np.round(points[eye.lids, :2]).astype(np.int32)], (1,))
    beside = np.ones((3, 3), np.uint8)
    assert (eyes & (cv2.dilate(lids, beside) == 0)).sum() <= 2
    outline = reference.texture_points[topology.OVAL].astype(np.float32)
    through = seen[(cv2.erode(lids, beside) > 0) & ~eyes]
    assert all(cv2.pointPolygonTest(outline, place, measureDist=False) > 0 for place in through.tolist())


def test_eyes_that_are_never_open_in_a_track_are_not_opened() -> None:
    still = heads.reference().landmarks
    down = np.stack([with_lids(still, opening) for opening in (0.25, 0.27, 0.3, 0.26)])
    posed = retargeter(down).pose(down[1])
    for eye in hull.EYES:
        assert gap(posed.landmarks, eye.pairs) < 0.15 * gap(still, eye.pairs)


def test_one_eye_that_is_seen_less_shut_in_a_track_of_shut_ones_is_not_opened() -> None:
    """There a hand was before it."""
    still = heads.reference().landmarks
    track = np.stack([with_lids(still, opening) for opening in (0.25, 0.3, 0.45, 0.35, 0.3, 0.45)])
    right = hull.EYES[0].lids
    for frame in track[3:]:
        frame[right] = with_lids(still, 0.6)[right]
    moved = retargeter(track)
    for landmarks in track:
        assert max(moved.pose(landmarks).openings) < 0.35


@pytest.mark.parametrize(("degrees", "least", "most"), [(0, 0, 0.1), (45, 0.5, 1)])
def test_eyes_as_narrow_as_shut_ones_are_open_if_seen_aside(
    degrees: float, least: float, most: float
) -> None:
    """There the mesh takes open lids for narrower ones."""
    still, turn = heads.reference().landmarks, np.radians(degrees)
    own = [hull.eye_frame(still, eye)[1] for eye in hull.EYES]
    open_by = np.mean([gap(still, eye.pairs) / width for eye, width in zip(hull.EYES, own, strict=True)])
    turned = np.array(
        [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]], np.float32
    )
    face = with_lids(still, 0.125 / float(open_by)) @ turned.T
    openings = retargeter(np.repeat(face[np.newaxis], 6, axis=0)).pose(face).openings
    assert least <= min(openings) <= max(openings) <= most


def test_eyes_that_are_shut_half_of_the_time_open_as_far_as_in_the_photo_and_do_not_stare() -> None:
    still = heads.reference().landmarks
    track = np.stack([with_lids(still, opening) for opening in [0.2] * 11 + np.linspace(0.8, 1, 9).tolist()])
    posed = retargeter(track).pose(still)
    for eye in hull.EYES:
        assert gap(posed.landmarks, eye.pairs) < 1.12 * gap(still, eye.pairs)


def test_a_shut_lid_is_not_one_line_of_skin_drawn_out() -> None:
    """That would be streaks, from the lashes to the fold."""
    still = heads.reference().landmarks
    open_, shut = (
        texture[[pair[0] for pair in eye.pairs]] - texture[list(eye.creases)]
        for eye in hull.EYES[:1]
        for texture in (
            heads.reference().texture_points,
            retargeter(blinking()).pose(with_lids(still, 0.2)).texture_points,
        )
    )
    assert (np.linalg.norm(shut, axis=1) > 0.3 * np.linalg.norm(open_, axis=1)).all()
    assert ((open_ * shut).sum(axis=1) > 0).all()


def test_shut_lids_show_no_speck_of_white_at_the_corners_or_below() -> None:
    """The mesh has the photo's lower lid too high in places, and a corner too far in."""
    reference, still = heads.reference(), heads.reference().landmarks
    posed = retargeter(blinking()).pose(with_lids(still, 0.2))
    for eye in hull.EYES:
        middle, width = hull.eye_frame(posed.landmarks, eye)
        points = posed.points.copy()
        points[:, :2] = (points[:, :2] - middle) * (60 / width) + (45, 20)
        seen = rasterise(points, posed.texture_points, reference.triangles, 90, 44)
        shown = cv2.remap(reference.textures[0], seen[..., 0], seen[..., 1], cv2.INTER_LINEAR)
        darkest = np.ascontiguousarray(shown[..., :3].min(axis=2))
        specks = cv2.morphologyEx(darkest, cv2.MORPH_TOPHAT, np.ones((9, 9), np.uint8))
        assert specks.max() < 60
