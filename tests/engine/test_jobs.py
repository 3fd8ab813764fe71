"""The record of jobs."""

from __future__ import annotations

import sqlite3
import stat
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from headswap_cli import wire
from headswap_cli.engine.jobs import Job, JobStore, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    with closing(JobStore(tmp_path / "jobs.sqlite3")) as opened:
        yield opened


def test_an_id_looks_like_the_vendors_and_is_found_under_its_kind_only(store: JobStore) -> None:
    job = store.add(Kind.ANALYSIS, "source", {"any": "thing"})
    assert len(job.id) == 24
    assert int(job.id, 16) >= 0
    assert store.get(Kind.ANALYSIS, job.id) == job
    assert store.get(Kind.TASK, job.id) is None


def test_jobs_outlive_the_process_and_what_was_in_work_begins_anew_in_its_old_place(
    tmp_path: Path,
) -> None:
    path = tmp_path / "jobs.sqlite3"
    with closing(JobStore(path)) as store:
        first, second = (store.add(Kind.TASK, "source", {"n": n}) for n in range(2))
        store.claim()
        store.advance(first.id, 40)
    with closing(JobStore(path)) as store:
        store.requeue()
        assert store.counts() == (2, 0)
        taken = store.claim()
        assert taken is not None
        assert (taken.id, taken.body, taken.progress) == (first.id, {"n": 0}, 0)
        assert store.counts() == (1, 1)
        following = store.claim()
        assert following is not None
        assert following.id == second.id
        assert store.claim() is None


def test_an_acknowledged_job_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def _watched(*words: Any, **more: Any) -> sqlite3.Connection:
        opened.append(connect(*words, **more))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", _watched)
    with closing(JobStore(tmp_path / "jobs.sqlite3")):
        # The first one writes. 2 is FULL: https://www.sqlite.org/pragma.html#pragma_synchronous
        assert opened[0].execute("PRAGMA synchronous").fetchone()[0] == 2
        assert opened[0].execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_the_latest_completed_analysis_of_a_video_counts(store: JobStore) -> None:
    older, newer, failed = (store.add(Kind.ANALYSIS, "a", {}) for _ in range(3))
    store.add(Kind.ANALYSIS, "a", {})
    store.complete(newer.id, {"people": [0, 1]})
    store.complete(older.id, {"people": []})
    store.fail(failed.id, wire.UNREADABLE, "no video")
    found = store.analysis_of("a")
    assert found is not None
    assert (found.id, found.result) == (newer.id, {"people": [0, 1]})
    assert store.analysis_of("b") is None


def test_ended_jobs_are_forgotten_in_time_and_unfinished_ones_never(tmp_path: Path) -> None:
    now = [1000.0]
    with closing(JobStore(tmp_path / "jobs.sqlite3", clock=lambda: now[0])) as store:
        ended, queued = store.add(Kind.TASK, "a", {}), store.add(Kind.TASK, "a", {})
        store.complete(ended.id, {})
        now[0] = 2000.0
        assert store.forget(999.0) == 0
        assert store.forget(1500.0) == 1
        assert store.get(Kind.TASK, ended.id) is None
        assert store.get(Kind.TASK, queued.id) == queued


def test_a_clock_that_was_set_back_makes_no_job_stay_for_ever(tmp_path: Path) -> None:
    now = [2e9]
    with closing(JobStore(tmp_path / "jobs.sqlite3", clock=lambda: now[0])) as store:
        job = store.add(Kind.TASK, "a", {})
        store.complete(job.id, {})
        now[0] = 1e9
        assert store.forget(now[0] - 100) == 0
        now[0] += 200
        assert store.forget(now[0] - 100) == 1


def test_all_that_ended_can_be_forgotten_at_once_and_what_waits_keeps_its_media(store: JobStore) -> None:
    ended, queued = store.add(Kind.ANALYSIS, "a", {}), store.add(Kind.TASK, "b", {"photos": {"0": "c"}})
    store.fail(ended.id, 2001, "a reason")
    assert store.media_in_use() == {"b", "c"}
    assert store.forget() == 1
    assert store.get(Kind.TASK, queued.id) == queued


def test_the_first_death_of_a_worker_costs_nothing_and_the_second_the_job(store: JobStore) -> None:
    first, second = store.add(Kind.TASK, "a", {}), store.add(Kind.TASK, "a", {})
    store.claim()
    store.advance(first.id, 40)
    again = store.mourn(first.id, wire.SERVER_FAULT, "it died")
    assert again is not None
    assert (again.status, again.error_code, again.error_reason) == (wire.QUEUED, 0, "")
    assert again.progress == 0
    taken = store.claim()
    assert taken is not None
    assert taken.id == first.id
    given_up = store.mourn(first.id, wire.SERVER_FAULT, "it died")
    assert given_up is not None
    assert (given_up.status, given_up.error_code) == (wire.FAILED, wire.SERVER_FAULT)
    assert given_up.error_reason == "it died"
    # Nobody works on these, so that nobody can have died of them.
    assert store.mourn(first.id, wire.SERVER_FAULT, "again") is None
    assert store.mourn(second.id, wire.SERVER_FAULT, "again") is None


