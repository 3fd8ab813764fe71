"""Videos for a page: pictures untouched where browsers play them, else encoded anew at the same times."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from headswap_cli.compare.embed import MAX_BYTES, MAX_LENGTH_S, Embedded, check_length, embedded, voice_of
from headswap_cli.errors import InputError
from headswap_cli.media import probe
from tests.compare.clips import UNEVEN, coded
from tests.footage import beep, corner_colours, corners, picture_times, sound_packets, write_video
from tests.media import written

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder for what is made on the way."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def put_in(
    path: Path, scratch: Path, *, limit_bytes: int = MAX_BYTES, is_synthetic: bool = False
) -> Embedded:
    info = probe(path)
    assert info is not None
    return embedded(path, info, scratch, lambda _: None, limit_bytes=limit_bytes, is_synthetic=is_synthetic)


def kept(video: Embedded, scratch: Path) -> Path:
    path = scratch.parent / "kept.mp4"
    path.write_bytes(video.content)
    return path


def plain(path: Path) -> Path:
    """Write what most phones and tools write: H.264 in yuv420p with AAC."""
    frames: list[NDArray[np.uint8]] = [coded(index, changed=False) for index in range(30)]
    return written(path, frames, tone=True)


def picture_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_h264_goes_in_packet_for_packet_without_its_sound(tmp_path: Path, scratch: Path) -> None:
    source = plain(tmp_path / "in.mp4")
    video = put_in(source, scratch)
    assert video.is_original
    path = kept(video, scratch)
    assert picture_packets(path) == picture_packets(source)
    assert video.times_s == pytest.approx([float(at) for at in picture_times(source)], abs=1e-4)
    assert sound_packets(path) == []


@pytest.mark.parametrize(("name", "codec"), [("in.mp4", "libx264"), ("in.avi", "mpeg4"), ("in.mkv", "ffv1")])
def test_what_browsers_do_not_play_is_encoded_anew_frame_by_frame(
    tmp_path: Path, scratch: Path, name: str, codec: str
) -> None:
    # The footage is in yuv444p, which no browser plays as H.264.
    source = write_video(tmp_path / name, [coded(index, changed=False) for index in range(30)], codec=codec)
    video = put_in(source, scratch)
    assert not video.is_original
    with av.open(str(kept(video, scratch))) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        greys = [int(frame.to_ndarray(format="gray")[:8, :8].mean()) for frame in container.decode(video=0)]
    assert len(video.times_s) == len(greys) == 30
    assert greys == sorted(greys)


def test_uneven_times_are_kept_in_what_is_encoded_anew(tmp_path: Path, scratch: Path) -> None:
    source = write_video(tmp_path / "in.mp4", [coded(i, changed=False) for i in range(60)], times=UNEVEN)
    video = put_in(source, scratch)
    assert video.times_s == pytest.approx([at / 600 for at in UNEVEN], abs=1e-3)


def test_a_turned_video_is_upright_in_what_is_encoded_anew(tmp_path: Path, scratch: Path) -> None:
    source = write_video(tmp_path / "in.mp4", [corners(96, 128)] * 5, quarter_turns=1)
    with av.open(str(kept(put_in(source, scratch), scratch))) as container:
        picture = np.asarray(next(container.decode(video=0)).to_ndarray(format="bgr24"), np.uint8)
    assert picture.shape[:2] == (96, 128)
    assert corner_colours(picture) == [2, 0, 3, 1]


def test_a_turned_video_that_is_copied_stays_turned(tmp_path: Path, scratch: Path) -> None:
    source = tmp_path / "in.mp4"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.codec_context.max_b_frames = 0
        stream.set_display_rotation(-90)
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(corners(128, 96), format="bgr24")))
        container.mux(stream.encode(None))
    before, after = probe(source), probe(kept(put_in(source, scratch), scratch))
    assert before is not None
    assert after is not None
    assert (before.width, before.height) == (after.width, after.height) == (96, 128)


@pytest.mark.parametrize("is_copied", [True, False])
def test_the_result_says_that_it_is_synthetic_and_the_source_does_not(
    tmp_path: Path, scratch: Path, *, is_copied: bool
) -> None:
    pictures = [coded(index, changed=False) for index in range(10)]
    path = plain(tmp_path / "in.mp4") if is_copied else write_video(tmp_path / "in.mp4", pictures)
    for is_synthetic in (True, False):
        video = put_in(path, scratch, is_synthetic=is_synthetic)
        assert video.is_original == is_copied
        assert (b"compositeWithTrainedAlgorithmicMedia" in video.content) == is_synthetic
        assert probe(kept(video, scratch)) is not None


def test_the_sound_goes_in_by_itself_packet_for_packet(tmp_path: Path, scratch: Path) -> None:
    source = plain(tmp_path / "in.mp4")
    voice = voice_of(source, scratch)
    assert voice is not None
    path = tmp_path / "voice.mp4"
    path.write_bytes(voice)
    packets = sound_packets(path)
    assert packets
    assert [content for content, _ in packets] == [content for content, _ in sound_packets(source)]


def test_a_sound_that_no_mp4_holds_is_encoded_anew_and_a_silent_video_has_none(
    tmp_path: Path, scratch: Path
) -> None:
    pictures = [coded(index, changed=False) for index in range(30)]
    loud = write_video(tmp_path / "loud.mov", pictures, sound=beep(1.0, at_s=0.3), sound_codec="pcm_s16le")
    voice = voice_of(loud, scratch)
    assert voice is not None
    path = tmp_path / "voice.mp4"
    path.write_bytes(voice)
    with av.open(str(path)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
    assert float(sum((at for _, at in sound_packets(path)[-1:]), Fraction(0))) == pytest.approx(1.0, abs=0.1)
    assert voice_of(write_video(tmp_path / "mute.mp4", pictures), scratch) is None


def test_a_clip_that_is_too_long_for_a_page_is_refused_with_the_limit_and_another_way() -> None:
    check_length(MAX_LENGTH_S)
    with pytest.raises(InputError, match=r"60 min long; a page holds at most 11 min") as refused:
        check_length(3600)
    assert "--sheet" in (refused.value.hint or "")


def test_what_does_not_fit_as_it_is_is_made_to_fit(tmp_path: Path, scratch: Path) -> None:
    noise = np.random.default_rng(1).integers(100, 140, (100, 96, 128, 3), np.uint8)
    source = written(tmp_path / "in.mp4", list(noise))
    limit_bytes = source.stat().st_size // 3
    video = put_in(source, scratch, limit_bytes=limit_bytes)
    assert not video.is_original
    assert len(video.content) <= limit_bytes
    assert len(video.times_s) == 100
    with pytest.raises(InputError, match="is the limit"):
        put_in(source, scratch, limit_bytes=500)
