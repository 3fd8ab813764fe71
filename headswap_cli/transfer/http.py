"""What both directions share: the client without a key, short answers, no secret in a message or log."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from headswap_cli.envelope import Reply
from headswap_cli.errors import InputError, NetworkError, TransferError
from headswap_cli.text import printable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

OnBytes = Callable[[int, int | None], None]
"""Is told the bytes done and the bytes there are, None where the server doesn't say; every chunk."""

_PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"})
MAX_REPLY_BYTES = 8 << 20
REPLY_TIMEOUT_S = 120.0


@cache
def trusted_roots() -> ssl.SSLContext:
    """Return the one TLS context of this process; reading the roots takes longer than Python's start."""
    return httpx.create_ssl_context()


def bare_http(timeout_s: float = 60.0) -> httpx.Client:
    """Return a client for media: no key, up to five redirects, and bytes as they lie on the server."""
    quiet_logs()
    return open_http(
        headers={"Accept-Encoding": "identity"},
        verify=trusted_roots(),
        timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 10.0)),
        follow_redirects=True,
    )


class ThreadedClient(httpx.Client):
    """A client whose every thread has connections of its own, for as long as the client is open.

    A pool that threads share looks at all of its idle connections before each request.

    Args:
        options: As ``httpx.Client`` takes them.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._options = options
        self._home = threading.get_ident()
        self._others: dict[int, httpx.Client] = {}

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request over the connections of the thread that asks."""
        thread = threading.get_ident()
        if thread == self._home:
            return super().send(request, **options)
        other = self._others.get(thread)
        if other is None:
            # Only this thread ever looks under its number.
            other = self._others[thread] = httpx.Client(**self._options)
        other.event_hooks = self.event_hooks
        return other.send(request, **{"auth": self.auth, **options})

    def close(self) -> None:
        """Close the connections of all threads."""
        while self._others:
            self._others.popitem()[1].close()
        super().close()


def open_http(*, env: Mapping[str, str] = os.environ, **options: Any) -> httpx.Client:
    """Return a client that reads the proxies of the environment by itself; any thread may use it.

    Raises:
        InputError: a proxy there can't be used; its address, which may hold a password, is not told.
    """
    try:
        return ThreadedClient(**options)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        names = " or ".join(sorted(name for name in env if name.upper() in _PROXIES and env[name]))
        needs_package = isinstance(error, ImportError)
        raise InputError(
            f"The proxy in {names} can't be used: "
            + ("SOCKS needs a package." if needs_package else "it is no http(s) or SOCKS address."),
            hint="pip install socksio, or take an http proxy"
            if needs_package
            else "Write it as HTTPS_PROXY=http://HOST:PORT, or unset it",
        ) from error


def is_loopback(host: str) -> bool:
    """Tell whether ``host``, a name or an address, is this machine."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def read_reply(response: httpx.Response, *, clock: Callable[[], float] = time.monotonic) -> Reply:
    """Read a streamed answer of a few kilobytes, as it was sent; what is far too long is cut off.

    Raises:
        httpx.ReadTimeout: it comes in drips that would never end.
    """
    give_up = clock() + REPLY_TIMEOUT_S
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            break
        if clock() > give_up:
            raise httpx.ReadTimeout("the answer did not end", request=response.request)
    headers = response.headers
    return Reply(response.status_code, bytes(body), headers.get("retry-after"), headers.get("location"))


def without_query(url: str) -> str:
    """Return a URL that may be shown: without password, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a malformed URL"
    return printable(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


class _NoQueries(logging.Filter):
    """Takes the queries out of what httpx and httpcore log: they print presigned URLs whole."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place and let it pass."""
        record.msg = re.sub(r"\?[^\s\"'<>]+", "?...", record.getMessage())
        record.args = None
        return True


_NO_QUERIES = _NoQueries()


def quiet_logs() -> None:
    """Keep signatures out of the log records of the HTTP library; doing it twice changes nothing."""
    for name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
        logging.getLogger(name).addFilter(_NO_QUERIES)


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn the HTTP library's exceptions into ours; none holds the query of ``url``."""
    shown = without_query(url)
    try:
        yield
    except httpx.InvalidURL as error:
        raise TransferError(f"{shown} is not a URL.") from error
    except httpx.TimeoutException as error:
        raise NetworkError(f"{shown} stalled: nothing came in time.") from error
    except httpx.RequestError as error:
        reason = printable(str(error), 160) or type(error).__name__
        raise NetworkError(f"{shown} could not be transferred: {reason}") from error
