"""Profiles and the balance in their three forms; no secret is ever given to these functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headswap_cli.render.views import Shown, said, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.config import Survey
    from headswap_cli.services.profile import ProfileState

MASK = "****"
_PLACES = {"keyring": "the system's keyring", "file": "a file that only you can read"}


def profile_json(state: ProfileState) -> dict[str, Any]:
    """Return a profile as ``--json`` shows it."""
    return {
        "profile": state.name,
        "backend": state.backend,
        "default": state.is_default,
        "key_in": state.key_in,
        **{name: state.values.get(name) for name in ("base_url", "client_id", "hosting")},
    }


def listed(states: Sequence[ProfileState]) -> Shown:
    """Show all profiles, the one in use marked."""
    rows = [
        (
            "*" if state.is_default else "",
            state.name,
            state.backend,
            state.key_in or "-",
            state.values.get("hosting", "-"),
        )
        for state in states
    ]
    return Shown(
        [profile_json(state) for state in states],
        table(("", "PROFILE", "BACKEND", "KEY IN", "HOSTING"), rows),
        "\n".join(state.name for state in states),
    )


def added(state: ProfileState, credits: float | None) -> Shown:
    """Show a new profile, and the balance if its key was tried."""
    checked = "was not checked" if credits is None else f"works; the balance is {credits:g}"
    text = f"The profile {state.name} was added. Its key {checked}, and lies in {_place(state)}."
    if state.is_default:
        text += f"\n{state.name} is the profile in use from now on."
    return said({**profile_json(state), "credits": credits}, text, state.name)


def changed(state: ProfileState) -> Shown:
    """Show a profile that was changed."""
    place = f" Its key lies in {_place(state)}." if state.key_in else ""
    return said(profile_json(state), f"The profile {state.name} was changed.{place}", state.name)


def named(text: str, name: str) -> Shown:
    """Show that something was done with a profile."""
    return said({"profile": name}, text, name)


def shown(survey: Survey) -> Shown:
    """Show every setting that applies and who set it; keys are masked."""
    secrets: dict[str, tuple[str | None, str]] = {}
    if found := survey.credentials:
        if found.client_id:
            secrets["client_id"] = (found.client_id, found.source)
        secrets[found.secret.value] = (MASK, found.source)
    elif survey.backend == "akool":
        secrets["api_key"] = (None, "not set")
    settings = {name: (value.value, value.source) for name, value in survey.values.items()} | secrets
    value = {
        "profile": survey.profile,
        "backend": survey.backend,
        "chosen_by": survey.chosen_by,
        "settings": {name: {"value": value, "source": source} for name, (value, source) in settings.items()},
    }
    rows = [
        ("profile", survey.profile, survey.chosen_by),
        ("backend", survey.backend, f"profile {survey.profile}"),
        *((name, "-" if value is None else value, source) for name, (value, source) in settings.items()),
    ]
    return Shown(value, table(("SETTING", "VALUE", "SOURCE"), rows), survey.profile)


def balance(profile: str, credits: float) -> Shown:
    """Show an account's credits: the number alone, for scripts."""
    number = f"{credits:.10g}"
    return Shown({"profile": profile, "credits": credits}, number, number)


def _place(state: ProfileState) -> str:
    return _PLACES.get(state.key_in or "", "no place")
