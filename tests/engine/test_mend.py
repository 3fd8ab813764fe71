"""A hole in a background is mended with what is around it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from headswap_cli.engine.mend import mended
from headswap_cli.engine.seam import evened
from headswap_cli.engine.types import Frame
from tests import media

_HEIGHT, _WIDTH = 72, 96


def _boards() -> Frame:
    """Return a wall of boards, six rows each, darker to the right."""
    rows, columns = np.indices((_HEIGHT, _WIDTH))
    wall = 150 - columns // 3 + np.where(rows % 12 < 6, 0, 40)
    return np.repeat(wall[..., np.newaxis], 3, axis=2).astype(np.uint8)


def _hole() -> np.ndarray:
    known = np.ones((_HEIGHT, _WIDTH), np.bool_)
    known[24:, 36:60] = False
    return known


def test_boards_go_on_behind_somebody_who_stood_before_them() -> None:
    wall, known = _boards(), _hole()
    spoilt = np.where(known[..., np.newaxis], wall, 255).astype(np.uint8)
    whole = mended(spoilt, known)
    np.testing.assert_array_equal(whole[known], wall[known])
    rim = np.s_[30:60, 37:44]
    assert np.abs(whole[rim].astype(int) - wall[rim]).mean() < 12
    assert whole[30:60, 36:60].std(axis=0).mean() > 8


def test_a_part_from_elsewhere_brings_no_light_along() -> None:
    wall, known = _boards(), _hole()
    whole = mended(np.where(known[..., np.newaxis], wall, 0).astype(np.uint8), known).astype(int)
    assert np.abs(whole[24:, 36:60].mean(axis=(1, 2)) - wall[24:, 36:60].mean(axis=(1, 2))).max() < 30


def test_the_same_hole_is_mended_the_same_way() -> None:
    noise = np.random.default_rng(3).integers(0, 255, (_HEIGHT, _WIDTH, 3)).astype(np.uint8)
    np.testing.assert_array_equal(mended(noise, _hole()), mended(noise, _hole()))


def test_what_is_wholly_known_stays_and_what_is_hardly_known_is_filled_evenly() -> None:
    wall = _boards()
    np.testing.assert_array_equal(mended(wall, np.ones(wall.shape[:2], np.bool_)), wall)
    speck = np.zeros(wall.shape[:2], np.bool_)
    speck[10, 10] = True
    filled = mended(wall, speck)
    np.testing.assert_allclose(filled, np.broadcast_to(wall[10, 10], wall.shape), atol=1)
    assert not mended(wall, np.zeros(wall.shape[:2], np.bool_)).any()


def test_a_large_background_is_mended_smaller_down_to_a_single_pixel() -> None:
    wall = np.full((12, 5600, 3), 90, np.uint8)
    known = np.ones(wall.shape[:2], np.bool_)
    known[6, 2800] = False
    spoilt = np.where(known[..., np.newaxis], wall, 255).astype(np.uint8)
    np.testing.assert_allclose(mended(spoilt, known), wall, atol=2)


def test_a_bright_wall_goes_on_without_a_step_beneath_dark_books() -> None:
    wall = np.full((_HEIGHT, _WIDTH, 3), 220, np.uint8)
    wall[:30] = np.random.default_rng(5).integers(20, 110, (1, _WIDTH, 3))
    known = np.ones((_HEIGHT, _WIDTH), np.bool_)
    known[20:, 36:60] = False
    whole = mended(np.where(known[..., np.newaxis], wall, 255).astype(np.uint8), known).astype(int)
    for inside, outside in ((36, 35), (59, 60)):
        assert np.abs(whole[40:, inside] - whole[40:, outside]).mean() < 2


def test_a_piece_from_brighter_parts_is_as_bright_as_what_it_lies_beside() -> None:
    wall = np.repeat((100.0 + 10 * np.arange(12)).repeat(4)[np.newaxis, :, np.newaxis], 40, axis=0)
    wall = wall.repeat(3, axis=2).astype(np.float32)
    known = np.ones(wall.shape[:2], np.bool_)
    known[12:28, 16:24] = False
    free = known[::4, ::4].astype(np.uint8)
    places = np.ascontiguousarray(np.moveaxis(np.indices(free.shape, dtype=np.int32), 0, -1))
    places[free == 0] += (0, 4)
    copied = wall.copy()
    copied[12:28, 16:24] = wall[12:28, 32:40]
    np.testing.assert_allclose(evened(copied, known, free, places, 4), wall, atol=0.5)
    assert np.abs(copied - wall).max() == 40


def test_no_pixel_is_left_black_where_hardly_any_piece_fits() -> None:
    wall = np.full((240, 320, 3), 220, np.uint8)
    wall[:60] = np.random.default_rng(5).integers(20, 110, (1, 80, 3)).repeat(4, axis=1)
    known = np.ones(wall.shape[:2], np.bool_)
    known[40:, 110:210] = False
    assert mended(wall, known).min() > 10


def _lab(picture: Frame) -> np.ndarray:
    soft = cv2.GaussianBlur(picture, (0, 0), 1.5).astype(np.float32)
    return np.asarray(cv2.cvtColor(soft / 255, cv2.COLOR_BGR2LAB), np.float32)


@pytest.mark.media
def test_leaves_and_stems_go_on_into_a_hole_as_large_as_a_person() -> None:
    apart = []
    for frame in list(media.frames_of(media.clip("bigbuckbunny.mp4"), count=101))[20::40]:
        height = round(frame.shape[0] * 640 / frame.shape[1])
        picture = np.asarray(cv2.resize(frame, (640, height), interpolation=cv2.INTER_AREA), np.uint8)
        y, x = np.indices((height, 640))
        for middle in (200, 320, 460):
            head = ((x - middle) / 80) ** 2 + ((y - 0.42 * height) / 105) ** 2 < 1
            known = ~(head | ((np.abs(x - middle) < 150) & (y > 0.72 * height)))
            whole = mended(np.where(known[..., np.newaxis], picture, 0).astype(np.uint8), known)
            depth = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 3)
            # Where shorter hair leaves a rim of the old free.
            rim = ~known & (depth < 20) & (y < 0.42 * height)
            apart.append(np.linalg.norm(_lab(whole) - _lab(picture), axis=2)[rim].mean())
    # CIE Lab; 19 where pieces are matched in a picture of half the size.
    assert np.mean(apart) < 17
