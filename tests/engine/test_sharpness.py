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
    sharper = resharpen(layer, found)
    assert sharper[..., 0].std() > layer[..., 0].std() * 1.1
    np.testing.assert_array_equal(sharper[..., 3], 1)


def test_sharpness_that_fits_leaves_the_head_alone() -> None:
    layer = np.random.default_rng(5).random((10, 10, 4)).astype(np.float32)
    assert resharpen(layer, 0.0) is layer
