"""Encoding: the result keeps the source's times, colours and sound, and says what it is."""

from __future__ import annotations

import ctypes
import dataclasses
import itertools
import platform
import stat
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import Colorspace
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli import __version__
from headswap_cli.engine.decode import VideoSource, open_video, timeline_of
from headswap_cli.engine.encode import Picture, PictureEncoder, bounded_size, clock, open_writer
from headswap_cli.engine.types import Timeline
from headswap_cli.media.colourspace import ColourTags
from headswap_cli.models import Quality
from tests import media
from tests.footage import (
    beep,
    corner_colours,
    corners,
    heard_at_s,
    noise,
    picture_times,
    sound_packets,
    write_video,
)

if TYPE_CHECKING:
    from pathlib import Path

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


def picture_of(video: VideoSource) -> Picture:
    """Return the result's picture for a source."""
    width, height = bounded_size(video.properties.width, video.properties.height, 720)
    return Picture(
        width,
        height,
        video.time_base,
        video.properties.frame_rate,
        video.colour,
        video.pixel_aspect,
        video.origin_s,
    )


def passed_through(
    source: Path, target: Path, *, sound: bool = True, quality: Quality = Quality.STANDARD
) -> tuple[str, ...]:
    """Decode and encode without a change; return the notices."""
    with open_video(source) as video:
        timeline = timeline_of(video.frames())
    with open_video(source) as video:
        picture = dataclasses.replace(picture_of(video), quality=quality)
        times = clock(timeline, picture)
        encoder = PictureEncoder(picture)
        with open_writer(target, picture, times, sound_of=source if sound else None) as writer:
            for frame in video.frames():
                image = frame.image[: picture.height, : picture.width]
                for coded in encoder.encode(image, times[frame.frame_index], frame.duration):
                    writer.write(coded)
            for coded in encoder.finish():
                writer.write(coded)
        return writer.notices


def test_uneven_times_are_kept_exactly(tmp_path: Path) -> None:
    times = [0, 7, 40, 41, 90, 91, 92, 200, 333, 334, 400]
    source = write_video(tmp_path / "in.mp4", [corners()] * len(times), times=times)
    passed_through(source, tmp_path / "out.mp4")
    assert picture_times(tmp_path / "out.mp4") == [Fraction(time, 600) for time in times]


