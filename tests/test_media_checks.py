"""Checking without PyAV: what ``ffprobe`` tells, and what shows with no decoder at all; sizes and streams."""

from __future__ import annotations

import errno
import json
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.errors import InputError, TransferError
from headswap_cli.media import UnusableMediaError, boxes, checks, container, ffprobe, known_name
from tests.clips import cut_short, plain_clip, plain_photo, sound_only
from tests.footage import corners, noise, write_video

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

needs_ffprobe = pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed here")
# As ffprobe 5.1 answers for a phone's clip: turned, with sound, a cover and a line of its own data.
PHONE: dict[str, Any] = {
    "streams": [
        {"codec_type": "data", "avg_frame_rate": "0/0", "duration": "4.004000"},
        {
            "codec_name": "hevc",
            "codec_type": "video",
            "width": 1920,
            "height": 1080,
            "avg_frame_rate": "30000/1001",
            "duration": "4.004000",
            "nb_frames": "120",
            "nb_read_frames": "120",
            "nb_read_packets": "120",
            "disposition": {"attached_pic": 0},
            "side_data_list": [{}, {"rotation": -90}],
        },
        {"codec_name": "mjpeg", "codec_type": "video", "disposition": {"attached_pic": 1}},
        {"codec_name": "aac", "codec_type": "audio", "avg_frame_rate": "0/0"},
    ],
    "format": {"duration": "4.010000"},
}


