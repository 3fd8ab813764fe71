"""Landmarks are packed, and come out as they went in, as nearly as matters."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headswap_cli.engine.trail import Trail

_LENGTHS = st.integers(0, 300)
_SEEDS = st.integers(0, 2**32 - 1)


def _path(length: int, seed: int) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    shape = random.uniform(-4000, 4000, (1, 478, 3))
    return np.asarray(shape + random.normal(0, 3, (length, 478, 3)).cumsum(axis=0), np.float32)


@settings(max_examples=15)
@given(length=_LENGTHS, seed=_SEEDS)
def test_every_frame_comes_out_within_a_hundredth_of_a_pixel(length: int, seed: int) -> None:
    path = _path(length, seed)

    trail = Trail(path).packed()

    assert len(trail) == length
    np.testing.assert_allclose(np.asarray(trail), path, atol=0.01)


def test_frames_are_reached_from_both_ends_and_by_stretches() -> None:
    path = _path(200, 3)
    trail = Trail(path)

    np.testing.assert_allclose(trail[-1], path[199])
    np.testing.assert_allclose(trail[3], path[3], atol=0.01)
    np.testing.assert_allclose(trail[60:140], path[60:140], atol=0.01)
    assert trail[200:].shape == (0, 478, 3)
    assert len(list(trail)) == 200
    with pytest.raises(IndexError):
        trail[200]


def test_a_trail_that_began_late_begins_earlier_and_gives_its_last_frame_away() -> None:
    path = _path(3, 4)
    trail = Trail(path[1:])

    trail.precede(path[0])
    last = trail.pop()

    np.testing.assert_array_equal(last, path[2])
    np.testing.assert_array_equal(np.asarray(trail), path[:2])


def test_packing_again_changes_nothing() -> None:
    once = np.asarray(Trail(_path(100, 5)).packed())

    np.testing.assert_array_equal(np.asarray(Trail(once).packed()), once)


def test_a_face_that_moves_as_faces_do_takes_a_fifth_of_the_memory() -> None:
    """Landmarks of real faces, steadied, tremble by about this from frame to frame."""
    tremble = np.random.default_rng(6).normal(0, 0.1, (256, 478, 3))
    path = (np.linspace(100, 140, 256)[:, np.newaxis, np.newaxis] + tremble).astype(np.float32)

    assert len(pickle.dumps(Trail(path).packed())) < path.nbytes / 4


def test_nothing_is_added_to_a_trail_that_is_packed() -> None:
    trail = Trail(_path(3, 5)).packed()

    with pytest.raises(ValueError, match="no frame can follow"):
        trail.append(_path(1, 5)[0])
    with pytest.raises(ValueError, match="no frame can be before"):
        trail.precede(_path(1, 5)[0])
