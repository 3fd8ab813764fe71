"""How much memory the processes of a job take together, watched while they work."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_EVERY_S = 0.1
_PROC = Path("/proc")


@dataclass(frozen=True)
class Footprint:
    """Megabytes, added up over processes.

    Args:
        resident: All that each has in memory; what two share counts twice.
        proportional: What is shared counts once, parted among those that share it.
    """

    resident: float
    proportional: float


class MemoryWatch:
    """Looks at this process and those that it started, all the while it is entered.

    Only Linux tells: elsewhere the peaks stay 0.
    """

    def __init__(self) -> None:
        self.peak = Footprint(0.0, 0.0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_S):
            now = footprint(os.getpid())
            self.peak = Footprint(
                max(self.peak.resident, now.resident), max(self.peak.proportional, now.proportional)
            )


def footprint(pid: int) -> Footprint:
    """Return what a process and its descendants take now; one that ends meanwhile is left out.

    Source: smaps_rollup in proc(5), kB.
    """
    resident = proportional = 0
    for process in (pid, *descendants(pid)):
        try:
            lines = (_PROC / str(process) / "smaps_rollup").read_text().splitlines()[1:]
        except OSError:
            continue
        sizes = {words[0]: int(words[1]) for words in map(str.split, lines)}
        resident += sizes["Rss:"]
        proportional += sizes["Pss:"]
    return Footprint(resident / 1024, proportional / 1024)


def descendants(pid: int) -> list[int]:
    """Return the processes that a process started, and those that they did."""
    children: list[int] = []
    for file in (_PROC / str(pid) / "task").glob("*/children"):
        try:
            children += map(int, file.read_text().split())
        except OSError:
            continue
    return [one for child in children for one in (child, *descendants(child))]
