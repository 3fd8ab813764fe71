"""Probing: what is wrong with a video or a photo is said before anything is sent."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from headswap_cli.errors import InputError, TransferError
from headswap_cli.media import check_photo, check_video, is_url, probe, verify_playable
from tests.clips import cut_short, plain_clip, plain_photo, sound_only
from tests.footage import corners, noise, write_video

if TYPE_CHECKING:
    from pathlib import Path


def refusal(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        probe(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 2
    return caught.value


def test_a_video_is_described_as_it_is_displayed(tmp_path: Path) -> None:
    info = probe(write_video(tmp_path / "clip.mp4", [corners()] * 45, quarter_turns=1, sound=noise(1.5)))
    assert info is not None
    assert (info.width, info.height) == (96, 128)
    assert info.frame_count == 45
    assert info.frame_rate == Fraction(30)
    assert info.has_audio
    assert info.duration_s == pytest.approx(1.5, abs=0.04)


def test_the_length_is_that_of_the_picture_not_what_the_header_claims(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", [corners()] * 30, sound=noise(4))
    info = probe(clip)
    assert info is not None
    assert info.duration_s == pytest.approx(1.0, abs=0.04)


def test_a_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "gone.mp4").message


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "folder" in refusal(tmp_path).message


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert "0 bytes" in refusal(tmp_path / "empty.mp4").message


def test_a_text_file_named_mp4_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("this is no video\n" * 100)
    assert "not a video" in refusal(tmp_path / "text.mp4").message


def test_a_file_cut_off_before_its_index_is_refused(tmp_path: Path) -> None:
    whole = plain_clip(tmp_path / "whole.mp4", seconds=4)
    refused = refusal(cut_short(whole, tmp_path / "half.mp4", share=0.5))
    assert "cut off" in refused.message
    assert "download or copy it again" in (refused.hint or "")


def test_a_file_cut_off_behind_its_index_is_refused(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", [corners()] * 150, fast_start=True, sound=noise(5))
    refused = refusal(cut_short(whole, tmp_path / "half.mp4", share=0.6))
    assert "cut off" in refused.message
    assert refused.hint == "download or copy it again: a part of it is missing"


def test_sound_without_a_picture_is_refused(tmp_path: Path) -> None:
    assert "sound only" in refusal(sound_only(tmp_path / "song.mp4")).message


def test_a_file_with_a_name_like_a_url_or_an_option_is_opened_as_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = type(tmp_path)("-i concat:a|b.mp4")
    plain_clip(tmp_path / "plain.mp4", seconds=1).rename(relative)
    info = probe(relative)
    assert info is not None
    assert info.frame_count == 10


@pytest.mark.parametrize("seconds", [2.0, 25.0])
def test_a_length_outside_the_limits_is_refused_with_value_limits_and_flag(
    tmp_path: Path, seconds: float
) -> None:
    clip = plain_clip(tmp_path / "clip.mp4", seconds=seconds)
    with pytest.raises(InputError, match=f"{seconds:.1f} s") as caught:
        check_video(clip)
    assert "3-20 s" in caught.value.message
    assert "--any-length" in (caught.value.hint or "")
    assert check_video(clip, any_length=True) is not None


@pytest.mark.parametrize("seconds", [3.0, 20.0])
def test_a_length_at_the_limits_passes(tmp_path: Path, seconds: float) -> None:
    assert check_video(plain_clip(tmp_path / "clip.mp4", seconds=seconds)) is not None


def test_a_length_just_beyond_the_limits_is_not_named_as_if_it_were_within(tmp_path: Path) -> None:
    clip = plain_clip(tmp_path / "clip.mp4", seconds=20.02, frame_rate=50)
    with pytest.raises(InputError, match=r"20\.02 s"):
        check_video(clip)


def test_a_picture_passes_as_a_photo(tmp_path: Path) -> None:
    check_photo(plain_photo(tmp_path / "me.png"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"),
        (b"", "0 bytes"),
        (b"no picture\n" * 100, "not a picture"),
        (b"\xff\xd8\xff\xe0", "not a picture"),
    ],
)
def test_what_is_no_photo_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "me.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        check_photo(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_sound_is_no_photo(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a photo"):
        check_photo(sound_only(tmp_path / "song.mp4"))


def test_a_video_is_no_photo(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a video or a song, not a photo"):
        check_photo(plain_clip(tmp_path / "clip.mp4", seconds=3))


def test_a_download_that_plays_to_its_end_passes_with_its_length(tmp_path: Path) -> None:
    assert verify_playable(plain_clip(tmp_path / "clip.mp4", seconds=4)) == pytest.approx(4.0)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_download_that_broke_off_is_refused(tmp_path: Path, share: float) -> None:
    whole = write_video(tmp_path / "whole.mp4", [corners()] * 60, fast_start=True)
    with pytest.raises(TransferError, match=r"half\.mp4"):
        verify_playable(cut_short(whole, tmp_path / "half.mp4", share=share))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("https://example.com/a.mp4", True),
        ("HTTP://example.com/a.mp4", True),
        ("clip.mp4", False),
        ("/tmp/https://x", False),
        ("ftp://example.com/a.mp4", False),
        ("", False),
    ],
)
def test_only_http_urls_are_urls(source: str, *, expected: bool) -> None:
    assert is_url(source) is expected


def test_without_the_decoder_presence_and_size_are_still_checked(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"anything")
    (tmp_path / "empty.mp4").touch()
    script = """
import sys
from pathlib import Path
sys.modules["av"] = None
from headswap_cli.errors import InputError
from headswap_cli.media import check_photo, check_video
folder = Path(sys.argv[1])
assert check_video(folder / "clip.mp4") is None
check_photo(folder / "clip.mp4")
try:
    check_video(folder / "empty.mp4")
except InputError as error:
    print(error.message)
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    # Nor is there an ffprobe on this PATH.
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True)
    assert "0 bytes" in done.stdout
