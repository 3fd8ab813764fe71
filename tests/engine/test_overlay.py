"""What is laid over a shot is found where a face moves behind it, and nothing else is taken for it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from headswap_cli.engine.head import HeadSwapper
from headswap_cli.engine.overlay import OverlayGatherer, packed, unpacked
from headswap_cli.engine.track import smoothed
from headswap_cli.engine.types import Frame, Landmarks, Mask, Others
from headswap_cli.models import Mode
from tests.engine import heads
from tests.engine.overlays import lettering

_SIZE = (120, 160)
_SHIFTS = (-24, -14, -5, 4, 13, 22, 8, -9)


def face_at(x: float, y: float, radius: float) -> Landmarks:
    """A face that is a ring: all points lie on its outline, those of the oval all around."""
    from headswap_cli.engine import topology

    points = np.zeros((478, 3), np.float32)
    turns = np.linspace(0, 2 * np.pi, len(topology.OVAL), endpoint=False)
    points[topology.OVAL, 0] = x + radius * np.cos(turns)
    points[topology.OVAL, 1] = y + radius * np.sin(turns)
    return points


def samples(shifts: tuple[int, ...] = _SHIFTS) -> list[tuple[Frame, Landmarks]]:
    """A bright face with a dark mouth that swings before a grey wall with a black door."""
    seen = []
    for shift in shifts:
        frame = np.full((*_SIZE, 3), 120, np.uint8)
        frame[:, :20] = 10
        cv2.circle(frame, (80 + shift, 60), 40, (150, 170, 220), -1)
        cv2.circle(frame, (80 + shift, 60), 22, (60, 60, 90), -1)
        seen.append((frame, face_at(80 + shift, 60, 40)))
    return seen


def gathered(seen: list[tuple[Frame, Landmarks]]) -> Mask | None:
    gatherer = OverlayGatherer()
    for frame, face in seen:
        gatherer.add(frame, [face])
    return gatherer.overlay()


def barred(frame: Frame) -> Frame:
    """Lay a blue bar with a white word's stroke on it over the picture, from edge to edge."""
    with_bar = frame.copy()
    with_bar[50:62] = (200, 60, 20)
    with_bar[54:58, 70:90] = 250
    return with_bar


def test_a_bar_is_found_from_edge_to_edge_with_what_is_written_on_it() -> None:
    overlay = gathered([(barred(frame), face) for frame, face in samples()])
    assert overlay is not None
    assert overlay[52:60, 24:].min() > 0.9
    assert max(overlay[:45].max(), overlay[67:].max()) == 0


def test_a_face_that_moves_or_stays_before_a_wall_has_nothing_laid_over() -> None:
    assert gathered(samples()) is None
    assert gathered(samples((0,) * 8)) is None
    assert gathered(samples((0, 1, 0, -1, 0, 1, 0, 1))) is None


def test_what_stays_behind_a_face_or_where_none_comes_is_not_laid_over() -> None:
    # A window frame, with something that moves behind it.
    chance = np.random.default_rng(3)
    seen = samples()
    for frame, _ in seen:
        frame[:30] = chance.integers(0, 256, 3)
        frame[12:16] = 40
    assert gathered(seen) is None


def test_a_rail_that_ends_where_the_face_does_is_behind_it_though_the_mesh_reaches_further() -> None:
    seen = []
    for step in range(10):
        frame = np.full((*_SIZE, 3), 120, np.uint8)
        frame[54:66, 118:] = 20
        # It hardly moves, and talks: its cheeks stir.
        light = np.array([60, 80, 130]) + 40 * (step % 3)
        cv2.circle(frame, (80, 60), 37, light.tolist(), -1)
        seen.append((frame, face_at(80, 60, 42)))
    assert gathered(seen) is None


def test_few_samples_tell_nothing() -> None:
    assert gathered([(barred(frame), face) for frame, face in samples()[:5]]) is None


def test_an_overlay_comes_back_at_the_frames_size_with_a_byte_a_pixel() -> None:
    overlay = np.zeros((60, 80), np.float32)
    overlay[20:30] = 1
    whole = unpacked(packed(overlay), 160, 120)
    assert whole.shape == (120, 160)
    assert whole.nbytes == 120 * 160
    assert whole[42:58].min() == 255
    assert max(whole[:38].max(), whole[62:].max()) == 0


@pytest.mark.media
@pytest.mark.parametrize(("clip", "count"), [("single_face.mp4", 72), ("WolfgangLanger_Pexels.mp4", 120)])
def test_words_are_found_beyond_the_face_too(clip: str, count: int) -> None:
    frames, track = heads.scene(clip, 0, count)
    seen = list(zip(frames, smoothed(track), strict=True))[::6]
    assert gathered(seen) is None
    overlay = gathered([(lettering(frame, face)[0], face) for frame, face in seen])
    words = lettering(*seen[0])[1]
    assert overlay is not None
    assert (overlay[words] > 0.5).mean() > 0.9
    beyond = cv2.dilate(words.astype(np.uint8), np.ones((7, 7), np.uint8)) == 0
    assert (overlay[beyond] > 0.5).sum() < 0.02 * words.sum()


@pytest.mark.media
def test_the_new_hair_is_behind_what_is_laid_over() -> None:
    frames, track = heads.scene("single_face.mp4", 0, 3)
    frame, words = lettering(frames[0], track[0])
    head = HeadSwapper(heads.reference(), track, Mode.HEAD, heads.matte())
    without = head.apply(frame, track[0]).image
    head.start_track()
    others = Others(overlay=255 * words.astype(np.uint8))
    shown = head.apply(frame, track[0], others=others).image
    assert (shown[words] == frame[words]).all()
    assert (without[words] != frame[words]).any(axis=1).mean() > 0.3
