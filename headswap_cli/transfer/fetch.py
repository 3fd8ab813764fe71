"""Fetching what somebody else's server holds: within bounds, and if need be from the public internet only."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any, BinaryIO

import httpx

from headswap_cli.errors import NetworkError, TransferError
from headswap_cli.text import printable
from headswap_cli.transfer.http import quiet_logs, translated, trusted_roots, without_query
from headswap_cli.transfer.receive import opened, steady

if TYPE_CHECKING:
    from headswap_cli.transfer.http import OnBytes

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
# Networks whose gateways lead on to the IPv4 address in the last 32 bits (RFC 6052, RFC 8215).
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is borne of a server.

    ``types`` are the content types taken, one that ends in "/" with all under it; a server that tells none
    is believed.
    """

    max_bytes: int
    types: tuple[str, ...]
    timeout_s: float = 900.0
    stall_timeout_s: float = 30.0

    def take(self, kind: str) -> bool:
        """Whether what is of the content type ``kind`` is taken."""
        return any(kind == one or (one.endswith("/") and kind.startswith(one)) for one in self.types)


def fetch(
    http: httpx.Client,
    url: str,
    file: BinaryIO,
    bounds: Bounds,
    *,
    on_bytes: OnBytes | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Write what is at ``url`` to ``file`` and return its length; no message holds the query of the URL.

    Redirects are followed if ``http`` follows them, five at most and never from https to http.

    Raises:
        TransferError: what is there is too large, of another kind, packed, or not there.
        NetworkError: the server can't be reached, breaks off, stalls, fails, or takes too long.
    """
    give_up = clock() + bounds.timeout_s
    size_bytes = 0
    with translated(url), opened(http, url, bounds.stall_timeout_s) as response:
        total = _check_head(response, bounds)
        for chunk in steady(response.iter_raw(), bounds.stall_timeout_s, clock):
            size_bytes += len(chunk)
            _check_size(size_bytes, bounds)
            if clock() > give_up:
                raise NetworkError(f"It was not all there after {bounds.timeout_s:g} s, which is the limit.")
            file.write(chunk)
            if on_bytes is not None:
                on_bytes(size_bytes, total)
    return size_bytes


def public_http(
    *, resolve: Resolve | None = None, is_public: Callable[[Address], bool] | None = None
) -> httpx.Client:
    """Return a client that connects to public addresses only, at each redirect, and by no proxy.

    A name is resolved once a request and the connection made to the very address that was checked, so that
    a name server cannot show one address and mean another.

    Args:
        resolve: Returns the addresses of a host; by default asks the system.
        is_public: Whether an address may be connected to; by default as the function of that name.
    """
    quiet_logs()
    return httpx.Client(
        headers={"Accept-Encoding": "identity"},
        transport=_PublicOnly(resolve or _resolve, is_public or globals()["is_public"]),
        follow_redirects=True,
    )


def is_public(address: Address) -> bool:
    """Whether an address is the internet's: not private, loopback, link-local, multicast or reserved."""
    embedded = _embedded(address) if isinstance(address, IPv6Address) else None
    if embedded is not None:
        return is_public(embedded)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if any(address in network for network in _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


class _PublicOnly(httpx.HTTPTransport):
    """Resolves, checks, and connects to what was checked."""

    def __init__(self, resolve: Resolve, is_public: Callable[[Address], bool]) -> None:
        # A connection to an address is not to serve a second name that has the same one.
        super().__init__(verify=trusted_roots(), limits=httpx.Limits(max_keepalive_connections=0))
        self._resolve = resolve
        self._is_public = is_public

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to the first of its host's addresses that answers."""
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        refusal: httpx.ConnectError | None = None
        for address in self._checked(host, port):
            try:
                return super().handle_request(_aimed(request, address))
            except httpx.ConnectError as error:
                refusal = error
        raise refusal or httpx.ConnectError("the host has no address", request=request)

    def _checked(self, host: str, port: int) -> list[str]:
        try:
            addresses = list(self._resolve(host, port))
        except OSError as error:
            raise httpx.ConnectError(f"the host cannot be found ({error.strerror})") from error
        for address in addresses:
            if not self._is_public(ip_address(address)):
                raise TransferError(
                    f"{printable(host, 100)} is at {address}, which is not on the public internet."
                )
        return addresses


def _aimed(request: httpx.Request, address: str) -> httpx.Request:
    """Return the request to an address; host header and certificate are still the name's."""
    extensions: dict[str, Any] = {**request.extensions, "sni_hostname": request.url.host}
    url = request.url.copy_with(host=address)
    return httpx.Request(
        request.method, url, headers=request.headers, stream=request.stream, extensions=extensions
    )


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


def _check_head(response: httpx.Response, bounds: Bounds) -> int | None:
    shown, status = without_query(str(response.url)), response.status_code
    if status == 429 or status >= 500:
        raise NetworkError(f"{shown} answered HTTP {status}.")
    if status != 200:
        raise TransferError(f"{shown} answered HTTP {status} where 200 was due.")
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise TransferError(f"{shown} came packed as {printable(encoding, 40)}.")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and not bounds.take(kind):
        raise TransferError(f"{shown} is of the type {printable(kind, 60)}.")
    declared = response.headers.get("content-length", "")
    total = int(declared) if declared.isdecimal() and len(declared) < 19 else None
    _check_size(total or 0, bounds)
    return total


def _check_size(size_bytes: int, bounds: Bounds) -> None:
    if size_bytes > bounds.max_bytes:
        raise TransferError(f"It is larger than {bounds.max_bytes} bytes, which is the limit.")
