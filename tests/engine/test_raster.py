"""The rasteriser against the definition of a triangle."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headswap_cli.engine.raster import rasterise

WIDTH, HEIGHT = 24, 18
# Nearer than this to an edge, in parts of the triangle, either answer is right.
EDGE = 2e-3
ONE = np.array([[0, 1, 2]], np.int32)

_AWAY = st.integers(-10, 35).map(lambda value: value + 0.25)
_POINT = st.tuples(_AWAY, _AWAY, st.integers(0, 50))


def shares(corners: NDArray[np.float32], x: int, y: int) -> NDArray[np.float64] | None:
    """The barycentric coordinates of a pixel by a linear solve; None for a triangle without area."""
    matrix = np.vstack([corners[:, :2].T.astype(np.float64), np.ones(3)])
    if abs(np.linalg.det(matrix)) < 1e-6:
        return None
    return np.asarray(np.linalg.solve(matrix, np.array([x, y, 1.0])))


@settings(deadline=None, max_examples=60)
@given(st.tuples(_POINT, _POINT, _POINT))
def test_a_triangle_covers_what_lies_within_it_and_nothing_else(
    corners: tuple[tuple[float, float, int], ...],
) -> None:
    points = np.array(corners, np.float32)
    texture = np.array([[10, 0], [50, 5], [20, 70]], np.float32)
    seen = rasterise(points, texture, ONE, WIDTH, HEIGHT)
    for y in range(HEIGHT):
        for x in range(WIDTH):
            part = shares(points, x, y)
            if part is None or part.min() < -EDGE:
                assert seen[y, x, 0] == -1
            elif part.min() > EDGE:
                np.testing.assert_allclose(seen[y, x], part @ texture, atol=0.05)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(_POINT, _POINT, _POINT), min_size=2, max_size=4), st.randoms())
def test_the_nearest_triangle_is_seen_whatever_the_order(
    corners: list[tuple[tuple[float, float, int], ...]],
    shuffler: Random,
) -> None:
    flat = np.array(corners, np.float32)
    flat[:, :, 2] = (np.arange(len(flat)) * 7 + 1)[:, np.newaxis]
    points = flat.reshape(-1, 3)
    texture = np.repeat(np.arange(len(flat), dtype=np.float32), 3)[:, np.newaxis].repeat(2, axis=1)
    triangles = np.arange(len(points), dtype=np.int32).reshape(-1, 3)
    seen = rasterise(points, texture, triangles, WIDTH, HEIGHT)
    shuffled = triangles.tolist()
    shuffler.shuffle(shuffled)
    again = rasterise(points, texture, np.array(shuffled, np.int32), WIDTH, HEIGHT)
    np.testing.assert_array_equal(seen, again)
    for y in range(0, HEIGHT, 3):
        for x in range(0, WIDTH, 3):
            parts = [shares(one, x, y) for one in flat]
            inside = [k for k, part in enumerate(parts) if part is not None and part.min() > EDGE]
            if inside and seen[y, x, 0] > -1:
                assert seen[y, x, 0] <= min(inside) + 1e-3


def test_two_triangles_that_share_an_edge_leave_no_gap() -> None:
    points = np.array([[2.3, 2.1, 5], [20.7, 3.4, 5], [19.2, 15.8, 5], [3.9, 14.6, 5]], np.float32)
    both = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    seen = rasterise(points, points[:, :2], both, WIDTH, HEIGHT)
    np.testing.assert_array_equal(seen[5:13, 6:18, 0] >= 0, np.True_)
    rows, columns = np.indices((HEIGHT, WIDTH))
    covered = seen[..., 0] >= 0
    np.testing.assert_allclose(seen[covered], np.stack([columns, rows], -1)[covered], atol=0.02)


def test_a_mesh_beyond_the_picture_draws_nothing() -> None:
    points = np.array([[100, 100, 1], [120, 100, 1], [100, 120, 1]], np.float32)
    assert (rasterise(points, points[:, :2], ONE, WIDTH, HEIGHT) == -1).all()
