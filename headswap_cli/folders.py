"""Where this program keeps things."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

# The disk, the user's quota (which Windows has not) or the file system's largest file.
DISK_FULL = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})


@dataclass(frozen=True, slots=True)
class Folders:
    """Where this program keeps things: profiles; journal and engine media; what can be fetched again."""

    config: Path
    data: Path
    cache: Path


def folders(env: Mapping[str, str] = os.environ) -> Folders:
    """Return the platform's folders, each of which one environment variable moves.

    Raises:
        InputError: there is no home folder, or not the one that a variable names.
    """

    def _place(variable: str, default: str) -> Path:
        if moved := env.get(variable):
            return _moved(variable, moved)
        from platformdirs import PlatformDirs

        # Without a home older versions return what is relative to the current folder.
        with suppress(RuntimeError):
            place = Path(getattr(PlatformDirs("headswap", appauthor=False), default))
            if place.is_absolute():
                return place
        raise InputError(
            "There is no home folder to keep things in: HOME is not set.",
            hint="HOME=FOLDER, or HEADSWAP_CONFIG_DIR, HEADSWAP_DATA_DIR and HEADSWAP_CACHE_DIR",
        )

    return Folders(
        config=_place("HEADSWAP_CONFIG_DIR", "user_config_dir"),
        data=_place("HEADSWAP_DATA_DIR", "user_data_dir"),
        cache=_place("HEADSWAP_CACHE_DIR", "user_cache_dir"),
    )


def _moved(variable: str, place: str) -> Path:
    try:
        return Path(place).expanduser().absolute()
    except RuntimeError as error:
        raise InputError(
            f"{variable}={place!r} names the home folder of nobody.", hint=f"{variable}=FOLDER"
        ) from error


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for the owner alone (as the XDG base folders are).

    Raises: OSError: it cannot be made.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
