"""An upload sends the file as it is, once, and says what the server answered."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from headswap_cli.errors import InputError, NetworkError
from headswap_cli.transfer import hash_file, upload, without_query
from tests.origin import Answer, reset

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.loopback import MediaOrigin


@pytest.mark.parametrize("size_bytes", [0, 1, 1 << 20, (1 << 20) + 1, 5_000_000])
def test_a_file_of_any_size_arrives_whole_with_its_length(
    bare: httpx.Client, cdn: MediaOrigin, tmp_path: Path, size_bytes: int
) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(bytes(range(256)) * (size_bytes // 256) + bytes(size_bytes % 256))
    told: list[tuple[int, int | None]] = []
    cdn.script("/put", Answer(b"thanks", 201))
    reply = upload(
        bare,
        f"{cdn.url}/put?s=1",
        path,
        headers={"X-Kind": "video"},
        on_bytes=lambda *done: told.append(done),
    )
    (request,) = cdn.requests
    assert (reply.status, reply.body) == (201, b"thanks")
    assert (request.method, request.query, request.headers["x-kind"]) == ("PUT", {"s": "1"}, "video")
    assert request.body == path.read_bytes()
    assert request.headers["content-length"] == str(size_bytes)
    assert "transfer-encoding" not in request.headers
    assert told[-1:] == ([(size_bytes, size_bytes)] if size_bytes else [])
    assert all(later[0] - sooner[0] <= 1 << 20 for sooner, later in pairwise(told))


def test_a_refusal_is_handed_back_as_it_came(bare: httpx.Client, cdn: MediaOrigin, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    cdn.script("/put", Answer(b"<Error>EntityTooLarge</Error>", 413))
    reply = upload(bare, f"{cdn.url}/put", tmp_path / "a")
    assert (reply.status, reply.body) == (413, b"<Error>EntityTooLarge</Error>")


def test_an_upload_that_breaks_off_is_a_network_error_without_the_signature(
    bare: httpx.Client, cdn: MediaOrigin, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"x")
    cdn.script("/put", reset)
    with pytest.raises(NetworkError) as caught:
        upload(bare, f"{cdn.url}/put?Signature=s3cret", tmp_path / "a")
    assert "s3cret" not in caught.value.message


def test_a_file_that_is_not_there_is_an_input_error(bare: httpx.Client, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone"):
        upload(bare, "http://127.0.0.1:9/", tmp_path / "gone")
    with pytest.raises(InputError, match="gone"):
        hash_file(tmp_path / "gone")


def test_a_file_that_shrinks_on_the_way_is_an_input_error(
    bare: httpx.Client, cdn: MediaOrigin, tmp_path: Path
) -> None:
    path = tmp_path / "growing.mp4"
    path.write_bytes(bytes(3 << 20))

    def shrink(done: int, total: int | None) -> None:
        path.write_bytes(b"")

    with pytest.raises(InputError, match="shorter"):
        upload(bare, f"{cdn.url}/put", path, on_bytes=shrink)


def test_a_file_that_grows_on_the_way_is_sent_as_it_was(
    bare: httpx.Client, cdn: MediaOrigin, tmp_path: Path
) -> None:
    path = tmp_path / "growing.mp4"
    path.write_bytes(bytes(1000))

    def grow(done: int, total: int | None) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    upload(bare, f"{cdn.url}/put", path, on_bytes=grow)
    assert cdn.requests[0].body == bytes(1000)


def test_a_hash_is_the_sha256_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 1_000_000)
    assert hash_file(tmp_path / "a") == hashlib.sha256(b"abc" * 1_000_000).hexdigest()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://cdn.example/a/b.mp4?Signature=x#y", "https://cdn.example/a/b.mp4"),
        ("https://me:pass@cdn.example:8443/a", "https://cdn.example:8443/a"),
        ("https://cdn.example/\x1b[31ma", "https://cdn.example/a"),
        ("http://[::1", "a malformed URL"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert without_query(url) == shown
