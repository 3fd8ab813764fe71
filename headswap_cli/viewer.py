"""Open files in the program that the system shows them with."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Launch = Callable[[Sequence[str]], object]

_OPENERS = {"darwin": "open", "cygwin": "cygstart"}


def open_files(paths: Sequence[Path], *, platform: str = sys.platform, launch: Launch | None = None) -> None:
    """Show files, each in a window of its own or as the system likes it; the command does not wait for them.

    Args:
        paths: Absolute, so that no name looks like a flag.
        platform: As ``sys.platform``.
        launch: Starts a command; by default away from this terminal.

    Raises: InputError: there is nothing that opens files.
    """
    for path in paths:
        try:
            if platform == "win32" and launch is None:
                _start_file(path)
            else:
                (launch or _launch)([_OPENERS.get(platform, "xdg-open"), str(path)])
        except OSError as error:
            raise InputError(
                f"{path} cannot be opened in a viewer: {error.strerror}.", hint="Open it yourself."
            ) from error


def _launch(command: Sequence[str]) -> None:
    # In a session of its own: Ctrl-C here is not meant for it.
    subprocess.Popen(  # noqa: S603 - a fixed program and a path of ours
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _start_file(path: Path) -> None:
    if sys.platform == "win32":
        os.startfile(path)  # noqa: S606 - what the user asked for
