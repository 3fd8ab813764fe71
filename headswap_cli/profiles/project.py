"""The project file: settings for a folder and what lies below it. It may come with somebody else's files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError
from headswap_cli.profiles.toml import check_keys, read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROJECT_FILE = "headswap.toml"
PROJECT_SETTINGS = ("resolution", "model", "hosting", "output")


@dataclass(frozen=True, slots=True)
class Project:
    """What a project file says."""

    path: Path
    values: Mapping[str, str]


def read_project(folder: Path) -> Project | None:
    """Return the nearest project file, in ``folder`` or above it.

    Raises:
        InputError: it holds a secret, a base URL or anything else that it may not set.
    """
    for place in (folder, *folder.parents):
        path = place / PROJECT_FILE
        document = read_toml(path)
        if document is not None:
            values = check_keys(path, document, PROJECT_SETTINGS)
            _check_hosting(path, values.get("hosting", ""))
            return Project(path, values)
    return None


def _check_hosting(path: Path, hosting: str) -> None:
    """Refuse what a stranger's folder must not do: run programs, or send files and store tokens elsewhere."""
    if hosting.strip().startswith("command"):
        what = "names a command as hosting; a folder may not say what is run"
    elif "endpoint" in hosting.partition("?")[2]:
        what = "names an endpoint for hosting; a folder may not say which server gets your files"
    else:
        return
    raise InputError(f"{str(path)!r} {what}.", hint="headswap profile set NAME hosting=...")
