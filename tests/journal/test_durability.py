"""What was written stays written: killed processes, and several at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from headswap_cli.journal import Journal, StepKind
from headswap_cli.journal.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

# Says the run's id once the last step has returned, then waits to be killed.
PAYING = """
import sys
from pathlib import Path
from headswap_cli.journal import Journal

journal = Journal(Path(sys.argv[1]))
run_id = journal.begin(profile="akool", backend="akool", source="clip.mp4", parameters={})
journal.intend(run_id, {"video_url": "https://example.com/clip.mp4"})
if sys.argv[2] == "created":
    journal.created(run_id, "t1")
print(run_id, flush=True)
sys.stdin.read()
"""
BUSY = """
import sys
from pathlib import Path
from headswap_cli.journal import Journal

with Journal(Path(sys.argv[1])) as journal:
    for _ in range(10):
        run_id = journal.begin(profile="local", backend="local", source=sys.argv[2], parameters={})
        journal.intend(run_id, {})
        journal.created(run_id, "task-of-" + run_id)
"""


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("last", [StepKind.INTENDED, StepKind.CREATED])
def test_a_kill_right_after_a_step_loses_nothing_of_it(tmp_path: Path, last: StepKind) -> None:
    path = tmp_path / "journal.sqlite3"
    with start(PAYING, path, last) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    with Journal(path) as journal:
        run = journal.find(run_id)
        assert run is not None
        assert run.last_step is last
        assert run.body == {"video_url": "https://example.com/clip.mp4"}
        assert run.task_id == ("t1" if last is StepKind.CREATED else None)
        assert journal.steps(run_id)[-1].kind is last


def test_a_write_that_was_not_finished_leaves_nothing(tmp_path: Path) -> None:
    """The clock is read in the middle of the transaction; Ctrl-C comes just then."""
    path = tmp_path / "journal.sqlite3"
    looks = []

    def clock() -> float:
        looks.append(1.0)
        if len(looks) == 2:
            raise KeyboardInterrupt
        return 1.0

    with Journal(path, clock=clock) as journal:
        run_id = journal.begin(profile="akool", backend="akool", source="clip.mp4", parameters={})
        with pytest.raises(KeyboardInterrupt):
            journal.submitted(run_id, "a1")
        run = journal.find(run_id)
        assert run is not None
        assert run.analysis_id is None
        assert journal.steps(run_id) == []
        journal.submitted(run_id, "a1")


def test_several_processes_write_one_new_journal_at_once(tmp_path: Path) -> None:
    path = tmp_path / "data" / "journal.sqlite3"
    processes = [start(BUSY, path, number) for number in range(6)]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    with Journal(path) as journal:
        runs = journal.runs(1000)
        assert len(runs) == 60
        assert {run.task_id for run in runs} == {f"task-of-{run.run_id}" for run in runs}
        assert all(len(journal.steps(run.run_id)) == 2 for run in runs)


def test_a_reader_sees_what_another_connection_wrote(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    with Journal(path) as writer, Journal(path) as reader:
        run_id = writer.begin(profile="local", backend="local", source="clip.mp4", parameters={})
        writer.intend(run_id, {})
        found = reader.find(run_id)
        assert found is not None
        assert found.last_step is StepKind.INTENDED


def test_every_step_is_on_the_disk_before_it_returns(tmp_path: Path) -> None:
    connection = open_store(tmp_path / "journal.sqlite3")
    try:
        # 2 is FULL: https://www.sqlite.org/pragma.html#pragma_synchronous
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    finally:
        connection.close()
