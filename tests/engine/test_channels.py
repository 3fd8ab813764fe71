"""Over the channels: what NumPy would say, in a tenth of the time."""

from __future__ import annotations

import numpy as np

from headswap_cli.engine.channels import largest, length, percentiles, total


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
