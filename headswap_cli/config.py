"""Settings and where they come from: flag > environment > remembered by the journal > default."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from headswap_cli.errors import AuthError, InputError
from headswap_cli.models import Backend
from headswap_cli.wire import ENGINE_ORIGIN

if TYPE_CHECKING:
    from collections.abc import Mapping

AKOOL_URL = "https://openapi.akool.com"
PROFILES = ("local", "akool")
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


@dataclass(frozen=True, slots=True)
class Settings:
    """What one command works with. At most one of ``api_key`` and ``token`` is set; neither is ever shown."""

    profile: str
    backend: Backend
    base_url: str
    api_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where this program keeps things: profiles; journal and engine media; what can be fetched again."""

    config: Path
    data: Path
    cache: Path


def folders(env: Mapping[str, str] = os.environ) -> Folders:
    """Return the platform's folders, each of which one environment variable moves."""

    def place(variable: str, default: str) -> Path:
        if moved := env.get(variable):
            return Path(moved).expanduser().absolute()
        from platformdirs import PlatformDirs

        return Path(getattr(PlatformDirs("headswap", appauthor=False), default))

    return Folders(
        config=place("HEADSWAP_CONFIG_DIR", "user_config_dir"),
        data=place("HEADSWAP_DATA_DIR", "user_data_dir"),
        cache=place("HEADSWAP_CACHE_DIR", "user_cache_dir"),
    )


def resolve(
    profile: str | None = None, *, remembered: str | None = None, env: Mapping[str, str] = os.environ
) -> Settings:
    """Return the settings of the profile that the user means.

    Args:
        profile: The ``--profile`` flag.
        remembered: The profile that made the id in question, as the journal knows it.
        env: The environment.

    Raises:
        InputError: there is no such profile.
        AuthError: the profile needs a key and none is known.
    """
    key, token = env.get("HEADSWAP_API_KEY") or env.get("AKOOL_API_KEY"), env.get("HEADSWAP_TOKEN")
    base_url = env.get("HEADSWAP_BASE_URL")
    default = "akool" if key or token or base_url else "local"
    name = profile or env.get("HEADSWAP_PROFILE") or remembered or default
    if name == "local":
        return Settings(profile=name, backend=Backend.LOCAL, base_url=ENGINE_ORIGIN)
    if name not in PROFILES:
        raise InputError(
            f"There is no profile {name!r}; there are: {', '.join(PROFILES)}.",
            hint="Choose one: --profile local",
        )
    if not key and not token:
        raise AuthError(
            f"The profile {name!r} needs an API key, and none is known.",
            hint="Set HEADSWAP_API_KEY, or use the engine on this machine: --profile local",
        )
    url = (base_url or AKOOL_URL).rstrip("/")
    return Settings(name, Backend.AKOOL, url, api_key=key, token=None if key else token)


def parse_duration(value: str) -> float:
    """Return the seconds that a duration such as ``90s``, ``15m`` or ``1h30m`` means.

    Raises:
        InputError: it is no duration.
    """
    match = _DURATION.fullmatch(value)
    if not value or match is None:
        raise InputError(f"{value!r} is not a duration.", hint="Write it as 90s, 15m or 1h")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
