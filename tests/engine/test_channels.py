"""Over the channels: what NumPy would say, in a tenth of the time."""

from __future__ import annotations

import numpy as np
import pytest

from headswap_cli.engine.channels import largest, length, medians, percentiles, total


def test_largest_total_and_length_are_those_along_the_last_axis() -> None:
    picture = np.random.default_rng(2).normal(0, 90, (31, 17, 3)).astype(np.float32)
    assert np.array_equal(largest(picture), picture.max(axis=2))
    assert np.allclose(total(picture), picture.sum(axis=2), atol=1e-3)
    assert np.allclose(length(picture), np.linalg.norm(picture, axis=2), rtol=1e-5)


def test_percentiles_are_those_of_each_channel() -> None:
    values = np.random.default_rng(3).integers(0, 256, (401, 3)).astype(np.uint8)
    wanted = np.percentile(values, (10, 50, 90), axis=0).T
    np.testing.assert_array_equal(percentiles(values, (10, 50, 90)), wanted)
    assert percentiles(values[:1], (10, 90)).shape == (3, 2)


@pytest.mark.parametrize("count", [1, 2, 117, 478])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8])
def test_medians_are_numpys_to_the_bit(count: int, kind: type[np.generic]) -> None:
    values = (np.random.default_rng(count).random((count, 3)) * 255).astype(kind)
    wanted = np.median(values, axis=0)
    found = medians(values)
    assert found.dtype == wanted.dtype
    assert found.tobytes() == wanted.tobytes()
