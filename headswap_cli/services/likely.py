"""What somebody may have meant who gave an id that nobody knows, or one of another kind."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from headswap_cli.errors import NotFoundError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from headswap_cli.journal import Journal
    from headswap_cli.services.deps import Deps

# Fewer letters begin too many ids.
_FEWEST = 3
_SHOWN = 3


def likely(journal: Journal, identifier: str) -> str | None:
    """Return which ids of the journal begin as an unknown one does; None if none does."""
    if len(identifier) < _FEWEST:
        return None
    found = journal.beginning_with(identifier)
    if len(found) == 1:
        [(kind, whole)] = found
        return f"Perhaps the {kind} {whole} is meant: headswap status {whole}"
    shown = ", ".join(f"{whole} ({kind})" for kind, whole in found[:_SHOWN])
    end = ", ..." if len(found) > _SHOWN else "."
    return f"{len(found)} ids begin so: {shown}{end}" if found else None


def is_task(deps: Deps, identifier: str) -> bool:
    """Whether the service has a task with that id."""
    return _is_there(lambda: deps.dialect.fetch_task(deps.client, identifier))


def is_analysis(deps: Deps, identifier: str) -> bool:
    """Whether the service has an analysis with that id."""
    return _is_there(lambda: deps.dialect.fetch_analysis(deps.client, identifier))


def _is_there(fetch: Callable[[], object]) -> bool:
    with suppress(NotFoundError, RefusedError):
        fetch()
        return True
    return False
