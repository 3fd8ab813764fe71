"""The geometry that stages share, against cases whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headswap_cli.engine.geometry import (
    Crop,
    bounding_box,
    containment,
    invert,
    overlap,
    similarity,
    transform,
)

_SEEDS = st.integers(0, 2**32 - 1)
_EDGES = st.floats(-500, 500, width=32)


def _points(seed: int, count: int = 12) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0, 50, (count, 3))


def _rotation(seed: int) -> NDArray[np.float64]:
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    turn[:, 0] *= np.linalg.det(turn)
    return np.asarray(turn, np.float64)


@given(seed=_SEEDS, scale=st.floats(0.05, 20), shift=st.tuples(_EDGES, _EDGES, _EDGES))
def test_a_fit_recovers_the_turn_scale_and_shift_that_points_went_through(
    seed: int, scale: float, shift: tuple[float, float, float]
) -> None:
    source, rotation = _points(seed), _rotation(seed + 1)

    fit = similarity(source, scale * source @ rotation.T + shift)

    assert fit.scale == pytest.approx(scale, rel=1e-6)
    np.testing.assert_allclose(fit.rotation, rotation, atol=1e-6)
    np.testing.assert_allclose(fit.shift, shift, atol=1e-4)


@given(seed=_SEEDS)
def test_the_inverse_of_a_fit_leads_back(seed: int) -> None:
    source, target = _points(seed), _points(seed + 1)
    fit = similarity(source, target)

    np.testing.assert_allclose(fit.inverse().apply(fit.apply(source)), source, atol=1e-6)


@given(seed=_SEEDS)
def test_a_mirrored_face_is_fitted_by_a_turn_and_never_by_a_mirror(seed: int) -> None:
    source = _points(seed)

    fit = similarity(source, source * (-1, 1, 1))

    assert np.linalg.det(fit.rotation) == pytest.approx(1)


def test_points_that_coincide_fit_nothing() -> None:
    with pytest.raises(ValueError, match="coincide"):
        similarity(np.ones((5, 3)), _points(1, 5))


@given(
    x=st.floats(-50, 700),
    y=st.floats(-50, 400),
    side=st.floats(8, 900),
    angle=st.floats(-math.pi, math.pi),
    size=st.sampled_from([64, 192]),
)
def test_what_a_network_finds_at_a_crops_corner_lies_at_the_crops_corner_in_the_frame(
    x: float, y: float, side: float, angle: float, size: int
) -> None:
    corner = np.array([[0.0, 0.0, 1.0]])

    placed = Crop(x, y, side, angle).to_frame(corner, size)[0]

    reach = side / 2
    assert placed[0] == pytest.approx(x - reach * (math.cos(angle) - math.sin(angle)), abs=0.01)
    assert placed[1] == pytest.approx(y - reach * (math.sin(angle) + math.cos(angle)), abs=0.01)
    assert placed[2] == pytest.approx(side / size, rel=1e-5)


@pytest.mark.parametrize("side", [60.0, 130.0, 300.0, 700.0])
@pytest.mark.parametrize("angle", [0.0, 0.5, -2.0])
def test_a_spot_is_found_in_a_crop_where_it_lies_in_the_frame(side: float, angle: float) -> None:
    frame = np.zeros((360, 640, 3), np.uint8)
    spot, size = np.array([[300.0, 170.0]]), 128
    radius = max(3, round(side / size * 3))
    rows, columns = np.indices(frame.shape[:2])
    frame[(columns - 300) ** 2 + (rows - 170) ** 2 <= radius**2] = 255
    crop = Crop(310, 165, side, angle)

    image = crop.take(frame, size)[..., 0].astype(float)

    rows, columns = np.indices(image.shape)
    found = np.array([[(columns * image).sum(), (rows * image).sum()]]) / image.sum()
    np.testing.assert_allclose(found, transform(crop.matrix(size), spot), atol=0.35)


@given(x=_EDGES, y=_EDGES, side=st.floats(1, 900), angle=st.floats(-3, 3))
def test_a_crop_beyond_the_frame_is_still_an_image_of_its_size(
    x: float, y: float, side: float, angle: float
) -> None:
    frame = np.full((36, 64, 3), 7, np.uint8)

    image = Crop(x, y, side, angle).take(frame, 64)

    assert image.shape == (64, 64, 3)
    assert (image == 7).all()


def test_an_inverted_matrix_leads_back() -> None:
    matrix = Crop(20, 30, 50, 0.7).matrix(192)
    points = _points(3)[:, :2]

    np.testing.assert_allclose(transform(invert(matrix), transform(matrix, points)), points, atol=1e-9)


_BOXES = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 40), st.integers(1, 40)).map(
    lambda box: np.array([box[0], box[1], box[0] + box[2], box[1] + box[3]], np.float32)
)


@given(first=_BOXES, second=_BOXES)
def test_overlap_counts_the_pixels_that_two_boxes_share(
    first: NDArray[np.float32], second: NDArray[np.float32]
) -> None:
    drawn = np.zeros((2, 100, 100), bool)
    for canvas, (x0, y0, x1, y1) in zip(drawn, (first.astype(int), second.astype(int)), strict=True):
        canvas[y0:y1, x0:x1] = True
    shared = (drawn[0] & drawn[1]).sum()

    assert overlap(first, second) == pytest.approx(shared / (drawn[0] | drawn[1]).sum(), abs=1e-6)
    smaller = min(drawn[0].sum(), drawn[1].sum())
    assert containment(first, second) == pytest.approx(shared / smaller, abs=1e-6)


@given(seed=_SEEDS)
def test_a_bounding_box_touches_the_outermost_points(seed: int) -> None:
    points = _points(seed)

    x0, y0, x1, y1 = bounding_box(points)

    assert (x0, y0) == pytest.approx(tuple(points[:, :2].min(axis=0)), rel=1e-5)
    assert (x1, y1) == pytest.approx(tuple(points[:, :2].max(axis=0)), rel=1e-5)
