"""A call of the local engine's own: are these photos such that heads can be made of them?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headswap_cli.api.fields import sentence, whole
from headswap_cli.models import Judgement
from headswap_cli.wire import PHOTOS_PATH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.api.client import ApiClient
    from headswap_cli.models import Mode

_MOST_WARNINGS = 50


def judged_photos(client: ApiClient, photos: Sequence[Sequence[str]], mode: Mode | None) -> Judgement | None:
    """Return which photos cannot be used, and what there is to know of the others.

    Args:
        client: Sends it to the local engine.
        photos: URLs of its media, a list a person, the main one first.
        mode: How much of the heads is to be worn; None where the video is to decide.

    Returns: None if the engine is at work on other jobs; it may be asked again at once.

    Raises:
        HeadswapError: the engine is of another build that does not know the call, or can't be reached.
    """
    judged = client.post(PHOTOS_PATH, {"photos": [list(urls) for urls in photos], "mode": mode})
    if judged.get("refused") is None:
        return None
    refused = dict(_told(judged["refused"], "reason", len(photos)))
    warned: dict[int, list[str]] = {}
    # An engine of an earlier build warns of nothing before the task.
    for place, warning in _told(judged.get("warned"), "warning", len(photos))[:_MOST_WARNINGS]:
        warned.setdefault(place, []).append(warning)
    return Judgement(refused, warned)


def _told(said: object, field: str, people: int) -> list[tuple[int, str]]:
    """Return sentences and the places of the people whose photos they are of."""
    rows = [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    told = [(whole(one.get("person")), sentence(one.get(field))) for one in rows]
    return [
        (place, text)
        for place, text in told
        if place is not None and text is not None and 0 <= place < people
    ]
