"""One at a time works on a run: threads, processes, and those that are killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headswap_cli.errors import InputError
from headswap_cli.journal import Journal
from headswap_cli.journal.lock import give_back, take
from tests.journal.test_durability import start

HOLDING = """
import sys
from pathlib import Path
from headswap_cli.journal import Journal

journal = Journal(Path(sys.argv[1]))
with journal.held(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""

LOOKING = """
import sys
from pathlib import Path
from headswap_cli.journal.lock import is_taken

print("looking", flush=True)
while True:
    is_taken(Path(sys.argv[1] + ".lock"), 1)
"""


def begin(journal: Journal) -> str:
    return journal.begin(profile="akool", backend="akool", source="clip.mp4", parameters={})


def is_free(journal: Journal, run_id: str) -> bool:
    try:
        with journal.held(run_id):
            return True
    except InputError:
        return False


def open_files() -> int:
    """Count this process's descriptors, 0 where the system does not list them."""
    folder = Path("/dev/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_a_run_is_held_by_one_process_and_is_free_once_that_is_killed(journal: Journal, path: Path) -> None:
    run_id, other = begin(journal), begin(journal)
    with start(HOLDING, path, run_id) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=run_id) as caught, journal.held(run_id):
            pass
        assert caught.value.ids == {"run_id": run_id}
        assert is_free(journal, other)
        process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        process.wait()
    assert is_free(journal, run_id)


def test_a_run_is_held_by_one_thread_and_may_be_given_back_by_another(journal: Journal) -> None:
    run_id = begin(journal)
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        held = journal.held(run_id)
        first.submit(held.__enter__).result()
        assert not second.submit(is_free, journal, run_id).result()
        second.submit(held.__exit__, None, None, None).result()
        assert first.submit(is_free, journal, run_id).result()


def test_what_one_journal_of_a_process_holds_outlives_another_that_is_closed(
    journal: Journal, path: Path
) -> None:
    run_id, other = begin(journal), begin(journal)
    with journal.held(run_id):
        with Journal(path) as second:
            assert not is_free(second, run_id)
            assert is_free(second, other)
        with start(HOLDING, path, run_id) as process:
            process.communicate()
            assert process.returncode != 0


def test_hundreds_of_runs_are_held_at_once_with_one_more_file_open(journal: Journal) -> None:
    runs = [begin(journal) for _ in range(300)]
    before = open_files()
    held = [journal.held(run_id) for run_id in runs]
    for one in held:
        one.__enter__()
    assert open_files() <= before + 1
    assert not any(is_free(journal, run_id) for run_id in runs)
    for one in held:
        one.__exit__(None, None, None)
    assert all(is_free(journal, run_id) for run_id in runs)


def test_threads_write_one_journal_and_lose_nothing(journal: Journal) -> None:
    ready = threading.Barrier(8)

    def pay(worker: int) -> list[str]:
        ready.wait()
        runs = [begin(journal) for _ in range(5)]
        for run_id in runs:
            journal.intend(run_id, {})
            journal.created(run_id, f"task-of-{run_id}")
        return runs

    with ThreadPoolExecutor(8) as workers:
        runs = [run_id for found in workers.map(pay, range(8)) for run_id in found]
    assert {run.task_id for run in journal.runs()} == {f"task-of-{run_id}" for run_id in runs}
    assert all(len(journal.steps(run_id)) == 2 for run_id in runs)


def test_a_run_that_somebody_only_looked_at_is_free(journal: Journal, path: Path) -> None:
    run_id = begin(journal)
    with start(HOLDING, path, run_id) as looking:
        assert looking.stdout is not None
        assert looking.stdout.readline() == "held\n"
        locks = next(path.parent.glob("*lock*"))
        assert take(locks, 1, sleep=lambda _: looking.communicate() and None)
    give_back(locks, 1)


def test_a_look_at_a_run_that_is_held_waits_for_nothing(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = begin(journal)
    with start(HOLDING, path, run_id) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        monkeypatch.delattr("time.sleep")
        assert journal.is_held(run_id)
        process.communicate()
    assert not journal.is_held(run_id)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks that several have")
def test_who_looks_at_a_run_takes_nobody_who_looks_for_one_at_work(journal: Journal, path: Path) -> None:
    run_id = begin(journal)
    with start(LOOKING, path, run_id) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "looking\n"
        looks = [journal.is_held(run_id) for _ in range(2000)]
        process.terminate()
    assert not any(looks)


def test_a_look_at_a_run_is_in_the_way_of_no_other_thread(journal: Journal) -> None:
    run_id = begin(journal)
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            journal.is_held(run_id)

    try:
        with ThreadPoolExecutor(1) as pool:
            looking = pool.submit(look)
            try:
                assert all(is_free(journal, run_id) for _ in range(2000))
            finally:
                over.set()
            looking.result()
    finally:
        sys.setswitchinterval(usual)
