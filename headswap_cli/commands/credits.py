"""``headswap credits``: the balance of the account."""

from __future__ import annotations

from headswap_cli.commands import options as o
from headswap_cli.context import AppContext


def credits_command(
    *,
    profile: o.ProfileOpt = None,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
) -> None:
    """Print the credits that the account has left, as a number alone.

    Example: headswap credits
    """
    from headswap_cli.api.account import fetch_balance
    from headswap_cli.render import profiles

    app = AppContext(profile=profile, as_json=as_json, quiet=quiet, verbose=verbose)
    settings = app.cloud_settings()
    with app.cloud(settings) as (_, client):
        credits_left = fetch_balance(client)
    app.view.show(profiles.balance(settings.profile, credits_left))
