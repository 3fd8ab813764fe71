"""The head is as sharp as the frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from headswap_cli.engine.sharpness import SharpnessFitter, edge_blur, resharpen

SIDE = 160
# The part of a blur that a head is given.
GIVEN = 0.6


def shapes() -> np.ndarray:
    """A picture of sharp edges: discs of all brightnesses."""
    chance = np.random.default_rng(3)
    picture = np.full((8 * SIDE, 8 * SIDE), 128, np.uint8)
    for x, y, radius, grey in chance.integers((0, 0, 120, 0), (8 * SIDE, 8 * SIDE, 320, 256), (16, 4)):
        cv2.circle(picture, (int(x), int(y)), int(radius), int(grey), -1)
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


@pytest.mark.parametrize("sigma", [0.8, 1.5, 2.5])
def test_the_head_is_blurred_by_part_of_what_its_edges_lack(sigma: float) -> None:
    sharp = shapes()
    inside = np.ones_like(sharp)
    found = SharpnessFitter().fit(blurred(sharp, sigma), sharp, inside, inside)
    assert found == pytest.approx(GIVEN * sigma, rel=0.2)


def test_a_beard_makes_the_frame_no_sharper() -> None:
    sharp = shapes()
    inside = np.ones_like(sharp)
    hairs = np.random.default_rng(5).normal(0, 60, sharp.shape)
    hairs[: 3 * SIDE // 4] = 0
    bearded = blurred(np.clip(sharp + hairs, 0, 255).astype(np.uint8), 1.5)
    assert SharpnessFitter().fit(bearded, sharp, inside, inside) == pytest.approx(GIVEN * 1.5, rel=0.25)


def test_a_grainy_skin_is_not_blurred_for_its_grain() -> None:
    soft = blurred(shapes(), 1.0)
    inside = np.ones_like(soft)
    grainy = np.clip(soft + np.random.default_rng(5).normal(0, 2, soft.shape), 0, 255).astype(np.uint8)
    assert SharpnessFitter().fit(soft, grainy, inside, inside) < 0.5


@pytest.mark.parametrize("contrast", [1.0, 0.3])
def test_the_blur_of_edges_is_known_however_high_they_are(contrast: float) -> None:
    soft = blurred(np.asarray(128 + contrast * (shapes() - 128.0), np.uint8), 1.5)
    assert edge_blur(soft, np.ones_like(soft)) == pytest.approx(1.5, rel=0.15)


def test_where_there_is_no_edge_the_blur_stays_as_it_was_found_last() -> None:
    sharp, flat = shapes(), np.full((SIDE, SIDE), 90, np.uint8)
    inside = np.ones_like(sharp)
    fitter = SharpnessFitter()
    found = fitter.fit(blurred(sharp, 1.5), sharp, inside, inside)
    assert fitter.fit(flat, sharp, inside, inside) == found
    assert fitter.fit(sharp, sharp, np.zeros_like(sharp), inside) == found


def test_a_head_softer_than_the_frame_is_sharpened_and_never_blurred() -> None:
    sharp = shapes()
    soft = blurred(sharp, 1.5)
    inside = np.ones_like(sharp)
    found = SharpnessFitter().fit(sharp, soft, inside, inside)
    assert -1 <= found < 0
    layer = np.dstack([soft] * 3 + [np.ones_like(soft)]).astype(np.float32)
    resharpen(layer, np.ones((SIDE, SIDE), np.float32), found)
    after = np.clip(layer[..., 0], 0, 255).astype(np.uint8)
    assert edge_blur(after, inside) < 0.95 * edge_blur(soft, inside)
    np.testing.assert_array_equal(layer[..., 3], 1)


def test_sharpness_that_fits_leaves_the_head_alone() -> None:
    layer = np.random.default_rng(5).random((10, 10, 4)).astype(np.float32)
    same = layer.copy()
    resharpen(same, np.ones((10, 10), np.float32), 0.0)
    np.testing.assert_array_equal(same, layer)


@pytest.mark.parametrize("around", [0, 1, 3])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 2), (40, 30)])
def test_sharpening_adds_what_a_gaussian_takes_away(shape: tuple[int, int], around: int) -> None:
    layer = np.random.default_rng(7).uniform(0, 255, (*shape, 4)).astype(np.float32)
    layer = np.pad(layer, [(around, around), (around, around), (0, 0)])
    soft = cv2.GaussianBlur(layer, (5, 5), 1.0, borderType=cv2.BORDER_REPLICATE).reshape(layer.shape)
    wanted = layer + (layer - soft * (layer[..., 3:] / np.maximum(soft[..., 3:], 1e-3))) * 0.35
    wanted[..., 3] = layer[..., 3]
    resharpen(layer, np.ones(layer.shape[:2], np.float32), -0.5)
    np.testing.assert_allclose(layer, wanted, atol=1e-3)


def test_sharpening_makes_no_rim_along_the_outline() -> None:
    layer = np.zeros((20, 30, 4), np.float32)
    layer[:, 10:] = (100, 120, 140, 1)
    layer[:, 9] = layer[:, 10] / 2
    sharpened = layer.copy()
    resharpen(sharpened, np.ones((20, 30), np.float32), -1.0)
    np.testing.assert_allclose(sharpened, layer, rtol=1e-5)


def test_a_blur_reaches_beyond_the_head_and_takes_the_inner_face_along() -> None:
    layer, face = np.zeros((60, 60, 4), np.float32), np.zeros((60, 60), np.float32)
    layer[25:35, 25:35], face[25:35, 25:35] = 1, 1
    wanted = cv2.GaussianBlur(layer, (0, 0), 2.0)
    resharpen(layer, face, 2.0)
    np.testing.assert_allclose(layer, wanted, atol=1e-4)
    np.testing.assert_allclose(face, wanted[..., 3], atol=1e-4)
