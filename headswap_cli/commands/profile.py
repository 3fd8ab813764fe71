"""``headswap profile``: keys, hosting and defaults under a name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from headswap_cli.commands import options as o
from headswap_cli.commands.later import Later, group
from headswap_cli.context import AppContext
from headswap_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

NameArg = Annotated[str, typer.Argument(metavar="NAME", help="The profile's name.")]
SomeNameArg = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="The profile; the one in use if left out.")
]
ChangesArg = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SETTING=VALUE]...",
        help="base_url, client_id, hosting, resolution, model or output; an empty value takes it out.",
    ),
]
KeyStdinOpt = Annotated[
    bool,
    typer.Option("--api-key-stdin", help="Read the API key, or the client secret, from stdin."),
]
ClientIdOpt = Annotated[
    str | None,
    typer.Option("--client-id", metavar="ID", help="Use bearer tokens of this client; its secret is asked."),
]
BaseUrlOpt = Annotated[
    str | None, typer.Option("--base-url", metavar="URL", help="Another service that speaks this API.")
]
HostingOpt = Annotated[
    str | None,
    typer.Option(
        "--hosting",
        metavar="PLACE",
        help="Where local files go: s3://BUCKET/PREFIX, gs://..., az://..., 'command: UPLOAD {path} {name}'.",
    ),
]
NoVerifyOpt = Annotated[bool, typer.Option("--no-verify", help="Do not try the key.")]
MAX_SECRET_CHARACTERS = 10_000


def profile_group(markup: Literal["markdown"] | None) -> Later:
    """Return the group of commands."""
    commands: dict[str, Callable[..., None]] = {
        "add": add_command,
        "list": list_command,
        "use": use_command,
        "show": show_command,
        "set": set_command,
        "remove": remove_command,
    }
    return group("profile", _profile, commands, markup)


def _profile(context: typer.Context) -> None:
    """Keep keys, hosting and defaults under a name.

    Example: headswap profile add work
    """
    if context.invoked_subcommand is None:
        sys.stdout.write(f"{context.get_help()}\n")


def add_command(
    name: NameArg,
    *,
    api_key_stdin: KeyStdinOpt = False,
    client_id: ClientIdOpt = None,
    base_url: BaseUrlOpt = None,
    hosting: HostingOpt = None,
    no_verify: NoVerifyOpt = False,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
) -> None:
    """Add a profile for the cloud service; its key is asked for, tried, and kept in the system's keyring.

    Example: headswap profile add work --hosting s3://bucket/headswap
    """
    from headswap_cli.render import profiles
    from headswap_cli.services.profile import add_profile, check_new, check_setting

    app = AppContext(as_json=as_json, quiet=quiet, verbose=verbose)
    given = {"base_url": base_url, "client_id": client_id, "hosting": hosting}
    changes = {setting: check_setting(setting, value) for setting, value in given.items() if value}
    check_new(app.profiles(), name)
    secret = read_secret(name, "client secret" if client_id else "API key", from_stdin=api_key_stdin)
    credits_left = None if no_verify else app.try_key(name, changes, secret)
    app.view.show(profiles.added(add_profile(app.profiles(), name, changes, secret), credits_left))


def list_command(*, as_json: o.JsonOpt = False, quiet: o.QuietOpt = False) -> None:
    """List the profiles; the one in use is marked.

    Example: headswap profile list
    """
    from headswap_cli.render import profiles
    from headswap_cli.services.profile import list_profiles

    app = AppContext(as_json=as_json, quiet=quiet)
    app.view.show(profiles.listed(list_profiles(app.profiles(), app.survey().profile)))


def use_command(name: NameArg, *, as_json: o.JsonOpt = False, quiet: o.QuietOpt = False) -> None:
    """Use a profile wherever neither --profile nor the environment says else.

    Example: headswap profile use work
    """
    from headswap_cli.render import profiles

    app = AppContext(as_json=as_json, quiet=quiet)
    file = app.profiles()
    file.read().require(name)
    file.use(name)
    chosen_by = app.survey().chosen_by
    text = f"The profile in use is {name}."
    if app.survey().profile != name:
        text = f"The profile {name} is in use wherever nothing else is chosen; here there is: {chosen_by}."
    app.view.show(profiles.named(text, name))


def show_command(
    name: SomeNameArg = None,
    *,
    profile: o.ProfileOpt = None,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
) -> None:
    """Show every setting and where it comes from; keys are masked.

    Example: headswap profile show work
    """
    from headswap_cli.render import profiles

    app = AppContext(profile=name or profile, as_json=as_json, quiet=quiet)
    app.view.show(profiles.shown(app.survey()))


def set_command(
    name: NameArg,
    changes: ChangesArg = None,
    *,
    api_key_stdin: KeyStdinOpt = False,
    no_verify: NoVerifyOpt = False,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
) -> None:
    """Change settings of a profile, or its key.

    Example: headswap profile set work hosting=s3://bucket/headswap resolution=480p
    """
    from headswap_cli.render import profiles
    from headswap_cli.services.profile import change_profile, parse_settings

    if not changes and not api_key_stdin:
        raise InputError("Nothing was given to set.", hint="headswap profile set NAME SETTING=VALUE")
    app = AppContext(as_json=as_json, quiet=quiet, verbose=verbose)
    parsed = parse_settings(changes or ())
    known = app.profiles().read().require(name)
    secret = read_secret(name, "API key", from_stdin=True) if api_key_stdin else None
    if secret is not None and not no_verify and name != "local":
        merged = {**known.values, **parsed}
        app.try_key(name, {setting: value for setting, value in merged.items() if value}, secret)
    app.view.show(profiles.changed(change_profile(app.profiles(), name, parsed, secret)))


def remove_command(name: NameArg, *, as_json: o.JsonOpt = False, quiet: o.QuietOpt = False) -> None:
    """Forget a profile and its key.

    Example: headswap profile remove work
    """
    from headswap_cli.profiles import BUILT_IN
    from headswap_cli.render import profiles
    from headswap_cli.services.profile import remove_profile

    app = AppContext(as_json=as_json, quiet=quiet)
    is_forgotten = remove_profile(app.profiles(), name)
    left = (
        "" if is_forgotten else " Its key is still in the system's keyring, which is locked or not running."
    )
    done = f"The profile {name} was removed."
    if name in BUILT_IN:
        done = f"The profile {name} is built in and stays; what was set in it was removed."
    app.view.show(profiles.named(f"{done}{left}", name))


def read_secret(name: str, what: str, *, from_stdin: bool) -> str:
    """Return a secret from stdin or from a prompt that shows nothing.

    Raises:
        InputError: there is none, or no terminal to ask on.
    """
    if from_stdin:
        secret = sys.stdin.read(MAX_SECRET_CHARACTERS).strip()
    elif sys.stdin.isatty():
        secret = _ask(f"{what} of {name}: ").strip()
    else:
        raise InputError(
            f"There is no terminal to ask for the {what} on.",
            hint=f"Give it on stdin: headswap profile add {name} --api-key-stdin < FILE",
        )
    if not secret:
        raise InputError(f"The {what} is empty.", hint="Copy it again from your account.")
    return secret


def _ask(prompt: str) -> str:
    """Ask on the terminal, which shows nothing of the answer; nothing is an answer, too."""
    from getpass import getpass

    try:
        return getpass(prompt)
    except EOFError:
        return ""
