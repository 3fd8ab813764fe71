"""A call of the local engine's own: are these photos such that heads can be made of them?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headswap_cli.api.fields import sentence, whole
from headswap_cli.wire import PHOTOS_PATH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.api.client import ApiClient


def refused_photos(client: ApiClient, photos: Sequence[Sequence[str]]) -> dict[int, str] | None:
    """Return why photos cannot be used, by the place of the person whose they are.

    Args:
        client: Sends it to the local engine.
        photos: URLs of its media, a list a person, the main one first.

    Returns: None if the engine is at work on other jobs; it may be asked again at once.

    Raises:
        HeadswapError: the engine is of another build that does not know the call, or can't be reached.
    """
    refused = client.post(PHOTOS_PATH, {"photos": [list(urls) for urls in photos]}).get("refused")
    if refused is None:
        return None
    said = [one for one in refused if isinstance(one, dict)] if isinstance(refused, list) else []
    reasons = {whole(one.get("person")): sentence(one.get("reason")) for one in said}
    return {place: reason for place in range(len(photos)) if (reason := reasons.get(place)) is not None}
