"""Waiting for many things at once, each looked at when it is due."""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import TYPE_CHECKING

from headswap_cli.errors import HeadswapError
from headswap_cli.services.status import unlearnt

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from headswap_cli.services.status import StatusResult

    Steps = Generator[float, None, StatusResult]


def watch_each(
    waits: Mapping[str, Steps],
    known: Mapping[str, StatusResult],
    *,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> list[StatusResult]:
    """Return what came of each id, in their order; what ends one of them does not end the others.

    Args:
        waits: By id, a wait that yields how many seconds it has nothing to do.
        known: What was last seen of each id; a wait that ends in an error leaves it at that.
        sleep: Waits for seconds.
        clock: Monotonic seconds.
    """
    found: dict[str, StatusResult] = {}
    due = [(clock(), number, identifier) for number, identifier in enumerate(waits)]
    try:
        while due:
            at, number, identifier = heapq.heappop(due)
            if (pause_s := at - clock()) > 0:
                sleep(pause_s)
            try:
                heapq.heappush(due, (clock() + next(waits[identifier]), number, identifier))
            except StopIteration as end:
                found[identifier] = end.value
            except HeadswapError as error:
                last = known.get(identifier) or unlearnt(identifier, error)
                found[identifier] = replace(last, error=error.message, fault=error)
    finally:
        for steps in waits.values():
            steps.close()
    return [found[identifier] for identifier in waits]
