"""A kill or a cut at any step loses neither money nor a result; ``tests.bench.crashes`` tries it often."""

from __future__ import annotations

import os

import pytest

from tests.crashes import Crash, suffer
from tests.crashes_batch import suffer_batch

SEED = "ci"
CRASHES = [
    Crash("run", "analyze", "killed unanswered"),
    Crash("run", "create", "killed unanswered"),
    Crash("run", "create", "killed while it waits"),
    Crash("run", "create", "reset after"),
    Crash("run", "result", "cut in half"),
    Crash("run", "any time", "killed"),
    Crash("swap", "create", "killed when answered"),
]
BATCH_CRASHES = [
    Crash("batch", "create", "killed unanswered"),
    Crash("batch", "create", "killed while it waits"),
    Crash("batch", "task", "killed when answered"),
    Crash("batch", "any time", "killed"),
]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("crash", CRASHES, ids=str)
def test_whatever_befalls_a_paid_command_it_is_paid_once_and_ends_with_the_right_file(crash: Crash) -> None:
    outcome = suffer(crash, SEED)
    assert outcome.is_clean, outcome


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("crash", BATCH_CRASHES, ids=str)
def test_whatever_befalls_a_batch_each_row_is_paid_once_and_ends_with_its_file(crash: Crash) -> None:
    outcome = suffer_batch(crash, SEED)
    assert outcome.is_clean, outcome
