"""What a task costs, as far as the balance tells it: the API has no price list and names no price."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from headswap_cli.api.account import OPTIONAL_S, fetch_balance
from headswap_cli.errors import CreditsError, HeadswapError
from headswap_cli.models import Backend

if TYPE_CHECKING:
    from headswap_cli.services.deps import Deps


def check_budget(deps: Deps, max_credits: float | None) -> None:
    """Hold a budget against the balance before anything is sent, and say what a budget can't do.

    Raises:
        CreditsError: the balance is below the budget, or zero.
        HeadswapError: the balance can't be had, so the budget can't be kept.
    """
    if max_credits is None:
        return
    if deps.settings.backend is Backend.LOCAL:
        deps.report.notice("the engine on this machine costs nothing; --max-credits has nothing to keep")
        return
    budgeted_balance(deps, max_credits)
    deps.report.notice(
        "the service names no price beforehand: --max-credits is held against the balance,"
        " and what the task took is told once it is over"
    )


def budgeted_balance(deps: Deps, max_credits: float | None) -> float | None:
    """Return the balance, which is at least ``max_credits``; without a budget None if it can't be had.

    None, too, where several runs have one purse: nobody could say which of them the balance fell for.

    Raises:
        CreditsError: the balance is below the budget, or zero.
        HeadswapError: there is a budget and the balance can't be had.
    """
    if deps.settings.backend is Backend.LOCAL or deps.purse is not None:
        return None
    if max_credits is None:
        return _balance_at_once(deps)
    balance = fetch_balance(deps.client)
    if balance <= 0 or balance < max_credits:
        raise CreditsError(
            f"The balance is {balance:g} credits and --max-credits is {max_credits:g}; nothing was paid.",
            hint="Add credits to the account, or lower --max-credits to what is there.",
        )
    return balance


def paying(deps: Deps) -> AbstractContextManager[None]:
    """Return what the request that costs is sent within: several runs may have one purse.

    Raises:
        CreditsError: nothing may be spent from it any more; nothing was sent.
    """
    return nullcontext() if deps.purse is None else deps.purse.opened(deps)


def _balance_at_once(deps: Deps) -> float | None:
    """Ask for the balance once; a service that has none must not hold up a task."""
    try:
        return fetch_balance(deps.client.hurried(OPTIONAL_S))
    except HeadswapError:
        return None


def settle(
    deps: Deps, run_id: str, before: float | None, max_credits: float | None, *, tell: bool = True
) -> float | None:
    """Return what the balance fell by since ``before`` and write it down; None if that may not be the price.

    It is not known to be the price if a balance is missing, if it rose, or if another run paid meanwhile.
    """
    after = _balance_at_once(deps) if before is not None else None
    if before is None or after is None or after > before or deps.journal.others_paid(run_id):
        return None
    # Balances come as decimals; their difference must not say 2.9999999999999996.
    credits_charged = round(before - after, 6)
    deps.journal.charged(run_id, credits_charged)
    if tell:
        deps.report.notice(f"cost: {credits_charged:g} credits (balance {after:g})")
    if max_credits is not None and credits_charged > max_credits:
        deps.report.notice(
            f"warning: the task took {credits_charged:g} credits, more than --max-credits {max_credits:g}"
        )
    return credits_charged
