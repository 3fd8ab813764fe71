"""A background with the new heads of people behind somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headswap_cli.engine.beneath import with_heads
from headswap_cli.engine.types import Laid

if TYPE_CHECKING:
    from numpy.typing import NDArray


def layer(rows: int, columns: int, colour: int, alpha: float) -> NDArray[np.float32]:
    return np.full((rows, columns, 4), (colour * alpha, colour * alpha, colour * alpha, alpha), np.float32)


def test_heads_lie_where_they_are_in_the_frame_the_nearest_on_top() -> None:
    background = np.full((20, 30, 3), 10, np.uint8)
    far = Laid(np.s_[40:60, 100:120], layer(20, 20, 100, 1.0))
    near = Laid(np.s_[55:80, 110:130], layer(25, 20, 200, 0.4))
    image, share = with_heads(background, np.s_[50:70, 95:125], [far, near])
    assert [image[place][0] for place in ((0, 4), (0, 5), (6, 16), (12, 16))] == [10, 100, 140, 86]
    assert [round(float(share[place]), 3) for place in ((0, 4), (0, 5), (6, 16), (12, 16))] == [0, 1, 1, 0.4]
    assert (background == 10).all()


def test_a_head_elsewhere_in_the_frame_is_not_seen() -> None:
    background = np.full((20, 30, 3), 10, np.uint8)
    for part in (np.s_[0:20, 0:30], np.s_[90:99, 40:60], np.s_[40:60, 100:120]):
        head = Laid(part, layer(part[0].stop - part[0].start, part[1].stop - part[1].start, 90, 1.0))
        image, share = with_heads(background, np.s_[40:60, 50:80], [head])
        assert (image == 10).all()
        assert not share.any()


def test_without_a_background_the_colours_of_a_heads_soft_edge_are_its_own() -> None:
    soft = layer(20, 20, 150, 1.0) * np.linspace(0, 1, 20, dtype=np.float32)[:, np.newaxis]
    image, share = with_heads(None, np.s_[0:20, 0:30], [Laid(np.s_[0:20, 0:20], soft)])
    assert np.abs(image.astype(int) - 150).max() <= 1
    assert share[10, 5] == soft[10, 5, 3]
    assert not share[:, 20:].any()
