"""Outlines are as a camera takes them: soft, straight, without the mesh's stairs."""

from __future__ import annotations

import numpy as np
import pytest

from headswap_cli.engine.outline import soften_steps


def slanted(slope: float) -> np.ndarray:
    """A grey head whose outline runs almost upright, drawn without half covered pixels."""
    layer = np.zeros((60, 40, 4), np.float32)
    rows, columns = np.indices((60, 40))
    layer[columns > 15 + slope * rows] = (100, 120, 140, 1)
    return layer


def test_a_hard_outline_is_averaged_and_soft_hair_and_the_inside_are_left_alone() -> None:
    layer = np.zeros((20, 30, 4), np.float32)
    layer[:, 10:] = (100, 120, 140, 1)
    layer[:, 20:] *= np.linspace(1, 0, 10, dtype=np.float32)[:, np.newaxis]
    softened = layer.copy()
    soften_steps(softened)
    np.testing.assert_allclose(softened[8, 8:12, 3], (0, 0.25, 0.75, 1))
    np.testing.assert_allclose(softened[8, 9, :3] / softened[8, 9, 3], (100, 120, 140), rtol=1e-5)
    np.testing.assert_array_equal(softened[:, 12:], layer[:, 12:])


@pytest.mark.parametrize("slope", [0.1, 0.2, 0.35])
def test_an_outline_has_no_stairs(slope: float) -> None:
    layer = slanted(slope)
    soften_steps(layer)
    # How far to the left each row's outline lies: along a straight line, but for a tenth of a pixel or so.
    rows = np.arange(10, 50)
    places = layer[rows, :, 3].sum(axis=1)
    assert np.abs(places - np.polyval(np.polyfit(rows, places, 1), rows)).max() < 0.2


def test_a_nose_before_a_cheek_has_a_soft_outline_where_it_is_told_apart() -> None:
    seen = np.zeros((60, 40, 2), np.float32)
    rows, columns = np.indices((60, 40))
    seen[..., 0] = columns + 60 * (columns > 15 + 0.2 * rows)
    seen[..., 1] = rows
    hard = np.ones((60, 40, 4), np.float32)
    hard[..., :3] = np.where(seen[..., :1] > 60, 200, 100)
    alone, told = hard.copy(), hard.copy()
    soften_steps(alone)
    soften_steps(told, seen, 20)
    np.testing.assert_array_equal(alone, hard)
    assert ((told[10:50, :, 0] > 110) & (told[10:50, :, 0] < 190)).any(axis=1).all()
    np.testing.assert_allclose(told[..., 3], 1, atol=1e-6)


def test_no_step_no_softening_down_to_a_single_pixel() -> None:
    layer = np.full((1, 1, 4), 1, np.float32)
    soften_steps(layer)
    np.testing.assert_array_equal(layer, 1)
