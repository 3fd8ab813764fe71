"""What a batch may spend: no task is paid for once the balance has fallen by so much."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from headswap_cli.api.account import OPTIONAL_S, fetch_balance
from headswap_cli.errors import CreditsError, ExitCode, HeadswapError, Stopped
from headswap_cli.models import Backend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headswap_cli.services.deps import Deps

LOOK_EVERY_S = 10.0


class Purse:
    """Knows by how much the balance fell, and lets one task at a time be paid for where there is a limit.

    Args:
        max_credits: The limit for all tasks together; None if there is none.
        on_spent: Is told how much is known to be spent.
    """

    def __init__(self, max_credits: float | None, on_spent: Callable[[float | None], None]) -> None:
        self._max_credits, self._on_spent = max_credits, on_spent
        self._before: float | None = None
        self._looked_at = float("-inf")
        self._lock = threading.Lock()
        self._is_closed = False

    def begin(self, deps: Deps) -> None:
        """Look at the balance before anything is sent, and say what a limit can't do.

        Raises:
            CreditsError: the balance is zero, or below the limit.
            HeadswapError: the balance can't be had, so the limit can't be kept.
        """
        if deps.settings.backend is Backend.LOCAL:
            self._max_credits = None
            return
        if self._max_credits is None:
            self._before = self._look(deps)
            return
        self._before = fetch_balance(deps.client)
        if self._before <= 0 or self._before < self._max_credits:
            raise CreditsError(
                f"The balance is {self._before:g} credits and --max-credits is {self._max_credits:g}; "
                "nothing was paid.",
                hint="Add credits to the account, or lower --max-credits to what is there.",
            )
        deps.report.notice(
            f"the service names no price beforehand: no task is paid for once the balance has fallen by "
            f"{self._max_credits:g} since now; the last one may take it further, and so may what else spends"
        )

    def close(self) -> None:
        """Let nothing be paid for any more."""
        self._is_closed = True

    @contextmanager
    def opened(self, deps: Deps) -> Iterator[None]:
        """Let the block pay; with a limit one block at a time, so that each sees what the last one took.

        Raises:
            CreditsError: the limit is reached; nothing was paid.
            HeadswapError: the balance can't be had, so the limit can't be kept.
            Stopped: nothing is to be paid for any more.
        """
        self._check_open()
        if self._max_credits is None or self._before is None:
            yield
            return
        with self._lock:
            self._check_open()
            spent = self._before - fetch_balance(deps.client)
            self._on_spent(spent)
            if spent >= self._max_credits:
                raise CreditsError(
                    f"{spent:g} credits of --max-credits {self._max_credits:g} are spent; "
                    "this row was not paid for.",
                    hint="Run the same command again with what may be spent from then on.",
                )
            yield

    def _check_open(self) -> None:
        if self._is_closed:
            raise Stopped(ExitCode.INTERRUPTED)

    def look(self, deps: Deps, *, at_once: bool = False) -> float | None:
        """Return by how much the balance fell since the beginning, None if that can't be told.

        Asked now and then, so that a display can show it; ``at_once`` for the last time.
        """
        now = deps.clock()
        if self._before is None or not (at_once or now - self._looked_at >= LOOK_EVERY_S):
            return None
        self._looked_at = now
        balance = self._look(deps)
        spent = None if balance is None else round(self._before - balance, 6)
        self._on_spent(spent)
        return spent

    def _look(self, deps: Deps) -> float | None:
        try:
            return fetch_balance(deps.client.hurried(OPTIONAL_S))
        except HeadswapError:
            return None
