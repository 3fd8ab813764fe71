"""A camera that moves: its frames are found in the background, and the background in its frames."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from headswap_cli.engine.camera import Camera, Placed, between, rescaled
from headswap_cli.engine.erase import behind
from headswap_cli.engine.fit import Fit
from headswap_cli.engine.geometry import transform
from headswap_cli.engine.plate import PlateGatherer
from headswap_cli.engine.types import Plate, VideoProperties
from tests.engine import heads

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from headswap_cli.engine.types import Frame

WIDTH, HEIGHT, FRAMES = 640, 360, 48
SAMPLE_EVERY = 6
NOBODY = np.zeros((256, 256), np.float32)


def world() -> Frame:
    """A room three times as wide as a frame, with soft and sharp edges."""
    chance = np.random.default_rng(7)
    coarse = chance.integers(30, 220, (20, 50, 3)).astype(np.uint8)
    wide = cv2.resize(coarse, (3 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_CUBIC)
    for x, y in chance.integers(0, (3 * WIDTH, 2 * HEIGHT), (60, 2)).tolist():
        cv2.rectangle(wide, (x, y), (x + 40, y + 30), chance.integers(0, 255, 3).tolist(), cv2.FILLED)
    return np.asarray(wide, np.uint8)


def view(age: int) -> NDArray[np.float64]:
    """Return the way from a frame's pixels to the room's: the camera sways, and turns a little."""
    turn = np.deg2rad(1.2) * np.sin(age / 9)
    scale = 1 + 0.02 * np.sin(age / 7)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shift = np.array([WIDTH + 90 * np.sin(age / 12), HEIGHT / 2 + 12 * np.sin(age / 5)])
    return np.column_stack([linear, shift])


def shot(age: int, room: Frame) -> Frame:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(room, view(age), (WIDTH, HEIGHT), flags=flags), np.uint8)


def gathered(frame_at: Callable[[int], Frame]) -> PlateGatherer:
    gatherer = PlateGatherer()
    for age in range(FRAMES):
        frame = frame_at(age)
        gatherer.follow(age, frame)
        if age % SAMPLE_EVERY == 0:
            gatherer.add(age, frame, NOBODY)
    return gatherer


@pytest.fixture(scope="module")
def room() -> Frame:
    return world()


@pytest.fixture(scope="module")
def swayed(room: Frame) -> tuple[Plate, NDArray[np.float32]]:
    gatherer = gathered(lambda age: shot(age, room))
    plate, motion = gatherer.plate(), gatherer.motion(FRAMES)
    assert plate is not None
    assert motion is not None
    return plate, motion


def test_every_frame_is_found_in_the_background(swayed: tuple[Plate, NDArray[np.float32]]) -> None:
    _, motion = swayed
    corners = np.array([[0, 0], [WIDTH, 0], [0, HEIGHT], [WIDTH, HEIGHT]], np.float64)
    first = cv2.invertAffineTransform(view(0))
    origin = motion[0][:, 2]
    for age in range(FRAMES):
        true = transform(np.asarray(first, np.float64), transform(view(age), corners))
        found = transform(motion[age].astype(np.float64), corners) - origin
        assert np.linalg.norm(found - true, axis=1).max() < 3, age


def test_the_background_is_in_each_frame_where_it_is(
    swayed: tuple[Plate, NDArray[np.float32]], room: Frame
) -> None:
    plate, motion = swayed
    where = np.s_[100:260, 250:450]
    for age in (0, 13, 31):
        shown = Placed(plate, motion[age].astype(np.float64)).part(where)
        assert (shown.seen > 0).mean() > 0.95
        off = np.abs(shown.image.astype(int) - shot(age, room)[where])
        assert float(off.mean()) < 8, age


def test_a_camera_that_stands_still_moves_nowhere_whoever_walks_by_and_however_bright_it_gets(
    room: Frame,
) -> None:
    def frame_at(age: int) -> Frame:
        bright = np.clip(shot(0, room).astype(int) + age // 12, 0, 255).astype(np.uint8)
        noisy = bright + np.random.default_rng(age).normal(0, 2, bright.shape)
        frame: Frame = np.clip(noisy, 0, 255).astype(np.uint8)
        frame[120:, 40 + 8 * age : 160 + 8 * age] = 90
        return frame

    gatherer = gathered(frame_at)

    assert gatherer.plate() is not None
    assert gatherer.motion(FRAMES) is None


def test_a_frame_beyond_the_backgrounds_picture_is_not_looked_for_there(room: Frame) -> None:
    def frame_at(age: int) -> Frame:
        x = WIDTH - 12 * age
        return room[HEIGHT // 2 : HEIGHT // 2 + HEIGHT, x : x + WIDTH].copy()

    gatherer = gathered(frame_at)
    motion = gatherer.motion(FRAMES)

    assert motion is not None
    assert np.isfinite(motion[:12]).all()
    assert np.isnan(motion[20:]).all()
    # What was seen of it until then is kept.
    assert gatherer.plate() is not None


def test_the_background_is_made_in_less_memory_than_it_was_gathered_in(room: Frame) -> None:
    gatherer = gathered(lambda age: shot(age, room))
    tracemalloc.start()
    try:
        plate = gatherer.plate()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert plate is not None
    assert most < 4 * 4 * plate.seen.size


@pytest.mark.parametrize("larger", [1, 6])
def test_a_fast_pan_is_followed_in_a_large_frame_as_in_a_small_one(room: Frame, larger: int) -> None:
    size = (larger * room.shape[1], larger * HEIGHT)
    wide = np.asarray(cv2.resize(room[:HEIGHT], size, interpolation=cv2.INTER_CUBIC), np.uint8)
    step = larger * WIDTH // 50
    gatherer = PlateGatherer()
    for age in range(13):
        frame = np.ascontiguousarray(wide[:, age * step : age * step + larger * WIDTH])
        gatherer.follow(age, frame)
        if age % SAMPLE_EVERY == 0:
            gatherer.add(age, frame, NOBODY)
    motion = gatherer.motion(13)
    assert motion is not None
    shifts = motion[:, 0, 2] - motion[0, 0, 2]
    np.testing.assert_allclose(shifts, step * np.arange(13), atol=2 * larger)


def test_a_pan_that_gets_faster_is_looked_for_further_on_its_way(room: Frame) -> None:
    small = cv2.resize(room[:HEIGHT], None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    wide = np.asarray(small, np.uint8)
    camera, across = Camera(), WIDTH // 4
    camera.learn(wide, np.ones(wide.shape[:2], np.bool_), (0, 0))
    found = []
    for look in range(8):
        left = 5 * look * (look + 1)
        place = camera.look(2 * look, np.ascontiguousarray(wide[:, left : left + across]))
        found.append(-1 if place is None else place[0, 2])
    np.testing.assert_allclose(found, [5 * look * (look + 1) for look in range(8)], atol=0.5)


def swing(age: int) -> float:
    return float(0.2 * WIDTH * np.sin(2 * np.pi * age / 36))


def bare_wall() -> Frame:
    """A wall with panels at uneven distances, and nothing else."""
    wall = np.full((HEIGHT, 3 * WIDTH, 3), 200, np.uint8)
    for left, top, right, bottom, grey in (
        *((420, 40, 600, 170, 150), (430, 210, 610, 350, 160), (700, 30, 890, 150, 140)),
        *((710, 200, 900, 340, 150), (1010, 60, 1130, 320, 110), (1230, 20, 1420, 190, 155)),
    ):
        cv2.rectangle(wall, (left, top), (right, bottom), (grey, grey, grey), cv2.FILLED)
    return np.asarray(cv2.GaussianBlur(wall, (0, 0), 3), np.uint8)


@pytest.mark.parametrize("lost_at", [(), (8, 10, 12)])
def test_a_camera_that_swings_to_and_fro_before_a_bare_wall_is_followed_all_the_way(
    lost_at: tuple[int, ...],
) -> None:
    wall = bare_wall()

    def frame_at(age: int) -> Frame:
        if age in lost_at:
            return np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
        x = round(WIDTH + swing(age))
        return wall[:, x : x + WIDTH].copy()

    motion = gathered(frame_at).motion(FRAMES)

    assert motion is not None
    shifts = motion[:, 0, 2] - motion[0, 0, 2]
    known = np.isfinite(shifts)
    unknown = set(range(FRAMES)) - set(np.flatnonzero(known).tolist())
    assert unknown <= set(range(7, 14) if lost_at else ())
    # The last frame is not looked at: it goes straight on.
    known[-1] = False
    wanted = np.array([swing(age) for age in range(FRAMES)])
    np.testing.assert_allclose(shifts[known], wanted[known], atol=2)


def test_between_frames_that_were_looked_at_a_camera_goes_on_in_curves() -> None:
    ages, every = np.arange(0, 37, 2), np.arange(37)
    wanted = np.zeros((37, 2, 3))
    wanted[:, 0, 2] = 30 * np.sin(every / 4)
    places = wanted[ages]
    np.testing.assert_allclose(between(ages, places, 37)[2:-2], wanted[2:-2], atol=0.2)
    assert np.abs(between(ages, places, 37) - wanted).max() < 1


def test_frames_beside_an_unknown_one_are_unknown_and_the_others_are_not() -> None:
    ages = np.array([0, 2, 4, 6, 8])
    places = np.arange(5.0)[:, np.newaxis, np.newaxis] * np.ones((2, 3))
    places[2] = np.nan
    found = between(ages, places, 9)[:, 0, 0]
    np.testing.assert_allclose(found, [0, 0.5, 1, np.nan, np.nan, np.nan, 3, 3.5, 4])


def test_a_background_and_its_motion_are_scaled_as_the_frames_are(
    swayed: tuple[Plate, NDArray[np.float32]], room: Frame
) -> None:
    plate, motion = swayed
    video = VideoProperties(WIDTH, HEIGHT, Fraction(25), FRAMES, 2.0)
    fit = Fit.to_size(video, WIDTH // 2, HEIGHT // 2)
    small, moved = fit.moving(plate, motion)
    where = np.s_[50:130, 125:225]
    shown = Placed(small, moved[13]).part(where)
    off = np.abs(shown.image.astype(int) - fit.rest.off(fit.whole(shot(13, room)))[where])
    assert float(off.mean()) < 8


def test_a_map_between_pictures_is_the_same_at_another_size() -> None:
    matrix = np.array([[1.01, -0.02, 5.0], [0.02, 1.01, -3.0]])
    points = np.array([[10.0, 20.0], [100.0, 50.0]])
    half = (points + 0.5) / 2 - 0.5
    there = (transform(matrix, points) + 0.5) / 2 - 0.5
    np.testing.assert_allclose(transform(rescaled(matrix, (0.5, 0.5), (0.5, 0.5)), half), there)


@pytest.mark.media
def test_what_a_moving_camera_never_saw_is_guessed_from_the_frame() -> None:
    frames, landmarks = heads.scene("single_face.mp4", 0, 1)
    piece, face = np.ascontiguousarray(frames[0]), landmarks[0]
    old = np.zeros(piece.shape[:2], np.float32)
    old[40:130, 200:390] = 1
    seen = np.zeros(old.shape, np.uint8)
    seen[:, 300:] = 9
    image = np.zeros_like(piece)
    image[:, 300:] = (0, 0, 255)
    person = old.copy()

    scenery = behind(piece, person, (old, np.zeros_like(old)), face, Plate(image, seen, is_mended=False))

    share = scenery.share
    shown = scenery.picture + share[..., np.newaxis] * image
    assert share[60, 220] == 0
    assert share[60, 370] == 1
    # The wall is light, and what was never seen black.
    assert shown[50, 205].min() > 100
