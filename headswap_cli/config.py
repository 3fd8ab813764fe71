"""Settings and where they come from: flag > environment > project file > profile > default."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from headswap_cli.errors import AuthError, InputError
from headswap_cli.folders import folders
from headswap_cli.keys import Place, Secret, store_at
from headswap_cli.profiles import Profile, ProfileFile, Profiles, Project, read_project
from headswap_cli.wire import ENGINE_ORIGIN, MODEL, RESOLUTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headswap_cli.models import Backend

AKOOL_URL = "https://openapi.akool.com"
RESOLUTION = "720p"
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
_DEFAULTS = {"base_url": AKOOL_URL, "hosting": None, "resolution": RESOLUTION, "model": MODEL, "output": None}
_ENV_KEYS = {
    "HEADSWAP_API_KEY": Secret.API_KEY,
    "AKOOL_API_KEY": Secret.API_KEY,
    "HEADSWAP_TOKEN": Secret.TOKEN,
    "AKOOL_CLIENT_SECRET": Secret.CLIENT_SECRET,
}


@dataclass(frozen=True, slots=True)
class Value:
    """One setting and who set it."""

    value: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a profile proves itself with, without the secret: it lies in a variable or in a store."""

    secret: Secret
    source: str
    variable: str | None = None
    place: Place | None = None
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """All that applies to one command, found without reading a secret; ``backend`` is one of ``Backend``."""

    profile: str
    backend: str
    chosen_by: str
    values: Mapping[str, Value]
    credentials: Credentials | None

    def __getitem__(self, name: str) -> str | None:
        """Return a setting's value."""
        return self.values[name].value


@dataclass(frozen=True, slots=True)
class Settings:
    """What one command works with.

    At most one of ``api_key``, ``token`` and the pair of ``client_id`` and ``client_secret`` is set; no
    secret is ever shown. ``key_in`` is where a token that the pair was given may be kept.
    """

    profile: str
    backend: Backend
    base_url: str
    api_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    key_in: Place = Place.FILE
    hosting: str | None = None


@dataclass(frozen=True, slots=True)
class Preferences:
    """What holds where a flag was not given."""

    resolution: str
    model: str
    output: str | None


def survey(
    profile: str | None = None,
    *,
    remembered: str | None = None,
    env: Mapping[str, str] = os.environ,
    folder: Path | None = None,
) -> Survey:
    """Return every setting of the profile that the user means, with its source.

    Args:
        profile: The ``--profile`` flag.
        remembered: The profile that made the id in question, as the journal knows it.
        env: The environment.
        folder: Where to look for a project file, and above; the current folder if None.

    Raises:
        InputError: there is no such profile, or a file says what it may not say.
    """
    file = ProfileFile(folders(env).config)
    profiles = file.read()
    name, chosen_by = _choice(profile, remembered, env, profiles)
    chosen = profiles.require(name)
    project = read_project(folder or Path.cwd())
    is_local = name == "local"
    values = {
        setting: _value(setting, env, project, chosen, file.path)
        for setting in _DEFAULTS
        if not is_local or setting not in {"base_url", "hosting"}
    }
    return Survey(
        profile=name,
        backend="local" if is_local else "akool",
        chosen_by=chosen_by,
        values=values,
        credentials=None if is_local else _credentials(env, chosen),
    )


def _choice(
    profile: str | None, remembered: str | None, env: Mapping[str, str], profiles: Profiles
) -> tuple[str, str]:
    """Return the profile's name and why it is that one."""
    akool = profiles.get("akool")
    keyed = next((name for name in (*_ENV_KEYS, "HEADSWAP_BASE_URL") if env.get(name)), None)
    choices = (
        (profile, "the command line"),
        (env.get("HEADSWAP_PROFILE"), "environment HEADSWAP_PROFILE"),
        (remembered, "the journal"),
        ("akool" if keyed else None, f"environment {keyed}"),
        (profiles.default, "headswap profile use"),
        ("akool" if akool and akool.key_in else None, "its key"),
    )
    return next(((name, why) for name, why in choices if name), ("local", "default"))


