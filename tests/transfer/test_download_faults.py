"""What can go wrong on the way: the older file stays, no part is left, no signature is shown."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import httpx
import pytest

from headswap_cli.errors import (
    HeadswapError,
    InputError,
    NetworkError,
    NotFoundError,
    TransferError,
)
from headswap_cli.transfer import download
from tests.origin import Answer, drip, raw, reset, silence
from tests.transfer.conftest import VIDEO

if TYPE_CHECKING:
    from pathlib import Path

    from tests.loopback import MediaOrigin
    from tests.origin import Fault

FILE = "/files/clip.mp4"
OK = b"HTTP/1.1 200 OK\r\n"


def fine(_: Path) -> None:
    """Find nothing wrong."""


def failing(
    bare: httpx.Client,
    cdn: MediaOrigin,
    target: Path,
    fault: Fault | None = None,
    stall_timeout_s: float = 5.0,
) -> HeadswapError:
    """Download into a folder that holds an older result, and return the error; nothing may have changed."""
    if fault is not None:
        cdn.script(FILE, fault)
    target.write_bytes(b"older")
    with pytest.raises(HeadswapError) as caught:
        download(
            bare, f"{cdn.url}{FILE}?Signature=s3cret", target, verify=fine, stall_timeout_s=stall_timeout_s
        )
    assert target.read_bytes() == b"older"
    assert [path.name for path in target.parent.iterdir()] == ["clip.mp4"]
    assert "s3cret" not in f"{caught.value.message} {caught.value.hint}"
    return caught.value


def test_five_redirects_are_followed_and_six_are_not(
    bare: httpx.Client, cdn: MediaOrigin, target: Path
) -> None:
    again = Answer(status=307, headers={"Location": FILE})
    cdn.script(FILE, *[again] * 5)
    download(bare, f"{cdn.url}{FILE}", target, verify=fine)
    cdn.script(FILE, *[again] * 5)
    assert type(failing(bare, cdn, target, again)) is TransferError
    assert len(cdn.requests) == 12


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://["])
def test_a_redirect_to_what_is_no_web_address_is_refused(
    bare: httpx.Client, cdn: MediaOrigin, target: Path, location: str
) -> None:
    failing(bare, cdn, target, Answer(status=302, headers={"Location": location}))


def test_the_endless_body_of_a_redirect_is_not_read(
    bare: httpx.Client, cdn: MediaOrigin, target: Path
) -> None:
    cdn.script("/endless", drip(b"HTTP/1.1 302 Found\r\nLocation: /files/clip.mp4\r\n\r\n"))
    download(bare, f"{cdn.url}/endless", target, verify=fine)
    assert target.read_bytes() == VIDEO


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_dead_link_is_not_found_with_the_way_to_a_new_one(
    bare: httpx.Client, cdn: MediaOrigin, target: Path, status: int
) -> None:
    error = failing(bare, cdn, target, Answer(b"<Error/>", status))
    assert type(error) is NotFoundError
    assert "expired" in error.message
    assert "headswap download" in (error.hint or "")


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (Answer(b"", 500), NetworkError),
        (Answer(b"", 503), NetworkError),
        (Answer(b"", 429), NetworkError),
        (Answer(b"", 401), TransferError),
        (Answer(b"", 204), TransferError),
        (Answer(b"", 304), TransferError),
        (Answer(b"x" * 5, 206, {"Content-Range": "bytes 0-4/5"}), TransferError),
        (Answer(b"x" * 5, 200, {"Content-Range": "bytes 0-4/9"}), TransferError),
        (Answer(b"x" * 5, 200, {"Content-Range": "bytes 4-8/9"}), TransferError),
        (Answer(b"x" * 5, 200, {"Content-Range": "lines 1-2"}), TransferError),
        (Answer(b"x" * 5, 200, {"Content-Encoding": "gzip"}), TransferError),
        (Answer(b"x" * 5, 200, {"Content-Encoding": "gzip, gzip"}), TransferError),
        (Answer(b"x" * 5, 200, {"Content-Encoding": "x-\x1b[31m"}), HeadswapError),
        (raw(OK + b"Content-Length: 9\r\n\r\nshort"), NetworkError),
        (raw(OK + b"Content-Length: -1\r\n\r\nshort"), NetworkError),
        (raw(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nshort"), NetworkError),
        (raw(OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\nshort"), NetworkError),
        (
            raw(OK + b"Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            TransferError,
        ),
        (raw(b"no http at all"), NetworkError),
        (raw(b""), NetworkError),
        (reset, NetworkError),
    ],
)
def test_every_fault_leaves_the_older_file_and_no_part(
    bare: httpx.Client, cdn: MediaOrigin, target: Path, fault: Fault, raised: type[HeadswapError]
) -> None:
    assert isinstance(failing(bare, cdn, target, fault), raised)


def test_a_server_that_falls_silent_has_stalled(bare: httpx.Client, cdn: MediaOrigin, target: Path) -> None:
    error = failing(bare, cdn, target, silence, stall_timeout_s=0.1)
    assert type(error) is NetworkError
    assert "stalled" in error.message


def test_a_server_that_sends_a_byte_now_and_then_has_stalled(
    bare: httpx.Client, cdn: MediaOrigin, target: Path
) -> None:
    slow = drip(OK + b"Content-Length: 1000000\r\n\r\n", every_s=0.01)
    assert "stalled" in failing(bare, cdn, target, slow, stall_timeout_s=0.1).message


def test_a_host_that_is_not_there_is_a_network_error(bare: httpx.Client, target: Path) -> None:
    with pytest.raises(NetworkError):
        download(bare, "http://127.0.0.1:9/x.mp4?Signature=s3cret", target, verify=fine)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["", "clip.mp4", "ftp://127.0.0.1/x", "http://", "http://[", "http://a\x00b/"]
)
def test_what_is_no_web_address_is_an_error_of_ours(bare: httpx.Client, target: Path, url: str) -> None:
    with pytest.raises(HeadswapError):
        download(bare, url, target, verify=fine)


@pytest.mark.parametrize("declared", [True, False])
def test_a_file_that_no_result_could_be_is_refused(
    bare: httpx.Client, cdn: MediaOrigin, target: Path, declared: bool
) -> None:
    head = b"Content-Length: 11\r\n\r\n" if declared else b"\r\n"
    cdn.script(FILE, raw(OK + head + b"eleven byte"))
    with pytest.raises(TransferError, match="longer than 10"):
        download(bare, f"{cdn.url}{FILE}", target, verify=fine, max_bytes=10)
    assert list(target.parent.iterdir()) == []


def test_a_file_without_end_is_cut_off(bare: httpx.Client, cdn: MediaOrigin, target: Path) -> None:
    cdn.script(FILE, drip(OK + b"\r\n", every_s=0.001))
    with pytest.raises(TransferError, match="longer than 10"):
        download(bare, f"{cdn.url}{FILE}", target, verify=fine, max_bytes=10)


def test_a_redirect_from_https_to_plain_http_is_refused(target: Path) -> None:
    """No loopback server here has a certificate, so the transport speaks for it."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.scheme)
        return httpx.Response(302, headers={"Location": "http://cdn.example/x.mp4?Signature=s3cret"})

    transport = httpx.MockTransport(answer)
    with (
        httpx.Client(transport=transport, follow_redirects=True) as http,
        pytest.raises(TransferError, match="plain http"),
    ):
        download(http, "https://cdn.example/x.mp4?Signature=s3cret", target, verify=fine)
    assert asked == ["https"]


