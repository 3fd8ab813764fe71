"""Reading stretches of a video: the frames of a whole pass, none decoded twice that follows on the last."""

from __future__ import annotations

import errno
import random
from contextlib import closing
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from headswap_cli.engine.decode import VideoReader, VideoSource, open_video, timeline_of
from headswap_cli.engine.types import Timeline
from tests.footage import corners, write_video

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from headswap_cli.engine.decode import TimedFrame
    from headswap_cli.engine.types import VideoProperties


def noisy(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [corners() // 2 + rng.integers(0, 60, (96, 128, 3), np.uint8) for _ in range(count)]


def whole(source: Path) -> tuple[VideoProperties, list[TimedFrame]]:
    with open_video(source) as video:
        return video.properties, list(video.frames())


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The index of every frame that comes out of a decoder that a reader has opened."""
    found: list[int] = []
    raw_frames = VideoSource.raw_frames

    def counted(source: VideoSource, timeline: Timeline, key: int) -> Iterator[tuple[int, av.VideoFrame]]:
        for index, frame in raw_frames(source, timeline, key):
            found.append(index)
            yield index, frame

    monkeypatch.setattr(VideoSource, "raw_frames", counted)
    return found


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts", "avi", "webm"])
def test_stretches_in_any_order_are_those_of_a_whole_pass(tmp_path: Path, ending: str) -> None:
    codec = {"avi": "mpeg4", "webm": "libvpx-vp9"}.get(ending, "libx264")
    times = [7 * index + index % 3 for index in range(60)] if ending in {"mp4", "mkv"} else range(60)
    base = Fraction(1, 600) if ending in {"mp4", "mkv"} else Fraction(1, 30)
    source = write_video(
        tmp_path / f"in.{ending}", noisy(60), codec=codec, times=times, time_base=base, keys_every=15
    )
    properties, frames = whole(source)
    timeline = timeline_of(frames)
    assert len(timeline.keys) >= 2
    chance = random.Random(3)
    stretches = [(0, 9), (14, 14), (15, 30), (21, 40), (37, 59), (5, 6), (6, 20), (50, 50)]
    stretches += [(0, 30), (21, 25), (24, 50)]
    stretches += [(first := chance.randrange(60), chance.randrange(first, 60)) for _ in range(12)]
    with closing(VideoReader(source, properties, timeline)) as reader:
        for first, last in stretches:
            found = list(reader.between(first, last))
            assert [frame.frame_index for frame in found] == list(range(first, last + 1))
            for frame in found:
                assert frame.pts == frames[frame.frame_index].pts
                assert np.array_equal(frame.image, frames[frame.frame_index].image)


@pytest.mark.parametrize("looked_at", [1, 5, 15, 28])
def test_a_stretch_that_was_left_in_its_middle_is_nothing_to_the_next(tmp_path: Path, looked_at: int) -> None:
    source = write_video(tmp_path / "in.mp4", noisy(60), keys_every=15)
    properties, frames = whole(source)
    with closing(VideoReader(source, properties, timeline_of(frames))) as reader:
        for first, last in [(0, 30), (21, 50), (21, 59), (22, 40), (3, 59)]:
            left = reader.between(first, last)
            assert [next(left).frame_index for _ in range(min(looked_at, last - first))]
            found = list(reader.between(first + 2, first + 20))
            assert [frame.frame_index for frame in found] == list(range(first + 2, first + 21))
            assert all(np.array_equal(frame.image, frames[frame.frame_index].image) for frame in found)


@pytest.mark.parametrize("every", [12, 400])
def test_what_follows_on_the_last_stretch_is_decoded_once(
    tmp_path: Path, decoded: list[int], every: int
) -> None:
    source = write_video(tmp_path / "in.mp4", noisy(60), keys_every=every)
    properties, frames = whole(source)
    with closing(VideoReader(source, properties, timeline_of(frames))) as reader:
        for first, last in [(0, 19), (20, 29), (30, 44), (45, 50), (51, 59)]:
            assert [frame.frame_index for frame in reader.between(first, last)] == [*range(first, last + 1)]
    assert decoded == list(range(60))


def test_a_stretch_further_on_is_entered_at_the_last_key_frame_before_it(
    tmp_path: Path, decoded: list[int]
) -> None:
    source = write_video(tmp_path / "in.mp4", noisy(60), keys_every=15)
    properties, frames = whole(source)
    timeline = timeline_of(frames)
    assert timeline.keys == (0, 14, 28, 42, 56)
    with closing(VideoReader(source, properties, timeline)) as reader:
        for index in (17, 18, 21, 47, 20):
            (frame,) = reader.between(index, index)
            assert np.array_equal(frame.image, frames[index].image)
    assert decoded == [*range(14, 22), *range(42, 48), *range(14, 21)]


def test_a_file_that_is_not_what_its_timeline_says_is_decoded_from_the_beginning(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", noisy(60), keys_every=15)
    properties, frames = whole(source)
    times = [frame.pts for frame in frames]
    times[33] = 1
    wrong = Timeline(tuple(times), (), (0, 15, 30, 45))
    with closing(VideoReader(source, properties, wrong)) as reader:
        middle = [*reader.between(31, 40), *reader.between(41, 50), *reader.between(20, 22)]
    assert [frame.frame_index for frame in middle] == [*range(31, 51), 20, 21, 22]
    assert all(np.array_equal(frame.image, frames[frame.frame_index].image) for frame in middle)


def test_frames_that_are_made_up_in_the_middle_are_decoded_from_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_video(tmp_path / "in.mp4", noisy(60), keys_every=15)
    properties, frames = whole(source)

    def made_up(_source: VideoSource, timeline: Timeline, key: int) -> Iterator[SimpleNamespace]:
        for time in timeline.times[key:]:
            yield SimpleNamespace(pts=time, is_corrupt=True)

    monkeypatch.setattr(VideoSource, "_from_key", made_up)
    with closing(VideoReader(source, properties, timeline_of(frames))) as reader:
        (frame,) = reader.between(20, 20)
    assert np.array_equal(frame.image, frames[20].image)


def test_where_memory_runs_out_nothing_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_video(tmp_path / "in.mp4", noisy(60), keys_every=15)
    properties, frames = whole(source)

    def exhausted(_source: VideoSource, _timeline: Timeline, key: int) -> Iterator[av.VideoFrame]:
        raise av.error.MemoryError(errno.ENOMEM, "no memory")

    monkeypatch.setattr(VideoSource, "_from_key", exhausted)
    with (
        closing(VideoReader(source, properties, timeline_of(frames))) as reader,
        pytest.raises(MemoryError),
    ):
        next(reader.between(20, 20))


def test_a_file_that_has_become_shorter_gives_fewer_frames(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", noisy(40), keys_every=10)
    properties, frames = whole(source)
    times = [*(frame.pts for frame in frames), 800, 820]
    with closing(VideoReader(source, properties, Timeline(tuple(times), (), (0, 10, 20, 30)))) as reader:
        assert [frame.frame_index for frame in reader.between(35, 41)] == [35, 36, 37, 38, 39]


def test_a_damaged_video_is_entered_at_its_beginning_alone(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", noisy(60), keys_every=15)
    assert len(timeline_of(whole(source)[1]).keys) > 1
    content = bytearray(source.read_bytes())
    # In the middle lie pictures: what a decoder makes up for some depends on what it has seen before.
    middle = len(content) // 2
    content[middle : middle + 2000] = bytes(2000)
    source.write_bytes(content)
    _, frames = whole(source)
    assert any(frame.is_key for frame in frames[1:])
    assert timeline_of(frames).keys == ()
