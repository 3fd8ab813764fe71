"""Hands before a face are found and kept."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from headswap_cli.engine import occlude
from headswap_cli.engine.geometry import face_box
from headswap_cli.engine.hand import hand_mask
from headswap_cli.engine.handtrack import LOOK_BACK
from headswap_cli.engine.occlude import Hands
from headswap_cli.engine.pipeline import Pipeline
from tests import media, quality
from tests.engine import heads

pytestmark = pytest.mark.media

CLIP = "WolfgangLanger_Pexels.mp4"


@pytest.fixture(scope="module")
def hands() -> Hands:
    return Hands(media.weights_dir())


def test_a_hand_before_the_face_is_found_in_the_very_first_frame(hands: Hands) -> None:
    frames, landmarks = heads.scene(CLIP, 168, 3)
    hands.reset()
    found = hands.find(frames[0], face_box(landmarks[0]))
    assert found
    mask = hand_mask(found, frames[0], (0, 0), 1.0)
    assert mask is not None
    # The fingers lie on the lower left of the face; its right half and the wall are free.
    assert mask[230:300, 310:340].mean() > 0.5
    assert mask[100:160, 380:420].max() < 0.1
    assert mask[:, :150].max() == 0


@pytest.mark.parametrize("start", [62, 76, 82, 84, 86, 88])
def test_a_hand_is_still_known_when_its_palm_is_turned_away(hands: Hands, start: int) -> None:
    hands.reset()
    frames, landmarks = heads.scene(CLIP, start - LOOK_BACK, LOOK_BACK + 1)
    counts = [len(hands.find(frame, face_box(face))) for frame, face in zip(frames, landmarks, strict=True)]
    assert counts[-1] == 1


def test_a_face_that_is_elsewhere_has_other_hands(hands: Hands) -> None:
    frames, landmarks = heads.scene(CLIP, 168, 3)
    hands.reset()
    assert hands.find(frames[0], face_box(landmarks[0]))
    width = float(np.ptp(landmarks[0][:, 0]))
    assert not hands.find(frames[0], face_box(landmarks[0]) - np.float32(4 * width))


def test_a_hand_is_kept_between_looks_for_new_ones(hands: Hands) -> None:
    frames, landmarks = heads.scene(CLIP, 168, 3)
    hands.reset()
    counts = [len(hands.find(frame, face_box(face))) for frame, face in zip(frames, landmarks, strict=True)]
    assert counts == [counts[0]] * 3


def test_a_hand_that_rests_stays_where_it_is_and_is_seldom_looked_at(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, landmarks = heads.scene(CLIP, 168, 3)
    face = face_box(landmarks[0])
    looked, add = [0], hands._add

    def counted(*arguments: Any) -> None:
        looked[0] += 1
        add(*arguments)

    monkeypatch.setattr(hands, "_add", counted)
    hands.reset()
    for _ in range(8):
        settled = hands.find(frames[0], face)
    looked[0] = 0
    later = [hands.find(frames[0], face) for _ in range(12)]
    assert looked[0] <= 4
    assert max(np.abs(found[0] - settled[0]).max() for found in later) < 0.03 * np.ptp(settled[0])


def test_a_hand_that_moves_on_is_followed(hands: Hands) -> None:
    frames, landmarks = heads.scene(CLIP, 168, 3)
    hands.reset()
    for _ in range(8):
        settled = hands.find(frames[0], face_box(landmarks[0]))
    moved = np.roll(frames[0], 30, axis=0)
    found = hands.find(moved, face_box(landmarks[0]) + np.array([0, 30, 0, 30], np.float32))
    assert np.median(found[0][:, 1] - settled[0][:, 1]) == pytest.approx(30, abs=6)


def test_a_hand_that_comes_before_a_bare_face_is_found_in_its_first_frame(hands: Hands) -> None:
    frames, landmarks = heads.scene(CLIP, 50, 10)
    hands.reset()
    counts = [len(hands.find(frame, face_box(face))) for frame, face in zip(frames, landmarks, strict=True)]
    assert counts == [0] * 8 + [1] * 2


def made_doubtful(hands: Hands, monkeypatch: pytest.MonkeyPatch, *chances: float) -> None:
    """Let what may be hands be so likely, look for look; the last one holds from there on."""
    joined, left = hands._joined, list(chances)

    def doubtful(*arguments: Any) -> tuple[Any, float]:
        hand, presence = joined(*arguments)
        chance = left.pop(0) if len(left) > 1 else left[0]
        return hand, chance if presence >= 0.5 else presence

    monkeypatch.setattr(hands, "_joined", doubtful)


def test_what_may_be_a_hand_is_believed_where_one_came_and_not_where_it_always_was(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_doubtful(hands, monkeypatch, 0.84)
    frames, landmarks = heads.scene(CLIP, 50, 10)
    hands.reset()
    came = [len(hands.find(frame, face_box(face))) for frame, face in zip(frames, landmarks, strict=True)]
    assert came[-1] == 1
    frames, landmarks = heads.scene(CLIP, 168, 3)
    hands.reset()
    assert not any(hands.find(frame, face_box(face)) for frame, face in zip(frames, landmarks, strict=True))


def test_what_always_was_there_and_is_hardly_certain_is_a_hand_if_it_is_steady(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, landmarks = heads.scene(CLIP, 168, 1)
    with monkeypatch.context() as patch:
        made_doubtful(hands, patch, 0.9)
        hands.reset()
        assert len(hands.find(frames[0], face_box(landmarks[0]))) == 1
    made_doubtful(hands, monkeypatch, 0.9, 0.9, 0.8)
    hands.reset()
    assert not hands.find(frames[0], face_box(landmarks[0]))


def test_what_is_hardly_certain_and_has_not_the_faces_colour_is_no_hand(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, landmarks = heads.scene(CLIP, 168, 1)
    face, painted = face_box(landmarks[0]), frames[0].copy()
    hands.reset()
    hand = hand_mask(hands.find(painted, face), painted, (0, 0), 1.0)
    assert hand is not None
    # All but the hand turns green.
    painted[hand <= 0.05] = painted[hand <= 0.05] * np.array([0.7, 1, 0.75])
    made_doubtful(hands, monkeypatch, 0.9)
    hands.reset()
    assert not hands.find(painted, face)
    monkeypatch.setattr(occlude, "_has_skin", lambda *_: True)
    hands.reset()
    assert len(hands.find(painted, face)) == 1


def test_what_is_hardly_certain_and_has_the_faces_colour_in_half_is_no_hand(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, landmarks = heads.scene(CLIP, 168, 1)
    face, painted = face_box(landmarks[0]), frames[0].copy()
    hands.reset()
    (joints,) = hands.find(painted, face)
    off = np.zeros(painted.shape[:2], np.uint8)
    for x, y in np.round(joints[::2]).astype(int).tolist():
        cv2.circle(off, (x, y), 4, (1,), cv2.FILLED)
    painted[off > 0] = painted[off > 0] * np.array([0.7, 1, 0.75])
    made_doubtful(hands, monkeypatch, 0.9)
    hands.reset()
    assert not hands.find(painted, face)
    monkeypatch.setattr(occlude, "_has_skin", lambda *_: True)
    hands.reset()
    assert len(hands.find(painted, face)) == 1


def test_brows_and_hair_beside_a_finger_are_no_part_of_the_hand(hands: Hands) -> None:
    frame = np.full((120, 120, 3), (130, 150, 190), np.uint8)
    points = np.zeros((21, 2), np.float32)
    points[:, 0] = np.concatenate([[60], np.repeat([30, 45, 60, 75, 90], 4)])
    points[:, 1] = np.concatenate([[115], np.tile([90, 70, 55, 40], 5)])
    plain = hand_mask([points], frame, (0, 0), 1.0)
    frame[30:60, 62:70] = 20
    mask = hand_mask([points], frame, (0, 0), 1.0)
    assert plain is not None
    assert mask is not None
    assert plain[40:55, 65:67].mean() > 0.6
    assert mask[40:55, 65:67].mean() < 0.2
    assert mask[40:55, 59:61].mean() > 0.8


def test_a_face_without_hands_has_no_mask(hands: Hands) -> None:
    frames, landmarks = heads.scene("single_face.mp4", 0, 2)
    hands.reset()
    for frame, face in zip(frames, landmarks, strict=True):
        assert hand_mask(hands.find(frame, face_box(face)), frame, (0, 0), 1.0) is None


def test_a_small_face_that_shakes_is_no_hand_before_itself(hands: Hands) -> None:
    # 40 pixels wide and bald, filmed by a camera that shakes from the sixth frame on.
    clip = media.clip("obama_speech.mp4")
    scene = Pipeline(media.weights_dir()).analyse(clip, on_progress=quality.silent)
    (track,) = min(
        (person.tracks for person in scene.people), key=lambda tracks: tracks[0].landmarks[0][0, 0]
    )
    hands.reset()
    for frame, face in zip(media.frames_of(clip, count=12), track.landmarks, strict=False):
        assert not hands.find(frame, face_box(face))


def test_the_mask_of_a_piece_is_the_piece_of_the_mask(hands: Hands) -> None:
    frames, landmarks = heads.scene(CLIP, 168, 3)
    hands.reset()
    found = hands.find(frames[0], face_box(landmarks[0]))
    whole = hand_mask(found, frames[0], (0, 0), 1.0)
    piece = hand_mask(found, frames[0][100:, 200:], (200, 100), 1.0)
    assert whole is not None
    assert piece is not None
    np.testing.assert_allclose(piece[30:-30, 30:-30], whole[130:-30, 230:-30], atol=0.02)


def test_a_hand_drawn_small_ends_where_it_does_at_full_size() -> None:
    # Five fingers, each 40 pixels wide and lit, before something dark; drawn at a quarter of the size.
    fine = np.full((400, 400, 3), 60, np.uint8)
    middles = np.array([60, 130, 200, 270, 340])
    for middle in middles:
        fine[60:, middle - 20 : middle + 20] = 190
    points = np.zeros((21, 2), np.float32)
    points[:, 0] = np.concatenate([[200], np.repeat(middles, 4)])
    points[:, 1] = np.concatenate([[390], np.tile([310, 240, 170, 100], 5)])
    small = np.asarray(cv2.resize(fine, (100, 100), interpolation=cv2.INTER_AREA), np.uint8)
    mask = hand_mask([points], small, (0, 0), 0.25, fine)
    assert mask is not None
    assert mask.shape == fine.shape[:2]
    fingers = mask[110:230]
    for middle in middles:
        assert fingers[:, middle - 18 : middle + 18].min() > 0.9
        assert fingers[:, [middle - 23, middle + 23]].max() < 0.1
