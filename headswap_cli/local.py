"""Find, start and stop the local engine's process, and talk to it.

Nothing of the engine is imported here: it is another process, found through a descriptor in its folder.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from headswap_cli import __version__
from headswap_cli.errors import EngineError
from headswap_cli.wire import ENGINE_ORIGIN

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    import httpx

DESCRIPTOR = "engine.json"
LOCK = "engine.lock"
LOG = "engine.log"
# The exit code of an engine that found another one at work in its data folder (EX_TEMPFAIL).
ALREADY_RUNNING = 75
HEALTH_PATH = "/health"
SHUTDOWN_PATH = "/shutdown"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a running engine listens: on ``socket``, or on ``host`` and ``port`` where that is None."""

    pid: int
    version: str
    token: str = field(repr=False)
    socket: Path | None
    host: str | None
    port: int | None

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
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        message = f"The local engine cannot have its folder {folder}: {error.strerror}."
        raise EngineError(message, hint="Choose another place: HEADSWAP_DATA_DIR") from error
    return folder


def client(endpoint: Endpoint, *, timeout_s: float = 30.0) -> httpx.Client:
    """Return an HTTP client that reaches ``endpoint`` under ``wire.ENGINE_ORIGIN``, key included.

    Args:
        endpoint: The engine.
        timeout_s: Limit of each wait on the connection, not of the whole exchange.
    """
    import httpx

    class Loopback(httpx.HTTPTransport):
        """Connects to the engine's port whatever the URL's host is; the Host header stays."""

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            url = request.url.copy_with(scheme="http", host=endpoint.host, port=endpoint.port)
            return super().handle_request(
                httpx.Request(
                    request.method,
                    url,
                    headers=request.headers,
                    stream=request.stream,
                    extensions=request.extensions,
                )
            )

    return httpx.Client(
        base_url=ENGINE_ORIGIN,
        headers={"x-api-key": endpoint.token},
        transport=httpx.HTTPTransport(uds=str(endpoint.socket)) if endpoint.socket else Loopback(),
        timeout=timeout_s,
        trust_env=False,
        follow_redirects=False,
    )


def find(data_dir: Path, *, timeout_s: float = 5.0) -> Endpoint | None:
    """Return the engine that works in ``data_dir``, or None where none answers."""
    endpoint = _read_descriptor(data_dir)
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


def ensure(
    data_dir: Path,
    cache_dir: Path,
    *,
    idle_timeout_s: float = 600.0,
    start_timeout_s: float = 30.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Endpoint:
    """Return the engine that works in ``data_dir``, started if need be; one of another version is replaced.

    However many commands call this at once, one engine comes to be: the others find that its lock is taken.

    Args:
        data_dir: Where jobs and media are kept.
        cache_dir: Where weights and compiled kernels are kept.
        idle_timeout_s: After how long without jobs and requests a new engine ends itself.
        start_timeout_s: How long it may take to answer.
        clock: Tells the time, in seconds.
        sleep: Waits, in seconds.

    Raises:
        EngineError: It did not come up; the message carries the last line of its log.
    """
    running = find(data_dir)
    if running is not None and running.version == __version__:
        return running
    if running is not None:
        stop(data_dir)
    _require_extra()
    deadline = clock() + start_timeout_s
    process = _spawn_detached(data_dir, cache_dir, idle_timeout_s)
    while clock() < deadline:
        ended = process.poll()
        endpoint = find(data_dir)
        if endpoint is not None:
            return endpoint
        if ended == ALREADY_RUNNING:
            # Another engine holds the lock: it is coming up, or on its way out.
            sleep(0.1)
            process = _spawn_detached(data_dir, cache_dir, idle_timeout_s)
        elif ended is not None:
            raise _not_started(data_dir, f"ended with code {ended}")
        sleep(0.02)
    raise _not_started(data_dir, f"did not answer within {start_timeout_s:g} s")


def stop(data_dir: Path, *, timeout_s: float = 15.0) -> bool:
    """End the engine that works in ``data_dir``; a running job goes back to the queue.

    Returns: Whether there was one.
    Raises: EngineError: It was told to end and is still there after ``timeout_s``.
    """
    endpoint = find(data_dir)
    if endpoint is None:
        return False
    import filelock
    import httpx

    try:
        with client(endpoint) as http:
            http.post(SHUTDOWN_PATH)
    except httpx.HTTPError:
        pass  # It may have ended by itself meanwhile; the lock tells.
    try:
        with filelock.FileLock(engine_folder(data_dir) / LOCK, timeout=timeout_s, mode=0o600):
            return True
    except filelock.Timeout as error:
        message = f"The local engine (process {endpoint.pid}) does not end."
        raise EngineError(message, hint=f"kill {endpoint.pid}") from error


def run_foreground(
    data_dir: Path, cache_dir: Path, host: str, port: int, *, on_url: Callable[[str], None]
) -> int:
    """Run the engine on ``host`` and ``port`` until it ends; signals are handed on to it.

    Args:
        data_dir: Where jobs and media are kept.
        cache_dir: Where weights and compiled kernels are kept.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        on_url: Is told the engine's URL as soon as it answers.

    Returns: 0 after ``stop``, 130 or 143 after SIGINT or SIGTERM.
    Raises: EngineError: An engine runs already, or this one could not start.
    """
    import subprocess

    _require_extra()
    command = [*_command(data_dir, cache_dir, idle_timeout_s=0), "--host", host, "--port", str(port)]
    with _open_log(data_dir) as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd=engine_folder(data_dir)
        )
    with process, _handing_on_signals(process):
        url = process.stdout.readline().decode().strip() if process.stdout else ""
        if url:
            on_url(url)
        code = process.wait()
    if code == ALREADY_RUNNING:
        raise EngineError("A local engine is running already.", hint="headswap serve --stop")
    if not url and code not in {130, 143, -signal.SIGINT, -signal.SIGTERM}:
        raise _not_started(data_dir, f"ended with code {code}")
    return code if code >= 0 else 128 - code


