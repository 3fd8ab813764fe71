"""What there is to know of a run is told once, whichever of its commands comes upon it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from headswap_cli.errors import HeadswapError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.journal import Journal


def untold(journal: Journal, identifier: str, notices: Sequence[str]) -> list[str]:
    """Return those that no command has told yet, and write down that they are told now.

    Args:
        journal: Where it is written down.
        identifier: Of the run, its task or its analysis; of one that the journal does not know all are news.
        notices: What there is to know.
    """
    run = journal.find(identifier) if notices else None
    if run is None:
        return list(notices)
    told = journal.told(run.run_id)
    # What a photo was warned of before its task was created is said again with whose photo it is.
    news = [one for one in notices if told.isdisjoint({one, one.partition(": ")[2]})]
    # A disk that is full is no reason to keep a result back: then it is told twice.
    with suppress(HeadswapError):
        journal.tell(run.run_id, news)
    return news
