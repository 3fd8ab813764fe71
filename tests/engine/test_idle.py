"""When an engine that nobody wants ends by itself."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, cast

from headswap_cli.engine import server
from headswap_cli.engine.guard import Activity

if TYPE_CHECKING:
    from headswap_cli.engine.jobs import JobStore


class Unreadable:
    """A record of jobs that cannot be read at first."""

    def __init__(self) -> None:
        self.asked = 0

    def counts(self) -> tuple[int, int]:
        self.asked += 1
        if self.asked == 1:
            raise sqlite3.OperationalError
        return 0, 0


def test_an_idle_engine_ends_though_its_jobs_could_not_be_counted_once() -> None:
    jobs, ended = Unreadable(), asyncio.Event()
    idle = server._end_when_idle(0.01, Activity(), cast("JobStore", jobs), ended)
    asyncio.run(asyncio.wait_for(idle, 30))
    assert ended.is_set()
    assert jobs.asked > 1
