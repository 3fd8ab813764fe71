"""Over the channels: what NumPy would say, in a tenth of the time."""

from __future__ import annotations

import numpy as np

from headswap_cli.engine.channels import largest, length, total


def test_largest_total_and_length_are_those_along_the_last_axis() -> None:
    picture = np.random.default_rng(2).normal(0, 90, (31, 17, 3)).astype(np.float32)
    assert np.array_equal(largest(picture), picture.max(axis=2))
    assert np.allclose(total(picture), picture.sum(axis=2), atol=1e-3)
    assert np.allclose(length(picture), np.linalg.norm(picture, axis=2), rtol=1e-5)
