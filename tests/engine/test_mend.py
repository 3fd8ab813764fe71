"""A hole in a background is mended with what is around it."""

from __future__ import annotations

import numpy as np

from headswap_cli.engine.mend import mended
from headswap_cli.engine.types import Frame

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
