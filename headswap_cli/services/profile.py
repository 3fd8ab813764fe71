"""Profiles: made, changed and removed together with their secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headswap_cli.errors import HeadswapError, InputError
from headswap_cli.hosting import parse_hosting
from headswap_cli.keys import Place, Secret, best_place, store_at
from headswap_cli.profiles import BUILT_IN, SETTINGS, Profile, check_name
from headswap_cli.profiles.toml import is_secret
from headswap_cli.text import printable
from headswap_cli.wire import RESOLUTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headswap_cli.profiles import ProfileFile

LOCAL_SETTINGS = ("resolution", "model", "output")
_KEY_HINT = "headswap profile set {name} --api-key-stdin < FILE"


@dataclass(frozen=True, slots=True)
class ProfileState:
    """A profile as ``profile list`` shows it."""

    name: str
    backend: str
    is_default: bool
    key_in: Place | None
    values: Mapping[str, str]


def list_profiles(file: ProfileFile, default: str) -> list[ProfileState]:
    """Return every profile, the newest first, the built-in ones last; ``default`` is who is used now."""
    profiles = file.read()
    found = [profiles.require(name) for name in reversed(profiles.names())]
    return [_state(profile, default) for profile in found]


def _state(profile: Profile, default: str) -> ProfileState:
    backend = "local" if profile.name == "local" else "akool"
    return ProfileState(profile.name, backend, profile.name == default, profile.key_in, profile.values)


def check_new(file: ProfileFile, name: str) -> None:
    """Check that a profile can be added.

    Raises:
        InputError: it exists, differs from one only in its capitals, or has no key to add.
    """
    check_name(name)
    if name == "local":
        raise InputError(
            "The profile 'local' is the engine on this machine, which needs no key.",
            hint="headswap profile set local resolution=480p",
        )
    profiles = file.read()
    others = [*profiles.by_name, *(built_in for built_in in BUILT_IN if built_in != name)]
    taken = {other.casefold(): other for other in others}
    if other := taken.get(name.casefold()):
        raise InputError(
            f"There is a profile {other!r} already.",
            hint=f"headswap profile set {other} SETTING=VALUE, or headswap profile remove {other}",
        )


def add_profile(file: ProfileFile, name: str, changes: Mapping[str, str], secret: str) -> ProfileState:
    """Write down a new profile and its secret; the first one that is added is the default from then on.

    Args:
        file: The file of profiles.
        name: Checked by ``check_new``.
        changes: Its settings, checked by ``parse_settings``.
        secret: Its API key, or its client secret where ``changes`` name a client id.
    """
    key_in = _keep_secret(file, Profile(name, changes), secret)
    file.put(name, dict(changes), key_in=key_in)
    if file.read().default is None:
        file.use(name)
    profiles = file.read()
    return _state(profiles.require(name), profiles.default or name)


def _keep_secret(file: ProfileFile, profile: Profile, secret: str) -> Place:
    """Put a secret where this machine keeps secrets best, and take an older one from wherever it was.

    Returns: where it is now.
    """
    from headswap_cli.api.client import check_secret

    secret = check_secret(secret)
    place = best_place(file.folder)
    kind = Secret.CLIENT_SECRET if "client_id" in profile.values else Secret.API_KEY
    store_at(place, file.folder).save(profile.name, kind, secret)
    _forget(file, profile.name, place, except_for=kind)
    if profile.key_in not in {None, place}:
        _forget(file, profile.name, profile.key_in)
    return place


def _forget(file: ProfileFile, name: str, place: Place | None, *, except_for: Secret | None = None) -> bool:
    """Take a profile's secrets out of a place; tell whether that could be done.

    A keyring that is locked or gone must not keep a user from giving a new key or from removing a profile.
    """
    if place is None:
        return True
    try:
        for secret in set(Secret) - {except_for}:
            store_at(place, file.folder).remove(name, secret)
    except HeadswapError:
        return False
    return True


def change_profile(
    file: ProfileFile, name: str, changes: Mapping[str, str | None], secret: str | None
) -> ProfileState:
    """Change settings of a profile and its secret, as far as they are given.

    Raises:
        InputError: there is no such profile, or a local one is given what only the cloud has.
    """
    profile = file.read().require(name)
    if name == "local":
        _check_local(changes, secret)
    if "client_id" in changes and profile.key_in is not None and secret is None:
        raise InputError(
            "A client id goes with a secret of its own.",
            hint=f"headswap profile set {name} client_id=... --api-key-stdin < FILE",
        )
    key_in = None
    if secret is not None:
        merged = {**profile.values, **changes}
        values = {setting: value for setting, value in merged.items() if value is not None}
        key_in = _keep_secret(file, Profile(name, values, profile.key_in), secret)
    file.put(name, changes, key_in=key_in)
    profiles = file.read()
    return _state(profiles.require(name), profiles.default or "")


def _check_local(changes: Mapping[str, str | None], secret: str | None) -> None:
    strange = [setting for setting in changes if setting not in LOCAL_SETTINGS]
    if secret is not None:
        strange.append("key")
    if strange:
        raise InputError(
            f"The local engine has no {strange[0]}.", hint=f"It has: {', '.join(LOCAL_SETTINGS)}"
        )


def remove_profile(file: ProfileFile, name: str) -> bool:
    """Forget a profile and its secrets; a built-in one is as it was at first.

    Returns: False if the secrets had to be left in a keyring that is locked or gone.
    Raises: InputError: there is no such profile, or nothing was set in a built-in one.
    """
    profiles = file.read()
    profile = profiles.require(name)
    if name not in profiles.by_name and profiles.default != name:
        raise InputError(
            f"The profile {name} is built in and cannot be removed; nothing was set in it.",
            hint="headswap profile list",
        )
    is_forgotten = _forget(file, name, profile.key_in)
    file.remove(name)
    return is_forgotten


def parse_settings(words: Iterable[str]) -> dict[str, str | None]:
    """Return the changes that ``SETTING=VALUE`` words mean; an empty value takes a setting out.

    Raises:
        InputError: no such setting, a secret, or a value that it can't have.
    """
    changes: dict[str, str | None] = {}
    for word in words:
        setting, equals, value = word.partition("=")
        if is_secret(setting):
            raise InputError(
                "A key is never an argument: other users of this machine can see it there.",
                hint=_KEY_HINT.format(name="NAME"),
            )
        if not equals or setting not in SETTINGS:
            raise InputError(
                f"{printable(setting)!r} is no setting; there are: {', '.join(SETTINGS)}.",
                hint="headswap profile set NAME SETTING=VALUE, with nothing after = to take it out",
            )
        changes[setting] = check_setting(setting, value) if value else None
    return changes


def check_setting(setting: str, value: str) -> str:
    """Return a setting's value if it can have it.

    Raises:
        InputError: it cannot.
    """
    if setting == "base_url":
        from headswap_cli.api.client import check_address

        check_address(value)
    elif setting == "hosting":
        parse_hosting(value)
    elif setting == "resolution" and value not in RESOLUTIONS:
        raise InputError(
            f"The resolution {printable(value)!r} does not exist; there are: {', '.join(RESOLUTIONS)}."
        )
    if not value.isprintable():
        raise InputError(f"The value of {setting} holds characters that can't be printed.")
    return value