def _value(
    setting: str, env: Mapping[str, str], project: Project | None, profile: Profile, file: Path
) -> Value:
    """Return a setting from the first source that has it."""
    variable = f"HEADSWAP_{setting.upper()}"
    if value := env.get(variable):
        return Value(value, f"environment {variable}")
    if project is not None and setting in project.values:
        return Value(project.values[setting], f"project {project.path}")
    if setting in profile.values:
        return Value(profile.values[setting], f"profile {file}")
    return Value(_DEFAULTS[setting], "default")


def _credentials(env: Mapping[str, str], profile: Profile) -> Credentials | None:
    """Return what proves the user's right, the environment first."""
    for variable, secret in _ENV_KEYS.items():
        if not env.get(variable):
            continue
        client_id = env.get("AKOOL_CLIENT_ID") if secret is Secret.CLIENT_SECRET else None
        if secret is Secret.CLIENT_SECRET and not client_id:
            secret = Secret.API_KEY  # noqa: PLW2901  the vendor gives out one value under both names
        return Credentials(secret, f"environment {variable}", variable, Place.FILE, client_id)
    if profile.key_in is None:
        return None
    client_id = profile.values.get("client_id")
    secret = Secret.CLIENT_SECRET if client_id else Secret.API_KEY
    return Credentials(secret, str(profile.key_in), None, profile.key_in, client_id)


def resolve(
    profile: str | None = None,
    *,
    remembered: str | None = None,
    env: Mapping[str, str] = os.environ,
    folder: Path | None = None,
) -> Settings:
    """Return the settings of the profile that the user means, with its secret.

    Args: as ``survey``.

    Raises:
        InputError: there is no such profile, or a file says what it may not say.
        AuthError: the profile needs a key and none is known.
    """
    from headswap_cli.models import Backend

    found = survey(profile, remembered=remembered, env=env, folder=folder)
    backend = Backend(found.backend)
    if backend is Backend.LOCAL:
        return Settings(profile=found.profile, backend=backend, base_url=ENGINE_ORIGIN)
    credentials = _require_credentials(found)
    secret = _secret(found.profile, credentials, env)
    return Settings(
        profile=found.profile,
        backend=backend,
        base_url=(found["base_url"] or AKOOL_URL).rstrip("/"),
        hosting=found["hosting"],
        api_key=secret if credentials.secret is Secret.API_KEY else None,
        token=secret if credentials.secret is Secret.TOKEN else None,
        client_id=credentials.client_id,
        client_secret=secret if credentials.secret is Secret.CLIENT_SECRET else None,
        key_in=credentials.place or Place.FILE,
    )


def preferences(found: Survey) -> Preferences:
    """Return what holds where a flag was not given.

    Raises:
        InputError: a resolution that does not exist.
    """
    resolution = found.values["resolution"]
    if resolution.value not in RESOLUTIONS:
        raise InputError(
            f"The resolution {resolution.value!r} does not exist (set by: {resolution.source}).",
            hint=f"There are: {', '.join(RESOLUTIONS)}",
        )
    return Preferences(resolution.value, found["model"] or MODEL, found["output"])


def _require_credentials(found: Survey) -> Credentials:
    if found.credentials is None:
        raise AuthError(
            f"The profile {found.profile!r} needs an API key, and none is known.",
            hint=f"headswap profile add {found.profile}, or set HEADSWAP_API_KEY, or work on this machine: "
            "--profile local",
        )
    return found.credentials


def _secret(profile: str, credentials: Credentials, env: Mapping[str, str]) -> str:
    if credentials.variable:
        return env[credentials.variable]
    store = store_at(credentials.place or Place.FILE, folders(env).config)
    secret = store.load(profile, credentials.secret)
    if secret is None:
        raise AuthError(
            f"The key of the profile {profile!r} is no longer in the {credentials.source}.",
            hint=f"headswap profile set {profile} --api-key-stdin",
        )
    return secret


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
