"""Fitting to the result's size: landmarks stay on what they mark."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.engine.fit import Fit
from headswap_cli.engine.types import Bars, Plate, VideoProperties


def video(width: int, height: int) -> VideoProperties:
    return VideoProperties(width, height, Fraction(25), 1, 0.04)


@given(st.integers(30, 290), st.integers(20, 210), st.sampled_from([(160, 120), (214, 160), (240, 180)]))
def test_a_landmark_marks_the_same_spot_after_scaling(x: int, y: int, size: tuple[int, int]) -> None:
    fit = Fit.to_size(video(320, 240), *size)
    image = np.zeros((240, 320, 3), np.uint8)
    image[y - 4 : y + 5, x - 4 : x + 5] = 255
    scaled = fit.rest.off(fit.whole(image))[..., 0].astype(np.float64)
    rows, columns = np.indices(scaled.shape)
    centre = np.array([(columns * scaled).sum(), (rows * scaled).sum()]) / scaled.sum()
    marked = fit.landmarks(np.array([[x, y, 0]], np.float32))[0]
    # A tenth of a pixel: the picture's values are rounded to whole levels.
    assert np.abs(marked[:2] - centre).max() < 0.1


def test_depth_scales_as_the_width_does() -> None:
    fit = Fit.to_size(video(640, 480), 320, 240)
    assert fit.landmarks(np.array([[0, 0, -8]], np.float32))[0, 2] == pytest.approx(-4)


def test_an_odd_row_and_column_are_cut_off_and_nothing_moves() -> None:
    fit = Fit.to_size(video(127, 95), 126, 94)
    image = np.random.default_rng(1).integers(0, 255, (95, 127, 3), np.uint8)
    points = np.array([[3, 4, 5]], np.float32)
    assert np.array_equal(fit.rest.off(fit.whole(image)), image[:94, :126])
    assert np.array_equal(fit.landmarks(points), points)


@pytest.mark.parametrize("size", [(126, 94), (64, 48)])
def test_a_background_has_the_size_of_the_frames_it_stands_behind(size: tuple[int, int]) -> None:
    fit = Fit.to_size(video(127, 95), *size)
    plate = fit.plate(Plate(np.zeros((95, 127, 3), np.uint8), np.full((95, 127), 7, np.uint8)))
    assert plate.image.shape == (size[1], size[0], 3)
    assert plate.seen.shape == (size[1], size[0])
    assert (plate.seen == 7).all()


@given(st.integers(50, 250), st.integers(60, 160), st.sampled_from([(160, 120), (214, 160), (320, 240)]))
def test_a_landmark_marks_the_same_spot_within_bars(x: int, y: int, size: tuple[int, int]) -> None:
    fit = Fit.to_size(replace(video(320, 240), bars=Bars(31, 45, 27, 50)), *size)
    image = np.zeros((240, 320, 3), np.uint8)
    image[y - 4 : y + 5, x - 4 : x + 5] = 255
    picture = fit.rest.off(fit.whole(image))
    scaled = picture[..., 0].astype(np.float64)
    rows, columns = np.indices(scaled.shape)
    centre = np.array([(columns * scaled).sum(), (rows * scaled).sum()]) / scaled.sum()
    marked = fit.landmarks(np.array([[x, y, 0]], np.float32))[0]
    assert np.array_equal(fit.landmarks(np.array([[x, y]], np.float32))[0], marked[:2])
    assert picture.shape[:2] == fit.shape
    assert np.abs(marked[:2] - centre).max() < 0.1
    assert np.array_equal(fit.framed(picture, np.zeros_like(fit.whole(image))), fit.whole(image))


@pytest.mark.parametrize("size", [(160, 120), (320, 240)])
def test_a_background_lies_behind_the_picture_within_bars(size: tuple[int, int]) -> None:
    bars = Bars(31, 45, 27, 50)
    fit = Fit.to_size(replace(video(320, 240), bars=bars), *size)
    image = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 255, (240, 320, 3), np.uint8), (0, 0), 5)
    background = bars.off(np.asarray(image, np.uint8))
    plate = fit.plate(Plate(background, np.full(background.shape[:2], 7, np.uint8)))
    assert (
        np.abs(plate.image.astype(int) - fit.rest.off(fit.whole(np.asarray(image, np.uint8))))[
            1:-1, 1:-1
        ].max()
        <= 1
    )
    assert plate.seen.shape == fit.shape


@pytest.mark.parametrize("size", [(160, 120), (320, 240)])
def test_a_background_of_a_camera_that_moves_is_placed_within_bars(size: tuple[int, int]) -> None:
    fit = Fit.to_size(replace(video(320, 240), bars=Bars(31, 45, 27, 50)), *size)
    motion = np.array([[[1.01, 0.02, 40], [-0.02, 1.01, 20]]], np.float32)
    plate = Plate(np.zeros((300, 400, 3), np.uint8), np.ones((300, 400), np.uint8))
    moved, matrices = fit.moving(plate, motion)
    corner, place = np.array([27, 31]), np.array([100, 90])
    there = motion[0, :, :2] @ (place - corner) + motion[0, :, 2]
    scale = moved.seen.shape[1] / 400
    at = fit.landmarks(np.array([[*place, 0]], np.float32))[0, :2]
    np.testing.assert_allclose(
        matrices[0, :, :2] @ at + matrices[0, :, 2], (there + 0.5) * scale - 0.5, atol=1e-3
    )
