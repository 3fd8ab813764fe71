"""A thing before a face goes on beyond it as what it is, and ends where it ends in the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.extent import extended
from headswap_cli.engine.guided import laid_along
from headswap_cli.engine.piece import Piece, cut_piece
from tests.engine import heads

SKIN, DARK = (120, 150, 200), (30, 32, 35)
SIDE, FACE = 240, 112.0
# The face is a square in the middle; small pictures are half as large.
EDGE = slice(64, 176)
OUTLINE = np.array([[31.5, 31.5], [87.5, 31.5], [87.5, 87.5], [31.5, 87.5]], np.float32)


def scene(stick: slice, down_to: int, *, clothes: int = SIDE) -> tuple[Piece, NDArray[np.float32]]:
    """Return a stick before a face, down to a row, and what of it is known; clothes begin at another."""
    frame = np.full((SIDE, SIDE, 3), SKIN, np.uint8)
    frame[clothes:] = DARK
    frame[120:down_to, stick] = DARK
    piece = cut_piece(frame, np.array([0, 0, SIDE, SIDE], np.float32), FACE)
    assert piece is not None
    known = np.zeros(piece.small.shape[:2], np.float32)
    known[60 : EDGE.stop // 2, stick.start // 2 : stick.stop // 2] = 1
    return piece, known


def test_a_stick_is_followed_over_the_neck_to_its_end() -> None:
    piece, known = scene(slice(112, 128), 230)
    mask = extended(piece, known, OUTLINE)
    assert mask[124:226, 114:126].min() > 0.9
    assert mask[:, :108].max() < 0.1
    assert mask[236:].max() < 0.1


def test_what_may_not_go_on_stays_before_the_face() -> None:
    piece, known = scene(slice(112, 128), 230)
    assert extended(piece, known, None)[190:].max() < 0.1


def test_clothes_of_a_sticks_colour_are_none_of_it() -> None:
    piece, known = scene(slice(112, 128), SIDE, clothes=206)
    mask = extended(piece, known, OUTLINE)
    assert mask[124:200, 114:126].min() > 0.9
    assert mask[215:, :90].max() < 0.1
    assert mask[215:, 150:].max() < 0.1


def test_a_coarse_mask_ends_where_the_picture_does() -> None:
    fine = np.full((80, 80, 3), SKIN, np.uint8)
    fine[20:60, 31:49] = DARK
    coarse = np.zeros((20, 20), np.float32)
    coarse[4:16, 7:13] = 1
    mask = laid_along(coarse, fine[2::4, 2::4], fine, 2)
    assert mask[26:54, 33:47].min() > 0.9
    assert mask[26:54, :28].max() < 0.2
    assert mask[26:54, 52:].max() < 0.2


def test_a_mask_is_the_same_wherever_in_the_picture_it_lies() -> None:
    frame = heads.scene("single_face.mp4", 0, 1)[0][0][:160, :320]
    masks = []
    for left in (0, 64):
        small = np.ascontiguousarray(frame[2::4, left + 2 : left + 162 : 4])
        coarse = np.zeros(small.shape[:2], np.float32)
        coarse[14:22, 26 - left // 4 : 30 - left // 4] = 1
        fine = np.ascontiguousarray(frame[:, left : left + 160])
        masks.append(laid_along(coarse, small, fine, 2))
    np.testing.assert_allclose(masks[0][:, 80:140], masks[1][:, 16:76], atol=1e-3)
    assert masks[0].max() > 0.5


def test_without_a_mask_nothing_is_covered() -> None:
    picture = np.full((30, 30, 3), SKIN, np.uint8)
    assert not laid_along(np.zeros((30, 30), np.float32), picture, picture, 2).any()


def test_what_is_all_of_a_picture_covers_all_of_it() -> None:
    piece, known = scene(slice(112, 128), 230)
    assert extended(piece, np.ones_like(known), OUTLINE).min() > 0.99
