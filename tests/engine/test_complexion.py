"""A neck that nobody saw has the chin's grain."""

from __future__ import annotations

import numpy as np

from headswap_cli.engine.complexion import chins_grain

SIZE, WIDTH, CHIN = 200, 100, 120


def head(noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a head whose face is grey with some noise, and how much of it is face."""
    rows, columns = np.indices((SIZE, SIZE))
    face = ((rows <= CHIN) & (rows > 20) & (np.abs(columns - 100) < 40)).astype(np.float32)
    grey = 120 + np.random.default_rng(1).normal(0, noise, (SIZE, SIZE))
    return np.dstack([*[grey * face] * 3, face]).astype(np.float32), face


def test_below_the_chin_the_grain_is_as_strong_as_on_it_and_nowhere_else() -> None:
    layer, face = head(1.5)
    grain = chins_grain(layer, face, WIDTH)
    below = grain[CHIN + 1 : CHIN + 10, 65:135]
    assert 1.0 < below.std() < 2.0
    assert abs(below.mean()) < 0.3
    assert not grain[: CHIN - 1].any()
    assert not grain[CHIN + 25 :].any()
    assert not grain[:, :55].any()


def test_what_is_no_grain_leaves_none() -> None:
    layer, face = head(0)
    assert np.abs(chins_grain(layer, face, WIDTH)[CHIN + 2 :]).max() < 0.5
    layer[CHIN - 8, :, :3] = 0
    assert np.abs(chins_grain(layer, face, WIDTH)).max() <= 5
    assert not chins_grain(layer, np.zeros_like(face), WIDTH).any()
