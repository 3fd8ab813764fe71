"""The head is as sharp as the frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from headswap_cli.engine.sharpness import SharpnessFitter, resharpen


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
    before = layer[..., 0].std()
    resharpen(layer, np.ones((64, 64), np.float32), found)
    assert layer[..., 0].std() > before * 1.1
    np.testing.assert_array_equal(layer[..., 3], 1)


def test_sharpness_that_fits_leaves_the_head_alone() -> None:
    layer = np.random.default_rng(5).random((10, 10, 4)).astype(np.float32)
    same = layer.copy()
    resharpen(same, np.ones((10, 10), np.float32), 0.0)
    np.testing.assert_array_equal(same, layer)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 2), (40, 30)])
def test_sharpening_adds_what_a_gaussian_takes_away(shape: tuple[int, int]) -> None:
    layer = np.random.default_rng(7).uniform(0, 255, (*shape, 4)).astype(np.float32)
    soft = cv2.GaussianBlur(layer, (5, 5), 1.0, borderType=cv2.BORDER_REPLICATE)
    wanted = layer + (layer - soft.reshape(layer.shape)) * 0.35
    wanted[..., 3] = layer[..., 3]
    resharpen(layer, np.ones(shape, np.float32), -0.5)
    np.testing.assert_allclose(layer, wanted, atol=1e-3)


def test_a_blur_reaches_beyond_the_head_and_takes_the_inner_face_along() -> None:
    layer, face = np.zeros((60, 60, 4), np.float32), np.zeros((60, 60), np.float32)
    layer[25:35, 25:35], face[25:35, 25:35] = 1, 1
    wanted = cv2.GaussianBlur(layer, (0, 0), 2.0)
    resharpen(layer, face, 2.0)
    np.testing.assert_allclose(layer, wanted, atol=1e-4)
    np.testing.assert_allclose(face, wanted[..., 3], atol=1e-4)