def test_a_database_of_an_older_version_is_brought_up_to_date_with_its_jobs(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite3"
    with closing(JobStore(path)) as store:
        job = store.add(Kind.TASK, "a", {})
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "ALTER TABLE job DROP COLUMN deaths; ALTER TABLE job DROP COLUMN error_subject;"
            " ALTER TABLE job DROP COLUMN cancelled; PRAGMA user_version = 1;"
        )
    with closing(JobStore(path)) as store:
        assert store.get(Kind.TASK, job.id) == job
        store.claim()
        assert store.mourn(job.id, 2001, "it died") is not None


def test_a_reason_that_is_no_proper_text_is_kept_as_far_as_it_is(store: JobStore) -> None:
    job = store.add(Kind.TASK, "a", {})
    store.fail(job.id, 2001, "bad name: \udcff.mp4")
    failed = store.get(Kind.TASK, job.id)
    assert failed is not None
    assert failed.error_reason == "bad name: ?.mp4"


def test_only_the_owner_can_read_the_database_and_its_side_files(tmp_path: Path, store: JobStore) -> None:
    store.add(Kind.TASK, "a", {})
    files = list(tmp_path.glob("jobs.sqlite3*"))
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(sqlite3.DatabaseError, match="version 99"):
        JobStore(path)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (99,)


class Queue(RuleBasedStateMachine):
    """Whatever happens in whatever order, jobs start in order, progress only grows, and an end is one."""

    ids = Bundle("ids")
    working = Bundle("working")

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._store = JobStore(Path(self._folder.name) / "jobs.sqlite3", clock=time.time)
        self._waiting: list[str] = []
        self._added: list[str] = []
        self._seen: dict[str, Job] = {}

    def teardown(self) -> None:
        self._store.close()
        self._folder.cleanup()

    @rule(target=ids)
    def add(self) -> str:
        job_id = self._store.add(Kind.TASK, "a", {}).id
        self._waiting.append(job_id)
        self._added.append(job_id)
        return job_id

    @rule(target=working)
    def claim(self) -> str | None:
        job = self._store.claim()
        assert (job.id if job else None) == (self._waiting.pop(0) if self._waiting else None)
        return job.id if job else None

    @rule(job_id=ids, percent=st.integers(-5, 120))
    def advance(self, job_id: str, percent: int) -> None:
        self._store.advance(job_id, percent)

    @rule(job_id=consumes(working), fails=st.booleans())
    def end(self, job_id: str | None, fails: bool) -> None:
        job = self._store.get(Kind.TASK, job_id or "")
        # Of a job that was cancelled meanwhile a worker may still say how it ended.
        if job is None or (job.status != wire.PROCESSING and not job.is_cancelled):
            return
        if fails:
            self._store.fail(job.id, 2001, "a reason")
        else:
            self._store.complete(job.id, {})

    @rule(job_id=ids)
    def cancel(self, job_id: str) -> None:
        before = self._store.find(job_id)
        cancelled = self._store.cancel(job_id)
        assert before is not None
        assert (cancelled is not None) == (not before.is_over)
        if job_id in self._waiting:
            self._waiting.remove(job_id)

    @rule(job_id=consumes(working))
    def die(self, job_id: str | None) -> None:
        job = self._store.mourn(job_id or "", 2001, "a reason")
        if job is not None and job.status == wire.QUEUED:
            self._waiting = [it.id for it in self._jobs() if it.status == wire.QUEUED]

    @rule()
    def requeue(self) -> None:
        self._store.requeue()
        unfinished = [job for job in self._jobs() if job.status == wire.QUEUED]
        self._waiting = [job.id for job in unfinished]

    @invariant()
    def progress_grows_and_100_means_completed(self) -> None:
        for job in self._jobs():
            before = self._seen.get(job.id, job)
            # What goes back into the queue begins anew.
            assert before.progress <= job.progress <= 100 or (job.progress, job.status) == (0, wire.QUEUED)
            assert (job.progress == 100) == (job.status == wire.COMPLETED)
            assert before.status not in {wire.COMPLETED, wire.FAILED} or before == job
            self._seen[job.id] = job

    def _jobs(self) -> list[Job]:
        return [job for job_id in self._added if (job := self._store.get(Kind.TASK, job_id))]


TestQueue = Queue.TestCase
TestQueue.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
