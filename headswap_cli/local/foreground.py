"""The engine in the foreground: on an address of the user's choice, until a signal ends it."""

from __future__ import annotations

import ipaddress
import os
import re
import signal
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headswap_cli.errors import EngineError, InputError
from headswap_cli.local.endpoint import engine_folder
from headswap_cli.local.process import ALREADY_RUNNING, command, not_started, open_log, require_extra

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

_TOKEN = re.compile(r"[!-~]{16,1024}\Z")
_MAKE_TOKEN = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))' > {0} && chmod 600 {0}"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Serving:
    """How the engine is served: ``port`` 0 takes a free one, ``token_file`` None makes up a key.

    ``allow_private`` lets an engine that others reach fetch from private addresses.

    Raises: InputError: Others could reach the engine and no key was set for them, or the file that holds it
        is not fit to.
    """

    host: str = "127.0.0.1"
    port: int = 0
    workers: int = 1
    token_file: Path | None = None
    allow_private: bool = False

    def __post_init__(self) -> None:
        """Refuse what would serve strangers."""
        if self.token_file is not None:
            _check_token_file(self.token_file)
        elif not is_loopback(self.host):
            raise InputError(
                f"On {self.host} others can reach the engine: it needs a key in a file of yours.",
                hint=f"{_MAKE_TOKEN.format('token')}, then: --token-file token",
            )


def is_loopback(host: str) -> bool:
    """Whether an address reaches this machine alone; a name other than ``localhost`` may mean anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def run_foreground(
    data_dir: Path, cache_dir: Path, serving: Serving, *, on_url: Callable[[str], None]
) -> int:
    """Run the engine until it ends; signals are handed on to it.

    Args:
        data_dir: Where jobs and media are kept.
        cache_dir: Where weights and compiled kernels are kept.
        serving: Where and how.
        on_url: Is told the engine's URL as soon as it answers.

    Returns: 0 after ``stop``, 130 or 143 after SIGINT or SIGTERM.
    Raises: EngineError: An engine runs already, or this one could not start.
    """
    import subprocess

    require_extra()
    words = [*command(data_dir, cache_dir, idle_timeout_s=0), "--host", serving.host]
    words += ["--port", str(serving.port), "--workers", str(serving.workers)]
    if serving.allow_private:
        words.append("--allow-private")
    if serving.token_file is not None:
        words += ["--token-file", str(serving.token_file.absolute())]
    with open_log(data_dir) as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd=engine_folder(data_dir)
        )
    with process, _handing_on_signals(process):
        url = process.stdout.readline().decode().strip() if process.stdout else ""
        if url:
            on_url(url)
        code = process.wait()
    if code == ALREADY_RUNNING:
        raise EngineError("A local engine is running already.", hint="headswap serve --stop")
    if not url and code not in {130, 143, -signal.SIGINT, -signal.SIGTERM}:
        raise not_started(data_dir, code)
    return code if code >= 0 else 128 - code


def _check_token_file(path: Path) -> None:
    """Refuse a file that others can read, or that holds nothing to be trusted with."""
    try:
        mode = path.stat().st_mode
        is_key = stat.S_ISREG(mode) and _TOKEN.match(path.read_bytes()[:2048].decode("ascii").strip())
    except OSError as error:
        raise InputError(
            f"The token file {path} cannot be read: {error.strerror}.", hint=_MAKE_TOKEN.format(path)
        ) from error
    except UnicodeDecodeError:
        is_key = None
    if not is_key:
        raise InputError(
            f"The token file {path} must hold one key of 16 or more printable ASCII characters.",
            hint=_MAKE_TOKEN.format(path),
        )
    if os.name == "posix" and mode & 0o077:
        raise InputError(
            f"Others can read the token file {path} (mode {stat.S_IMODE(mode):04o}).",
            hint=f"chmod 600 {path}",
        )


@contextmanager
def _handing_on_signals(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let SIGINT and SIGTERM end ``process`` instead of this one; on Windows the console tells both."""

    def _hand_on(number: int, _: object) -> None:
        if os.name == "posix":
            process.send_signal(number)

    before = {number: signal.signal(number, _hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
