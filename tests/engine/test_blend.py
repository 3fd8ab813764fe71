"""The new head is laid in, and what is not head is not touched."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headswap_cli.engine.blend import Background, compose, join_bands
from headswap_cli.engine.types import Frame

HEIGHT, WIDTH = 48, 60


def noise(seed: int) -> Frame:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def disc(x: int, y: int, radius: int) -> NDArray[np.float32]:
    rows, columns = np.indices((HEIGHT, WIDTH))
    return np.asarray(np.clip(radius - np.hypot(columns - x, rows - y), 0, 1), np.float32)


def layer_of(colours: Frame, alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.dstack([colours * alpha[..., np.newaxis], alpha]).astype(np.float32)


def background(old: NDArray[np.float32], plate: Frame, share: float) -> Background:
    picture = np.full(plate.shape, 77.0 * (1 - share), np.float32)
    return with_neck(picture, np.full(old.shape, share, np.float32), plate, old)


def with_neck(
    picture: NDArray[np.float32],
    share: NDArray[np.float32],
    plate: Frame,
    old: NDArray[np.float32],
    shown: NDArray[np.float32] | None = None,
) -> Background:
    """Return a background with a neck of (40, 80, 120), if any."""
    skin = np.full(picture.shape, (40, 80, 120), np.float32)
    nothing = np.zeros_like(share) if shown is None else shown
    return Background(picture, share, skin, nothing, plate, old)


_PLACE = st.tuples(st.integers(0, WIDTH), st.integers(0, HEIGHT), st.integers(1, 20))


@settings(deadline=None, max_examples=40)
@given(head=_PLACE, old=_PLACE, front=_PLACE)
def test_what_is_not_reported_as_changed_is_the_frame_to_the_bit(
    head: tuple[int, int, int], old: tuple[int, int, int], front: tuple[int, int, int]
) -> None:
    target, strength = noise(1), 1 - disc(*front)
    layer = layer_of(noise(2), disc(*head))
    result = np.empty_like(target)
    changed, there = compose(target, background(disc(*old), noise(3), 0.5), layer, strength, result)
    np.testing.assert_array_equal(there, disc(*head) * strength > 0.5)
    np.testing.assert_array_equal(result[~changed], target[~changed])
    assert not changed[strength == 0].any()
    joined = np.empty_like(target)
    changed = join_bands(target, layer, disc(*head), strength, joined)
    np.testing.assert_array_equal(joined[~changed], target[~changed])
    assert not changed[strength == 0].any()


def test_nothing_of_the_background_shines_through_the_edge_of_what_is_in_front() -> None:
    target, result = np.full((HEIGHT, WIDTH, 3), 200, np.uint8), np.empty((HEIGHT, WIDTH, 3), np.uint8)
    everywhere = np.ones((HEIGHT, WIDTH), np.float32)
    behind = background(everywhere, np.zeros_like(target), 1.0)
    assert compose(target, behind, layer_of(target, everywhere), 0.5 * everywhere, result)[0].all()
    np.testing.assert_array_equal(result, target)


def test_a_head_without_a_gap_covers_the_frame() -> None:
    target, colours, result = noise(1), noise(2), np.empty((HEIGHT, WIDTH, 3), np.uint8)
    alpha = np.ones((HEIGHT, WIDTH), np.float32)
    nothing = background(0 * alpha, target, 1.0)
    assert compose(target, nothing, layer_of(colours, alpha), alpha, result)[0].all()
    np.testing.assert_array_equal(result, colours)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 77), (1.0, 140)])
def test_where_the_old_head_was_the_background_shows(share: float, expected: int) -> None:
    target, result = noise(1), np.empty((HEIGHT, WIDTH, 3), np.uint8)
    old, plate = disc(30, 24, 10), np.full((HEIGHT, WIDTH, 3), 140, np.uint8)
    empty = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    compose(target, background(old, plate, share), empty, np.ones_like(old), result)
    assert (result[old == 1] == expected).all()


@pytest.mark.parametrize("shrink", [1, 2, 4])
def test_a_background_worked_out_small_is_stretched_over_the_piece(shrink: int) -> None:
    target, plate, result = noise(1), noise(2), np.empty((HEIGHT, WIDTH, 3), np.uint8)
    rows, columns = HEIGHT // shrink, WIDTH // shrink
    draw = np.random.default_rng(3).random
    picture, share = (draw(shape).astype(np.float32) for shape in ((rows, columns, 3), (rows, columns)))
    picture *= 120
    empty, everywhere = np.zeros((HEIGHT, WIDTH, 4), np.float32), np.ones((HEIGHT, WIDTH), np.float32)
    compose(target, with_neck(picture, share, plate, everywhere), empty, everywhere, result)
    wide, shares = (cv2.resize(one, (WIDTH, HEIGHT)) for one in (picture, share))
    expected = np.clip(wide + shares[..., np.newaxis] * plate, 0, 255)
    np.testing.assert_allclose(result, expected, atol=0.51)


def test_a_seam_between_two_tones_is_wide_and_between_textures_narrow() -> None:
    target = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    face = np.full((HEIGHT, WIDTH, 3), 160, np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[:, 20:40] = 1
    result = np.empty_like(target)
    join_bands(target, layer_of(face, np.ones_like(mask)), mask, np.ones_like(mask), result)
    row = result[24, :, 0].astype(int)
    assert np.abs(np.diff(row)).max() < 40
    assert row[30] > 125
    assert row[2] == 100


def test_joining_a_picture_with_itself_gives_the_picture() -> None:
    target = noise(4)
    result = np.empty_like(target)
    full = np.ones((HEIGHT, WIDTH), np.float32)
    join_bands(target, layer_of(target, full), disc(30, 24, 15), full, result)
    np.testing.assert_allclose(result.astype(int), target, atol=1)


@pytest.mark.parametrize("shrink", [1, 4])
def test_a_neck_worked_out_small_has_an_edge_as_sharp_as_at_that_size(shrink: int) -> None:
    height, width = HEIGHT // shrink, WIDTH // shrink
    shown = np.tile(
        np.clip((np.arange(width, dtype=np.float32) - width / 2) / 2 + 0.5, 0, 1), (height, 1)
    ).astype(np.float32)
    everywhere, target = np.ones((HEIGHT, WIDTH), np.float32), np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    dark = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    result = np.empty_like(target)
    behind = with_neck(*dark, target, everywhere, shown)
    compose(target, behind, np.zeros((HEIGHT, WIDTH, 4), np.float32), everywhere, result)
    edge = result[HEIGHT // 2, :, 2]
    assert edge[0] == 0
    assert (result[:, -1] == (40, 80, 120)).all()
    assert ((edge > 12) & (edge < 108)).sum() <= 3
