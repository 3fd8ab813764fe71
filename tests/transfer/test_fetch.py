"""Fetching from other people's servers: within bounds, and for strangers from public addresses only."""

from __future__ import annotations

import io
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.errors import HeadswapError, NetworkError, TransferError
from headswap_cli.transfer import bare_http
from headswap_cli.transfer.fetch import Bounds, fetch, is_public, public_http
from tests.origin import Answer, Origin, drip, raw

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.origin import Fault

VIDEO = b"a video" * 1000
BOUNDS = Bounds(len(VIDEO), ("video/", "application/octet-stream"), timeout_s=5, stall_timeout_s=2)


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as running:
        yield running


def fetched(url: str, bounds: Bounds = BOUNDS) -> bytes:
    file = io.BytesIO()
    with bare_http() as http:
        size_bytes = fetch(http, url, file, bounds)
    assert size_bytes == len(file.getvalue())
    return file.getvalue()


@pytest.mark.parametrize(
    "kind", [{}, {"Content-Type": "video/mp4"}, {"Content-Type": "Application/Octet-Stream; x=y"}]
)
def test_what_is_within_bounds_arrives_byte_for_byte(origin: Origin, kind: dict[str, str]) -> None:
    origin.script("/a.mp4", Answer(VIDEO, headers=kind))
    assert fetched(f"{origin.url}/a.mp4?signature=1") == VIDEO


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Answer(VIDEO + b"!"), TransferError, "larger than 7000 bytes, which is the limit"),
        (
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999\r\n\r\n"),
            TransferError,
            "larger than 7000 bytes",
        ),
        (raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + VIDEO * 9), TransferError, "larger than 7000"),
        (Answer(b"<html>", headers={"Content-Type": "text/html"}), TransferError, "of the type text/html"),
        (Answer(VIDEO, headers={"Content-Encoding": "gzip"}), TransferError, "packed as gzip"),
        (Answer(status=404), TransferError, "HTTP 404 where 200 was due"),
        (Answer(status=206), TransferError, "HTTP 206 where 200 was due"),
        (Answer(status=503), NetworkError, "HTTP 503"),
        (
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"),
            NetworkError,
            "could not be transferred",
        ),
        (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"), NetworkError, "stalled"),
        (
            Answer(status=302, headers={"Location": "file:///etc/passwd"}),
            NetworkError,
            "could not be transferred",
        ),
    ],
)
def test_what_is_beyond_bounds_is_refused_and_no_query_is_told(
    origin: Origin, fault: Fault, kind: type[HeadswapError], words: str
) -> None:
    origin.script("/a.mp4", fault)
    bounds = Bounds(BOUNDS.max_bytes, BOUNDS.types, timeout_s=5, stall_timeout_s=0.2)
    with pytest.raises(kind, match=words) as caught:
        fetched(f"{origin.url}/a.mp4?signature=secret", bounds)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_slow_for_ever_is_left_after_the_limit(origin: Origin) -> None:
    origin.script("/a.mp4", drip(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"))
    with pytest.raises(NetworkError, match=r"not all there after 0\.1 s, which is the limit"):
        fetched(f"{origin.url}/a.mp4", Bounds(9999, (), timeout_s=0.1, stall_timeout_s=60))


def test_redirects_that_never_end_are_left(origin: Origin) -> None:
    origin.script("/a.mp4", *[Answer(status=302, headers={"Location": "/a.mp4"})] * 9)
    with pytest.raises(TransferError, match="redirects more than 5 times"):
        fetched(f"{origin.url}/a.mp4")
    assert len(origin.sent("GET", "/a.mp4")) == 6


class Names:
    """A name server whose answers change from question to question, the last one staying."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self._answers = {name.replace("_", "."): list(said) for name, said in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        said = self._answers.get(host, [host])
        return [said.pop(0) if len(said) > 1 else said[0]]


def public(url: str, names: Names) -> bytes:
    """Fetch as for strangers, in a world where 127.0.0.1 is the only public address."""
    file = io.BytesIO()
    with public_http(resolve=names, is_public=lambda address: str(address) == "127.0.0.1") as http:
        fetch(http, url, file, BOUNDS)
    return file.getvalue()


def named(origin: Origin, name: str) -> str:
    return origin.url.replace("127.0.0.1", name)


def test_a_public_name_is_fetched_under_its_own_name(origin: Origin) -> None:
    origin.script("/a.mp4", Answer(VIDEO))
    assert public(f"{named(origin, 'public.test')}/a.mp4", Names(public_test=["127.0.0.1"])) == VIDEO
    assert origin.requests[0].headers["host"] == named(origin, "public.test").removeprefix("http://")


@pytest.mark.parametrize("address", ["127.0.0.2", "10.0.0.1", "169.254.169.254", "::1"])
def test_a_name_with_a_private_address_is_refused_before_anything_is_sent(
    origin: Origin, address: str
) -> None:
    with pytest.raises(TransferError, match=f"inner.test is at {address}, which is not on the public"):
        public(f"{named(origin, 'inner.test')}/a.mp4", Names(inner_test=[address]))
    assert not origin.requests


def test_a_redirect_to_a_private_address_is_refused(origin: Origin) -> None:
    inside = named(origin, "inner.test")
    origin.script("/a.mp4", Answer(status=302, headers={"Location": f"{inside}/secret"}))
    names = Names(public_test=["127.0.0.1"], inner_test=["127.0.0.2"])
    with pytest.raises(TransferError, match=r"inner\.test is at 127\.0\.0\.2"):
        public(f"{named(origin, 'public.test')}/a.mp4", names)
    assert [request.path for request in origin.requests] == ["/a.mp4"]


def test_a_name_that_changes_its_address_after_the_check_is_fetched_from_the_checked_one(
    origin: Origin,
) -> None:
    origin.script("/a.mp4", Answer(VIDEO))
    names = Names(rebinding_test=["127.0.0.1", "127.0.0.2"])
    assert public(f"{named(origin, 'rebinding.test')}/a.mp4", names) == VIDEO
    assert names.asked == ["rebinding.test"]


def test_a_name_that_changes_its_address_between_redirects_is_checked_again(origin: Origin) -> None:
    origin.script("/a.mp4", Answer(status=302, headers={"Location": "/b.mp4"}))
    names = Names(rebinding_test=["127.0.0.1", "127.0.0.2"])
    with pytest.raises(TransferError, match=r"rebinding\.test is at 127\.0\.0\.2"):
        public(f"{named(origin, 'rebinding.test')}/a.mp4", names)
    assert len(origin.requests) == 1


def test_a_name_that_is_nowhere_is_a_network_failure() -> None:
    def nowhere(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    with public_http(resolve=nowhere) as http, pytest.raises(NetworkError, match="cannot be found"):
        fetch(http, "http://nowhere.test/a.mp4", io.BytesIO(), BOUNDS)


def test_loopback_is_not_public_by_default(origin: Origin) -> None:
    with public_http() as http, pytest.raises(TransferError, match="not on the public internet"):
        fetch(http, f"{origin.url}/a.mp4", io.BytesIO(), BOUNDS)
    assert not origin.requests


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
        *("100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:db8::1"),
    ],
)
def test_no_other_address_is_public(address: str) -> None:
    assert not is_public(ip_address(address))


@given(st.ip_addresses(network="10.0.0.0/8"))
def test_a_private_address_in_any_disguise_is_private(address: object) -> None:
    for disguise in ("{}", "::ffff:{}", "64:ff9b::{}"):
        assert not is_public(ip_address(disguise.format(address)))
