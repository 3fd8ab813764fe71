"""A download is the whole verified file under its name, or nothing at all."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from typing import TYPE_CHECKING

import httpx
import pytest

from headswap_cli.errors import (
    InputError,
)
from headswap_cli.transfer import download
from tests.origin import raw
from tests.transfer.conftest import VIDEO

if TYPE_CHECKING:
    from pathlib import Path

    from tests.loopback import MediaOrigin

FILE = "/files/clip.mp4"
OK = b"HTTP/1.1 200 OK\r\n"


def fine(_: Path) -> None:
    """Find nothing wrong."""


def test_a_download_is_saved_with_its_size_and_hash(
    bare: httpx.Client, cdn: MediaOrigin, target: Path
) -> None:
    saved = download(bare, f"{cdn.url}{FILE}", target, verify=fine)
    assert target.read_bytes() == VIDEO
    assert (saved.path, saved.size_bytes) == (target, len(VIDEO))
    assert saved.sha256 == hashlib.sha256(VIDEO).hexdigest()
    assert [path.name for path in target.parent.iterdir()] == ["clip.mp4"]


def test_redirects_to_the_file_are_followed(bare: httpx.Client, cdn: MediaOrigin, target: Path) -> None:
    download(bare, f"{cdn.url}/r/clip.mp4", target, verify=fine)
    assert [request.path for request in cdn.requests] == ["/r/clip.mp4", FILE]


def test_the_request_asks_for_the_bytes_as_they_are(
    bare: httpx.Client, cdn: MediaOrigin, target: Path
) -> None:
    download(bare, f"{cdn.url}{FILE}?a=%7E&b", target, verify=fine)
    (request,) = cdn.requests
    assert request.headers["accept-encoding"] == "identity"
    assert "range" not in request.headers


def test_each_chunk_is_told_up_to_the_whole(bare: httpx.Client, cdn: MediaOrigin, target: Path) -> None:
    told: list[tuple[int, int | None]] = []
    download(bare, f"{cdn.url}{FILE}", target, verify=fine, on_bytes=lambda *done: told.append(done))
    assert told[-1] == (len(VIDEO), len(VIDEO))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.parametrize("head", [b"", b"Transfer-Encoding: chunked\r\n"])
def test_without_a_length_what_comes_is_taken_if_it_verifies(
    bare: httpx.Client, cdn: MediaOrigin, target: Path, head: bytes
) -> None:
    body = b"5\r\nhello\r\n0\r\n\r\n" if head else b"hello"
    cdn.script(FILE, raw(OK + head + b"\r\n" + body))
    told: list[tuple[int, int | None]] = []
    download(bare, f"{cdn.url}{FILE}", target, verify=fine, on_bytes=lambda *done: told.append(done))
    assert target.read_bytes() == b"hello"
    assert told[-1] == (5, None)


def test_bytes_beyond_the_declared_length_are_not_saved(
    bare: httpx.Client, cdn: MediaOrigin, target: Path
) -> None:
    cdn.script(FILE, raw(OK + b"Content-Length: 5\r\n\r\nhello, and more"))
    download(bare, f"{cdn.url}{FILE}", target, verify=fine)
    assert target.read_bytes() == b"hello"


def test_the_bytes_are_on_the_disk_before_the_file_has_its_name(
    bare: httpx.Client, cdn: MediaOrigin, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, named = os.fsync, []

    def watched(descriptor: int) -> None:
        named.append(target.exists())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    download(bare, f"{cdn.url}{FILE}", target, verify=fine)
    assert named[0] is False
    assert os.name != "posix" or named == [False, True]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_a_part_is_private_and_the_result_is_as_any_new_file(
    bare: httpx.Client, cdn: MediaOrigin, target: Path
) -> None:
    modes: list[int] = []
    before = os.umask(0o027)
    try:
        download(
            bare,
            f"{cdn.url}{FILE}",
            target,
            verify=lambda part: modes.append(stat.S_IMODE(part.stat().st_mode)),
        )
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_two_downloads_of_one_target_do_not_mix(bare: httpx.Client, cdn: MediaOrigin, target: Path) -> None:
    refused: list[InputError] = []

    def second(_: Path) -> None:
        with pytest.raises(InputError, match=r"clip\.mp4\.part") as caught:
            download(bare, f"{cdn.url}{FILE}", target, verify=fine)
        refused.append(caught.value)

    download(bare, f"{cdn.url}{FILE}", target, verify=second)
    assert len(refused) == 1
    assert target.read_bytes() == VIDEO
    assert len(cdn.requests) == 1


def test_a_part_that_is_not_ours_is_left_as_it_is_and_named(
    bare: httpx.Client, cdn: MediaOrigin, target: Path
) -> None:
    part = target.with_name("clip.mp4.part")
    part.write_bytes(b"the user's own")
    with pytest.raises(InputError, match=r"clip\.mp4\.part' is in the way"):
        download(bare, f"{cdn.url}{FILE}", target, verify=fine)
    assert part.read_bytes() == b"the user's own"
    assert cdn.requests == []
    part.write_bytes(b"")
    download(bare, f"{cdn.url}{FILE}", target, verify=fine)
    assert [path.name for path in target.parent.iterdir()] == ["clip.mp4"]


def test_a_note_that_is_not_ours_is_left_as_it_is(bare: httpx.Client, cdn: MediaOrigin, target: Path) -> None:
    note = target.with_name("clip.mp4.part.json")
    note.write_text('{"mine": 1}')
    with pytest.raises(InputError, match="is in the way"):
        download(bare, f"{cdn.url}{FILE}", target, verify=fine)
    assert note.read_text() == '{"mine": 1}'


@pytest.mark.skipif(os.name != "posix", reason="links are POSIX")
@pytest.mark.parametrize("is_noted", [False, True])
def test_a_part_that_is_a_link_elsewhere_is_not_followed(
    bare: httpx.Client, cdn: MediaOrigin, target: Path, tmp_path: Path, is_noted: bool
) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    target.with_name("clip.mp4.part").symlink_to(tmp_path / "precious")
    if is_noted:
        target.with_name("clip.mp4.part.json").write_text("{}")
        download(bare, f"{cdn.url}{FILE}", target, verify=fine)
        assert target.read_bytes() == VIDEO
        assert not target.is_symlink()
    else:
        with pytest.raises(InputError, match="is in the way"):
            download(bare, f"{cdn.url}{FILE}", target, verify=fine)
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_no_log_of_the_http_library_shows_a_signature(
    bare: httpx.Client, cdn: MediaOrigin, target: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    download(bare, f"{cdn.url}/r/clip.mp4?Expires=1&Signature=s3cret", target, verify=fine)
    assert "clip.mp4" in caplog.text
    assert "s3cret" not in caplog.text
    assert "Signature" not in caplog.text
