"""Tone, light and sharpness follow the frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headswap_cli.engine.colour import SharpnessFitter, ToneFitter, light, plain_curves, resharpen
from headswap_cli.engine.types import Frame

SIZE = 40
HALF = np.zeros((SIZE, SIZE), np.float32)
HALF[8:32, 8:32] = 1
STEPS = plain_curves().shape[2] // 255

_COLOUR = st.tuples(*[st.integers(70, 210)] * 3)


def skin(colour: tuple[int, int, int], spread: float = 12, seed: int = 1) -> Frame:
    noise = np.random.default_rng(seed).normal(0, spread, (SIZE, SIZE, 1))
    return np.asarray(np.clip(np.array(colour) + noise, 0, 255), np.uint8)


def mapped(curves: NDArray[np.float32], colour: tuple[int, int, int]) -> NDArray[np.float32]:
    return np.array([curves[1, k, colour[k] * STEPS] for k in range(3)])


@settings(deadline=None)
@given(_COLOUR, _COLOUR)
def test_skin_comes_near_the_targets_tone_and_curves_never_fall(
    own: tuple[int, int, int], target: tuple[int, int, int]
) -> None:
    curves = ToneFitter().fit(skin(target), skin(own), HALF, HALF)
    assert (np.diff(curves, axis=2) >= 0).all()
    assert curves.min() >= 0
    assert curves.max() <= 255
    left = np.abs(mapped(curves, own) - np.array(target))
    assert (left <= 0.12 * np.abs(np.array(target) - np.array(own)) + 16).all()


def test_the_same_tone_is_left_as_it_is() -> None:
    curves = ToneFitter().fit(skin((110, 140, 190)), skin((110, 140, 190)), HALF, HALF)
    for channel, level in enumerate((110, 140, 190)):
        around = slice((level - 15) * STEPS, (level + 15) * STEPS)
        np.testing.assert_allclose(curves[1, channel, around], plain_curves()[1, channel, around], atol=2)


def test_one_strange_frame_hardly_moves_the_tone() -> None:
    fitter = ToneFitter()
    own, usual = skin((90, 120, 160)), skin((110, 140, 190))
    before = mapped(fitter.fit(usual, own, HALF, HALF), (90, 120, 160))
    after = mapped(fitter.fit(skin((20, 20, 20)), own, HALF, HALF), (90, 120, 160))
    assert (np.abs(after - before) < 25).all()


def test_a_face_hidden_from_the_start_keeps_its_own_colours() -> None:
    nothing = np.zeros_like(HALF)
    np.testing.assert_array_equal(
        ToneFitter().fit(skin((1, 2, 3)), skin((200, 100, 50)), nothing, HALF), plain_curves()
    )


def test_light_from_one_side_brightens_that_side_and_ends_away_from_the_face() -> None:
    head = np.full((SIZE, SIZE, 3), 120, np.float32)
    lit = head.copy()
    lit[:, : SIZE // 2] = 180
    gains = light(np.asarray(lit, np.uint8), head, HALF, HALF, 3.0)
    assert gains[20, 10] > 1.15
    assert abs(gains[20, 30] - 1) < 0.05
    assert abs(gains[0, 39] - 1) < 0.04


def test_light_goes_on_from_the_face_over_the_hair_beside_it() -> None:
    head = np.full((120, 120, 3), 120, np.float32)
    lit = head.copy()
    lit[:, :60] = 170
    face = np.zeros((120, 120), np.float32)
    face[40:90, 40:80] = 1
    gains = light(np.asarray(lit, np.uint8), head, face, face, 5.0)
    beside = [float(gains[60, column]) for column in (34, 28, 22)]
    assert beside[0] > beside[1] > beside[2] > 1.02
    assert gains[60, 86] < 1.1
    assert gains[2, 2] == pytest.approx(1, abs=0.03)


def test_equal_light_changes_nothing() -> None:
    picture = skin((100, 130, 170))
    gains = light(picture, picture.astype(np.float32), HALF, HALF, 3.0)
    np.testing.assert_allclose(gains, 1, atol=0.01)


@pytest.mark.parametrize("sigma", [0.8, 1.5, 2.5])
def test_the_head_is_blurred_as_the_frame_is(sigma: float) -> None:
    sharp = np.random.default_rng(3).integers(0, 256, (64, 64)).astype(np.uint8)
    soft = np.asarray(cv2.GaussianBlur(sharp, (0, 0), sigma), np.uint8)
    inside = np.ones_like(sharp)
    assert SharpnessFitter().fit(soft, sharp, inside, inside) == pytest.approx(sigma, rel=0.3)


def test_a_head_softer_than_the_frame_is_sharpened_and_never_blurred() -> None:
    sharp = np.random.default_rng(3).integers(0, 256, (64, 64)).astype(np.uint8)
    soft = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 1.5), np.uint8)
    inside = np.ones_like(sharp)
    found = SharpnessFitter().fit(sharp, soft, inside, inside)
    assert -1 <= found < 0
    layer = np.dstack([soft] * 3 + [np.ones_like(soft)]).astype(np.float32)
    sharper = resharpen(layer, found)
    assert sharper[..., 0].std() > layer[..., 0].std() * 1.1
    np.testing.assert_array_equal(sharper[..., 3], 1)


def test_sharpness_that_fits_leaves_the_head_alone() -> None:
    layer = np.random.default_rng(5).random((10, 10, 4)).astype(np.float32)
    assert resharpen(layer, 0.0) is layer
