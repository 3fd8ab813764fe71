"""Hands are followed through a shot, also back to frames in which they could not be found."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.engine.geometry import face_box
from headswap_cli.engine.hand import hand_mask
from headswap_cli.engine.handtrack import LOOK_BACK, HandTracker
from headswap_cli.engine.occlude import Hands, without_doubles
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.segments import segments
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


class Seer:
    """Finds hands by themselves while they are plain, and follows them as long as they are there.

    ``there`` and ``plain`` are of each hand; frames tell their index by their first pixel, and hands which
    they are by their joints' x.
    """

    def __init__(self, there: Sequence[range], plain: Sequence[range]) -> None:
        self._there, self._plain = there, plain
        self._searches = True
        self.hands: list[Hand] = []

    def another(self) -> Seer:
        return Seer(self._there, self._plain)

    def turned_round(self) -> Seer:
        other = self.another()
        other._searches, other.hands = False, self.hands
        return other

    def go_on_from(self, other: Seer) -> None:
        self.hands = without_doubles(other.hands, self.hands)

    def find(self, frame: Frame, face: Box) -> list[Hand]:
        index, known = int(frame[0, 0, 0]), {int(hand[0, 0]) for hand in self.hands}
        self.hands = [
            np.tile(np.array([number, index], np.float32), (21, 1))
            for number, (there, plain) in enumerate(zip(self._there, self._plain, strict=True))
            if index in there and (number in known or (self._searches and index in plain))
        ]
        return self.hands


def frame_of(index: int) -> Frame:
    frame = PIXELS.copy()
    frame[0, 0] = index
    return frame


def tracker_of(finder: Seer) -> HandTracker[str]:
    return HandTracker(cast("Hands", finder))


def tracked(
    finder: Seer, seen: Sequence[int], count: int, awaited: Sequence[int] = ()
) -> dict[int, list[int]]:
    """Show frames from 0 on, with a face in some of them; return which hands are near it, by frame index."""
    tracker = tracker_of(finder)
    for index in range(count):
        faces = {"face": FACE} if index in seen else {}
        tracker.look(index, frame_of(index), faces, ["face"] if index in awaited else [])
    tracker.finish()
    found = tracker.between("face", 0, count - 1)
    assert all(hand[0, 1] == index for index, hands in found.items() for hand in hands)
    return {index: [int(hand[0, 0]) for hand in hands] for index, hands in found.items()}


_THREE = st.lists(st.integers(0, 80), min_size=3, max_size=3).map(sorted)


@given(_THREE)
def test_a_hand_is_followed_back_from_where_it_is_well_seen_to_where_it_came(places: list[int]) -> None:
    first, found, last = places
    hands = tracked(Seer([range(first, last + 1)], [range(found, last + 1)]), range(90), 90)
    assert list(hands) == list(range(min(hands), last + 1))
    assert first <= min(hands) <= max(first, found - LOOK_BACK)


@given(_THREE, _THREE)
def test_no_hand_that_was_found_is_lost_for_another(one: list[int], other: list[int]) -> None:
    there = [range(first, last + 1) for first, _, last in (one, other)]
    plain = [range(found, last + 1) for _, found, last in (one, other)]
    alone = Seer(there, plain)
    hands = tracked(Seer(there, plain), range(90), 90)
    for index in range(90):
        expected = {int(hand[0, 0]) for hand in alone.find(frame_of(index), FACE)}
        assert expected <= set(hands.get(index, []))


def test_a_hand_that_hides_the_face_is_followed_as_long_as_the_face_may_come_back() -> None:
    hand = [range(5, 60)]
    awaited = [*range(10, 15), *range(20, 28)]
    hands = tracked(Seer(hand, hand), [*range(10), *range(15, 20)], 60, awaited)
    assert list(hands) == list(range(5, 28))


def test_a_hand_is_followed_back_to_before_its_face_was_found_even_where_it_soon_goes() -> None:
    hands = tracked(Seer([range(14)], [range(8, 14)]), range(8, 30), 30)
    assert list(hands) == list(range(14))


def test_before_a_face_was_seen_its_hands_are_looked_for_where_it_was_seen_first() -> None:
    looked: dict[int, set[float]] = {}

    class Noting(Seer):
        def another(self) -> Seer:
            return Noting(self._there, self._plain)

        def find(self, frame: Frame, face: Box) -> list[Hand]:
            looked.setdefault(int(frame[0, 0, 0]), set()).add(float(face[0]))
            return super().find(frame, face)

    tracker = tracker_of(Noting([range(20)], [range(6, 20)]))
    for index in range(20):
        moved = FACE + np.array([10 * index, 0, 0], np.float32)
        tracker.look(index, frame_of(index), {"face": moved} if index >= 6 else {})
    assert list(tracker.between("face", 0, 19)) == list(range(20))
    assert looked == {index: {40 + 10 * max(6, index)} for index in range(20)}


def test_a_face_that_was_none_and_one_that_never_was_have_no_hands() -> None:
    tracker = tracker_of(Seer([range(9)], [range(9)]))
    tracker.look(0, frame_of(0), {"face": FACE})
    assert tracker.between("face", 0, 0)
    assert tracker.between("another", 0, 0) == {}
    tracker.forget("face")
    assert tracker.between("face", 0, 0) == {}


@pytest.mark.parametrize("size", [(720, 1280), (1080, 1920), (2160, 3840)])
def test_large_frames_are_looked_at_smaller_and_some_are_kept_to_go_back_to(size: tuple[int, int]) -> None:
    tracker = tracker_of(Seer([range(40)], [range(24, 40)]))
    for index in range(40):
        tracker.look(index, np.full((*size, 3), index, np.uint8), {"face": FACE})
    hands = tracker.between("face", 0, 39)
    assert 10 <= 24 - min(hands) <= LOOK_BACK
    shrink = max(1, size[0] // 540)
    for index, (hand,) in hands.items():
        assert hand[0].tolist() == [(shrink - 1) / 2, (index + 0.5) * shrink - 0.5]


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
