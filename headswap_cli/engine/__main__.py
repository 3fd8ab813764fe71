"""``python -m headswap_cli.engine``: the engine as a process of its own."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from headswap_cli.engine.runtime import AlreadyRunningError
from headswap_cli.engine.server import Options, run
from headswap_cli.local import ALREADY_RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headswap_cli.engine.runtime import Address


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the engine; return the exit code of the process.

    With ``--host`` the first line on stdout is the engine's URL, written once it listens.
    """
    options = _parse(arguments)
    os.umask(0o077)
    _dump_nothing()
    received: list[int] = []

    def on_ready(address: Address, stop: Callable[[], None]) -> None:
        def end(number: int, _: object) -> None:
            received.append(number)
            stop()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        if options.host is not None:
            sys.stdout.write(f"{address.url}\n")
            sys.stdout.flush()

    try:
        run(options, on_ready=on_ready)
    except AlreadyRunningError:
        return ALREADY_RUNNING
    return 128 + received[0] if received else 0


def _dump_nothing() -> None:
    """Ask the system for no core dumps, of this process and the workers: faces and the key are in memory."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _parse(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m headswap_cli.engine", allow_abbrev=False)
    parser.add_argument("--data", type=Path, required=True, help="folder of jobs and media")
    parser.add_argument("--cache", type=Path, required=True, help="folder of weights and compiled kernels")
    parser.add_argument("--host", help="listen on this address instead of a Unix socket")
    parser.add_argument("--port", type=int, default=0, help="with --host; 0 takes a free one")
    parser.add_argument("--idle-timeout-s", type=float, default=600.0, help="0 never ends by itself")
    parser.add_argument("--workers", type=int, default=1, help="how many jobs are in work at once")
    parser.add_argument("--token-file", type=Path, help="file that holds the key; by default one is made up")
    given = parser.parse_args(arguments)
    return Options(
        given.data,
        given.cache,
        given.host,
        given.port,
        given.idle_timeout_s,
        workers=given.workers,
        token=given.token_file.read_text(encoding="ascii").strip() if given.token_file else None,
    )


if __name__ == "__main__":
    sys.exit(main())
