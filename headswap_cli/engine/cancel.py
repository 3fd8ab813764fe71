"""An order that is not wanted any more: what a worker is told meanwhile, and heeds between two frames."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class UnwantedError(Exception):
    """The order in work is not wanted any more."""


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
