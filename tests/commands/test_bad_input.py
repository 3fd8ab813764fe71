"""Bad input: a clear error with its exit code, nothing sent, nothing left behind."""

from __future__ import annotations

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headswap_cli.commands.unquoted import names_in_pieces
from headswap_cli.wire import MAX_PHOTOS
from tests.clips import cut_short, plain_clip, plain_photo, sound_only

if TYPE_CHECKING:
    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService


URL = "https://example.com/clip.mp4"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return plain_clip(tmp_path / "clip.mp4", seconds=4)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return plain_photo(tmp_path / "me.png")


def nothing_happened(headswap: Headswap) -> bool:
    """Neither a file beside the command nor an engine in its data folder."""
    return not list(headswap.cwd.iterdir()) and not (headswap.data / "engine").exists()


def refused(headswap: Headswap, *arguments: object) -> str:
    """Run a command that must end with exit code 2 and leave nothing; return what it said."""
    ran = headswap(*arguments, code=2)
    assert ran.out == ""
    assert nothing_happened(headswap)
    return ran.err


@pytest.mark.parametrize("words", [("analyze",), ("run", "--face", "me.png")])
def test_of_a_length_that_will_not_do_the_local_engine_is_told_its_own_flag_alone(
    headswap: Headswap, tmp_path: Path, photo: Path, words: tuple[str, ...]
) -> None:
    long = plain_clip(tmp_path / "long.mp4", seconds=25)
    said = refused(headswap, words[0], long, *(photo if word == "me.png" else word for word in words[1:]))
    assert said.endswith("long.mp4 is 25.0 s long; the limits are 3-20 s\nhint: add --any-length\n")


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("run my video.mp4 --face me.png", "'my video.mp4'"),
        ("run my video.mp4 --face 1=my face.png", "'my video.mp4' '1=my face.png'"),
        ("run clip.mp4 --face=left=my face.png -q", "'--face=left=my face.png'"),
        ("analyze my video.mp4", "'my video.mp4'"),
        ("swap 64f0c2 --face my face.png", "'my face.png'"),
        ("batch my video.mp4", "'my video.mp4'"),
        ("compare my video.mp4 clip.mp4", "'my video.mp4'"),
    ],
)
def test_a_name_that_the_shell_has_taken_to_pieces_is_shown_in_quotes(
    headswap: Headswap, line: str, names: str
) -> None:
    for name in ("my video.mp4", "my face.png", "clip.mp4", "me.png"):
        (headswap.cwd / name).touch()
    said = headswap(*line.split(), code=2).err
    assert said.endswith(f"\nhint: A name with spaces goes into quotes: {names}\n")


def test_names_that_are_files_by_themselves_are_not_taken_for_one(headswap: Headswap) -> None:
    for name in ("my", "video.mp4", "my video.mp4"):
        (headswap.cwd / name).touch()
    assert "quotes" not in headswap("run", "my", "video.mp4", "--face", "1=me.png", code=2).err


def test_of_many_files_that_are_there_no_names_are_put_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [str(tmp_path / f"{number}.mp4") for number in range(100)]
    for file in files:
        Path(file).touch()
    looked_for: list[str] = []
    monkeypatch.setattr(os.path, "isfile", looked_for.append)
    assert names_in_pieces([*files, "--json"]) == []
    assert all(name.endswith(" --json") for name in looked_for)
    assert len(looked_for) < 40


def test_a_video_that_does_not_exist_is_named(headswap: Headswap, tmp_path: Path, photo: Path) -> None:
    said = refused(headswap, "run", tmp_path / "gone.mp4", "--face", f"1={photo}")
    assert "gone.mp4" in said


def test_a_text_file_named_mp4_is_refused(headswap: Headswap, tmp_path: Path, photo: Path) -> None:
    (tmp_path / "text.mp4").write_text("this is no video\n" * 100)
    assert "text.mp4" in refused(headswap, "run", tmp_path / "text.mp4", "--face", f"1={photo}")


def test_a_truncated_video_is_refused(headswap: Headswap, tmp_path: Path, clip: Path, photo: Path) -> None:
    cut_short(clip, tmp_path / "half.mp4", share=0.5)
    assert "half.mp4" in refused(headswap, "run", tmp_path / "half.mp4", "--face", f"1={photo}")


def test_sound_without_a_picture_is_refused(headswap: Headswap, tmp_path: Path, photo: Path) -> None:
    said = refused(headswap, "run", sound_only(tmp_path / "sound.mp4"), "--face", f"1={photo}")
    assert "sound.mp4" in said


@pytest.mark.parametrize("seconds", [2, 25])
def test_a_length_outside_the_limits_is_refused_with_value_limit_and_flag(
    headswap: Headswap, tmp_path: Path, photo: Path, seconds: int
) -> None:
    video = plain_clip(tmp_path / "long.mp4", seconds=seconds)
    said = refused(headswap, "run", video, "--face", f"1={photo}")
    assert f"{seconds}" in said
    assert "3" in said
    assert "20" in said
    assert "--any-length" in said


