"""Decoding: frames as a player would show them, each with its own time."""

from __future__ import annotations

import gc
import threading
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from headswap_cli import wire
from headswap_cli.engine.decode import TimedFrame, ahead, open_video
from headswap_cli.engine.types import MediaFault
from tests.clips import cut_short, sound_only
from tests.footage import corner_colours, corners, write_video

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def fault_of(path: Path) -> MediaFault:
    with pytest.raises(MediaFault) as caught, open_video(path):
        pass
    return caught.value


@pytest.mark.parametrize(
    ("quarter_turns", "mirrored", "seen"),
    [
        (0, False, [0, 1, 2, 3]),
        (1, False, [2, 0, 3, 1]),
        (2, False, [3, 2, 1, 0]),
        (3, False, [1, 3, 0, 2]),
        (0, True, [1, 0, 3, 2]),
    ],
)
def test_frames_are_turned_as_the_file_tells_players(
    tmp_path: Path, quarter_turns: int, *, mirrored: bool, seen: list[int]
) -> None:
    clip = write_video(tmp_path / "clip.mp4", [corners()] * 3, quarter_turns=quarter_turns, mirrored=mirrored)
    with open_video(clip) as video:
        images = [frame.image for frame in video.frames()]
        size = (video.properties.height, video.properties.width)
    assert [corner_colours(image) for image in images] == [seen] * 3
    assert all(image.shape[:2] == size for image in images)
    assert size == ((128, 96) if quarter_turns % 2 else (96, 128))


@pytest.mark.parametrize("tags", [(0, 2), (1, 1), (1, 6), (2, 1), (2, 6)])
def test_colours_are_read_by_the_files_own_tags(tmp_path: Path, tags: tuple[int, int]) -> None:
    picture = corners()
    clip = write_video(tmp_path / "clip.mp4", [picture] * 2, tags=tags)
    with open_video(clip) as video:
        image = next(video.frames()).image
    # Two levels: 8-bit YUV holds fewer colours than BGR, and the codec takes a little.
    assert np.abs(image[20, 20].astype(int) - picture[20, 20]).max() <= 2
    assert np.abs(image[80, 100].astype(int) - picture[80, 100]).max() <= 2


def test_every_frame_comes_with_its_own_time_and_number(tmp_path: Path) -> None:
    times = [0, 13, 40, 41, 100]
    clip = write_video(tmp_path / "clip.mp4", [corners()] * 5, times=times)
    with open_video(clip) as video:
        frames = list(video.frames())
        assert video.properties.frame_count == 5
    assert [frame.pts * frame.time_base for frame in frames if frame.pts is not None] == [
        Fraction(time, 600) for time in times
    ]
    assert [frame.frame_index for frame in frames] == [0, 1, 2, 3, 4]


def test_a_recorded_broadcast_starts_at_the_time_that_its_clock_shows(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.ts", [corners()] * 5, codec="mpeg2video", time_base=Fraction(1, 30))
    with open_video(clip) as video:
        first = next(video.frames())
        assert first.pts is not None
        assert first.pts > 0
        assert round(video.origin_s / first.time_base) == first.pts


@pytest.mark.parametrize("content", [b"", b"no video at all\n" * 100, bytes(range(256)) * 64])
def test_what_is_no_video_is_unreadable(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    assert fault_of(tmp_path / "clip.mp4").code == wire.UNREADABLE


def test_a_file_cut_off_before_its_index_is_unreadable(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", [corners()] * 30)
    assert fault_of(cut_short(whole, tmp_path / "half.mp4", share=0.6)).code == wire.UNREADABLE


def test_sound_without_a_picture_is_unreadable_and_said_so(tmp_path: Path) -> None:
    fault = fault_of(sound_only(tmp_path / "sound.mp4"))
    assert fault.code == wire.UNREADABLE
    assert "sound only" in fault.reason


def test_a_playlist_is_no_video_so_that_no_other_file_is_opened(tmp_path: Path) -> None:
    write_video(tmp_path / "secret.ts", [corners()] * 5, codec="mpeg2video", time_base=Fraction(1, 30))
    playlist = tmp_path / "clip.mp4"
    playlist.write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{tmp_path}/secret.ts\n#EXT-X-ENDLIST\n"
    )
    assert fault_of(playlist).code == wire.UNREADABLE


def test_damage_in_the_middle_leaves_the_rest_the_same_at_every_pass(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    pictures = [rng.integers(0, 255, (96, 128, 3), np.uint8) for _ in range(30)]
    clip = write_video(tmp_path / "clip.mkv", pictures)
    content = bytearray(clip.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = bytes(2000)
    clip.write_bytes(content)
    passes = []
    for _ in range(2):
        with open_video(clip) as video:
            passes.append([frame.image.tobytes() for frame in video.frames()])
    assert passes[0] == passes[1]
    assert len(passes[0]) > 10


def test_a_frame_that_was_let_go_is_freed_at_once_without_waiting_for_a_collection(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", [corners()] * 60, quarter_turns=1)
    gc.collect()
    gc.disable()
    others = frames_alive()
    try:
        with open_video(clip) as video:
            frame_count = sum(1 for _ in video.frames())
            alive = frames_alive() - others
    finally:
        gc.enable()
    assert frame_count == 60
    assert alive < 6


def frames_alive() -> int:
    return sum(isinstance(one, av.VideoFrame) for one in gc.get_objects())


def test_frames_decoded_ahead_are_the_same_and_the_thread_ends_with_whoever_looks(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", [corners()] * 30)
    with open_video(clip) as video, ahead(video.frames()) as frames:
        assert [frame.frame_index for frame in frames] == list(range(30))
    for looked_at in (0, 1, 7):
        with open_video(clip) as video, ahead(video.frames()) as frames:
            assert len([frame for frame, _ in zip(frames, range(looked_at), strict=False)]) == looked_at
        assert not any(thread.name == "decode" for thread in threading.enumerate())


def test_what_goes_wrong_ahead_is_told_to_whoever_looks() -> None:
    def broken() -> Iterator[TimedFrame]:
        yield TimedFrame(0, 0, Fraction(1, 30), corners())
        raise MediaFault(wire.UNREADABLE, "torn")

    with ahead(broken()) as frames:
        assert next(frames).frame_index == 0
        with pytest.raises(MediaFault, match="torn"):
            next(frames)
