"""What there is to know of results, which no command has told yet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headswap_cli.context import AppContext
    from headswap_cli.render.views import Shown


def with_news(app: AppContext, shown: Shown) -> Shown:
    """Return a result with what no command has told of it yet; from now on it is told."""
    return replace(shown, notices=news(app, shown.notices))


def news(app: AppContext, notices: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    """Return notices, by the id of what they are of, that no command has told yet; from now on they are."""
    from headswap_cli.services.told import untold

    if app.view.is_quiet or not any(notices.values()):
        return notices
    with app.journal() as journal:
        return {one: untold(journal, one, texts) for one, texts in notices.items()}
