"""Show files in the program that the user looks at such files with."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from headswap_cli.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_VIEWERS = {"darwin": "open", "win32": "explorer"}


def open_files(
    paths: Sequence[Path],
    *,
    again: str,
    env: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
    patience_s: float = 3.0,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Open files in the program that shows them here: ``HEADSWAP_VIEWER``, else the system's choice.

    A program that stays for longer than ``patience_s`` is left alone.

    Args:
        paths: Absolute, so that no name looks like a flag.
        again: The command that opens them, for the hint.
        env: The environment.
        platform: As ``sys.platform``.
        patience_s: How long to wait for all of them.
        clock: Monotonic seconds.

    Raises:
        MachineError: there is no such program, or it fails at once.
    """
    viewer = env.get("HEADSWAP_VIEWER") or _VIEWERS.get(platform, "xdg-open")
    hint = f"HEADSWAP_VIEWER=PROGRAM {again}"
    give_up = clock() + patience_s
    try:
        started = [(path, _start(viewer, path)) for path in paths]
    except OSError as error:
        raise MachineError(f"{viewer} can't be run: {error.strerror}.", hint=hint) from error
    for path, process in started:
        try:
            code = process.wait(max(0.0, give_up - clock()))
        except subprocess.TimeoutExpired:
            continue
        # The Explorer ends with 1 where all is well.
        if code != 0 and platform != "win32":
            raise MachineError(f"{viewer} could not open {str(path)!r} (it ended with {code}).", hint=hint)


def _start(viewer: str, path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - the user's own program
        [viewer, str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Ctrl-C here is not meant for it.
        start_new_session=True,
    )
