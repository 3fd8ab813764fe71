"""A second person in a reference photo is told of, with which face is taken; a collar is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.engine.bystander import closer_squares, told_bystander
from headswap_cli.engine.reference import read_photo
from headswap_cli.engine.types import Detection
from headswap_cli.engine.wardrobe import Wardrobe
from tests import media
from tests.engine import heads, worse

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.engine.types import Frame


def face(width: float, x: float = 0, y: float = 0) -> Detection:
    box = np.array([x, y, x + width, y + width], np.float32)
    return Detection(0.9, box, np.zeros((6, 2), np.float32))


@given(
    st.tuples(st.integers(60, 2400), st.integers(60, 2400)),
    st.floats(48, 900),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_wherever_a_smaller_face_is_one_of_a_few_squares_shows_all_of_it(
    size: tuple[int, int], width: float, at: tuple[float, float]
) -> None:
    squares = closer_squares(np.zeros((*size, 3), np.uint8), face(width))
    assert len(squares) <= 16
    if not squares:
        assert 4 * width >= max(size)
        return
    across = 0.9 * min(width, *size)
    left, top = (part * (length - across) for part, length in zip(at, size[::-1], strict=True))
    assert any(
        x <= left + 1 and left + across <= x + side + 1 and y <= top + 1 and top + across <= y + side + 1
        for x, y, side in squares
    )


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ((300, 0), "on the left"),
        ((-300, 40), "on the right"),
        ((10, 300), "above it"),
        ((0, -300), "below it"),
    ],
)
def test_it_is_said_which_face_is_taken(place: tuple[int, int], said: str) -> None:
    (told,) = told_bystander(face(100), [face(100), face(40, *place)], lambda _: 1.0)
    assert f"shows a second face; the larger one, {said}, is taken: " in told
    assert "(the second is 40 % as wide; up to 30 is background)" in told


@pytest.mark.parametrize(
    ("other", "presence"), [(face(29, 300), 1.0), (face(50, 300), 0.02), (face(60, 30, 30), 1.0)]
)
def test_people_in_the_background_a_collar_and_the_face_itself_are_nobody_else(
    other: Detection, presence: float
) -> None:
    assert told_bystander(face(100), [other], lambda _: presence) == []


@pytest.mark.parametrize(("shared", "count"), [(0.15, 1), (0.25, 0)])
def test_heads_that_touch_are_two_and_boxes_that_share_a_quarter_are_one_face(
    shared: float, count: int
) -> None:
    told = told_bystander(face(100), [face(50, 100 - 50 * shared)], lambda _: 1.0)
    assert len(told) == count


@pytest.mark.parametrize(("presence", "count"), [(0.96, 1), (0.8, 0)])
def test_a_face_of_which_the_mesh_is_not_sure_is_nobody_else(presence: float, count: int) -> None:
    assert len(told_bystander(face(100), [face(50, 300)], lambda _: presence)) == count


def _beside(photo: Frame, other: Frame, part: float) -> Frame:
    """Put a person beside another, with a face so much as wide."""
    widths = [
        max(float(one.box[2] - one.box[0]) for one in heads.detector()(picture)) for picture in (photo, other)
    ]
    scale = part * widths[0] / widths[1]
    small = cv2.resize(other, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    room = photo.shape[0] - small.shape[0]
    level = cv2.copyMakeBorder(small, room // 2, room - room // 2, 0, 0, cv2.BORDER_REPLICATE)
    return np.asarray(np.hstack([photo, level]), np.uint8)


@pytest.mark.media
def test_a_photo_with_a_second_face_half_as_wide_is_warned_of_and_one_of_a_single_person_is_not(
    tmp_path: Path,
) -> None:
    wardrobe, single = Wardrobe(media.weights_dir()), media.photo("astronaut.png")
    both = _beside(read_photo(single), read_photo(media.photo("15-f13-anc-ph.jpg")), 0.4)
    warnings = wardrobe.outfits({0: [worse.saved(both, tmp_path / "both.png")]})[0].warnings
    assert any("shows a second face; the larger one, on the left, is taken" in one for one in warnings)
    for name in ("astronaut.png", "gracehopper.jpg", "0-f1-su-ph.jpg"):
        warnings = wardrobe.outfits({0: [media.photo(name)]})[0].warnings
        assert not any("second face" in one for one in warnings)
