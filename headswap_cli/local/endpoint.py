"""Where a running engine is, and the client that talks to it."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from headswap_cli.errors import EngineError
from headswap_cli.folders import make_private_folder
from headswap_cli.wire import ENGINE_ORIGIN

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

DESCRIPTOR = "engine.json"
LOCK = "engine.lock"
LOG = "engine.log"
HEALTH_PATH = "/health"
SHUTDOWN_PATH = "/shutdown"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a running engine listens: on ``socket``, or on ``host`` and ``port`` where that is None.

    ``build`` is the ``build_id`` of the code that it was started from, empty where it told none.
    """

    pid: int
    version: str
    token: str = field(repr=False)
    socket: Path | None
    host: str | None
    port: int | None
    build: str = ""

    @property
    def url(self) -> str | None:
        """The address as a URL; None on a Unix socket."""
        if self.host is None:
            return None
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"


def engine_folder(data_dir: Path) -> Path:
    """Return the engine's own folder below ``data_dir``, made for nobody but its owner.

    Raises: EngineError: It cannot be made.
    """
    folder = data_dir.absolute() / "engine"
    try:
        make_private_folder(folder)
        folder.chmod(0o700)
    except OSError as error:
        message = f"The local engine cannot have its folder {folder}: {error.strerror}."
        raise EngineError(message, hint="Choose another place: HEADSWAP_DATA_DIR") from error
    return folder


def descriptor_path(data_dir: Path) -> Path:
    """Return the file in which the engine of ``data_dir`` says where it listens, and its key."""
    return data_dir.absolute() / "engine" / DESCRIPTOR


def client(
    endpoint: Endpoint, *, timeout_s: float = 30.0, renew: Callable[[], Endpoint] | None = None
) -> httpx.Client:
    """Return an HTTP client that reaches ``endpoint`` under ``wire.ENGINE_ORIGIN``, key included.

    Args:
        endpoint: The engine.
        timeout_s: Limit of each wait on the connection, not of the whole exchange.
        renew: Is asked for an engine where this one is gone; what was asked of it is asked of that one.
    """
    import httpx

    class _Way(httpx.BaseTransport):
        """Connects to the engine whatever the URL's host is; the Host header stays."""

        def __init__(self) -> None:
            self._lead_to(endpoint)

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            """Ask the engine, or its successor."""
            try:
                return self._inner.handle_request(self._addressed(request))
            except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
                # What has not left may be sent again, and a question may be asked again.
                is_safe = isinstance(error, httpx.ConnectError) or request.method in {"GET", "HEAD"}
                if renew is None or not is_safe:
                    raise
                self._inner.close()
                self._lead_to(renew())
                return self._inner.handle_request(self._addressed(request))

        def close(self) -> None:
            """Let go of the connection."""
            self._inner.close()

        def _lead_to(self, there: Endpoint) -> None:
            self._there = there
            # No TLS on the way: nothing is there to be verified, and reading the roots takes a while.
            self._inner = httpx.HTTPTransport(
                uds=str(there.socket) if there.socket else None,
                verify=False,
            )

        def _addressed(self, request: httpx.Request) -> httpx.Request:
            there = self._there
            if "x-api-key" in request.headers and there is not endpoint:
                request.headers["x-api-key"] = there.token
            url = request.url
            if there.socket is None:
                url = url.copy_with(scheme="http", host=there.host, port=there.port)
            return httpx.Request(
                request.method,
                url,
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )

    return httpx.Client(
        base_url=ENGINE_ORIGIN,
        headers={"x-api-key": endpoint.token},
        transport=_Way(),
        timeout=timeout_s,
        trust_env=False,
        follow_redirects=False,
    )


def find(data_dir: Path, *, timeout_s: float = 5.0) -> Endpoint | None:
    """Return the engine that works in ``data_dir``, or None where none answers."""
    endpoint = read_descriptor(data_dir)
    return endpoint if endpoint is not None and health(endpoint, timeout_s=timeout_s) is not None else None


def health(endpoint: Endpoint, *, timeout_s: float = 5.0) -> dict[str, object] | None:
    """Ask ``endpoint`` for its ``version``, ``pid``, ``queued`` and ``processing``; None if it is mute."""
    if not _is_listening(endpoint, timeout_s):
        return None
    import httpx

    try:
        with client(endpoint, timeout_s=timeout_s) as http:
            data = http.get(HEALTH_PATH).json()["data"]
    except (httpx.HTTPError, OSError, ValueError, KeyError, TypeError):
        return None
    return data if isinstance(data, dict) and data.get("pid") == endpoint.pid else None


def read_descriptor(data_dir: Path) -> Endpoint | None:
    """Return what the last engine of ``data_dir`` left word of, whether or not it runs; None if none did."""
    try:
        said = json.loads(descriptor_path(data_dir).read_bytes())
        is_unix = said["socket"] is not None
        return Endpoint(
            pid=int(said["pid"]),
            version=str(said["version"]),
            token=str(said["token"]),
            socket=Path(said["socket"]) if is_unix else None,
            host=None if is_unix else str(said["host"]),
            port=None if is_unix else int(said["port"]),
            build=str(said.get("build", "")),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def connect(endpoint: Endpoint, timeout_s: float) -> socket.socket:
    """Return a bare connection to ``endpoint``: httpcore leaks a Unix socket whose connection is refused.

    Raises: OSError: Nobody listens there.
    """
    if endpoint.socket is None:
        return socket.create_connection((endpoint.host, endpoint.port), timeout_s)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(timeout_s)
        connection.connect(str(endpoint.socket))
    except OSError:
        connection.close()
        raise
    return connection


def _is_listening(endpoint: Endpoint, timeout_s: float) -> bool:
    """Knock before HTTP is imported."""
    try:
        connect(endpoint, timeout_s).close()
    except OSError:
        return False
    return True
