"""What a hand holds up to a face stays in front of the new head: below the jaw too, where no face shows it.

The shares are what was measured, less a tenth.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from headswap_cli.engine import topology
from headswap_cli.engine.appearance import learn, of_face
from headswap_cli.engine.geometry import face_box, face_width, inside_hull
from headswap_cli.engine.held import may_be_taken_for_things, with_held
from headswap_cli.engine.piece import Piece, cut_piece
from tests.engine import heads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headswap_cli.engine.types import Frame, Landmarks, Mask

pytestmark = pytest.mark.media

BLACK, SKIN, HAIR = (30, 26, 28), (120, 150, 200), (38, 42, 48)


@cache
def portrait() -> tuple[Frame, Landmarks]:
    """Return a man before a wall, and where his face is: (height, width, 3) BGR, (478, 3) pixels."""
    frames, track = heads.scene("single_face.mp4", 0, 1)
    return frames[0], track[0]


def drawn(frame: Frame, *, hair: bool = False) -> tuple[Frame, NDArray[np.bool_], NDArray[np.bool_]]:
    """Paint a fist below the chin with a black microphone in it, and dark hair beside the jaw.

    Returns: The picture, where the microphone is, and where the fist.
    """
    _, face = portrait()
    width, (x, y) = face_width(face), face[topology.CHIN, :2]
    masks = [np.zeros(frame.shape[:2], np.uint8) for _ in range(3)]
    middle = (round(float(x - 0.1 * width)), round(float(y + 0.08 * width)))
    cv2.circle(masks[0], middle, round(0.15 * width), (1,), -1)
    fist = (round(float(x - 0.1 * width)), round(float(y + 0.36 * width)))
    cv2.ellipse(masks[1], fist, (round(0.2 * width), round(0.16 * width)), 0, 0, 360, (1,), -1)
    if hair:
        left = face[topology.OVAL, 0].min()
        top, low = face[33, 1], y + 0.3 * width
        cv2.rectangle(
            masks[2],
            (round(float(left - 0.2 * width)), round(float(top))),
            (round(float(x - 0.22 * width)), round(float(low))),
            (1,),
            -1,
        )
        masks[2][inside_hull(face[topology.OVAL], frame.shape[:2]) > 0] = 0
    picture = frame.copy()
    for mask, colour in zip(masks[::-1], (HAIR, SKIN, BLACK), strict=True):
        picture[mask > 0] = colour
    return picture, (masks[0] > 0) & (masks[1] == 0), masks[1] > 0


def joints(fist: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return 21 joints within a fist, (21, 2)."""
    rows, columns = np.nonzero(fist)
    chosen = np.linspace(0, len(rows) - 1, 21).astype(int)
    return np.stack([columns[chosen], rows[chosen]], axis=1).astype(np.float32)


def cut(picture: Frame) -> Piece:
    _, face = portrait()
    width = face_width(face)
    around = np.float32(width) * np.array([-0.5, -0.8, 0.5, 0.7], np.float32)
    piece = cut_piece(picture, face_box(face) + around, width)
    assert piece is not None
    return piece


def covered_by(picture: Frame, known: NDArray[np.bool_], fist: NDArray[np.bool_], *, hangs: bool) -> Mask:
    """Return how much of each pixel of the picture is covered, where ``known`` is known to be."""
    _, face = portrait()
    piece = cut(picture)
    person = np.ones(piece.small.shape[:2], np.float32)
    covered = np.asarray(known[piece.part], np.float32)
    whole = np.zeros(picture.shape[:2], np.float32)
    hands = [joints(fist)] if fist.any() else []
    whole[piece.part] = with_held(piece, covered, person, face, hands, hangs=hangs)
    return whole


def test_a_microphone_that_hardly_reaches_the_face_stays_whole_with_the_hand_that_holds_it() -> None:
    frame, face = portrait()
    picture, microphone, fist = drawn(frame)
    covered = covered_by(picture, fist, fist, hangs=False)
    on_face = inside_hull(face[topology.OVAL], frame.shape[:2]) > 0
    assert covered[microphone & ~on_face].mean() > 0.8
    assert covered[microphone & on_face].mean() > 0.7
    around = cv2.dilate((microphone | fist).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert covered[on_face & ~around].mean() < 0.01


def test_a_part_of_a_microphone_that_is_found_before_the_chin_brings_the_rest_without_any_hand() -> None:
    frame, face = portrait()
    picture, microphone, fist = drawn(frame)
    on_face = inside_hull(face[topology.OVAL], frame.shape[:2]) > 0
    nothing = np.zeros_like(fist)
    covered = covered_by(picture, microphone & on_face, nothing, hangs=False)
    assert covered[microphone].mean() > 0.8


def test_hair_that_hangs_down_beside_a_hand_is_not_what_the_hand_holds() -> None:
    frame, _ = portrait()
    picture, microphone, fist = drawn(frame, hair=True)
    hair = (picture == HAIR).all(axis=2)
    around = cv2.dilate((microphone | fist).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert covered_by(picture, fist, fist, hangs=True)[hair & ~around].max() < 0.1


def test_where_nothing_is_in_front_nothing_is_held() -> None:
    frame, _ = portrait()
    nothing = np.zeros(frame.shape[:2], np.bool_)
    assert not covered_by(frame, nothing, nothing, hangs=False).any()


@pytest.mark.parametrize(("dyed", "is_taken"), [(False, False), (True, True)])
def test_a_grey_beard_may_be_taken_for_what_a_hand_holds_and_a_brown_one_not(
    dyed: bool, is_taken: bool
) -> None:
    frames, track = heads.scene("single_face.mp4", 0, 5)
    views = []
    for frame, face in zip(frames, track, strict=True):
        chin = np.zeros(frame.shape[:2], np.uint8)
        cv2.fillPoly(chin, [cv2.convexHull(np.round(face[topology.BEARD, :2]).astype(np.int32))], (1,))
        beard = cv2.dilate(chin, np.ones((7, 7), np.uint8)) > 0
        bearded = frame.copy()
        bearded[beard] = (70, 72, 75) if dyed else (frame[beard] * 0.55).astype(np.uint8)
        views.append((bearded, face))
    appearance = learn(views, of_face(heads.reference().triangles))
    assert appearance is not None
    assert may_be_taken_for_things(appearance) is is_taken