def test_ten_seconds_of_aac_come_out_byte_for_byte_at_the_same_times(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", [corners()] * 300, sound=noise(10), time_base=Fraction(1, 600))
    assert passed_through(source, tmp_path / "out.mp4") == ()
    before = sound_packets(source)
    assert len(before) > 450
    assert sound_packets(tmp_path / "out.mp4") == before


@pytest.mark.parametrize(("ending", "codec"), [("mp4", "libmp3lame"), ("mkv", "libopus"), ("mp4", "alac")])
def test_other_codecs_that_mp4_carries_are_copied_too(tmp_path: Path, ending: str, codec: str) -> None:
    source = write_video(tmp_path / f"in.{ending}", [corners()] * 60, sound=noise(2), sound_codec=codec)
    assert passed_through(source, tmp_path / "out.mp4") == ()
    after = sound_packets(tmp_path / "out.mp4")
    assert [content for content, _ in after] == [content for content, _ in sound_packets(source)]


@pytest.mark.parametrize(
    ("ending", "codec"), [("mov", "pcm_s16le"), ("mkv", "pcm_s24le"), ("avi", "pcm_s16le")]
)
def test_sound_that_mp4_does_not_carry_becomes_aac_with_a_notice_and_stays_in_time(
    tmp_path: Path, ending: str, codec: str
) -> None:
    source = write_video(
        tmp_path / f"in.{ending}",
        [corners()] * 60,
        sound=beep(2, at_s=1.2),
        sound_codec=codec,
        time_base=Fraction(1, 30),
        times=range(60),
    )
    notices = passed_through(source, tmp_path / "out.mp4")
    assert ["AAC" in notice for notice in notices] == [True]
    with av.open(str(tmp_path / "out.mp4")) as result:
        assert result.streams.audio[0].codec_context.name == "aac"
    # Half a frame of the encoder: its filter smears the beep's edge.
    assert heard_at_s(tmp_path / "out.mp4") == pytest.approx(1.2, abs=0.012)


def test_sound_and_picture_of_a_broadcast_start_together_at_zero(tmp_path: Path) -> None:
    source = write_video(
        tmp_path / "in.ts",
        [corners()] * 60,
        codec="mpeg2video",
        time_base=Fraction(1, 30),
        times=range(60),
        sound=beep(2, at_s=1.2),
    )
    passed_through(source, tmp_path / "out.mp4")
    times = picture_times(tmp_path / "out.mp4")
    with av.open(str(source)) as container:
        begin = Fraction(container.start_time or 0, 1_000_000)
    assert float(times[0]) == pytest.approx(float(picture_times(source)[0] - begin), abs=1e-5)
    apart_before = heard_at_s(source) - float(picture_times(source)[0])
    assert heard_at_s(tmp_path / "out.mp4") - float(times[0]) == pytest.approx(apart_before, abs=1e-3)


@pytest.mark.media
@pytest.mark.parametrize("name", ["face_noface.mov", "noface_face.mov", "WolfgangLanger_Pexels.mp4"])
def test_a_real_clip_keeps_every_time_and_every_packet_of_sound(tmp_path: Path, name: str) -> None:
    source = media.clip(name)
    assert passed_through(source, tmp_path / "out.mp4") == ()
    assert picture_times(tmp_path / "out.mp4") == picture_times(source)
    # Sound that starts after the picture too: face_noface.mov has 2.4 s of silence first.
    assert sound_packets(tmp_path / "out.mp4") == sound_packets(source)


def test_a_silent_result_is_made_on_request(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", [corners()] * 10, sound=noise(0.5))
    passed_through(source, tmp_path / "out.mp4", sound=False)
    with av.open(str(tmp_path / "out.mp4")) as result:
        assert [stream.type for stream in result.streams] == ["video"]


def test_a_turned_source_is_turned_for_good_and_not_twice(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", [corners()] * 5, quarter_turns=1)
    passed_through(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as result:
        frame = next(result.decode(video=0))
        assert (frame.width, frame.height, frame.rotation) == (96, 128, 0)
        assert corner_colours(frame.to_ndarray(format="bgr24").astype(np.uint8)) == [2, 0, 3, 1]


@pytest.mark.parametrize("tags", [(0, 2), (1, 1), (1, 6), (2, 1)])
def test_colours_pass_unchanged_under_the_same_tags(tmp_path: Path, tags: tuple[int, int]) -> None:
    source = write_video(tmp_path / "in.mp4", [corners()] * 3, tags=tags)
    passed_through(source, tmp_path / "out.mp4")
    with open_video(source) as first, open_video(tmp_path / "out.mp4") as second:
        assert second.colour == first.colour
        before, after = next(first.frames()).image, next(second.frames()).image
    flat = (slice(4, 40), slice(4, 56))
    # Far below one level in the mean: nothing is truncated on the way.
    assert abs(after[flat].mean() - before[flat].mean()) < 0.8


def deep_video(path: Path, codec: str, pix_fmt: str, tags: tuple[int, int, int]) -> Path:
    """Write a few frames under the tags given: primaries, transfer and matrix of ITU-T H.273."""
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    matrix = Colorspace.BT2020 if tags[2] == 9 else Colorspace.ITU709
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = 128, 96, pix_fmt
        context = stream.codec_context
        context.color_range = 1
        context.color_primaries, context.color_trc, context.colorspace = tags
        for index in range(6):
            frame = av.VideoFrame.from_ndarray(corners(), format="bgr24")
            coded = frame.reformat(format=pix_fmt, dst_colorspace=matrix)
            coded.pts, coded.time_base = index, Fraction(1, 30)
            container.mux(stream.encode(coded))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "coding", "tags", "bits"),
    [
        ("pq.mp4", ("libx265", "yuv420p10le"), (9, 16, 9), 10),
        ("hlg.mp4", ("libx265", "yuv420p10le"), (9, 18, 9), 10),
        ("alpha.mov", ("prores_ks", "yuva444p10le"), (1, 1, 1), 12),
        ("alpha.webm", ("libvpx-vp9", "yuva420p"), (1, 1, 1), 8),
    ],
)
def test_deep_wide_and_transparent_colours_become_what_any_player_shows_under_the_same_tags(
    tmp_path: Path, name: str, coding: tuple[str, str], tags: tuple[int, int, int], bits: int
) -> None:
    source = deep_video(tmp_path / name, *coding, tags)
    passed_through(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as result:
        context = result.streams.video[0].codec_context
        assert (context.name, context.profile, context.pix_fmt) == ("h264", "High", "yuv420p")
    with open_video(source) as first, open_video(tmp_path / "out.mp4") as second:
        assert second.colour == first.colour
        assert (second.colour.primaries, second.colour.transfer, second.colour.matrix) == tags
        assert (first.bits, second.bits) == (bits, 8)
        before, after = next(first.frames()).image, next(second.frames()).image
    assert np.abs(after[8:40, 8:56].astype(int) - before[8:40, 8:56]).max() <= 4


def test_odd_sizes_lose_one_row_and_column_and_nothing_is_scaled(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", [corners(127, 95)] * 3)
    passed_through(source, tmp_path / "out.mp4")
    with open_video(tmp_path / "out.mp4") as video:
        assert (video.properties.width, video.properties.height) == (126, 94)
        assert corner_colours(next(video.frames()).image) == [0, 1, 2, 3]


@given(st.integers(2, 8000), st.integers(2, 8000), st.sampled_from([480, 720]))
def test_the_size_is_even_within_the_bound_and_never_enlarged(width: int, height: int, bound: int) -> None:
    new_width, new_height = bounded_size(width, height, bound)
    assert new_width % 2 == new_height % 2 == 0
    assert 2 <= new_width <= width
    assert 2 <= new_height <= height
    assert min(new_width, new_height) <= bound
    if min(width, height) <= bound:
        assert (width - new_width, height - new_height) == (width % 2, height % 2)
    else:
        assert new_width / width == pytest.approx(new_height / height, abs=1 / min(new_width, new_height))


def test_the_result_says_what_it_is_and_starts_playing_at_once(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", [corners()] * 5, sound=noise(0.2))
    passed_through(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4"), container_options={"export_xmp": "1"}) as result:
        assert __version__ in result.metadata["comment"]
        assert "Synthetic" in result.metadata["comment"]
        assert SOURCE_TYPE in result.metadata["xmp"]
        assert result.streams.video[0].codec_context.profile == "High"
    content = (tmp_path / "out.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_the_result_is_for_its_owner_alone(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", [corners()] * 5)
    passed_through(source, tmp_path / "out.mp4")
    assert stat.S_IMODE((tmp_path / "out.mp4").stat().st_mode) == 0o600


def test_a_failure_leaves_no_file_behind_and_an_old_result_as_it_was(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", [corners()] * 60, sound=noise(2))
    (tmp_path / "out.mp4").write_bytes(b"precious")

    def break_off() -> None:
        with open_video(source) as video:
            picture, times = picture_of(video), range(0, 1200, 20)
            encoder = PictureEncoder(picture)
            with open_writer(tmp_path / "out.mp4", picture, times, sound_of=source) as writer:
                for frame in video.frames():
                    for coded in encoder.encode(frame.image, times[frame.frame_index]):
                        writer.write(coded)
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert (tmp_path / "out.mp4").read_bytes() == b"precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


PICTURE = Picture(128, 96, Fraction(1, 600), Fraction(30), ColourTags(), None, Fraction(0))


def test_frames_without_a_time_follow_one_another_at_the_videos_rate() -> None:
    assert clock(Timeline((None,) * 4), PICTURE) == (0, 20, 40, 60)


@given(st.lists(st.none() | st.integers(-(2**40), 2**40), max_size=60), st.integers(0, 10))
def test_times_always_ascend_and_those_that_do_already_are_only_moved_to_the_origin(
    told: list[int | None], origin_s: int
) -> None:
    picture = dataclasses.replace(PICTURE, origin_s=Fraction(origin_s))
    times = clock(Timeline(tuple(told)), picture)
    assert len(times) == len(told)
    assert all(before < after for before, after in itertools.pairwise(times))
    ascending = tuple(sorted({time for time in told if time is not None}))
    assert clock(Timeline(ascending), picture) == tuple(time - 600 * origin_s for time in ascending)


def test_parts_encoded_apart_play_as_one_and_each_begins_anew(tmp_path: Path) -> None:
    times = [7 * index + index % 3 for index in range(90)]
    parts = [range(40), range(40, 41), range(41, 90)]
    pictures = [np.roll(corners(), 3 * index, axis=1) for index in range(90)]
    with open_writer(tmp_path / "out.mp4", PICTURE, times, sound_of=None) as writer:
        for part in parts:
            encoder = PictureEncoder(PICTURE)
            coded = [one for index in part for one in encoder.encode(pictures[index], times[index])]
            coded += encoder.finish()
            assert coded[0].is_key
            for one in coded:
                writer.write(one)
    assert picture_times(tmp_path / "out.mp4") == [Fraction(time, 600) for time in times]
    with av.open(str(tmp_path / "out.mp4")) as result:
        packets = [(p.dts, p.pts) for p in result.demux(video=0) if p.dts is not None and p.pts is not None]
        assert [dts for dts, _ in packets] == sorted({dts for dts, _ in packets})
        assert all(dts <= pts for dts, pts in packets)
    with open_video(tmp_path / "out.mp4") as video:
        for frame, picture in zip(video.frames(), pictures, strict=True):
            assert np.abs(frame.image.astype(int) - picture).mean() < 4


class _Allocated(ctypes.Structure):
    """What glibc tells of its memory, malloc.h."""

    _names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_: ClassVar = [(name, ctypes.c_size_t) for name in _names.split()]


def allocated_bytes() -> int:
    """Return how much of the C library's memory is in use."""
    tell = ctypes.CDLL(None).mallinfo2
    tell.restype = _Allocated
    told = tell()
    return int(told.uordblks + told.hblkhd)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc tells what is allocated")
def test_what_writes_the_file_keeps_no_encoder_that_nothing_is_encoded_by(tmp_path: Path) -> None:
    picture = dataclasses.replace(PICTURE, width=1280, height=720)
    encoder = PictureEncoder(picture)
    before = allocated_bytes()
    encoder.encode(np.zeros((720, 1280, 3), np.uint8), 0)
    of_encoder = allocated_bytes() - before
    before = allocated_bytes()
    with open_writer(tmp_path / "out.mp4", picture, [0], sound_of=None):
        of_writer = allocated_bytes() - before
    assert of_encoder > 8 * 1024**2
    assert of_writer < of_encoder / 4


def test_the_finer_the_quality_the_nearer_the_picture_and_the_larger_the_file(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", [np.roll(corners(), 5 * k, axis=1) for k in range(25)])
    sizes, errors = [], []
    for quality in (Quality.LOW, Quality.STANDARD, Quality.HIGH):
        target = tmp_path / f"{quality}.mp4"
        passed_through(source, target, quality=quality)
        with open_video(source) as before, open_video(target) as after:
            pairs = zip(before.frames(), after.frames(), strict=True)
            errors.append(np.mean([np.abs(a.image.astype(int) - b.image).mean() for a, b in pairs]))
        with av.open(str(target)) as result:
            context = result.streams.video[0].codec_context
            assert (context.profile, context.pix_fmt) == ("High", "yuv420p")
        assert picture_times(target) == picture_times(source)
        sizes.append(target.stat().st_size)
    assert sizes == sorted(set(sizes))
    assert errors == sorted(set(errors), reverse=True)


def test_a_small_picture_is_coded_finer_than_the_same_in_a_large_one(tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    grey = cv2.GaussianBlur(chance.uniform(0, 255, (120, 160)).astype(np.float32), (0, 0), 1.5)
    small = [np.asarray(np.roll(grey, 3 * k, axis=1), np.uint8) for k in range(12)]
    errors = []
    for name, across in (("small", 1), ("large", 5)):
        source = write_video(
            tmp_path / f"{name}.mp4", [np.tile(one[..., np.newaxis], (across, across, 3)) for one in small]
        )
        target = tmp_path / f"{name}-coded.mp4"
        passed_through(source, target)
        with open_video(source) as before, open_video(target) as after:
            pairs = zip(before.frames(), after.frames(), strict=True)
            errors.append(np.mean([np.abs(a.image.astype(int) - b.image).mean() for a, b in pairs]))
    assert errors[0] < 0.75 * errors[1]
