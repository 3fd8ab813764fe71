"""What there is to know of a run is told once, whichever of its commands comes upon it."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from headswap_cli.errors import HeadswapError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from headswap_cli.journal import Journal

_ON_A_PERSON = re.compile(r"person \d+: ")


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
    news = [
        one for one in dict.fromkeys(notices) if one not in told and not _is_of_photos(one, notices, told)
    ]
    # A disk that is full is no reason to keep a result back: then it is told twice.
    with suppress(HeadswapError):
        # Another command may have been first since.
        return journal.tell(run.run_id, news)
    return news


def _is_of_photos(notice: str, notices: Sequence[str], told: Collection[str]) -> bool:
    """Whether a notice on a person says what was told of their photo before it was known whose it is.

    So it is where at least as many photos were warned of the same.
    """
    _, _, warning = notice.partition(": ")
    photos = [one for one in told if one.endswith(f": {warning}") and not _ON_A_PERSON.match(one)]
    return bool(warning) and len(photos) >= sum(one.endswith(f": {warning}") for one in notices)
