"""The door: whom the server answers. Every request passes here, whatever its route."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams

from headswap_cli.engine.links import SIGNATURE
from headswap_cli.engine.records import failure
from headswap_cli.engine.runtime import is_unspecified
from headswap_cli.wire import EMPTY_KEY, ENGINE_ORIGIN, INVALID_KEY, INVALID_PARAMETER

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from headswap_cli.engine.links import Links
    from headswap_cli.engine.runtime import Address

DRAINED_BYTES = 4 * 1024**2
# A body has this long, and a second more for every so many bytes: slower is nobody's network.
BODY_S = 30.0
BODY_BYTES_PER_S = 4096


class SlowClientError(Exception):
    """The body of a request is on its way for too long."""


class Hosts:
    """The names under which the engine is addressed.

    A page in a browser that has its own name point here (DNS rebinding) is known by its Host header. Where
    the engine listens on every interface, any address literal is its own: no page can forge one.
    """

    def __init__(self, address: Address) -> None:
        self._port = address.port
        self._any_address = address.host is not None and is_unspecified(address.host)
        self._names = {"localhost", "127.0.0.1", "::1"} | ({address.host.lower()} if address.host else set())

    def know(self, netloc: str) -> bool:
        """Whether ``netloc`` (``host`` or ``host:port``) is one of the engine's."""
        if netloc == urlsplit(ENGINE_ORIGIN).netloc:
            return True
        place = _place(netloc)
        if place is None:
            return False
        host, port = place
        if port != self._port and (port, self._port) != (80, None):
            return False
        return host in self._names or (self._any_address and _is_address(host))


class Activity:
    """When somebody last wanted something, so that the engine can tell that it is idle."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open_requests = 0
        self._last_s = clock()

    def begin(self) -> None:
        """Note that a request came in."""
        self._open_requests += 1

    def end(self) -> None:
        """Note that a request was answered."""
        self._open_requests -= 1
        self.touch()

    def touch(self) -> None:
        """Note that there was something to do."""
        self._last_s = self._clock()

    def idle_s(self) -> float:
        """Return for how long nobody wanted anything, in seconds."""
        return 0.0 if self._open_requests else self._clock() - self._last_s


class Guard:
    """ASGI middleware that lets in requests addressed to the engine that carry its key.

    A file can be read by its signed URL, too.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Hosts,
        links: Links,
        token: str,
        activity: Activity,
        *,
        body_s: float = BODY_S,
    ) -> None:
        self._app = app
        self._body_s = body_s
        self._hosts = hosts
        self._links = links
        self._token = token.encode()
        self._activity = activity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what may not pass; pass on the rest."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        self._activity.begin()
        try:
            refusal = self._refusal(scope)
            if scope["method"] in {"PUT", "POST"}:
                exchange = _Exchange(receive, send, self._body_s)
                receive, send = exchange.receive, exchange.send
            await (refusal or self._app)(scope, receive, send)
        finally:
            self._activity.end()

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        if not self._hosts.know(headers.get("host", "")):
            return failure(INVALID_PARAMETER, "This host is not served here.", status_code=421)
        query = QueryParams(scope["query_string"])
        if SIGNATURE in query and self._links.open(scope["method"], scope["path"], query):
            return None
        key = _key(headers)
        if not key:
            return failure(EMPTY_KEY, "The key is empty; send it as x-api-key.", status_code=401)
        if not hmac.compare_digest(key.encode(), self._token):
            return failure(INVALID_KEY, "The key is invalid or expired.", status_code=401)
        return None


class _Exchange:
    """Sees to it that a body comes in time, and an answer is read even where it comes before all of the body.

    A client whose connection is cut while it still sends may never read the answer, and one that thinks the
    connection good sends its next request into the void. So the rest of a small body is taken, and before
    the rest of a large one the end of the connection is announced (RFC 9112, section 9.6).
    """

    def __init__(self, receive: Receive, send: Send, body_s: float) -> None:
        self._receive = receive
        self._send = send
        self._is_read = False
        self._deadline_s = asyncio.get_running_loop().time() + body_s

    async def receive(self) -> Message:
        """Hand on a piece of the body.

        Raises: SlowClientError: It does not come.
        """
        if self._is_read:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline_s):
                message = await self._receive()
        except TimeoutError as error:
            raise SlowClientError from error
        self._is_read = not message.get("more_body", False)
        self._deadline_s += len(message.get("body", b"")) / BODY_BYTES_PER_S
        return message

    async def send(self, message: Message) -> None:
        """Hand on a piece of the answer."""
        if message["type"] == "http.response.start":
            await self._take_rest()
            if not self._is_read:
                MutableHeaders(scope=message).append("connection", "close")
        await self._send(message)

    async def _take_rest(self) -> None:
        left_bytes = DRAINED_BYTES
        with contextlib.suppress(SlowClientError):
            while not self._is_read and left_bytes > 0:
                left_bytes -= len((await self.receive()).get("body", b""))


def _key(headers: Headers) -> str:
    """Return the key that was sent; as with the vendor, Authorization wins over x-api-key."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")


def _place(netloc: str) -> tuple[str, int] | None:
    """Return host and port (80 unless it is said) of ``host`` or ``host:port``; None if it is neither."""
    try:
        parts = urlsplit(f"//{netloc}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if host is None or parts.netloc != netloc or "@" in netloc:
        return None
    return host, 80 if port is None else port


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
