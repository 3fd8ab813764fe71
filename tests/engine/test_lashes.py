"""Eyes are finished: shadow under the lid, soft edges, lashes where they shut."""

from __future__ import annotations

import numpy as np
import pytest

from headswap_cli.engine.lashes import Floats, finish_eye

LEVEL = 200


def head(size: int = 120) -> Floats:
    layer = np.full((size, size, 4), LEVEL, np.float32)
    layer[..., 3] = 1
    return layer


def lids(gap: float, width: float = 60, middle: float = 60) -> tuple[Floats, Floats]:
    """Upper and lower lid around the middle of ``head``."""
    steps = np.linspace(-1, 1, 9)
    bow = gap / 2 * (1 - steps**2)
    x = middle + steps * width / 2
    upper, lower = np.stack([x, middle - bow], 1), np.stack([x, middle + bow], 1)
    return upper.astype(np.float32), lower.astype(np.float32)


def test_lashes_darken_the_edge_of_a_shut_lid_and_only_that() -> None:
    layer = head()
    finish_eye(layer, *lids(0), 0.0)
    assert layer[60, 60, 0] < 0.6 * LEVEL
    np.testing.assert_array_equal(layer[:50], head()[:50])
    np.testing.assert_array_equal(layer[70:], head()[70:])
    np.testing.assert_allclose(layer[..., 3], 1, atol=1e-5)


def test_lashes_are_a_smooth_curve_whatever_the_mesh_does() -> None:
    upper, lower = lids(0)
    ragged = upper + np.array([[0, 1.5 * (-1) ** k] for k in range(len(upper))], np.float32)
    layer, even = head(), head()
    finish_eye(layer, ragged, lower, 0.0)
    finish_eye(even, upper, lower, 0.0)
    darkest = layer[55:66, 35:85, 0].argmin(axis=0)
    assert np.abs(darkest - even[55:66, 35:85, 0].argmin(axis=0)).max() <= 1


def test_an_open_eye_has_the_lids_shadow_at_the_top_of_its_white_and_no_lashes() -> None:
    layer = head()
    finish_eye(layer, *lids(24), 1.0)
    top, bottom = layer[51, 60, 0], layer[68, 60, 0]
    assert 0.65 * LEVEL < top < 0.85 * LEVEL
    assert bottom > 0.93 * LEVEL
    np.testing.assert_allclose(layer[40, 60, :3], LEVEL, atol=0.1)


def test_the_edge_of_the_lid_is_soft() -> None:
    layer = head()
    upper, lower = lids(24)
    rows = np.arange(120)[:, np.newaxis]
    edge = np.interp(np.arange(120), upper[:, 0], upper[:, 1])
    layer[..., :3] = np.where(rows < edge, 60, LEVEL)[..., np.newaxis]
    sharp = np.abs(np.diff(layer[40:60, 60, 0])).max()
    finish_eye(layer, upper, lower, 1.0)
    assert np.abs(np.diff(layer[40:60, 60, 0])).max() < 0.7 * sharp


def test_a_small_eye_keeps_its_white() -> None:
    layer = head()
    finish_eye(layer, *lids(3, width=9), 1.0)
    np.testing.assert_array_equal(layer, head())


@pytest.mark.parametrize("middle", [-80.0, 300.0])
def test_an_eye_beyond_the_picture_is_passed_over(middle: float) -> None:
    layer = head()
    finish_eye(layer, *lids(10, middle=middle), 0.3)
    np.testing.assert_array_equal(layer, head())


@pytest.mark.parametrize("degrees", [-60, -30, 30, 90])
def test_a_tilted_eye_is_shaded_like_an_upright_one(degrees: float) -> None:
    a = np.deg2rad(degrees)
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]], np.float32)
    upright, tilted = head(), head()
    upper, lower = lids(24)
    finish_eye(upright, upper, lower, 1.0)
    finish_eye(tilted, (upper - 60) @ turn + 60, (lower - 60) @ turn + 60, 1.0)
    for depth in (-6, 0, 6):
        x, y = np.array([0, depth]) @ turn + 60
        assert tilted[round(float(y)), round(float(x)), 0] == pytest.approx(upright[60 + depth, 60, 0], abs=8)
