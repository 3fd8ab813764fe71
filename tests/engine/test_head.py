"""A head swapped on real frames: what changes, what stays, and what is left alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from headswap_cli.engine.geometry import face_box, face_width
from headswap_cli.engine.head import HeadSwapper
from headswap_cli.engine.mode import own_head, treat
from headswap_cli.engine.types import Frame, Landmarks, Mask, Others, Plate
from headswap_cli.models import Mode
from tests.engine import heads

pytestmark = pytest.mark.media

CARPHONE = ("carphone_pristine.mp4", 0, 12)


def swapper(mode: Mode, track: Landmarks) -> HeadSwapper:
    return HeadSwapper(heads.reference(), track, mode, heads.matte())


def turned(landmarks: Landmarks, degrees: float) -> Landmarks:
    """The face turned about its own middle."""
    middle = landmarks.mean(axis=0)
    a = np.deg2rad(degrees)
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    return np.asarray((landmarks - middle) @ turn.T + middle, np.float32)


def change(before: Frame, after: Frame) -> float:
    return float(np.abs(before.astype(int) - after).mean())


@pytest.mark.parametrize("mode", list(Mode))
def test_the_face_is_changed_and_what_is_not_reported_is_the_source_to_the_bit(mode: Mode) -> None:
    frames, track = heads.scene(*CARPHONE)
    head = swapper(mode, track)
    for frame, landmarks in zip(frames, track, strict=True):
        kept = frame.copy()
        rendered = head.apply(frame, landmarks)
        assert rendered.swapped
        np.testing.assert_array_equal(frame, kept)
        np.testing.assert_array_equal(rendered.image[~rendered.changed], frame[~rendered.changed])
        x0, y0, x1, y1 = face_box(landmarks).astype(int)
        middle = np.s_[y0 + 15 : y1 - 15, x0 + 15 : x1 - 15]
        assert rendered.changed[middle].all()
        assert change(frame[middle], rendered.image[middle]) > 5


def test_face_mode_keeps_the_hair_and_head_mode_replaces_it() -> None:
    frames, track = heads.scene(*CARPHONE)
    x0, y0, x1, _ = face_box(track[0]).astype(int)
    hair = np.s_[y0 - 14 : y0 - 4, x0 + 8 : x1 - 8]
    assert not swapper(Mode.FACE, track).apply(frames[0], track[0]).changed[hair].any()
    assert swapper(Mode.HEAD, track).apply(frames[0], track[0]).changed[hair].all()


def test_the_same_frames_give_the_same_pictures() -> None:
    frames, track = heads.scene(*CARPHONE)
    first, second = swapper(Mode.HEAD, track), swapper(Mode.HEAD, track)
    for frame, landmarks in zip(frames[:4], track[:4], strict=True):
        one, other = first.apply(frame, landmarks), second.apply(frame, landmarks)
        np.testing.assert_array_equal(one.image, other.image)


def test_a_head_that_turns_away_fades_out_and_comes_back_without_a_jump() -> None:
    frames, track = heads.scene(*CARPHONE)
    head = swapper(Mode.HEAD, track)
    away = turned(track[0], 60)
    poses = [track[0]] * 2 + [away] * 7 + [track[0]] * 6
    rendered = [head.apply(frames[0], pose) for pose in poses]
    assert [one.swapped for one in rendered] == [True] * 4 + [False] * 7 + [True] * 4
    assert not rendered[8].changed.any()
    assert np.array_equal(rendered[8].image, frames[0])
    amounts = [change(frames[0], one.image) for one in rendered]
    assert amounts[9] < amounts[11] < amounts[14]
    assert max(abs(b - a) for a, b in itertools.pairwise(amounts)) < 0.45 * amounts[0]


def test_a_track_that_starts_turned_away_shows_the_source_at_once() -> None:
    frames, track = heads.scene(*CARPHONE)
    rendered = swapper(Mode.HEAD, track).apply(frames[0], turned(track[0], 65))
    assert not rendered.swapped
    assert not rendered.changed.any()


@pytest.mark.parametrize(
    ("shift", "size"), [((-80, 0), 1.0), ((0, 70), 1.0), ((500, 500), 1.0), ((0, 0), 0.15)]
)
def test_a_face_cut_by_the_edge_beyond_it_or_tiny_is_left_alone(shift: tuple[int, int], size: float) -> None:
    frames, track = heads.scene(*CARPHONE)
    moved = track[0] * np.float32(size) + np.array([*shift, 0], np.float32)
    rendered = swapper(Mode.HEAD, track).apply(frames[0], moved)
    assert not rendered.swapped
    assert not rendered.changed.any()


def test_a_new_track_starts_afresh() -> None:
    frames, track = heads.scene(*CARPHONE)
    head, fresh = swapper(Mode.HEAD, track), swapper(Mode.HEAD, track)
    for frame, landmarks in zip(frames[:5], track[:5], strict=True):
        head.apply(frame, landmarks)
    head.start_track()
    expected = fresh.apply(frames[9], track[9]).image
    np.testing.assert_array_equal(head.apply(frames[9], track[9]).image, expected)


def test_a_known_background_appears_where_the_old_hair_stood_out() -> None:
    frames, track = heads.scene("single_face.mp4", 0, 2)
    blank = np.full_like(frames[0], 90)
    seen = np.full(blank.shape[:2], 9, np.uint8)
    small = track * np.float32(1)
    head = swapper(Mode.HEAD, track)
    with_plate = head.apply(frames[0], small[0], Plate(blank, seen))
    again = swapper(Mode.HEAD, track).apply(frames[0], small[0])
    assert with_plate.swapped
    differs = (with_plate.image != again.image).any(axis=2)
    assert not differs[~with_plate.changed & ~again.changed].any()


def test_somebody_elses_face_behind_the_hair_is_not_taken_away() -> None:
    frames, track = heads.scene(*CARPHONE)
    other = track[0] * np.float32(0.5)
    other += track[0].mean(axis=0) - other.mean(axis=0)
    other[:, 1] -= 0.95 * face_width(track[0])
    x0, y0, x1, y1 = face_box(other).astype(int)
    inner = np.s_[y0 + 5 : y1 - 5, x0 + 8 : x1 - 8]
    alone = swapper(Mode.HEAD, track).apply(frames[0], track[0])
    together = swapper(Mode.HEAD, track).apply(frames[0], track[0], others=Others(beside=[other]))
    kept = np.abs(together.image[inner].astype(int) - frames[0][inner]).mean()
    assert kept <= np.abs(alone.image[inner].astype(int) - frames[0][inner]).mean()


def test_long_hair_under_a_short_haired_reference_is_kept() -> None:
    frames, track = heads.scene("WolfgangLanger_Pexels.mp4", 300, 4)
    samples = list(zip(frames, track, strict=True))
    assert treat(heads.reference(), own_head(samples, heads.matte())).mode is Mode.FACE


@pytest.mark.parametrize("clip", ["carphone_pristine.mp4", "single_face.mp4"])
def test_short_hair_that_is_all_in_the_frame_is_replaced(clip: str) -> None:
    frames, track = heads.scene(clip, 0, 12 if clip.startswith("car") else 2)
    samples = list(zip(frames, track, strict=True))
    assert treat(heads.reference(), own_head(samples, heads.matte())).mode is Mode.HEAD


def test_a_head_cut_off_by_the_frame_keeps_its_hair() -> None:
    frames, track = heads.scene("single_face.mp4", 0, 2)
    top = int(face_box(track[0])[1])
    samples = [
        (np.ascontiguousarray(frame[top:]), landmarks - np.array([0, top, 0], np.float32))
        for frame, landmarks in zip(frames, track, strict=True)
    ]
    assert treat(heads.reference(), own_head(samples, heads.matte())).mode is Mode.FACE


def test_without_a_frame_to_look_at_only_the_face_is_replaced() -> None:
    assert treat(heads.reference(), own_head([], heads.matte())).mode is Mode.FACE


def test_the_wing_of_a_nose_has_no_stairs_against_the_cheek_that_it_hides() -> None:
    frames, track = heads.scene("WolfgangLanger_Pexels.mp4", 250, 4)
    head = HeadSwapper(heads.reference("single_face.jpg"), track, Mode.HEAD, heads.matte())
    for frame, landmarks in zip(frames, track, strict=True):
        image = head.apply(frame, landmarks).image
    x, y = np.round(track[-1][278, :2]).astype(int)
    wing = image[y - 10 : y + 11, x - 10 : x + 11].mean(axis=2)
    # A stair is a row unlike both its neighbours.
    assert np.square(np.diff(wing, 2, axis=0)).mean() < 90


def test_people_are_told_from_background_in_every_other_frame_only() -> None:
    frames, track = heads.scene(*CARPHONE)
    calls: list[float] = []

    def counted(frame: Frame, x0: float, y0: float, side: float) -> Mask:
        calls.append(side)
        return heads.matte()(frame, x0, y0, side)

    head = HeadSwapper(heads.reference(), track, Mode.HEAD, counted)
    for frame, landmarks in zip(frames[:8], track[:8], strict=True):
        head.apply(frame, landmarks)
    assert len(calls) == 4
