"""Keeping a signal from striking between a paid answer and its record."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@contextmanager
def undisturbed() -> Iterator[None]:
    """Put SIGINT and SIGTERM off until the block is over; they strike then.

    Only the main thread can, and only it is ever struck.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    struck: list[int] = []

    def _note(number: int, _frame: FrameType | None) -> None:
        struck.append(number)

    before = {number: signal.signal(number, _note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if struck:
            signal.raise_signal(struck[0])
