"""The open mouth is the person's own; shut lips meet in a line."""

from __future__ import annotations

import numpy as np
import pytest

from headswap_cli.engine import topology
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


def test_what_is_before_the_mouth_does_not_move_along_with_it() -> None:
    piece = np.full((SIZE, SIZE, 3), 200, np.uint8)
    covered = np.zeros((SIZE // 2, SIZE // 2), np.float32)
    piece[16:24, 16:22] = 10
    covered[8:12, 8:11] = 1
    shown = []
    for hidden in (None, covered):
        layer = head()
        fill_mouth(layer, piece, face(x=20, y=20), face(), gap=0.2, feather=0.7, covered=hidden)
        shown.append(layer[28:33, 24:36, :3].min())
    assert shown[0] < 20
    assert shown[1] > 180


def test_a_mouth_that_is_wholly_covered_is_dark_inside() -> None:
    piece = np.full((SIZE, SIZE, 3), 200, np.uint8)
    layer = head()
    everywhere = np.ones((SIZE, SIZE), np.float32)
    fill_mouth(layer, piece, face(x=20, y=20), face(), gap=0.2, feather=0.7, covered=everywhere)
    assert layer[30, 30, :3].max() < 30


@pytest.mark.parametrize("gap", [0.0, 0.012])
def test_a_shut_mouth_shows_nothing_of_the_persons_but_the_line_between_its_lips(gap: float) -> None:
    drawn = []
    for colour in (0, 255):
        layer = head()
        fill_mouth(layer, np.full((SIZE, SIZE, 3), colour, np.uint8), face(), face(), gap=gap, feather=0.7)
        drawn.append(layer)
    np.testing.assert_array_equal(drawn[0], drawn[1])
    change = (head() - drawn[0])[..., :3]
    assert change[30, 30].min() > 5
    assert change[30, 30, 0] > change[30, 30, 2]
    assert (np.flatnonzero(change.any(axis=(1, 2))) - 30).max() <= 3
    np.testing.assert_array_equal(drawn[0][..., 3], 1)


@pytest.mark.parametrize(("gap", "darker"), [(0.0, True), (0.05, False)])
def test_the_line_between_the_lips_goes_as_they_part(gap: float, *, darker: bool) -> None:
    layer = head()
    piece = head()[..., :3].astype(np.uint8)
    fill_mouth(layer, piece, face(), face(), gap=gap, feather=0.7)
    assert (layer[30, 30, 0] < head()[30, 30, 0] - 5) == darker


def test_between_lips_that_hardly_part_is_what_is_in_the_persons_mouth_and_no_tooth_of_the_photo() -> None:
    slit = face(high=1)
    layer = head()
    layer[28:33, 18:42, :3] = 240
    fill_mouth(layer, np.full((SIZE, SIZE, 3), 30, np.uint8), slit, slit, gap=0.03, feather=0.7)
    assert layer[30, 22:39, 0].max() < 60
    above = layer[28:33, 22:39, 0]
    # Its outline runs between the rows: it is drawn with half covered pixels.
    assert ((above > 60) & (above < 220)).any()


def test_a_mouth_beyond_the_piece_is_passed_over() -> None:
    layer = head()
    fill_mouth(layer, np.zeros((SIZE, SIZE, 3), np.uint8), face(x=-80), face(x=-80), gap=0.2, feather=0.7)
    np.testing.assert_array_equal(layer, head())
