"""What a shot begins with is told by the frames that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from headswap_cli.engine.geometry import face_box
from headswap_cli.engine.hand import hand_mask
from headswap_cli.engine.occlude import Hands
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.segments import HANDS_WARM_UP, segments
from headswap_cli.models import Mode
from tests import media, quality
from tests.engine import heads

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.engine.types import Mask

pytestmark = pytest.mark.media

CLIP = "WolfgangLanger_Pexels.mp4"


@pytest.mark.parametrize("start", [82, 86, 140])
def test_a_hand_whose_palm_is_turned_away_stays_from_the_first_frame_of_a_shot(
    tmp_path: Path, start: int
) -> None:
    source, target = tmp_path / "in.mp4", tmp_path / "out.mp4"
    media.excerpt(media.clip(CLIP), source, start=start, count=40)

    quality.swap(Pipeline(media.weights_dir()), source, target, Mode.HEAD)

    assert _hand_stays(source, target, 0, start)


def test_it_stays_too_where_the_shot_begins_in_the_middle_of_a_segment(tmp_path: Path) -> None:
    count, start = 14, 140
    parts = [tmp_path / "before.mp4", media.clip("carphone_pristine.mp4"), tmp_path / "shot.mp4"]
    for part, at in ((parts[0], 300), (parts[2], start)):
        media.excerpt(media.clip(CLIP), part, start=at, count=count)
    source, target = media.concatenated(parts, tmp_path / "in.mp4", count=count), tmp_path / "out.mp4"

    scene, _ = quality.swap(Pipeline(media.weights_dir()), source, target, Mode.HEAD)

    assert [segment.begins for segment in segments(scene)] == [(0, count, 2 * count)]
    assert _hand_stays(source, target, 2 * count, start)


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

    second = segments(scene)[1]
    assert (second.first_frame, second.watch_from, second.begins) == (2 * cut, cut, (cut,))
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
    frames, landmarks = heads.scene(CLIP, frame_index - HANDS_WARM_UP, HANDS_WARM_UP + 1)
    hands = Hands(media.weights_dir())
    for frame, face in zip(frames, landmarks, strict=True):
        found = hands.find(frame, face_box(face))
    mask = hand_mask(found, frames[-1], (0, 0), 1.0)
    assert mask is not None
    return mask