def test_an_empty_video_is_refused(headswap: Headswap, tmp_path: Path, photo: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert "empty" in refused(headswap, "run", tmp_path / "empty.mp4", "--face", f"1={photo}")


def test_a_face_photo_that_does_not_exist_is_named(headswap: Headswap, clip: Path, tmp_path: Path) -> None:
    assert "gone.jpg" in refused(headswap, "run", clip, "--face", f"1={tmp_path / 'gone.jpg'}")


def test_an_unreadable_face_photo_is_refused(headswap: Headswap, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "me.jpg").write_text("no picture at all\n" * 50)
    assert "me.jpg" in refused(headswap, "run", clip, "--face", f"1={tmp_path / 'me.jpg'}")


def test_a_face_photo_of_zero_bytes_is_refused(headswap: Headswap, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "me.jpg").touch()
    assert "empty" in refused(headswap, "run", clip, "--face", f"1={tmp_path / 'me.jpg'}")


def test_an_output_that_exists_is_refused_before_anything_is_sent(
    headswap: Headswap, clip: Path, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "out.mp4").write_bytes(b"precious")
    said = refused(headswap, "run", clip, "--face", f"1={photo}", "-o", tmp_path / "out.mp4")
    assert "--force" in said
    assert (tmp_path / "out.mp4").read_bytes() == b"precious"


def test_an_output_folder_that_does_not_exist_is_refused(
    headswap: Headswap, clip: Path, photo: Path, tmp_path: Path
) -> None:
    said = refused(headswap, "run", clip, "--face", f"1={photo}", "-o", tmp_path / "no" / "out.mp4")
    assert "mkdir" in said


def test_an_output_folder_that_cannot_be_written_is_refused(
    headswap: Headswap, clip: Path, photo: Path
) -> None:
    # Nobody, not even root, can make a file there.
    assert "/proc" in refused(headswap, "run", clip, "--face", f"1={photo}", "-o", "/proc/out.mp4")


@pytest.mark.parametrize(
    "face", ["1=", "=me.jpg", "one=me.jpg", "-1=me.jpg", "obj:=me.jpg", "obj:x=me.jpg", "0=me.jpg", ""]
)
def test_a_malformed_face_is_refused_with_the_form_it_should_have(
    headswap: Headswap, clip: Path, face: str
) -> None:
    said = refused(headswap, "run", clip, f"--face={face}")
    assert "--face 1=me.jpg" in said


@pytest.mark.parametrize("url", ["ftp://example.com/x.mp4", "file:///tmp/x.mp4"])
def test_a_url_of_another_scheme_is_refused_as_it_was_given(
    headswap: Headswap, clip: Path, photo: Path, tmp_path: Path, url: str
) -> None:
    told = f"only http(s) URLs and files are taken, not {url!r}"
    assert told in refused(headswap, "run", url, "--face", photo)
    assert told in refused(headswap, "run", clip, "--face", url, "--any-length")
    assert told in refused(headswap, "analyze", url)
    assert told in refused(headswap, "compare", url, clip)
    jobs = tmp_path / "jobs.csv"
    jobs.write_text(f"video,face\n{url},{photo}\n")
    assert told in refused(headswap, "batch", jobs)


def test_six_faces_are_refused_with_the_limit(headswap: Headswap, clip: Path, photo: Path) -> None:
    faces = [part for person in range(1, 7) for part in ("--face", f"{person}={photo}")]
    said = refused(headswap, "run", clip, *faces)
    assert "6" in said
    assert "5" in said


def test_one_person_with_too_many_photos_is_refused(headswap: Headswap, clip: Path, photo: Path) -> None:
    said = refused(headswap, "run", clip, *["--face", f"1={photo}"] * (MAX_PHOTOS + 1))
    assert "Person 1" in said
    assert str(MAX_PHOTOS) in said


def test_a_face_without_a_number_beside_another_is_refused(
    headswap: Headswap, clip: Path, photo: Path
) -> None:
    said = refused(headswap, "run", clip, "--face", photo, "--face", f"2={photo}")
    assert "--face 1=a.jpg" in said


@pytest.mark.parametrize("value", ["soon", "", "10", "5 m", "-5s", "m"])
def test_a_timeout_that_is_no_duration_is_refused(headswap: Headswap, clip: Path, value: str) -> None:
    assert "15m" in refused(headswap, "run", clip, f"--timeout={value}")


def test_a_resolution_that_does_not_exist_is_refused(headswap: Headswap, clip: Path) -> None:
    assert "480p, 720p" in refused(headswap, "run", clip, "--resolution", "4k")


def test_a_profile_that_does_not_exist_is_refused(headswap: Headswap, clip: Path, photo: Path) -> None:
    assert "nobody" in refused(headswap, "run", clip, "--face", f"1={photo}", "-p", "nobody")


def test_the_source_video_is_never_the_output(headswap: Headswap, clip: Path, photo: Path) -> None:
    before = clip.read_bytes()
    refused(headswap, "run", clip, "--face", f"1={photo}", "-o", clip, "--force")
    assert clip.read_bytes() == before


def test_a_face_photo_is_never_the_output(headswap: Headswap, clip: Path, photo: Path) -> None:
    before = photo.read_bytes()
    refused(headswap, "run", clip, "--face", f"1={photo}", "-o", photo, "--force")
    assert photo.read_bytes() == before


def test_the_demo_cannot_write_two_files_to_stdout(headswap: Headswap) -> None:
    assert "-o FOLDER" in refused(headswap, "demo", "-o", "-")


def test_a_full_disk_behind_stdout_is_an_error_and_no_traceback(headswap: Headswap) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            headswap.command("--help"), env=headswap.env, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: The system refused (No space left on device)")
    assert "Traceback" not in done.stderr


def test_an_output_whose_name_is_too_long_for_a_download_is_refused(
    headswap: Headswap, clip: Path, photo: Path
) -> None:
    said = refused(headswap, "run", clip, "--face", f"1={photo}", "-o", f"{'n' * 247}.mp4")
    assert "245 bytes" in said


@pytest.mark.parametrize("video", ["http://[x", "~nobody-has-this-name/clip.mp4", "~clip.mp4"])
def test_an_odd_source_is_refused_without_a_traceback(headswap: Headswap, photo: Path, video: str) -> None:
    refused(headswap, "run", video, "--face", f"1={photo}")


@pytest.mark.parametrize(
    "arguments",
    [
        ("https://example.com/\udce9.mp4", "--face", URL),
        (URL, "--face", "https://example.com/\udce9.jpg"),
        (URL, "--face", URL, "--model", "\udce9"),
        (URL, "--face", URL, "--webhook-url", "https://example.com/\udce9"),
    ],
)
def test_what_no_request_can_carry_is_refused_before_anything_is_sent(
    headswap: Headswap, arguments: tuple[str, ...]
) -> None:
    assert "not UTF-8" in refused(headswap, "run", *arguments)
    assert headswap("runs", "--json").value == []


def test_a_person_with_five_thousand_digits_is_refused(headswap: Headswap, clip: Path) -> None:
    refused(headswap, "run", clip, "--face", f"{'1' * 5000}=me.jpg")


def test_json_and_the_video_cannot_both_go_to_stdout(headswap: Headswap, clip: Path) -> None:
    ran = headswap("run", clip, "-o", "-", "--json", code=2)
    assert ran.value["error"]["exit_code"] == 2


def test_several_downloads_cannot_go_into_one_file(headswap: Headswap) -> None:
    assert "-o FOLDER/" in refused(headswap, "download", "a" * 24, "b" * 24, "-o", "out.mp4")


def test_a_local_file_for_a_service_without_hosting_is_refused_with_the_ways_out(
    cloud: Headswap, service: HeadSwapService, clip: Path, photo: Path
) -> None:
    said = refused(cloud, "run", clip, "--face", f"1={photo}")
    assert "--profile local" in said
    assert service.requests == []


def test_plain_http_to_another_machine_is_refused_when_there_is_a_key(headswap: Headswap) -> None:
    said = headswap(
        "status", "a" * 24, code=2, HEADSWAP_API_KEY="k-secret", HEADSWAP_BASE_URL="http://192.0.2.1"
    ).err
    assert "https" in said
    assert "k-secret" not in said


def test_a_cloud_profile_without_a_key_is_exit_10(headswap: Headswap) -> None:
    ran = headswap("status", "a" * 24, "-p", "akool", code=10)
    assert "HEADSWAP_API_KEY" in ran.err


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HTTPS_PROXY", "fax://me:hush@proxy.invalid", "it is no http(s) or SOCKS address"),
        ("all_proxy", "http://[::", "it is no http(s) or SOCKS address"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_and_its_password_is_not(
    headswap: Headswap, name: str, value: str, said: str
) -> None:
    key = {"HEADSWAP_API_KEY": "key-of-nobody", "HEADSWAP_BASE_URL": "https://service.invalid"}
    err = headswap("credits", code=2, **key, **{name: value}).err
    assert f"The proxy in {name} can't be used: {said}" in err
    assert "hush" not in err


@pytest.mark.skipif(find_spec("socksio") is not None, reason="SOCKS works here")
def test_a_socks_proxy_names_the_package_that_it_needs(headswap: Headswap) -> None:
    key = {"HEADSWAP_API_KEY": "key-of-nobody", "HEADSWAP_BASE_URL": "https://service.invalid"}
    assert "pip install socksio" in headswap("credits", code=2, ALL_PROXY="socks5://127.0.0.1:1", **key).err
