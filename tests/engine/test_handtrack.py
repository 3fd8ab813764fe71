"""Hands are followed through a shot, also back to frames in which they could not be found."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.engine.geometry import face_box
from headswap_cli.engine.hand import hand_mask
from headswap_cli.engine.handtrack import LOOK_BACK, HandTracker
from headswap_cli.engine.occlude import Hands
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.segments import segments
from headswap_cli.engine.track import PATIENCE_BEHIND
from headswap_cli.models import Mode
from tests import media, quality
from tests.engine import heads

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from headswap_cli.engine.hand import Hand
    from headswap_cli.engine.types import Box, Frame, Mask

CLIP = "WolfgangLanger_Pexels.mp4"

FACE = np.zeros((478, 3), np.float32)
FACE[:, :2] = np.linspace(40, 80, 478)[:, np.newaxis]
PIXELS = np.zeros((120, 160, 3), np.uint8)


class OneHand:
    """Finds a hand by itself where it is plain, and follows it through the frames that it is there.

    Frames tell their index by their first pixel.
    """

    def __init__(self, there: range, plain: range) -> None:
        self._there, self._plain, self._knows = there, plain, False

    def reset(self) -> None:
        self._knows = False

    def another(self) -> OneHand:
        other = copy(self)
        other.reset()
        return other

    def turned_round(self) -> OneHand:
        return copy(self)

    def find(self, frame: Frame, face: Box) -> list[Hand]:
        index = int(frame[0, 0, 0])
        self._knows = index in self._plain or (self._knows and index in self._there)
        return [np.full((21, 2), index, np.float32)] if self._knows else []


def frame_of(index: int) -> Frame:
    frame = PIXELS.copy()
    frame[0, 0] = index
    return frame


def tracked(finder: OneHand, seen: Sequence[int], count: int) -> HandTracker[str]:
    """Show frames from 0 on, with a face in some of them."""
    tracker: HandTracker[str] = HandTracker(cast("Hands", finder))
    for index in range(count):
        tracker.look(index, frame_of(index), {"face": FACE} if index in seen else {})
    return tracker


@given(st.integers(0, 80), st.integers(0, 80), st.integers(0, 80))
def test_a_hand_that_has_been_well_seen_is_followed_back_to_where_it_came(
    first: int, middle: int, last: int
) -> None:
    first, found, last = sorted((first, middle, last))
    finder = OneHand(range(first, last + 1), range(found, last + 1))
    hands = tracked(finder, range(90), 90).between("face", 0, 89)
    is_well_seen = last - found >= 6
    assert list(hands) == list(range(max(first, found - LOOK_BACK) if is_well_seen else found, last + 1))
    assert all(hand[0, 0] == index for index, near in hands.items() for hand in near)


def test_a_hand_that_hides_the_face_is_followed_until_the_face_has_been_gone_too_long() -> None:
    hand = range(5, 60)
    tracker = tracked(OneHand(hand, hand), [*range(10), *range(15, 20)], 60)
    assert list(tracker.between("face", 0, 59)) == list(range(5, 20 + PATIENCE_BEHIND))
    assert list(tracker.between("face", 11, 13)) == [11, 12, 13]


def test_a_face_that_was_none_and_one_that_never_was_have_no_hands() -> None:
    tracker = tracked(OneHand(range(9), range(9)), range(9), 9)
    assert tracker.between("another", 0, 8) == {}
    tracker.forget("face")
    assert tracker.between("face", 0, 8) == {}


def test_of_large_frames_fewer_are_kept_to_go_back_to() -> None:
    tracker: HandTracker[str] = HandTracker(cast("Hands", OneHand(range(40), range(24, 40))))
    for index in range(40):
        frame = np.broadcast_to(np.uint8(index), (720, 1280, 3))
        tracker.look(index, frame, {"face": FACE})
    assert list(tracker.between("face", 0, 39)) == list(range(9, 40))


@pytest.mark.media
@pytest.mark.parametrize("start", [82, 86, 140])
def test_a_hand_whose_palm_is_turned_away_stays_from_the_first_frame_of_a_shot(
    tmp_path: Path, start: int
) -> None:
    source, target = tmp_path / "in.mp4", tmp_path / "out.mp4"
    media.excerpt(media.clip(CLIP), source, start=start, count=40)

    quality.swap(Pipeline(media.weights_dir()), source, target, Mode.HEAD)

    assert _hand_stays(source, target, 0, start)


@pytest.mark.media
def test_it_stays_too_where_the_shot_begins_in_the_middle_of_a_segment(tmp_path: Path) -> None:
    count, start = 14, 140
    parts = [tmp_path / "before.mp4", media.clip("carphone_pristine.mp4"), tmp_path / "shot.mp4"]
    for part, at in ((parts[0], 300), (parts[2], start)):
        media.excerpt(media.clip(CLIP), part, start=at, count=count)
    source, target = media.concatenated(parts, tmp_path / "in.mp4", count=count), tmp_path / "out.mp4"

    scene, _ = quality.swap(Pipeline(media.weights_dir()), source, target, Mode.HEAD)

    assert [shot.first_frame for shot in scene.shots] == [0, count, 2 * count]
    assert len(segments(scene)) == 1
    assert _hand_stays(source, target, 2 * count, start)


@pytest.mark.media
def test_it_stays_too_in_a_segment_that_begins_soon_after_the_shot(tmp_path: Path) -> None:
    start, cut, count = 74, 12, 96
    clip, source, target = media.clip(CLIP), tmp_path / "in.mp4", tmp_path / "out.mp4"
    before = media.concatenated(
        [
            media.excerpt(clip, tmp_path / "size.mp4", start=300, count=cut),
            media.clip("carphone_pristine.mp4"),
        ],
        tmp_path / "before.mp4",
        count=cut,
    )
    frames = list(media.frames_of(before, start=cut))
    media.written(source, [*frames, *media.frames_of(clip, start=start, count=count - cut)])

    scene, _ = quality.swap(Pipeline(media.weights_dir()), source, target, Mode.HEAD)

    assert scene.shots[1].first_frame == cut
    assert segments(scene)[1].first_frame == 2 * cut
    assert _hand_stays(source, target, 2 * cut, start + cut)


def _hand_stays(source: Path, target: Path, frame_index: int, place: int) -> bool:
    """Whether in a frame the hand is as it was; ``place`` is the frame's in the clip."""
    was, now = (next(media.frames_of(path, start=frame_index)).astype(int) for path in (source, target))
    hand = _hand(place) > 0.9
    assert hand.sum() > 2000
    assert np.abs(was - now).max() > 100
    return float(np.percentile(np.abs(was - now).max(axis=2)[hand], 90)) < 10


def _hand(frame_index: int) -> Mask:
    """Where the hand is in a frame, by those before it."""
    frames, landmarks = heads.scene(CLIP, frame_index - LOOK_BACK, LOOK_BACK + 1)
    hands = Hands(media.weights_dir())
    for frame, face in zip(frames, landmarks, strict=True):
        found = hands.find(frame, face_box(face))
    mask = hand_mask(found, frames[-1], (0, 0), 1.0)
    assert mask is not None
    return mask
