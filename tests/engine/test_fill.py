"""What nobody saw is guessed from what was seen."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from headswap_cli.engine.fill import push_pull


@settings(deadline=None, max_examples=40)
@given(
    height=st.integers(3, 40), width=st.integers(3, 40), seed=st.integers(0, 99), share=st.floats(0.02, 0.98)
)
def test_seen_pixels_stay_and_guesses_lie_between_them(
    height: int, width: int, seed: int, share: float
) -> None:
    source = np.random.default_rng(seed)
    picture = (source.random((height, width, 3)) * 255).astype(np.float32)
    valid = (source.random((height, width)) < share).astype(np.float32)
    valid[0, 0] = 1
    filled = push_pull(picture, valid)
    np.testing.assert_allclose(filled[valid > 0], picture[valid > 0], atol=0.01)
    seen = picture[valid > 0]
    assert (filled >= seen.min(axis=0) - 0.1).all()
    assert (filled <= seen.max(axis=0) + 0.1).all()


def test_a_hole_takes_the_colour_around_it() -> None:
    picture = np.full((33, 47, 3), (10, 20, 30), np.float32)
    valid = np.ones((33, 47), np.float32)
    valid[10:20, 12:30] = 0
    picture[10:20, 12:30] = 255
    np.testing.assert_allclose(
        push_pull(picture, valid), np.broadcast_to((10, 20, 30), picture.shape), atol=0.01
    )