def _command(data_dir: Path, cache_dir: Path, *, idle_timeout_s: float) -> list[str]:
    # -P: the folder the engine is started in is no place to import from.
    return [
        *(sys.executable, "-P", "-m", "headswap_cli.engine"),
        *("--data", str(data_dir.absolute()), "--cache", str(cache_dir.absolute())),
        *("--idle-timeout-s", str(idle_timeout_s)),
    ]


def _spawn_detached(data_dir: Path, cache_dir: Path, idle_timeout_s: float) -> subprocess.Popen[bytes]:
    """Start an engine that outlives this process and its terminal."""
    import subprocess
    import threading

    with _open_log(data_dir) as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            _command(data_dir, cache_dir, idle_timeout_s=idle_timeout_s),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=engine_folder(data_dir),
            start_new_session=True,
            creationflags=getattr(subprocess, "DETACHED_PROCESS", 0),
        )
    # Somebody has to collect it, should it end before this process does.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def _read_descriptor(data_dir: Path) -> Endpoint | None:
    try:
        said = json.loads((data_dir / "engine" / DESCRIPTOR).read_bytes())
        is_unix = said["socket"] is not None
        return Endpoint(
            pid=int(said["pid"]),
            version=str(said["version"]),
            token=str(said["token"]),
            socket=Path(said["socket"]) if is_unix else None,
            host=None if is_unix else str(said["host"]),
            port=None if is_unix else int(said["port"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_listening(endpoint: Endpoint, timeout_s: float) -> bool:
    """Knock before HTTP is imported; and httpcore leaks a Unix socket whose connection is refused."""
    try:
        if endpoint.socket is None:
            socket.create_connection((endpoint.host, endpoint.port), timeout_s).close()
        else:
            with socket.socket(socket.AF_UNIX) as knock:
                knock.settimeout(timeout_s)
                knock.connect(str(endpoint.socket))
    except OSError:
        return False
    return True


def _open_log(data_dir: Path) -> IO[bytes]:
    path = engine_folder(data_dir) / LOG
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def _not_started(data_dir: Path, what: str) -> EngineError:
    path = data_dir / "engine" / LOG
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = f": {lines[-1]}" if lines else "."
    return EngineError(f"The local engine {what}{last}", hint=f"The whole story: {path}")


def _require_extra() -> None:
    from importlib.util import find_spec

    if not all(find_spec(name) for name in ("hypercorn", "starlette", "filelock")):
        message = "The local engine is not installed."
        raise EngineError(message, hint="pip install 'headswap-cli[local]'")


@contextmanager
def _handing_on_signals(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let SIGINT and SIGTERM end ``process`` instead of this one; on Windows the console tells both."""

    def hand_on(number: int, _: object) -> None:
        if os.name == "posix":
            process.send_signal(number)

    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
