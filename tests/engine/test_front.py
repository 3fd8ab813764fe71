"""What stands before a face is found whatever it is, and a face with nothing before it has no holes.

Recall is of the thing's pixels on the face, false alarms are pixels of the face further than 3 % of its
width from the thing. The bounds are what was measured less a tenth (of recall) or 0.5 % of the face: codecs
and the mesh network differ a little from processor to processor.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from headswap_cli.engine import topology
from headswap_cli.engine.appearance import learn, of_face
from headswap_cli.engine.flat import SIDE
from headswap_cli.engine.front import Front
from headswap_cli.engine.geometry import face_box, face_width
from headswap_cli.engine.head import HeadSwapper
from headswap_cli.engine.occlude import Hands
from headswap_cli.engine.piece import Piece, cut_piece
from headswap_cli.engine.rims import closed_rims
from headswap_cli.engine.track import smoothed
from headswap_cli.engine.types import Others
from headswap_cli.engine.veil import features, unveiled
from headswap_cli.models import Mode
from tests import media
from tests.engine import heads
from tests.engine.overlays import OVERLAYS, face_mask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from headswap_cli.engine.hand import Hand
    from headswap_cli.engine.types import Frame, Landmarks, Mask

pytestmark = pytest.mark.media

CLIPS = {
    "carphone_pristine.mp4": (0, 120),
    "single_face.mp4": (0, 72),
    "WolfgangLanger_Pexels.mp4": (270, 120),
}
# In the portrait with glasses: on its rims below the eyes, and on the cheeks behind the lenses.
RIMS = [(195, 213), (209, 229), (224, 232), (240, 229), (251, 216)]
RIMS += [(281, 205), (293, 222), (310, 228), (328, 224), (337, 215), (343, 200)]
LENSES = [(220, 214), (235, 220), (303, 214), (320, 214)]


@cache
def shot(clip: str) -> list[tuple[Frame, Landmarks]]:
    frames, track = heads.scene(clip, *CLIPS[clip])
    return list(zip(frames, smoothed(track), strict=True))[::3]


def triangles() -> NDArray[np.int32]:
    return of_face(heads.reference().triangles)


def piece_of(frame: Frame, landmarks: Landmarks, reach: tuple[float, float] = (0.4, 0.4)) -> Piece:
    """Cut out a face; ``reach`` is how much around it, sideways, and up and down, in face widths."""
    width = face_width(landmarks)
    margin = np.float32(width) * np.array([-reach[0], -reach[1], *reach], np.float32)
    piece = cut_piece(frame, face_box(landmarks) + margin, width)
    assert piece is not None
    return piece


def to_and_fro(photo: Frame, landmarks: Landmarks) -> list[tuple[Frame, Landmarks]]:
    """A portrait turned to and fro; the third view is the photo itself."""
    middle = landmarks[:, :2].mean(axis=0).round().tolist()
    views = []
    for turn in (-4, -2, 0, 2, 4):
        matrix = cv2.getRotationMatrix2D(middle, turn, 1)
        place = landmarks.copy()
        place[:, :2] = landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        views.append((np.asarray(cv2.warpAffine(photo, matrix, photo.shape[1::-1]), np.uint8), place))
    return views


@cache
def bespectacled() -> list[tuple[Frame, Landmarks]]:
    """A portrait with glasses."""
    photo, found = heads.faces("gracehopper.jpg")
    return to_and_fro(photo, heads.mesh().from_detection(photo, found[0])[0])


def watched(clip: str, overlay: str | None) -> tuple[float, float]:
    """Return the recall of what is drawn, and the false alarms as a part of the face."""
    drawn = [
        (*OVERLAYS[overlay](frame, landmarks), landmarks)
        if overlay
        else (frame, np.zeros(frame.shape[:2], np.bool_), landmarks)
        for frame, landmarks in shot(clip)
    ]
    chosen = np.linspace(0, len(drawn) - 1, 12).astype(int)
    appearance = learn([(drawn[k][0], drawn[k][2]) for k in chosen.tolist()], triangles())
    assert appearance is not None
    front = Front(appearance, triangles(), hair_stays=False)
    hits = total = false = area = 0
    for frame, thing, landmarks in drawn:
        found = np.zeros(thing.shape, np.bool_)
        piece = piece_of(frame, landmarks)
        mask = front.find(piece, landmarks)
        if mask is not None:
            found[piece.part] = mask > 0.5
        face = face_mask(frame.shape, landmarks)
        side = 2 * max(1, round(0.03 * face_width(landmarks))) + 1
        near = cv2.dilate(thing.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
        hits += int((found & thing & face).sum())
        total += int((thing & face).sum())
        false += int((found & ~near & face).sum())
        area += int(face.sum())
    return hits / max(1, total), false / area


@pytest.mark.parametrize("clip", CLIPS)
def test_a_face_with_nothing_before_it_has_no_holes(clip: str) -> None:
    assert watched(clip, None)[1] < 0.008


@pytest.mark.parametrize(
    ("clip", "overlay", "recall"),
    [
        ("carphone_pristine.mp4", "microphone", 0.88),
        ("carphone_pristine.mp4", "lettering", 0.83),
        ("carphone_pristine.mp4", "glasses", 0.89),
        ("carphone_pristine.mp4", "sunglasses", 0.89),
        ("carphone_pristine.mp4", "passing bar", 0.9),
        ("single_face.mp4", "microphone", 0.89),
        ("single_face.mp4", "lettering", 0.89),
        ("single_face.mp4", "glasses", 0.9),
        ("single_face.mp4", "sunglasses", 0.9),
        ("single_face.mp4", "clear rims", 0.88),
        ("single_face.mp4", "passing bar", 0.89),
        ("WolfgangLanger_Pexels.mp4", "microphone", 0.89),
        ("WolfgangLanger_Pexels.mp4", "lettering", 0.89),
        ("WolfgangLanger_Pexels.mp4", "glasses", 0.9),
        ("WolfgangLanger_Pexels.mp4", "sunglasses", 0.9),
        ("WolfgangLanger_Pexels.mp4", "passing bar", 0.89),
    ],
)
def test_microphones_words_glasses_and_bars_are_found(clip: str, overlay: str, recall: float) -> None:
    found, false = watched(clip, overlay)
    assert found > recall
    assert false < 0.011


@pytest.mark.parametrize(
    ("clip", "overlay", "recall"),
    [
        ("single_face.mp4", "microphone", 0.89),
        ("WolfgangLanger_Pexels.mp4", "microphone", 0.89),
        ("carphone_pristine.mp4", "passing bar", 0.9),
        ("single_face.mp4", "passing bar", 0.9),
        ("WolfgangLanger_Pexels.mp4", "passing bar", 0.89),
    ],
)
def test_a_thing_is_followed_beyond_the_face_as_far_as_a_head_may_reach(
    clip: str, overlay: str, recall: float
) -> None:
    seen = [(*OVERLAYS[overlay](frame, face), face) for frame, face in shot(clip)]
    appearance = learn([(frame, face) for frame, _, face in seen[::3]], triangles())
    assert appearance is not None
    front = Front(appearance, triangles(), hair_stays=False)
    hits = total = 0
    for frame, thing, face in seen:
        piece = piece_of(frame, face, (0.5, 0.9))
        mask = front.find(piece, face)
        beyond = (thing & ~face_mask(frame.shape, face))[piece.part]
        hits += int((mask[beyond] > 0.5).sum()) if mask is not None else 0
        total += int(beyond.sum())
    assert hits > recall * total


def test_eyes_behind_dark_rims_are_not_the_rims_and_behind_dark_lenses_are_covered() -> None:
    shares = []
    for overlay in ("glasses", "sunglasses"):
        seen = [(OVERLAYS[overlay](frame, face)[0], face) for frame, face in shot("single_face.mp4")]
        appearance = learn(seen[::2], triangles())
        assert appearance is not None
        front = Front(appearance, triangles(), hair_stays=False)
        kept = []
        for frame, face in seen:
            piece = piece_of(frame, face)
            mask = front.find(piece, face)
            assert mask is not None
            pupils = np.round(piece.full(face)[[468, 473], :2]).astype(int)
            kept += [float(mask[y, x]) > 0.5 for x, y in pupils]
        shares.append(np.mean(kept))
    assert shares[0] < 0.1
    assert shares[1] == 1


def test_where_the_face_shows_again_a_thing_has_gone_on() -> None:
    views = shot("single_face.mp4")
    appearance = learn(views, triangles())
    assert appearance is not None
    front = Front(appearance, triangles(), hair_stays=False)
    frame, face = views[0]
    piece = piece_of(OVERLAYS["microphone"](frame, face)[0], face)
    found = front.find(piece, face)
    assert found is not None
    assert float(found.max()) == 1
    after = front.find(piece_of(frame, face), face)
    x, y = np.round(piece.full(face)[199, :2]).astype(int)
    assert found[y - 3 : y + 4, x - 3 : x + 4].max() > 0.5
    assert after is None or after[y - 3 : y + 4, x - 3 : x + 4].max() < 0.1


def test_teeth_that_show_before_the_steadied_lips_part_are_no_thing_and_a_straw_is_one() -> None:
    drawn = shot("single_face.mp4")[:18]
    appearance = learn(drawn, triangles())
    assert appearance is not None
    frame, landmarks = drawn[0]
    lips, chin = landmarks[topology.OUTER_LIPS, :2], landmarks[topology.CHIN, :2]
    middle, (width, height) = lips.mean(axis=0), np.ptp(lips, axis=0)
    for reach, is_thing in ((0.0, False), (0.7, True)):
        bitten, seen = frame.copy(), np.zeros(frame.shape[:2], np.uint8)
        place = np.round(middle).astype(int).tolist()
        cv2.ellipse(seen, place, (round(0.3 * width), round(0.3 * height)), 0, 0, 360, (1,), cv2.FILLED)
        end = np.round(middle + reach * (chin - middle)).astype(int).tolist()
        cv2.line(seen, place, end, (1,), max(2, round(0.05 * width)))
        bitten[seen > 0] = (228, 232, 236)
        found = Front(appearance, triangles(), hair_stays=False).find(piece_of(bitten, landmarks), landmarks)
        assert (found is not None and float(found.max()) > 0.5) == is_thing


def test_the_white_of_an_eye_that_is_wider_open_than_the_steadied_lids_is_no_thing() -> None:
    drawn = shot("single_face.mp4")[:18]
    appearance = learn(drawn, triangles())
    assert appearance is not None
    frame, landmarks = drawn[0]
    lids = landmarks[topology.RIGHT_EYE, :2]
    middle, (width, height) = lids.mean(axis=0), np.ptp(lids, axis=0)
    for reach, is_thing in ((0.0, False), (1.6, True)):
        wide = frame.copy()
        x, y = np.round(middle - (0, 0.35 * height)).astype(int).tolist()
        cv2.ellipse(
            wide, (x, y), (round(0.34 * width), round(0.5 * height)), 0, 0, 360, (228, 232, 236), cv2.FILLED
        )
        # A pen's cap goes on over the cheek.
        end = (x, y + round(reach * width))
        cv2.line(wide, (x, y), end, (228, 232, 236), max(3, round(0.2 * width)))
        found = Front(appearance, triangles(), hair_stays=False).find(piece_of(wide, landmarks), landmarks)
        assert (found is not None and float(found.max()) > 0.5) == is_thing


def test_a_frown_beside_a_hand_is_no_thing() -> None:
    appearance = learn(shot("WolfgangLanger_Pexels.mp4")[::4], triangles())
    assert appearance is not None
    front = Front(appearance, triangles(), hair_stays=False)
    frames, track = heads.scene("WolfgangLanger_Pexels.mp4", 104, 12)
    for frame, landmarks in zip(frames, smoothed(track), strict=True):
        eye = features(landmarks[:, :2], frame.shape[:2], 0)[1]
        piece = piece_of(frame, landmarks)
        mask = front.find(piece, landmarks)
        assert mask is None or float((mask[eye[piece.part]] > 0.5).mean()) < 0.05


@pytest.mark.parametrize(
    ("colours", "reach", "near", "is_kept"),
    [
        ((0.3, 0.35, 0.45), 0.1, True, False),
        ((0.4, 0.4, 0.4), 0.1, True, False),
        ((0.5, 0.45, 0.3), 0.1, True, True),
        ((0.3, 0.35, 0.45), 0.25, True, True),
        ((0.3, 0.35, 0.45), 0.1, False, True),
        ((0.6, 0.7, 1.3), 0.1, True, True),
    ],
)
def test_skin_in_the_shade_of_a_hand_is_no_thing_but_what_is_less_red_larger_lighter_or_elsewhere_is_one(
    colours: tuple[float, ...], reach: float, *, near: bool, is_kept: bool
) -> None:
    appearance = learn(shot("single_face.mp4")[::4], triangles())
    assert appearance is not None
    frame, face = shot("single_face.mp4")[3]
    cheeks = [face[topology.CHEEKS[half], :2].mean(axis=0) for half in (np.s_[:4], np.s_[4:])]
    radius = round(reach * face_width(face))
    spot = np.zeros(frame.shape[:2], np.uint8)
    cv2.circle(spot, np.round(cheeks[0]).astype(int).tolist(), radius, (1,), cv2.FILLED)
    on_it = (spot > 0) & face_mask(frame.shape, face)
    dark = frame.copy()
    dark[on_it] = np.clip(frame[on_it] * np.array(colours), 0, 255).astype(np.uint8)
    piece = piece_of(dark, face)
    hand = np.tile(cheeks[0 if near else 1], (21, 1)).astype(np.float32)
    shares = []
    for hands in ([], [hand]):
        mask = Front(appearance, triangles(), hair_stays=False).find(piece, face, None, hands)
        shares.append(0.0 if mask is None else float((mask[on_it[piece.part]] > 0.5).mean()))
    assert shares[0] > 0.7
    assert shares[1] > 0.7 if is_kept else shares[1] < 0.1


def test_no_dark_wedge_stays_beside_a_finger() -> None:
    frames, track = heads.scene("WolfgangLanger_Pexels.mp4", 58, 17)
    appearance = learn(shot("WolfgangLanger_Pexels.mp4")[::4], triangles())
    kept = []
    hands = Hands(media.weights_dir())
    found = [hands.find(frame, face_box(place)) for frame, place in zip(frames, track, strict=True)]
    nowhere: list[list[Hand]] = [[] for _ in frames]
    for known in (nowhere, found):
        head = HeadSwapper(heads.reference(), track, Mode.HEAD, heads.matte(), appearance=appearance)
        images = [
            head.apply(frame, place, None, Others(hands=near)).image
            for frame, place, near in zip(frames, track, known, strict=True)
        ]
        # Above the hand, where the cheek folds.
        kept.append(float((images[-1][232:268, 350:380].astype(int).sum(axis=2) < 180).mean()))
    assert kept[0] > 0.02
    assert kept[1] < 0.3 * kept[0]


def test_what_is_in_front_is_the_sources_in_the_result_too() -> None:
    seen = [(*OVERLAYS["passing bar"](frame, face), face) for frame, face in shot("carphone_pristine.mp4")]
    appearance = learn([(frame, face) for frame, _, face in seen[::4]], triangles())
    track = np.stack([face for _, _, face in seen])
    head = HeadSwapper(heads.reference(), track, Mode.HEAD, heads.matte(), appearance=appearance)
    blind = HeadSwapper(heads.reference(), track, Mode.HEAD, heads.matte())
    apart: list[list[float]] = [[], []]
    for frame, bar, face in seen[:12]:
        core = cv2.erode((bar & face_mask(frame.shape, face)).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        for kept, swapper in zip(apart, (head, blind), strict=True):
            image = swapper.apply(frame, face).image
            kept.append(float(np.abs(image[core].astype(int) - frame[core]).mean()))
    assert np.mean(apart[0]) < 0.15 * np.mean(apart[1])


def worn_in(views: list[tuple[Frame, Landmarks]]) -> Iterator[tuple[Frame, Landmarks, Piece, Mask]]:
    """Frames of somebody with glasses, where the face is, and what is found before it."""
    appearance = learn(views, triangles())
    assert appearance is not None
    front = Front(appearance, triangles(), hair_stays=False)
    for frame, place in views:
        piece = piece_of(frame, place)
        mask = front.find(piece, place)
        assert mask is not None
        yield frame, place, piece, mask


def test_real_glasses_are_found_by_their_bridge_in_every_frame_and_keep_both_sides() -> None:
    for _, place, piece, mask in worn_in(bespectacled()):
        # The bridge, the upper rims' outer ends, the tip of the nose and the chin.
        points = np.round(piece.full(place)[[168, 226, 446, 4, 199], :2]).astype(int)
        shares = [float(mask[y - 4 : y + 5, x - 4 : x + 5].max()) for x, y in points]
        assert min(shares[:3]) > 0.5
        assert max(shares[3:]) < 0.1


def test_real_glasses_end_with_the_face() -> None:
    for frame, place, piece, mask in worn_in(bespectacled()):
        face = face_mask(frame.shape, place)[piece.part]
        # Hair and the cap beside them have the rims' colour: they were taken for more of them.
        assert int((mask > 0.5)[face].sum()) > 3000
        assert int((mask > 0.5)[~face].sum()) < 20


def test_real_glasses_stay_whole_where_their_rims_are_as_clear_as_skin() -> None:
    views = bespectacled()
    appearance = learn(views, triangles())
    assert appearance is not None
    front = Front(appearance, triangles(), hair_stays=False)
    piece = piece_of(*views[2])
    mask = front.find(piece, views[2][1])
    assert mask is not None
    x, y = (np.array(RIMS) - (piece.x0, piece.y0)).T
    assert mask[y, x].min() > 0.37
    assert mask[y, x].mean() > 0.7
    # What is seen through the lenses is the new face's.
    x, y = (np.array(LENSES) - (piece.x0, piece.y0)).T
    assert mask[y, x].max() < 0.1


def test_real_sunglasses_stay_before_the_face_whatever_they_mirror() -> None:
    photo, found = heads.faces("multi_face.jpg")
    landmarks, _ = heads.mesh().from_detection(photo, min(found, key=lambda face: float(face.box[1])))
    for _, place, piece, mask in worn_in(to_and_fro(photo, landmarks)):
        # Around the eyes, and on the upper lip, the chin and the brow.
        x, y = np.round(piece.full(place)[[27, 23, 257, 253, 164, 199, 151], :2]).astype(int).T
        assert mask[y, x][:4].min() > 0.8
        assert mask[y, x][4:].max() < 0.1


@pytest.mark.parametrize("clip", CLIPS)
def test_no_rims_are_found_around_the_eyes_of_who_wears_none(clip: str) -> None:
    appearance = learn(shot(clip)[::3], triangles())
    assert appearance is not None
    everywhere, nowhere = np.ones((SIDE, SIDE), np.bool_), np.zeros((SIDE, SIDE), np.bool_)
    assert not appearance.worn.any()
    assert closed_rims(appearance.colours, appearance.layout, everywhere, nowhere) is None


def test_too_few_views_teach_nothing() -> None:
    assert learn(shot("single_face.mp4")[:2], triangles()) is None


def test_what_passes_by_is_forgotten_and_what_stays_on_the_skin_is_taken_off() -> None:
    views = shot("single_face.mp4")
    clean = learn(views, triangles())
    veiled = learn([(OVERLAYS["microphone"](frame, face)[0], face) for frame, face in views], triangles())
    assert clean is not None
    assert veiled is not None
    # The handle crosses the chin: without it, skin as bright as the clean chin's.
    chin = np.s_[SIDE - 20 : SIDE - 12, SIDE // 2 - 4 : SIDE // 2 + 12]
    apart = np.abs(clean.colours[chin].mean(axis=(0, 1)) - veiled.colours[chin].mean(axis=(0, 1)))
    assert apart.max() < 35


def test_a_red_fold_is_the_faces_own_and_a_yellow_stroke_is_not() -> None:
    clean = learn(shot("single_face.mp4"), triangles())
    assert clean is not None
    inside = np.ones((SIDE, SIDE), np.bool_)
    covered = []
    for colour in ((25, 30, 140), (40, 235, 250)):
        face = np.full((SIDE, SIDE, 3), (110, 150, 235), np.float32)
        face[70:78, 24:26] = colour
        covered.append(unveiled(face, clean.layout, inside)[1][70:78, 24:26].all())
    assert covered == [False, True]


def test_a_face_that_looks_like_nobody_known_tells_nothing() -> None:
    views = shot("single_face.mp4")
    appearance = learn(views, triangles())
    assert appearance is not None
    front = Front(appearance, triangles(), hair_stays=False)
    frame, face = views[0]
    chequers = np.indices(frame.shape[:2]).sum(axis=0) // 30 % 2 * 255
    other = np.repeat(chequers[..., np.newaxis], 3, axis=2).astype(np.uint8)
    assert front.find(piece_of(other, face), face) is None


def test_a_thing_is_forgotten_with_its_shot() -> None:
    views = shot("single_face.mp4")
    appearance = learn(views, triangles())
    assert appearance is not None
    front = Front(appearance, triangles(), hair_stays=False)
    frame, face = views[0]
    barred = OVERLAYS["microphone"](frame, face)[0]
    assert front.find(piece_of(barred, face), face) is not None
    front.reset()
    assert front.find(piece_of(frame, face), face) is None