class Probe:
    """An ``ffprobe`` on the PATH that answers as it is told, and writes down what it was asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        program = folder / "ffprobe"
        program.write_text('#!/bin/sh\ncd "$(dirname "$0")"\necho "$@" > asked\n. ./answer\n')
        program.chmod(0o755)

    def answers(self, told: Any, *, code: int = 0, says: str = "") -> None:
        """Answer with this JSON value, or text, from now on."""
        text = told if isinstance(told, str) else json.dumps(told)
        lines = (f"echo {shlex.quote(text)}", f"echo {shlex.quote(says)} >&2", f"exit {code}")
        (self._folder / "answer").write_text("\n".join(lines))

    @property
    def asked(self) -> str:
        return (self._folder / "asked").read_text()


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Probe:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return Probe(folder)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return plain_clip(tmp_path / "clip.mp4", seconds=4)


def mended_by_running(command: str) -> Path:
    """Check that a hint is an ffmpeg command that any shell takes; return the file that it would make."""
    words = shlex.split(command.rpartition(": ")[2])
    assert words[0] == "ffmpeg"
    assert "-i" in words
    return Path(words[-1])


def test_a_phones_clip_is_described_as_it_is_displayed(probe: Probe, clip: Path) -> None:
    probe.answers(PHONE)
    info = ffprobe.examine(clip)
    assert (info.width, info.height, info.duration_s) == (1080, 1920, 4.004)
    assert (info.frame_rate, info.frame_count) == (Fraction(30000, 1001), 120)
    assert (info.has_audio, info.codec, info.video_streams) == (True, "hevc", 1)
    assert f"file:{clip}" in probe.asked
    assert "-protocol_whitelist file" in probe.asked


@pytest.mark.parametrize(
    ("told", "code", "said"),
    [
        ("", 1, "is not readable"),
        ("{", 0, "could not be examined"),
        ("[]", 0, "is not readable"),
        ({"streams": []}, 0, "is not readable"),
        ({"streams": [{"codec_type": "audio"}]}, 0, "sound only"),
        ({"streams": [{"codec_type": "data"}]}, 0, "holds no video"),
        ({"streams": [{"codec_type": "video"}]}, 0, "cannot be decoded"),
    ],
)
def test_what_ffprobe_makes_nothing_of_is_refused(
    probe: Probe, clip: Path, told: Any, code: int, said: str
) -> None:
    probe.answers(told, code=code, says="clip.mp4: Invalid data found when processing input")
    with pytest.raises(UnusableMediaError, match=said):
        ffprobe.examine(clip)


def test_ffprobes_words_are_shown_without_what_drives_a_terminal(probe: Probe, clip: Path) -> None:
    probe.answers("", code=1, says="clip.mp4: moov \x1b[31matom not found")
    with pytest.raises(UnusableMediaError) as caught:
        ffprobe.examine(clip)
    assert caught.value.reason == "is not readable, or is cut off (moov atom not found)"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"nb_read_packets": "70"}, "breaks off after 70 of 120 frames"),
        ({"nb_read_frames": "0"}, "no picture that can be decoded"),
        ({"nb_read_frames": "N/A"}, "no picture that can be decoded"),
    ],
)
def test_a_result_that_breaks_off_is_noticed_by_ffprobe(
    probe: Probe, clip: Path, fields: dict[str, str], said: str
) -> None:
    streams = [{**stream, **fields} if "width" in stream else stream for stream in PHONE["streams"]]
    probe.answers({**PHONE, "streams": streams})
    with pytest.raises(UnusableMediaError, match=said):
        ffprobe.play(clip)


def test_a_result_that_plays_to_its_end_passes_ffprobe(probe: Probe, clip: Path) -> None:
    probe.answers(PHONE)
    assert ffprobe.play(clip) == 4.004


READERS = [container, pytest.param(ffprobe, marks=needs_ffprobe)]


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_describes_the_same_clip_alike(reader: ModuleType, tmp_path: Path) -> None:
    info = reader.examine(
        write_video(tmp_path / "clip.mp4", [corners()] * 45, quarter_turns=1, sound=noise(1.5))
    )
    assert (info.width, info.height, info.frame_count, info.has_audio) == (96, 128, 45, True)
    assert (info.codec, info.video_streams) == ("h264", 1)
    assert info.duration_s == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_plays_a_whole_clip_and_refuses_a_broken_one(reader: ModuleType, tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", [corners()] * 60, fast_start=True)
    assert reader.play(whole) == pytest.approx(2.0, abs=0.05)
    for share in (0.3, 0.9):
        with pytest.raises(UnusableMediaError):
            reader.play(cut_short(whole, tmp_path / "half.mp4", share=share))


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_tells_sound_and_text_from_pictures(reader: ModuleType, tmp_path: Path) -> None:
    reader.picture_opens(plain_photo(tmp_path / "me.png"))
    (tmp_path / "text.jpg").write_text("no picture\n" * 100)
    for path in (sound_only(tmp_path / "song.mp4"), tmp_path / "text.jpg"):
        with pytest.raises(UnusableMediaError):
            reader.picture_opens(path)


def two_streams(path: Path) -> Path:
    """Write a video that holds two others."""
    with av.open(str(path), "w") as made:
        streams = [made.add_stream("mpeg4", rate=10, width=64, height=48) for _ in range(2)]
        for stream in streams:
            for _ in range(40):
                made.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
            made.mux(stream.encode(None))
    return path


def test_a_file_with_two_videos_is_refused_with_the_limit_and_the_command(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds 2 video streams; the limit is 1") as caught:
        checks.check_video(two_streams(tmp_path / "two.mp4"))
    assert mended_by_running(caught.value.hint or "") == tmp_path / "two.fit.mp4"


@pytest.mark.parametrize(("width", "height"), [(16, 64), (7712, 64)])
def test_a_picture_size_out_of_bounds_is_refused_with_value_and_limits(
    tmp_path: Path, width: int, height: int
) -> None:
    clip = write_video(tmp_path / "clip.mp4", [corners(width, height)] * 3)
    with pytest.raises(
        InputError, match=f"{width}x{height} pixels; the limits of a side are 32-7680"
    ) as caught:
        checks.check_video(clip, any_length=True)
    assert mended_by_running(caught.value.hint or "") == tmp_path / "clip.fit.mp4"


def test_a_file_too_large_is_refused_unless_any_length_is_taken(clip: Path) -> None:
    with clip.open("r+b") as file:
        file.truncate(2_100_000_000)
    with pytest.raises(InputError, match=r"2\.1 GB large; the limit is 2 GB") as caught:
        checks.check_video(clip)
    assert mended_by_running(caught.value.hint or "").name == "clip.fit.mp4"


@pytest.mark.parametrize("seconds", [1.0, 25.0])
def test_a_length_out_of_bounds_comes_with_the_command_that_mends_it(tmp_path: Path, seconds: float) -> None:
    with pytest.raises(InputError) as caught:
        checks.check_video(plain_clip(tmp_path / "a clip.mp4", seconds=seconds))
    assert mended_by_running(caught.value.hint or "") == tmp_path / "a clip.fit.mp4"
    assert (caught.value.hint or "").startswith("add --any-length (")


def test_without_any_decoder_a_whole_container_passes_unchecked(clip: Path, tmp_path: Path) -> None:
    boxes.check_whole(clip)
    (tmp_path / "clip.webm").write_bytes(b"\x1a\x45\xdf\xa3" + b"\0" * 100)
    boxes.check_whole(tmp_path / "clip.webm")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.99])
def test_without_any_decoder_a_container_that_breaks_off_is_refused(
    clip: Path, tmp_path: Path, share: float
) -> None:
    with pytest.raises(UnusableMediaError):
        boxes.check_whole(cut_short(clip, tmp_path / "half.mp4", share=share))


@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_whole_container_or_refused(tmp_path_factory: Any, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.mp4"
    path.write_bytes(b"\0\0\0\x08ftyp" + content)
    with suppress(UnusableMediaError):
        boxes.check_whole(path)


def test_what_cannot_be_checked_is_said_to_be_unchecked(clip: Path, tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
sys.modules["av"] = None
from headswap_cli.errors import TransferError
from headswap_cli.media import verify_playable
from headswap_cli.models import FaceMapping
from headswap_cli.services.preflight import check_sources
clip, photo, page = sys.argv[1:]
print(*check_sources(clip, [FaceMapping(photo)], any_length=False), sep="\\n")
print(verify_playable(Path(clip)))
try:
    verify_playable(Path(page))
except TransferError as error:
    print(error.message)
"""
    photo, page = plain_photo(tmp_path / "me.png"), tmp_path / "page.mp4"
    page.write_text("<html>AccessDenied</html>")
    command = [sys.executable, "-c", script, str(clip), str(photo), str(page)]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": str(tmp_path)}, check=True)
    video, face, playable, refused = done.stdout.splitlines()
    assert video.startswith(f"{clip}: length, size and codec are unchecked")
    assert face.startswith(f"{photo}: whether it can be decoded is unchecked")
    assert (playable, refused) == ("None", f"{page} is not a video")


def test_a_broken_download_is_a_transfer_error_whoever_reads_it(tmp_path: Path) -> None:
    (tmp_path / "page.mp4").write_text("<html>AccessDenied</html>" * 9)
    with pytest.raises(TransferError, match=r"page\.mp4"):
        checks.verify_playable(tmp_path / "page.mp4")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("clips/what?.mp4", "what?.mp4"),
        ("https://example.com/a/b%20c.mp4?key=secret#tok=secret", "b_c"),
        ("https://user:secret@example.com", "video"),
        ("https://[secret", "video"),
    ],
)
def test_a_source_is_known_by_its_name_and_no_key_in_its_address(source: str, name: str) -> None:
    assert known_name(source) == name


@pytest.mark.parametrize("check", [checks.check_video, checks.check_photo])
@pytest.mark.parametrize("method", ["open", "is_dir"])
def test_a_file_that_may_not_be_read_is_not_said_to_be_broken(
    check: Callable[[Path], object], method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root, whom tests may run as, may read everything.
    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    clip = plain_clip(tmp_path / "clip.mp4", seconds=4)
    monkeypatch.setattr(Path, method, refuse)
    with pytest.raises(InputError, match=r"clip\.mp4 cannot be read: permission denied$"):
        check(clip)
