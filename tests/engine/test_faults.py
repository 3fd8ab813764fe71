"""Every fault a few times; ``tests.bench.faults`` tries them more often and prints a table."""

from __future__ import annotations

import sys

import pytest

from tests.engine.faults import FAULTS, NotHere, real_work_killed, try_fault

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the arena counts processes in /proc"),
    # httpcore leaks a Unix socket whose connection is refused, and here engines are killed under clients.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.parametrize("name", FAULTS)
def test_no_fault_loses_a_job_spoils_a_result_leaves_a_process_or_hangs(name: str) -> None:
    try:
        tally = try_fault(FAULTS[name], f"suite/{name}", 2)
    except NotHere as reason:
        pytest.skip(str(reason))
    assert tally.rounds == 2
    assert tally.is_clean, tally


@pytest.mark.media
def test_a_kill_in_the_middle_of_real_work_changes_no_byte_of_the_video() -> None:
    tally = try_fault(real_work_killed, "suite/real", 1, is_real=True)
    assert tally.is_clean, tally
