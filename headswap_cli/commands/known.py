"""What pressing tab offers where only this machine knows the answer."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from headswap_cli.errors import HeadswapError

if TYPE_CHECKING:
    from collections.abc import Callable

OFFERED = 50


def choices(*values: str) -> Callable[[str], list[str]]:
    """Return what offers a fixed set of values."""
    return lambda incomplete: [value for value in values if value.startswith(incomplete)]


def profiles(incomplete: str) -> list[str]:
    """Return the profiles that there are; a broken file offers none."""
    from headswap_cli.context import AppContext

    with suppress(HeadswapError, OSError):
        return [name for name in AppContext().profiles().read().names() if name.startswith(incomplete)]
    return []


def ids(incomplete: str) -> list[str]:
    """Return the ids of the latest runs, and of their tasks and analyses."""
    return _ids(incomplete, ("run_id", "task_id", "analysis_id"))


def analyses(incomplete: str) -> list[str]:
    """Return the ids of the latest analyses."""
    return _ids(incomplete, ("analysis_id",))


def _ids(incomplete: str, names: tuple[str, ...]) -> list[str]:
    from sqlite3 import Error

    from headswap_cli.context import AppContext

    with suppress(HeadswapError, OSError, Error):
        app = AppContext()
        # Looking makes nothing: where there is no journal, no id is known.
        if (app.folders.data / "journal.sqlite3").exists():
            with app.journal() as journal:
                found = [getattr(run, name) for run in journal.runs(OFFERED) for name in names]
            return list(dict.fromkeys(one for one in found if one and one.startswith(incomplete)))
    return []