def test_what_does_not_verify_is_not_saved(bare: httpx.Client, cdn: MediaOrigin, target: Path) -> None:
    seen: list[bytes] = []

    def refuse(part: Path) -> None:
        seen.append(part.read_bytes())
        raise TransferError("It does not play.")

    target.write_bytes(b"older")
    with pytest.raises(TransferError, match="does not play"):
        download(bare, f"{cdn.url}{FILE}", target, verify=refuse)
    assert seen == [VIDEO]
    assert [path.name for path in target.parent.iterdir()] == ["clip.mp4"]
    assert target.read_bytes() == b"older"


def test_a_stop_in_the_middle_leaves_nothing(bare: httpx.Client, cdn: MediaOrigin, target: Path) -> None:
    def stop(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(bare, f"{cdn.url}{FILE}", target, verify=fine, on_bytes=stop)
    assert list(target.parent.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_input_error(
    bare: httpx.Client, cdn: MediaOrigin, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="can't be created"):
        download(bare, f"{cdn.url}{FILE}", tmp_path / "no" / "clip.mp4", verify=fine)


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX")
def test_a_full_disk_is_a_transfer_error(
    bare: httpx.Client, cdn: MediaOrigin, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size limit of the process stands for the disk's: the system refuses the write either way."""
    import resource
    import signal

    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(TransferError, match="can't be written"):
            download(bare, f"{cdn.url}{FILE}", target, verify=fine)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(target.parent.iterdir()) == []
