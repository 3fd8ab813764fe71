"""The project file: settings for a folder and what lies below it. It may come with somebody else's files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
            return Project(path, check_keys(path, document, PROJECT_SETTINGS))
    return None
