"""Long hair under a head with shorter hair: it is found, it goes, and neither neck nor hand goes with it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.head import HeadSwapper
from headswap_cli.engine.headmatte import HeadMatte
from headswap_cli.engine.mode import OwnHead, Treatment, own_head, treat
from headswap_cli.engine.piece import Piece, cut_piece
from headswap_cli.engine.tresses import beside_jaw
from headswap_cli.engine.types import Frame, Landmarks, Mask
from headswap_cli.models import Mode
from tests.engine import heads, worse

pytestmark = pytest.mark.media

LONG = ("WolfgangLanger_Pexels.mp4", 300, 6)
SHORT = ("single_face.mp4", 0, 6)
SIZE = 120


def found_in(frame: Frame, landmarks: Landmarks, *, is_long: bool) -> tuple[Piece, Mask]:
    """Return a piece around the head, and its falling hair."""
    width = face_width(landmarks)
    middle = landmarks[topology.OVAL, :2].mean(axis=0)
    box = np.array([*(middle - 1.6 * width), *(middle + 1.6 * width)], np.float32)
    piece = cut_piece(frame, box, width)
    assert piece is not None
    person = HeadMatte(heads.matte()).of_piece(frame, piece, middle, width)
    return piece, beside_jaw(piece.small, person, piece.reduced(landmarks), is_long=is_long).hair


def test_hair_beside_the_neck_is_found_and_the_face_and_the_neck_are_not() -> None:
    frames, landmarks = heads.scene(*LONG)
    piece, hair = found_in(frames[0], landmarks[0], is_long=True)
    face = piece.reduced(landmarks[0])
    width, middle = face_width(face), float(face[topology.OVAL, 0].mean())
    below = round(float(face[topology.CHIN, 1]) - 0.05 * width)
    beside = [hair[below, round(middle + side * 0.65 * width)] for side in (-1, 1)]
    assert min(beside) > 0.8
    assert hair[:, round(middle)].max() < 0.05
    inner = np.round(face[topology.OVAL, :2] * 0.8 + face[topology.OVAL, :2].mean(axis=0) * 0.2).astype(
        np.int32
    )
    area = cv2.fillPoly(np.zeros(hair.shape, np.uint8), [inner], (1,)) > 0
    assert hair[area].max() < 0.1


def test_hair_that_hangs_before_the_neck_goes_up_to_the_skin() -> None:
    frames, landmarks = heads.scene(*LONG)
    piece, hair = found_in(frames[0], landmarks[0], is_long=True)
    face = piece.reduced(landmarks[0])
    width, middle = face_width(face), float(face[topology.OVAL, 0].mean())
    below = round(float(face[topology.CHIN, 1]) + 0.1 * width)
    assert hair[below, round(middle - 0.33 * width)] > 0.8
    assert hair[below, round(middle + 0.1 * width)] < 0.05


def test_short_hair_does_not_fall() -> None:
    frames, landmarks = heads.scene(*SHORT)
    _, hair = found_in(frames[0], landmarks[0], is_long=False)
    assert hair.mean() < 0.025


def placed() -> Landmarks:
    """A face 40 pixels wide in the middle of a picture."""
    scaled = heads.reference().landmarks * np.float32(40 / heads.reference().face_width)
    return np.asarray(scaled + np.array([60, 66, 0], np.float32) - scaled[topology.OVAL].mean(axis=0))


def in_black(face: Landmarks) -> tuple[Frame, Mask]:
    """Somebody whose dark hair hangs down on one side onto a shirt of its colour; their piece and matte."""
    rows, columns = np.indices((SIZE, SIZE))
    chin = float(face[topology.CHIN, 1])
    skin = (np.abs(columns - 60) < 15) & (rows > 60) & (rows < chin + 6)
    cv2.fillPoly(
        outline := np.zeros((SIZE, SIZE), np.uint8), [face[topology.OVAL, :2].astype(np.int32)], (1,)
    )
    hair = (np.hypot((columns - 60) / 27, (rows - 58) / 34) < 1) & (rows < 72)
    strand = (columns > 36) & (columns < 42) & (rows > 60)
    shirt = (rows > chin - 4 + 0.1 * np.abs(columns - 60)) & (np.abs(columns - 60) < 44)
    picture = np.full((SIZE, SIZE, 3), (190, 200, 205), np.uint8)
    picture[hair | strand | shirt] = (22, 20, 20)
    picture[skin | (outline > 0)] = (110, 140, 195)
    return picture, (hair | strand | shirt | skin | (outline > 0)).astype(np.float32)


def test_a_dark_shirt_that_dark_hair_touches_is_no_hair() -> None:
    face = placed()
    frame, person = in_black(face)
    hair = beside_jaw(frame, person, face, is_long=False).hair
    chin = round(float(face[topology.CHIN, 1]))
    assert hair[chin - 12, 39] > 0.6
    assert hair[chin + 2 :].max() < 0.2


def test_a_strap_beside_the_jaw_is_neither_hair_nor_skin_and_a_strand_is_hair() -> None:
    face = placed()
    frame, person = in_black(face)
    ears, chin = (round(float(face[place, 1].mean())) for place in ([132, 361], [topology.CHIN]))
    strap = np.s_[ears - 20 : chin - 8, 81:89]
    frame[strap], person[strap] = (170, 200, 200), 1
    found = beside_jaw(frame, person, face, is_long=False)
    assert found.neither[ears + 2 : chin - 9, 83:87].min() == 1
    assert found.neither[:ears].max() == 0
    assert found.neither[:, :78].max() == 0
    assert beside_jaw(frame, person, face, is_long=True).neither.max() == 0


def long_haired() -> tuple[Frame, Mask]:
    """Somebody whose hair hangs down to their shoulders, as far as a face's width from the middle."""
    frame, person = in_black(placed())
    rows, columns = np.indices((SIZE, SIZE))
    aside = np.abs(columns - 60)
    frame[(aside > 20) & (rows > 72)], person[(aside > 20) & (rows > 72)] = (190, 200, 205), 0
    hair, shoulders = (aside > 20) & (aside < 40) & (rows > 40) & (rows < 112), (aside >= 40) & (rows > 100)
    for area, colour in ((hair, (22, 20, 20)), (shoulders, (150, 60, 40))):
        frame[area], person[area] = colour, 1
    return frame, person


