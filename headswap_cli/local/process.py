"""The engine's process: started on demand, replaced by a newer one, stopped, told to clear up."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from typing import IO, TYPE_CHECKING

from headswap_cli import __version__
from headswap_cli.build import build_id
from headswap_cli.errors import EngineError
from headswap_cli.local.endpoint import (
    LOCK,
    LOG,
    SHUTDOWN_PATH,
    Endpoint,
    client,
    connect,
    engine_folder,
    find,
    health,
    read_descriptor,
)
from headswap_cli.wire import ENGINE_ORIGIN, MEDIA_PATH

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

# The exit code of an engine that found another one at work in its data folder (EX_TEMPFAIL).
ALREADY_RUNNING = 75
# And of one whose folder takes nothing: a full disk, a read-only file system (EX_CANTCREAT).
CANNOT_WRITE = 73
_RETRY_S = 0.1


def ensure(
    data_dir: Path,
    cache_dir: Path,
    *,
    idle_timeout_s: float = 600.0,
    start_timeout_s: float = 30.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Endpoint:
    """Return the engine that works in ``data_dir``, started if need be; an idle older one is replaced.

    However many commands call this at once, one engine comes to be: the others find that its lock is taken.

    Args:
        data_dir: Where jobs and media are kept.
        cache_dir: Where weights and compiled kernels are kept.
        idle_timeout_s: After how long without jobs and requests a new engine ends itself.
        start_timeout_s: How long it may take to answer.
        clock: Tells the time, in seconds.
        sleep: Waits, in seconds.

    Raises:
        EngineError: It did not come up, with the last line of its log; or one of another version is in the
            way.
    """
    running = _own(data_dir)
    if running is not None:
        return running
    require_extra()
    deadline = clock() + start_timeout_s
    process = _spawn_detached(data_dir, cache_dir, idle_timeout_s)
    while clock() < deadline:
        ended = process.poll()
        endpoint = _own(data_dir)
        if endpoint is not None:
            if os.name == "posix" and ended is None and endpoint.pid != process.pid:
                # Another command's came first; ours, still on its way, is not to begin when that one ends.
                process.terminate()
            return endpoint
        if ended == ALREADY_RUNNING:
            # Another engine holds the lock: it is coming up, or on its way out.
            sleep(_RETRY_S)
            process = _spawn_detached(data_dir, cache_dir, idle_timeout_s)
        elif ended is not None:
            raise not_started(data_dir, ended)
        sleep(0.02)
    raise _mute(data_dir, start_timeout_s)


def stop(data_dir: Path, *, timeout_s: float = 15.0) -> bool:
    """End the engine that works in ``data_dir``; a running job goes back to the queue.

    Returns: Whether there was one.
    Raises: EngineError: It is still there after ``timeout_s``, told to end or too busy to be told.
    """
    deadline = time.monotonic() + timeout_s
    while (endpoint := find(data_dir)) is None:
        if not _is_held(data_dir):
            return False
        if time.monotonic() > deadline:
            raise _mute(data_dir, timeout_s)
    _end(data_dir, endpoint, timeout_s)
    return True


def _is_held(data_dir: Path) -> bool:
    """Tell whether there is an engine, however mute: the kernel lets go of its lock when it ends."""
    lock = data_dir / "engine" / LOCK
    if not lock.exists():
        return False
    import filelock

    try:
        with filelock.FileLock(lock, timeout=_RETRY_S, mode=0o600):
            return False
    except filelock.Timeout:
        return True
    except OSError:
        # Read-only: nobody can work there.
        return False


def unfinished(data_dir: Path) -> int:
    """Return how many jobs the engine that works in ``data_dir`` has queued or at work; 0 where none runs."""
    endpoint = find(data_dir)
    said = health(endpoint) if endpoint is not None else None
    counts = [(said or {}).get(name) for name in ("queued", "processing")]
    return sum(count for count in counts if isinstance(count, int))


def clear(data_dir: Path, cache_dir: Path) -> tuple[int, int]:
    """Delete every ended job and file that no unfinished job needs, whether or not the engine runs.

    Returns: How many jobs and how many files are gone.
    Raises: EngineError: It could not be done.
    """
    endpoint = find(data_dir)
    if endpoint is not None:
        return _clear_running(endpoint)
    import subprocess

    require_extra()
    words = [*command(data_dir, cache_dir, idle_timeout_s=0), "--clear"]
    with open_log(data_dir) as log:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, check=False
        )
    if done.returncode:
        raise not_started(data_dir, done.returncode)
    gone = json.loads(done.stdout)
    return gone["jobs"], gone["files"]


def command(data_dir: Path, cache_dir: Path, *, idle_timeout_s: float) -> list[str]:
    """Return the command that runs an engine."""
    # -P: the folder the engine is started in is no place to import from.
    return [
        *(sys.executable, "-P", "-m", "headswap_cli.engine"),
        *("--data", str(data_dir.absolute()), "--cache", str(cache_dir.absolute())),
        *("--idle-timeout-s", str(idle_timeout_s)),
    ]


def open_log(data_dir: Path) -> IO[bytes]:
    """Open the engine's log to append to.

    Raises: EngineError: The folder takes nothing.
    """
    path = engine_folder(data_dir) / LOG
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
    except OSError as error:
        raise _unwritable(data_dir, error.strerror) from error


def not_started(data_dir: Path, code: int) -> EngineError:
    """Return the error of an engine that ended before it answered, with the last line of its log."""
    if code == CANNOT_WRITE:
        return _unwritable(data_dir, "the disk is full, or read-only")
    path = data_dir / "engine" / LOG
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = f": {lines[-1]}" if lines else "."
    return EngineError(f"The local engine ended with code {code}{last}", hint=f"The whole story: {path}")


def require_extra() -> None:
    """Check that the server's packages are installed.

    Raises: EngineError: They are not.
    """
    from importlib.util import find_spec

    if not all(find_spec(name) for name in ("hypercorn", "starlette", "filelock")):
        message = "The local engine is not installed."
        raise EngineError(message, hint="pip install 'headswap-cli[local]'")


def _own(data_dir: Path) -> Endpoint | None:
    """Return the engine of this version that runs; an older one, or one of another build, is ended if idle.

    Raises: EngineError: One of another version is at work, or newer.
    """
    running = find(data_dir)
    if running is None:
        return None
    there, here = running.version, __version__
    if (there, running.build) == (here, build_id()):
        return running
    if _release(there) > _release(here):
        raise EngineError(
            f"The local engine that runs is version {there}, newer than this command ({here}).",
            hint="Use the newer command, or: headswap serve --stop",
        )
    busy = health(running) or {}
    if busy.get("queued") or busy.get("processing"):
        if there == here:
            return running
        raise EngineError(
            f"A local engine of version {there} is at work; this command is version {here}.",
            hint="Wait for its jobs, or let this version take them up: headswap serve --stop",
        )
    _end(data_dir, running, timeout_s=15.0)
    return None


def _release(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


def _end(data_dir: Path, endpoint: Endpoint, timeout_s: float) -> None:
    """Tell an engine to end and wait until it has, or until another one is in its place."""
    import filelock

    # It may have ended by itself meanwhile; the lock tells.
    with contextlib.suppress(OSError):
        _post_shutdown(endpoint, timeout_s)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            with filelock.FileLock(engine_folder(data_dir) / LOCK, timeout=_RETRY_S, mode=0o600):
                return
        except filelock.Timeout:
            now = read_descriptor(data_dir)
            if now is not None and now.token != endpoint.token:
                return
    message = f"The local engine (process {endpoint.pid}) does not end."
    raise EngineError(message, hint=f"kill {endpoint.pid}")


def _post_shutdown(endpoint: Endpoint, timeout_s: float) -> None:
    lines = (
        f"POST {SHUTDOWN_PATH} HTTP/1.1",
        f"Host: {ENGINE_ORIGIN.removeprefix('http://')}",
        f"x-api-key: {endpoint.token}",
        "Content-Length: 0",
        "Connection: close",
    )
    with connect(endpoint, timeout_s) as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode())
        while connection.recv(4096):
            pass


def _clear_running(endpoint: Endpoint) -> tuple[int, int]:
    import httpx

    try:
        with client(endpoint) as http:
            answer = http.delete(MEDIA_PATH).json()
            return answer["data"]["jobs"], answer["data"]["files"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        message = "The local engine could not clear its media."
        raise EngineError(message, hint="headswap serve --stop, then: headswap serve --clear") from error


def _spawn_detached(data_dir: Path, cache_dir: Path, idle_timeout_s: float) -> subprocess.Popen[bytes]:
    """Start an engine that outlives this process and its terminal."""
    import subprocess
    import threading

    with open_log(data_dir) as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command(data_dir, cache_dir, idle_timeout_s=idle_timeout_s),
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


def _unwritable(data_dir: Path, why: str | None) -> EngineError:
    return EngineError(
        f"The local engine cannot write to its folder {data_dir / 'engine'}: {why}.",
        hint="Make room (headswap serve --clear), or choose another place: HEADSWAP_DATA_DIR",
    )


def _mute(data_dir: Path, timeout_s: float) -> EngineError:
    """Return the error of an engine that is there and does not answer."""
    left = read_descriptor(data_dir)
    who = f" (process {left.pid})" if left is not None else ""
    kill = f"kill -9 {left.pid}; " if left is not None else ""
    return EngineError(
        f"The local engine{who} did not answer within {timeout_s:g} s.",
        hint=f"{kill}the whole story: {data_dir / 'engine' / LOG}",
    )
