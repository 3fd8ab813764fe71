"""``python -m headswap_cli.engine``: the engine as a process of its own."""

from __future__ import annotations

import argparse
import errno
import json
import os
import signal
import sqlite3
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from headswap_cli.engine.runtime import AlreadyRunningError
from headswap_cli.engine.server import Options, clear_folder, run
from headswap_cli.folders import DISK_FULL
from headswap_cli.local import ALREADY_RUNNING, CANNOT_WRITE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headswap_cli.engine.runtime import Address


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the engine; return the exit code of the process.

    With ``--host`` the first line on stdout is the engine's URL, written once it listens.
    """
    given = _parse(arguments)
    os.umask(0o077)
    _dump_nothing()
    try:
        return _clear(given.data) if given.clear else _serve(given)
    except AlreadyRunningError:
        return ALREADY_RUNNING
    except (OSError, sqlite3.Error) as error:
        if not _is_unwritable(error):
            raise
        traceback.print_exc()
        return CANNOT_WRITE


def _clear(data_dir: Path) -> int:
    json.dump(asdict(clear_folder(data_dir)), sys.stdout)
    return 0


def _serve(given: argparse.Namespace) -> int:
    options = Options(
        given.data,
        given.cache,
        given.host,
        given.port,
        given.idle_timeout_s,
        workers=given.workers,
        allow_private=given.allow_private,
        token=given.token_file.read_text(encoding="ascii").strip() if given.token_file else None,
    )
    received: list[int] = []

    def _on_ready(address: Address, stop: Callable[[], None]) -> None:
        def _end(number: int, _: object) -> None:
            received.append(number)
            stop()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _end)
        if options.host is not None:
            sys.stdout.write(f"{address.url}\n")
            sys.stdout.flush()

    run(options, on_ready=_on_ready)
    return 128 + received[0] if received else 0


def _dump_nothing() -> None:
    """Ask the system for no core dumps, of this process and the workers: faces and the key are in memory."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m headswap_cli.engine", allow_abbrev=False)
    parser.add_argument("--data", type=Path, required=True, help="folder of jobs and media")
    parser.add_argument("--cache", type=Path, required=True, help="folder of weights and compiled kernels")
    parser.add_argument("--host", help="listen on this address instead of a Unix socket")
    parser.add_argument("--port", type=int, default=0, help="with --host; 0 takes a free one")
    parser.add_argument("--idle-timeout-s", type=float, default=600.0, help="0 never ends by itself")
    parser.add_argument("--workers", type=int, default=1, help="how many jobs are in work at once")
    parser.add_argument("--token-file", type=Path, help="file that holds the key; by default one is made up")
    parser.add_argument("--allow-private", action="store_true", help="fetch from private addresses too")
    parser.add_argument("--clear", action="store_true", help="delete what is over, say how much, and end")
    return parser.parse_args(arguments)


def _is_unwritable(error: OSError | sqlite3.Error) -> bool:
    if isinstance(error, OSError):
        return error.errno in {*DISK_FULL, errno.EROFS, errno.EACCES, errno.EPERM}
    # The low byte is the class of the error: https://www.sqlite.org/rescode.html
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
    }


if __name__ == "__main__":
    sys.exit(main())
