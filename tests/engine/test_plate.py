"""The clean background of a shot."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from headswap_cli.engine.matte import PersonMatte
from headswap_cli.engine.plate import PlateGatherer, PlateShelf, window
from headswap_cli.engine.types import Frame, Mask, Plate
from tests import media

_HEIGHT, _WIDTH = 90, 160
_PERSON = 60


def _backdrop(seed: int = 3) -> Frame:
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 16, 3)).astype(np.uint8)
    return coarse.repeat(10, axis=0).repeat(10, axis=1)


def _people(frame: Frame) -> Mask:
    """Return the matte that a perfect network would give for people painted in magenta."""
    x0, y0, side = window(frame)
    steps = (np.arange(256) + 0.5) * side / 256
    rows = np.clip((y0 + steps).astype(int), 0, _HEIGHT - 1)
    columns = np.clip((x0 + steps).astype(int), 0, _WIDTH - 1)
    seen = frame[rows][:, columns]
    return np.asarray((seen == (255, 0, 255)).all(axis=-1), np.float32)


def _with_person(backdrop: Frame, x: int) -> Frame:
    frame = backdrop.copy()
    frame[10:80, x : x + _PERSON] = (255, 0, 255)
    return frame


def _gathered(frames: list[Frame]) -> PlateGatherer:
    gatherer = PlateGatherer()
    for age, frame in enumerate(frames):
        gatherer.add(age, frame, _people(frame))
    return gatherer


def test_somebody_who_walks_by_leaves_the_whole_background() -> None:
    backdrop = _backdrop()

    plate = _gathered([_with_person(backdrop, x) for x in range(0, 100, 12)]).plate()

    assert plate is not None
    assert (plate.seen > 0).all()
    np.testing.assert_array_equal(plate.image, backdrop)


def test_what_was_never_seen_is_marked_as_such() -> None:
    backdrop = _backdrop()

    plate = _gathered([_with_person(backdrop, 50)] * 4).plate()

    assert plate is not None
    assert (plate.seen[15:75, 55:105] == 0).all()
    assert (plate.seen[:, :40] == 4).all()


def test_a_heads_own_matte_shows_what_is_beside_it_up_to_a_finer_margin() -> None:
    backdrop = _backdrop()
    frame = _with_person(backdrop, 50)
    coarse, fine = (np.zeros((256, 256), np.float32) for _ in range(2))
    coarse[:, 60:200] = 1
    where = (10.0, 0.0, 140.0)
    columns = np.arange(256) * 140 / 256 + 10
    fine[:, (columns >= 50) & (columns < 50 + _PERSON)] = 1
    plates = []
    for heads in ([], [(fine, where)]):
        gatherer = PlateGatherer()
        for age in range(4):
            gatherer.add(age, frame, coarse, heads)
        plate = gatherer.plate()
        assert plate is not None
        plates.append(plate)
    assert not plates[0].seen[40, 40:120].any()
    beside = [*range(40, 47), *range(114, 120)]
    assert (plates[1].seen[40, beside] == 4).all()
    np.testing.assert_array_equal(plates[1].image[40, beside], backdrop[40, beside])
    assert not plates[1].seen[40, 50 : 50 + _PERSON].any()
    # At the window's rim the matte knows less.
    assert (plates[0].seen == plates[1].seen)[:, :12].all()


def test_a_background_that_changes_has_no_plate_and_is_known_early() -> None:
    wide = np.hstack([_backdrop(1), _backdrop(2)])

    gatherer = _gathered([wide[:, step : step + _WIDTH] for step in range(0, 100, 20)])

    assert gatherer.is_lost
    assert gatherer.plate() is None


def _wall(seed: int) -> Frame:
    """Return a wall of soft blotches, much wider than a frame of 480 pixels."""
    coarse = np.random.default_rng(seed).integers(0, 255, (18, 80, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (1200, 270), interpolation=cv2.INTER_CUBIC), np.uint8)


def test_a_background_that_a_moving_camera_leaves_for_good_is_known_to_be_lost() -> None:
    nobody, wall, gatherer = np.zeros((256, 256), np.float32), _wall(1), PlateGatherer()
    for age in range(24):
        frame = np.ascontiguousarray(wall[:, 3 * age : 3 * age + 480])
        gatherer.follow(age, frame)
        if age % 6 == 0:
            gatherer.add(age, frame, nobody)
    assert not gatherer.is_lost
    for age in range(24, 72):
        frame = np.ascontiguousarray(_wall(age)[:, :480])
        gatherer.follow(age, frame)
        if age % 6 == 0:
            gatherer.add(age, frame, nobody)
    assert gatherer.is_lost


@pytest.mark.parametrize("samples", [0, 1])
def test_too_few_samples_make_no_plate(samples: int) -> None:
    assert _gathered([_backdrop()] * samples).plate() is None


def test_noise_is_averaged_away() -> None:
    backdrop, noise = _backdrop(), np.random.default_rng(4)
    frames = [
        np.clip(backdrop + noise.normal(0, 6, backdrop.shape), 0, 255).astype(np.uint8) for _ in range(25)
    ]

    plate = _gathered(frames).plate()

    assert plate is not None
    middle: NDArray[np.bool_] = (backdrop > 20) & (backdrop < 235)
    error = (plate.image.astype(float) - backdrop)[middle]
    assert error.std() < 2


@pytest.mark.media
def test_the_matte_covers_the_person_and_spares_the_wall() -> None:
    frame = next(media.frames_of(media.clip("single_face.mp4")))
    matte = PersonMatte(media.weights_dir())

    mask = matte(frame, *window(frame))

    assert mask.shape == (256, 256)
    assert mask.min() >= 0
    assert mask.max() <= 1
    x0, y0, side = window(frame)
    at = {
        name: float(mask[int((y - y0) / side * 256), int((x - x0) / side * 256)])
        for name, (x, y) in {
            "nose": (295, 215),
            "hair": (295, 50),
            "chest": (300, 340),
            "door": (500, 100),
        }.items()
    }
    assert min(at["nose"], at["hair"], at["chest"]) > 0.8, at
    assert at["door"] < 0.1


@pytest.mark.parametrize("memory_bytes", [1, 64 * 1024**2])
def test_plates_come_off_the_shelf_as_they_were_put_there(memory_bytes: int) -> None:
    chance = np.random.default_rng(5)
    plates = [
        Plate(
            chance.integers(0, 255, (height, 31, 3)).astype(np.uint8),
            chance.integers(0, 255, (height, 31)).astype(np.uint8),
        )
        for height in (20, 40, 30)
    ]
    shelf = PlateShelf(memory_bytes)

    kept = [shelf.put(plate) for plate in plates]

    for packed, plate in reversed(list(zip(kept, plates, strict=True))):
        np.testing.assert_array_equal(packed.unpack().image, plate.image)
        np.testing.assert_array_equal(packed.unpack().seen, plate.seen)


def test_hundreds_of_shots_do_not_fill_the_memory() -> None:
    shelf = PlateShelf(memory_bytes=1024**2)
    noise = np.random.default_rng(6).integers(0, 255, (360, 640, 3)).astype(np.uint8)
    plate = Plate(noise, np.zeros((360, 640), np.uint8))
    tracemalloc.start()
    try:
        kept = [shelf.put(plate) for _ in range(100)]
        in_memory, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert in_memory < 5 * 1024**2 < 100 * noise.nbytes
    np.testing.assert_array_equal(kept[50].unpack().image, noise)
