"""A server on loopback with real sockets, that records what it is asked and fails on demand."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


@dataclass(frozen=True)
class Recorded:
    """A request as it arrived; header names in lower case, ``connection`` tells connections apart."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    connection: tuple[str, int]

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """An answer: a JSON value or bytes; ``hang_up`` closes the connection without having said so."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False

    def __call__(self, connection: Connection) -> None:
        """Send it."""
        packed = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        connection.send_response(self.status)
        for name, value in {"Content-Length": str(len(packed)), **self.headers}.items():
            connection.send_header(name, value)
        connection.end_headers()
        if connection.command != "HEAD":
            connection.wfile.write(packed)
        connection.close_connection = self.hang_up


Fault = Callable[["Connection"], None]
"""What happens to one request instead of its answer; an ``Answer`` is one."""


def raw(answer: bytes) -> Fault:
    """Send these very bytes and close."""

    def act(connection: Connection) -> None:
        connection.wfile.write(answer)
        connection.close_connection = True

    return act


def reset(connection: Connection) -> None:
    """Tear the connection down (RST) once the request is read."""
    connection.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.connection.close()
    connection.close_connection = True


def silence(connection: Connection) -> None:
    """Never answer, for as long as the server lives."""
    connection.origin.closing.wait()
    connection.close_connection = True


def drip(head: bytes, every_s: float = 0.01) -> Fault:
    """Send a head, then a byte now and then until the server closes or the client has had enough."""

    def act(connection: Connection) -> None:
        connection.wfile.write(head)
        while not connection.origin.closing.wait(every_s):
            connection.wfile.write(b" ")

    return act


class Connection(BaseHTTPRequestHandler):
    """Hands each request to the origin that it belongs to."""

    protocol_version = "HTTP/1.1"
    # Else each answer waits 40 ms for the acknowledgement of its own head.
    disable_nagle_algorithm = True
    origin: Origin
    recorded: Recorded

    def handle(self) -> None:
        """Serve until either side has had enough; a client that hangs up is no news."""
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        """Read the request whole, write it down, and act."""
        parts = urlsplit(self.path)
        request = Recorded(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
            connection=self.client_address,
        )
        self.recorded = request
        self.origin.act_on(request)(self)

    do_POST = do_PUT = do_HEAD = do_DELETE = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing: the requests are on record."""


class Origin:
    """A server on loopback that records what it is asked; ``respond`` says what it answers.

    Args:
        port: Where to listen; 0 is any free one.
    """

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Recorded] = []
        self.closing = threading.Event()
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._lock = threading.Lock()
        connection = type("OwnConnection", (Connection,), {"origin": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), connection)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The root of this server."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def script(self, path: str, *faults: Fault) -> None:
        """Let the next requests to ``path`` meet these, one each, before all is well again."""
        self._faults[path].extend(faults)

    def sent(self, method: str, path: str) -> list[Recorded]:
        """Return the requests that arrived there, oldest first."""
        return [request for request in self.requests if (request.method, request.path) == (method, path)]

    def act_on(self, request: Recorded) -> Fault:
        """Record a request and return what is to happen to it."""
        with self._lock:
            self.requests.append(request)
            faults = self._faults[request.path]
            return faults.popleft() if faults else self.respond(request)

    def respond(self, request: Recorded) -> Answer:
        """Answer a request that no fault was scripted for."""
        return Answer(b"nothing is here", 404)
