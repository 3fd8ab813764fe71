"""The open mouth is the person's own; shut lids get their lashes."""

from __future__ import annotations

import numpy as np
import pytest

from headswap_cli.engine import topology
from headswap_cli.engine.lashes import draw_lashes
from headswap_cli.engine.mouth import fill_mouth
from headswap_cli.engine.types import Landmarks

SIZE = 60


def face(x: float = 30, y: float = 30, wide: float = 12, high: float = 6) -> Landmarks:
    """Landmarks of which only the inner lips mean anything."""
    landmarks = np.zeros((topology.LANDMARKS, 3), np.float32)
    turn = np.linspace(np.pi, 3 * np.pi, len(topology.INNER_LIPS), endpoint=False)
    landmarks[topology.INNER_LIPS, 0] = x + wide * np.cos(turn)
    landmarks[topology.INNER_LIPS, 1] = y - high * np.sin(turn)
    return landmarks


def head() -> np.ndarray:
    layer = np.full((SIZE, SIZE, 4), 100, np.float32)
    layer[..., 3] = 1
    return layer


def test_an_open_mouth_shows_what_is_in_the_persons() -> None:
    piece = np.full((SIZE, SIZE, 3), 40, np.uint8)
    piece[18:22, 8:32] = 230
    layer = head()
    fill_mouth(layer, piece, face(x=20, y=20), face(), gap=0.2, feather=0.7)
    np.testing.assert_allclose(layer[30, 30, :3], 230, atol=2)
    np.testing.assert_array_equal(layer[..., 3], 1)
    np.testing.assert_array_equal(layer[:18], head()[:18])
    np.testing.assert_array_equal(layer[:, 48:], head()[:, 48:])


@pytest.mark.parametrize("gap", [0.0, 0.02])
def test_a_shut_mouth_shows_nothing_of_the_persons(gap: float) -> None:
    layer = head()
    fill_mouth(layer, np.zeros((SIZE, SIZE, 3), np.uint8), face(), face(), gap=gap, feather=0.7)
    np.testing.assert_array_equal(layer, head())


def test_a_mouth_beyond_the_piece_is_passed_over() -> None:
    layer = head()
    fill_mouth(layer, np.zeros((SIZE, SIZE, 3), np.uint8), face(x=-80), face(x=-80), gap=0.2, feather=0.7)
    np.testing.assert_array_equal(layer, head())


def test_lashes_darken_the_edge_of_a_shut_lid_and_only_that() -> None:
    layer = head()
    line = np.array([[20, 30], [30, 32], [40, 30]], np.float32)
    draw_lashes(layer, line, 0.0)
    assert layer[32, 30, 0] < 75
    np.testing.assert_array_equal(layer[:20], head()[:20])
    np.testing.assert_array_equal(layer[..., 3], 1)


def test_an_open_eye_gets_no_drawn_lashes() -> None:
    layer = head()
    draw_lashes(layer, np.array([[20, 30], [40, 30]], np.float32), 1.0)
    np.testing.assert_array_equal(layer, head())
