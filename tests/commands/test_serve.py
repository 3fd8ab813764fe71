"""``headswap serve``: whom it lets in, what it says of that, and that it clears up."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests import media
from tests.clips import plain_clip
from tests.conftest import Headswap

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "a-token-of-thirty-two-characters"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Headswap]:
    """The program with weights and an engine that nobody else uses."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "weights").symlink_to(media.weights_dir())
    program = Headswap(tmp_path)
    yield program
    program("serve", "--stop")


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


@contextmanager
def served(program: Headswap, *arguments: object) -> Iterator[tuple[str, list[str]]]:
    """Run ``headswap serve`` until it tells its URL; stop it as Ctrl-C does, and then tell its stderr."""
    with program.start("serve", *arguments) as process:
        assert process.stdout is not None
        url, said = process.stdout.readline().strip(), list[str]()
        try:
            yield url, said
        finally:
            process.send_signal(signal.SIGINT)
            said.append(process.communicate(timeout=60)[1])
            assert process.returncode == 130


def health(url: str, token: str) -> int:
    return httpx.get(f"{url}/health", headers={"x-api-key": token}, trust_env=False).status_code


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", "localhost.example.com"])
def test_an_address_that_others_reach_is_exit_2_without_a_token_file(own: Headswap, host: str) -> None:
    ran = own("serve", "--host", host, code=2)
    assert ran.out == ""
    assert f"On {host} others can reach the engine" in ran.err
    assert "--token-file" in ran.err


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (TOKEN, 0o644, "Others can read the token file"),
        (TOKEN, 0o640, "Others can read the token file"),
        ("short", 0o600, "one key of 16 or more"),
        ("", 0o600, "one key of 16 or more"),
        ("two words that are long enough", 0o600, "one key of 16 or more"),
        ("kéy-that-is-not-plain-ascii", 0o600, "one key of 16 or more"),
        (None, 0o600, "cannot be read: No such file"),
    ],
)
def test_a_token_file_that_is_not_fit_is_exit_2_and_its_content_is_not_shown(
    own: Headswap, tmp_path: Path, content: str | None, mode: int, words: str
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    ran = own("serve", "--host", "0.0.0.0", "--token-file", path, code=2)
    assert words in ran.err
    assert str(path) in ran.err
    assert not content or content not in ran.err


def test_a_folder_is_no_token_file(own: Headswap, tmp_path: Path) -> None:
    assert "token file" in own("serve", "--token-file", tmp_path, code=2).err


@pytest.mark.parametrize("count", ["0", "-1", "x", "99"])
def test_a_number_of_workers_that_makes_no_sense_is_exit_2(own: Headswap, count: str) -> None:
    assert "--workers" in own("serve", "--workers", count, code=2).err


def test_on_every_interface_it_says_what_it_exposes_and_takes_that_key_alone(
    own: Headswap, token_file: Path
) -> None:
    with served(own, "--host", "0.0.0.0", "--token-file", token_file, "--workers", 2) as (url, said):
        assert (health(url, TOKEN), health(url, "another"), health(url, "")) == (200, 401, 401)
        # Other machines are told by their address, never by a name that a page in a browser could choose.
        port = int(url.rpartition(":")[2])
        for host, status_code in ((f"192.0.2.7:{port}", 200), (f"evil.example:{port}", 421)):
            headers = {"x-api-key": TOKEN, "host": host}
            assert httpx.get(f"{url}/health", headers=headers, trust_env=False).status_code == status_code
    assert "listens on 0.0.0.0, where other machines reach it" in said[0]
    assert str(token_file) in said[0]
    assert TOKEN not in said[0]
    assert TOKEN not in (own.data / "engine" / "engine.log").read_text()


def test_on_loopback_it_makes_up_a_key_and_says_how_to_stop_it_and_nothing_of_strangers(
    own: Headswap,
) -> None:
    with served(own) as (url, said):
        assert url.startswith("http://127.0.0.1:")
        assert health(url, "a guess") == 401
        # Nothing but what was asked for is listened on.
        listening = socket.socket()
        assert listening.connect_ex(("127.0.0.2", int(url.rpartition(":")[2]))) != 0
        listening.close()
    assert "where other machines reach it" not in said[0]
    hint = "Ctrl-C stops it; a job at work goes back to the queue."
    assert said[0].endswith(f"{hint}\nThe local engine has stopped.\n")


def test_it_says_where_its_key_is_and_the_command_that_sends_it_and_does_not_show_it(
    own: Headswap, token_file: Path
) -> None:
    descriptor = own.data / "engine" / "engine.json"
    with served(own) as (url, said):
        key = json.loads(descriptor.read_text())["token"]
        assert health(url, key) == 200
    assert f'its key, the "token" in {descriptor}' in said[0]
    assert f'\ncurl -H "x-api-key: $(jq -r .token {descriptor})" {url}/health\n' in said[0]
    assert key not in said[0]
    with served(own, "--token-file", os.path.relpath(token_file, own.cwd)) as (url, said):
        assert health(url, TOKEN) == 200
    assert f'\ncurl -H "x-api-key: $(cat {token_file})" {url}/health\n' in said[0]
    assert TOKEN not in said[0]


def test_the_key_is_on_no_command_line(own: Headswap, token_file: Path) -> None:
    if not Path("/proc").exists():
        pytest.skip("only Linux shows command lines in /proc")
    with served(own, "--token-file", token_file) as (url, _):
        assert health(url, TOKEN) == 200
        lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
        assert not [line for line in lines if TOKEN.encode() in line]


def files(program: Headswap) -> list[Path]:
    return [path for path in (program.data / "engine" / "media").rglob("*") if path.is_file()]


@pytest.mark.parametrize("is_running", [True, False], ids=["while it runs", "while it does not"])
def test_clear_deletes_what_the_engine_keeps_and_says_how_much(
    own: Headswap, tmp_path: Path, is_running: bool
) -> None:
    video = plain_clip(tmp_path / "clip.mp4", seconds=4)
    analysis = own("analyze", "-q", video).out.strip()
    assert files(own)
    if not is_running:
        own("serve", "--stop")
    assert own("serve", "--clear", "--json").value == {"jobs": 1, "files": 1}
    assert not files(own)
    assert own("serve", "--clear").out == "Deleted: 0 jobs, 0 files.\n"
    assert own("status", analysis, code=None).code != 0
    # The same video is taken in again as if it had never been there.
    assert own("analyze", "-q", video).out.strip() != analysis


def test_clear_starts_no_engine_and_wants_no_weights(headswap: Headswap) -> None:
    assert headswap("serve", "--clear", "--json").value == {"jobs": 0, "files": 0}
    assert headswap("serve", "--status", "-q").out == "stopped\n"


def test_everything_it_keeps_is_for_its_owner_alone_whatever_the_umask(own: Headswap, tmp_path: Path) -> None:
    before = os.umask(0o000)
    try:
        own("analyze", "-q", plain_clip(tmp_path / "clip.mp4", seconds=4))
    finally:
        os.umask(before)
    engine = own.data / "engine"
    for entry in (engine, *engine.rglob("*")):
        mode = stat.S_IMODE(entry.stat().st_mode)
        assert mode == (0o700 if entry.is_dir() else 0o600), entry


def test_damaged_weights_are_found_by_fetch_and_named_by_a_job(own: Headswap, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "weights"
    folder.unlink()
    folder.mkdir()
    for path in media.weights_dir().iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    mesh = folder / "face_landmark.tflite"
    content = mesh.read_bytes()
    mesh.write_bytes(content[:1000] + b"\0\1" + content[1002:])
    video = plain_clip(tmp_path / "clip.mp4", seconds=4)
    failed = own("analyze", video, code=3)
    assert "face_landmark.tflite" in failed.err
    assert "headswap serve --fetch" in failed.err
    refused = own("serve", "--fetch", code=1, PIP_NO_INDEX="1")
    assert "mediapipe" in refused.err
    assert "headswap serve --fetch" in refused.err
    # What could not be repaired is not made worse.
    mesh.write_bytes(content)
    own("serve", "--fetch", PIP_NO_INDEX="1")
    assert "Nobody" in own("analyze", video).out


def test_a_run_again_whose_result_the_engine_has_deleted_says_how_it_is_made_anew(
    own: Headswap, tmp_path: Path
) -> None:
    media.copy_kernels(tmp_path / "cache")
    short = media.looped(media.clip("carphone_pristine.mp4"), tmp_path / "short.mp4", seconds=1.0)
    run = ("run", short, "--face", media.photo("astronaut.png"), "--any-length")
    saved = own(*run, "-q").out.strip()
    own("serve", "--clear")
    (own.cwd / saved).unlink()
    told = own(*run, code=13).err
    assert "has no job of the run" in told
    assert "pay" not in told
    own(*run, "--new", "-q")
