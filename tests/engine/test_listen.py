"""Connections: many at once, none for ever, and none for strangers of any protocol."""

from __future__ import annotations

import hashlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from headswap_cli import local, wire
from headswap_cli.engine.listen import Patience
from tests.engine.engines import RunningEngine, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHORT = Patience(idle_s=0.4, body_s=0.4, unread_s=0.3)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RunningEngine]:
    """An engine that has no time."""
    with RunningEngine(tmp_path, host="127.0.0.1", patience=SHORT) as running:
        yield running


def connect(engine: RunningEngine, text: str, *, key: str | None = None) -> socket.socket:
    """Connect and send the beginning of a request; ``HEAD`` in it stands for the headers of any."""
    head = f"Host: localhost:{engine.endpoint.port}\r\nx-api-key: {key or engine.endpoint.token}"
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", engine.endpoint.port or 0))
    connection.sendall(text.replace("HEAD", head).encode())
    return connection


def answer(connection: socket.socket) -> bytes:
    """Return all that comes until the server closes the connection."""
    with connection:
        said = b""
        while piece := connection.recv(1 << 16):
            said += piece
        return said


@pytest.mark.parametrize("text", ["", "GET /heal", "GET /health HTTP/1.1\r\nHEAD\r\n"])
def test_a_request_that_never_gets_to_its_end_is_dropped(engine: RunningEngine, text: str) -> None:
    assert answer(connect(engine, text)) == b""


@pytest.mark.parametrize(
    "line", [f"POST {wire.ANALYZE_PATH}", f"POST {wire.CREATE_PATH}", f"PUT /media/{'0' * 64}"]
)
@pytest.mark.parametrize("key", [None, "wrong"])
def test_a_body_that_never_gets_to_its_end_is_told_so_and_dropped(
    engine: RunningEngine, line: str, key: str | None
) -> None:
    said = answer(connect(engine, f"{line} HTTP/1.1\r\nHEAD\r\nContent-Length: 9000\r\n\r\n{{", key=key))
    assert said.startswith(b"HTTP/1.1 408" if key is None else b"HTTP/1.1 401")
    assert b"connection: close" in said.lower()
    assert not list((engine.folder / "media" / "drafts").iterdir())


def test_a_body_that_comes_in_drops_has_an_end(engine: RunningEngine) -> None:
    head = f"POST {wire.ANALYZE_PATH} HTTP/1.1\r\nHEAD\r\nTransfer-Encoding: chunked\r\n\r\n"
    connection = connect(engine, head)
    connection.settimeout(0.05)
    said = b""
    for _ in range(400):
        try:
            connection.sendall(b"1\r\n \r\n")
            said += connection.recv(1 << 16)
        except TimeoutError:
            continue
        except OSError:
            break
        if said:
            break
    connection.close()
    assert said.startswith(b"HTTP/1.1 408")


def test_a_client_that_reads_nothing_is_dropped_and_the_engine_ends_all_the_same(tmp_path: Path) -> None:
    content = bytes(30_000_000)
    patience = Patience(idle_s=5, body_s=5, unread_s=0.3, connections=2)
    with RunningEngine(tmp_path) as engine:
        path = engine.put(content).removeprefix(wire.ENGINE_ORIGIN)
    with RunningEngine(tmp_path, host="127.0.0.1", patience=patience) as engine:
        mute = [until(lambda: begun(engine, path), bool) for _ in range(2)]
        # As long as they hang there is no room for another.
        assert until(lambda: local.find(engine.data), bool)
        # What was on its way by then, and then the end.
        taken = [len(answer(connection)) for connection in mute if connection is not None]
        assert min(taken) < len(content)


def begun(engine: RunningEngine, path: str) -> socket.socket | None:
    """Ask for a file and read the beginning of the answer; None where there is no room yet."""
    connection = connect(engine, f"GET {path} HTTP/1.1\r\nHEAD\r\n\r\n")
    try:
        if connection.recv(16):
            return connection
    except ConnectionError:
        pass
    connection.close()
    return None


def test_two_hundred_connections_at_once_are_all_answered(tmp_path: Path) -> None:
    with RunningEngine(tmp_path) as engine, ExitStack() as stack:
        clients = [stack.enter_context(local.client(engine.endpoint)) for _ in range(200)]
        with ThreadPoolExecutor(200) as pool:
            codes = set(pool.map(lambda http: http.get("/health").json()["code"], clients))
        assert codes == {wire.SUCCESS}


def test_beyond_the_limit_a_connection_is_closed_and_the_others_stay(tmp_path: Path) -> None:
    with RunningEngine(tmp_path, host="127.0.0.1", patience=Patience(connections=3)) as engine:
        engine.get("/health")
        with ExitStack() as held:
            assert until(lambda: is_refused(engine, held), bool)
            assert engine.get("/health")["code"] == wire.SUCCESS


def is_refused(engine: RunningEngine, held: ExitStack) -> bool:
    """Whether a connection is closed unheard; if not, hold another one: earlier ones may have gone since."""
    try:
        if answer(connect(engine, "GET /health HTTP/1.1\r\nHEAD\r\nConnection: close\r\n\r\n")):
            held.enter_context(connect(engine, ""))
            return False
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize("text", ["", "GET /heal", "GET /health HTTP/1.1\r\nHEAD\r\n\r\n"])
def test_connections_that_their_clients_have_closed_make_room_at_once(tmp_path: Path, text: str) -> None:
    patience = Patience(idle_s=1000, connections=4)
    with RunningEngine(tmp_path, host="127.0.0.1", patience=patience) as engine:
        for _ in range(20):
            connect(engine, text).close()
            assert until(lambda: local.find(engine.data), bool)


def test_a_web_socket_is_refused(engine: RunningEngine) -> None:
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x"
    said = answer(connect(engine, f"GET /health HTTP/1.1\r\nHEAD\r\n{upgrade}\r\n\r\n"))
    assert said.startswith((b"HTTP/1.1 403", b"HTTP/1.1 400"))


@pytest.mark.parametrize(
    "text",
    [
        "\0\0\0\0\r\n\r\n",
        "GET /health HTTP/1.1\r\n\r\n",
        f"GET /{'a' * 100_000} HTTP/1.1\r\n",
        f"GET /health HTTP/1.1\r\nx: {'a' * 100_000}\r\n",
        "POST /shutdown HTTP/1.1\r\nHEAD\r\nContent-Length: -1\r\n\r\n",
        "POST /shutdown HTTP/1.1\r\nHEAD\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_the_engine_goes_on(engine: RunningEngine, text: str) -> None:
    said = answer(connect(engine, text))
    assert said.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431", b"HTTP/1.1 421", b"HTTP/1.1 501")) or not said
    assert engine.get("/health")["code"] == wire.SUCCESS


def test_a_steady_upload_is_not_taken_for_a_slow_client_however_long_it_takes(tmp_path: Path) -> None:
    patience = Patience(body_s=1.0)
    pieces = [bytes([number]) * 100_000 for number in range(20)]
    name = hashlib.sha256(b"".join(pieces)).hexdigest()

    with RunningEngine(tmp_path, host="127.0.0.1", patience=patience) as engine:

        def _steadily() -> Iterator[bytes]:
            deadline = time.monotonic() + 2 * patience.body_s
            for number, piece in enumerate(pieces):
                yield piece
                while time.monotonic() < deadline - patience.body_s * 2 * (1 - number / len(pieces)):
                    engine.get("/health")

        with local.client(engine.endpoint) as own:
            reply = own.put(f"/media/{name}", content=_steadily())
        assert reply.json()["code"] == wire.SUCCESS