def test_long_hair_is_looked_for_further_from_the_face_than_short_hair() -> None:
    long, short = (beside_jaw(*long_haired(), placed(), is_long=one).hair for one in (True, False))
    aside, below = (80, 26), (96, 34)
    assert min(long[aside], long[below]) > 0.6
    assert max(short[aside], short[below]) < 0.05
    assert short[80, 34] > 0.9


def test_long_hair_goes_with_its_loose_strands_and_what_lies_on_the_shoulders_stays() -> None:
    hair = beside_jaw(*long_haired(), placed(), is_long=True).hair
    edge = 20
    assert hair[80, edge - 2] > 0.6
    assert hair[80, edge - 5] < 0.05
    assert hair[106:].max() < 0.1


def test_light_that_falls_on_long_hair_makes_nothing_else_of_it() -> None:
    frame, person = long_haired()
    frame[74:92, 22:36] = 56
    assert beside_jaw(frame, person, placed(), is_long=True).hair[76:90, 24:34].min() > 0.9
    assert beside_jaw(frame, person, placed(), is_long=False).neither[76:90, 32:35].min() == 1
    frame[74:92, 22:36] = 250
    assert beside_jaw(frame, person, placed(), is_long=True).neither.max() == 0


def test_short_hair_goes_though_a_shoulder_is_raised_beside_it() -> None:
    frame, person = in_black(placed())
    raised = np.s_[70:, :16]
    frame[raised], person[raised] = (150, 60, 40), 1
    assert beside_jaw(frame, person, placed(), is_long=False).hair[76, 39] > 0.6


def test_without_hair_or_face_in_sight_there_is_none() -> None:
    frames, landmarks = heads.scene(*SHORT)
    piece, _ = found_in(frames[0], landmarks[0], is_long=False)
    nobody = np.zeros(piece.small.shape[:2], np.float32)
    assert not beside_jaw(piece.small, nobody, piece.reduced(landmarks[0]), is_long=True).hair.any()


def test_forced_to_swap_the_head_no_stump_of_the_old_hair_stays() -> None:
    frames, landmarks = heads.scene(*LONG)
    width, middle = face_width(landmarks[0]), float(landmarks[0][topology.OVAL, 0].mean())
    row = round(float(landmarks[0][topology.CHIN, 1]) - 0.05 * width)
    column = round(middle - 0.7 * width)
    strands = np.s_[row - 12 : row + 12, column - 8 : column + 8]

    head = HeadSwapper(heads.reference(), landmarks, Mode.HEAD, heads.matte(), cuts_hair=True)
    made = head.apply(frames[0], landmarks[0]).image

    def _roughness(picture: Frame) -> float:
        return float(picture[strands].std(axis=(0, 1)).mean())

    assert _roughness(made) < 0.2 * _roughness(frames[0])


def samples(clip: tuple[str, int, int]) -> list[tuple[Frame, Landmarks]]:
    return list(zip(*heads.scene(*clip), strict=True))


def test_long_hair_is_cut_only_where_the_whole_head_was_asked_for() -> None:
    long, short = samples(LONG), samples(SHORT)
    assert treat(heads.reference(), own_head(long, heads.matte())) == Treatment(Mode.FACE)
    wholly = treat(heads.reference(), own_head(long, heads.matte()), Mode.HEAD)
    assert wholly == Treatment(Mode.HEAD, cuts_hair=True, bares_neck=True)
    assert treat(heads.reference(), own_head(long, heads.matte()), Mode.FACE) == Treatment(Mode.FACE)
    assert treat(heads.reference(), own_head(short, heads.matte()), Mode.HEAD) == Treatment(Mode.HEAD)


@pytest.mark.parametrize(("hanging", "mode"), [(0.8, Mode.HEAD), (1.0, Mode.FACE)])
def test_hair_that_falls_onto_the_shoulders_is_kept_where_the_photo_has_a_bob(
    hanging: float, mode: Mode
) -> None:
    bob = heads.reference("0-f15-hao-ph.jpg")
    assert treat(bob, OwnHead(hanging, is_cut_off=False)).mode is mode
    assert treat(bob, OwnHead(hanging, is_cut_off=False), Mode.HEAD) == Treatment(Mode.HEAD, cuts_hair=True)


def test_a_head_that_the_photo_cuts_off_lends_only_its_face() -> None:
    photo = worse.moment("WolfgangLanger_Pexels.mp4", 225)
    cropped = heads.head_of(photo)
    assert cropped.is_cut_off
    assert not heads.reference().is_cut_off
    assert not heads.reference("0-f15-hao-ph.jpg").is_cut_off
    assert treat(cropped, own_head(samples(SHORT), heads.matte())).mode is Mode.FACE
    assert treat(cropped, own_head(samples(SHORT), heads.matte()), Mode.HEAD).mode is Mode.HEAD


def test_the_shoulders_of_somebody_who_leans_forward_are_no_long_hair() -> None:
    frame, (face,) = heads.faces("single_face.jpg")
    landmarks, _ = heads.mesh().from_detection(frame, face)
    assert treat(heads.reference(), own_head([(frame, landmarks)], heads.matte())) == Treatment(Mode.HEAD)
