"""An order that is not wanted any more: what a worker is told meanwhile, and heeds between two frames."""

from __future__ import annotations

import json
import os
import traceback
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from queue import SimpleQueue

    from headswap_cli.engine.orders import CancelOrder, Order


class UnwantedError(Exception):
    """The order in work is not wanted any more."""


def listen(stream: IO[bytes], orders: SimpleQueue[Order], wishes: Wishes) -> None:
    """Take in what a worker is told, a line each, until nobody speaks any more; then end the process."""
    try:
        for line in stream:
            order: Order | CancelOrder = json.loads(line)
            if order["kind"] == "cancel":
                wishes.cancel(order["id"])
            else:
                orders.put(order)
    except Exception:
        # Without this thread nobody would notice that the server has gone.
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


class Wishes:
    """What a worker knows of which order is wanted; told by one thread, asked by those that work."""

    def __init__(self) -> None:
        self._unwanted = self._current = ""

    def cancel(self, order_id: str) -> None:
        """Note that an order is not wanted any more; it is in work, or the next one."""
        self._unwanted = order_id

    @contextmanager
    def over(self, order_id: str) -> Iterator[None]:
        """Have ``check`` speak of this order while the block lasts."""
        self._current = order_id
        try:
            yield
        finally:
            self._current = ""

    def check(self) -> None:
        """Show that the work gets on.

        Raises: UnwantedError: It is to end.
        """
        if self._current and self._current == self._unwanted:
            raise UnwantedError
