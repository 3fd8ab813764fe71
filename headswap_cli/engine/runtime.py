"""What makes a process *the* engine of a data folder: its lock, its address, its descriptor, its log."""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import secrets
import socket
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import filelock

from headswap_cli import __version__
from headswap_cli.build import build_id
from headswap_cli.local import DESCRIPTOR, LOCK, LOG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOCKET = "engine.sock"
# sun_path with its NUL: 108 bytes on Linux, 104 on the BSDs and macOS (unix(7), unix(4)).
SOCKET_PATH_BYTES = 103 if sys.platform == "darwin" else 107
LOG_LIMIT_BYTES = 256 * 1024
LOG_KEPT_BYTES = 64 * 1024


class AlreadyRunningError(Exception):
    """Another engine works in this data folder."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the engine listens: on ``path``, or on ``host`` and ``port`` where that is None.

    ``token`` is the key that every request must carry.
    """

    path: Path | None
    host: str | None
    port: int | None
    token: str = field(repr=False)

    @property
    def reachable_host(self) -> str | None:
        """The host to connect to: ``host``, but loopback where that is "every interface"."""
        if self.host is None or not is_unspecified(self.host):
            return self.host
        return "::1" if ":" in self.host else "127.0.0.1"

    @property
    def url(self) -> str | None:
        """Where a client of this machine connects to; None on a Unix socket."""
        host = self.reachable_host
        if host is None:
            return None
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def is_unspecified(host: str) -> bool:
    """Whether ``host`` means every interface (``0.0.0.0``, ``::``)."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


@contextmanager
def only_engine(folder: Path) -> Iterator[None]:
    """Hold ``folder``'s lock; the kernel lets go of it however the process ends.

    Raises: AlreadyRunningError: Another process holds it.
    """
    lock = filelock.FileLock(folder / LOCK, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise AlreadyRunningError(str(folder)) from error
    try:
        yield
    finally:
        lock.release()


def bind(
    folder: Path, host: str | None, port: int, *, token: str | None = None
) -> tuple[socket.socket, Address]:
    """Return a bound socket and its address.

    Without ``host`` it is a Unix socket in ``folder`` where the platform has them and the path fits, else
    a free port of the loopback interface. The caller holds the folder's lock, so a socket file that is
    already there belongs to nobody. Without ``token`` one is made up.
    """
    token = token or secrets.token_urlsafe(32)
    path = folder / SOCKET
    if host is None and _fits_unix_socket(path):
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        path.chmod(0o600)
        return listener, Address(path=path, host=None, port=None, token=token)
    host = host or "127.0.0.1"
    family, kind, protocol, _, where = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            # On Windows the option lets a second process take the port; here it only skips TIME_WAIT.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
    except OSError:
        listener.close()
        raise
    return listener, Address(path=None, host=host, port=listener.getsockname()[1], token=token)


@contextmanager
def published(folder: Path, address: Address) -> Iterator[None]:
    """Keep the descriptor by which commands find this process; only its owner can read it."""
    descriptor = folder / DESCRIPTOR
    draft = folder / f"{DESCRIPTOR}.new"
    draft.unlink(missing_ok=True)
    said = {
        "pid": os.getpid(),
        "version": __version__,
        "build": build_id(),
        "socket": str(address.path) if address.path else None,
        "host": address.reachable_host,
        "port": address.port,
        "token": address.token,
    }
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(said, file)
    draft.replace(descriptor)
    try:
        yield
    finally:
        descriptor.unlink(missing_ok=True)
        if address.path is not None:
            address.path.unlink(missing_ok=True)


@contextmanager
def logged(folder: Path) -> Iterator[None]:
    """Send this package's log to the folder's log file, cut down to its tail if it has grown."""
    path = folder / LOG
    path.touch(mode=0o600)
    path.chmod(0o600)
    if path.stat().st_size > LOG_LIMIT_BYTES:
        # In place: the command that started this process handed it the open file as stderr.
        path.write_bytes(path.read_bytes()[-LOG_KEPT_BYTES:])
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("headswap_cli.engine")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


def _fits_unix_socket(path: Path) -> bool:
    return (
        sys.platform != "win32" and hasattr(socket, "AF_UNIX") and len(os.fsencode(path)) <= SOCKET_PATH_BYTES
    )
