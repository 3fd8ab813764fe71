"""Places that give a local file a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headswap_cli.hosting.setting import CommandSetting, parse_hosting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from headswap_cli.hosting.host import Host

__all__ = ["open_host", "parse_hosting"]


def open_host(
    hosting: str, http: Callable[[], httpx.Client], *, life_s: float, env: Mapping[str, str]
) -> Host:
    """Return the place that the setting ``hosting`` means.

    Args:
        hosting: The setting.
        http: Gives a client without a key.
        life_s: How long a URL must be good, in seconds, where that can be chosen.
        env: The environment, with the place's own keys.

    Raises:
        InputError: the setting is not understood, or the place can't be used.
    """
    setting = parse_hosting(hosting)
    if isinstance(setting, CommandSetting):
        from headswap_cli.hosting.command import CommandHost

        return CommandHost(setting, env=env)
    from headswap_cli.hosting.object_store import ObjectStoreHost

    return ObjectStoreHost(setting, http, life_s=life_s, env=env)
