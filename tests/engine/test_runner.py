"""How jobs get to workers: in order, as many at a time as there may be, and on after every death."""

from __future__ import annotations

import random
import re
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest

from headswap_cli import wire
from headswap_cli.engine.jobs import Job, JobStore, Kind
from headswap_cli.engine.runner import Runner
from headswap_cli.engine.seat import WorkerDiedError, WorkerProcess
from headswap_cli.engine.storage import MediaStore
from headswap_cli.local import HEALTH_PATH
from tests import clips
from tests.engine import standin
from tests.engine.arena import Arena, Tally, ended
from tests.engine.engines import RunningEngine, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from headswap_cli.engine.orders import Event, Order

SOURCE = "1" * 64
T = TypeVar("T")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video of four seconds."""
    return clips.plain_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=4).read_bytes()


@pytest.fixture(params=[1, 2, 3])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningEngine]:
    """Engines with one worker and more."""
    with RunningEngine(tmp_path, workers=request.param) as running:
        yield running


def begun(engine: RunningEngine) -> list[str]:
    """The tasks in the order in which they were taken up."""
    return re.findall(r"task (\w+) begins", (engine.folder / "engine.log").read_text())


def result(engine: RunningEngine, task: str) -> dict[str, Any]:
    record = engine.ended(wire.TASK_PATH, task)
    assert record["status"] == wire.COMPLETED, record
    return dict(engine.http.get(record["video_url"]).json())


def test_jobs_are_taken_up_in_the_order_in_which_they_came_however_many_workers_there_are(
    engine: RunningEngine, clip: bytes
) -> None:
    url, photo = engine.put(clip), engine.put(b"a photo")
    engine.ended(wire.ANALYSIS_PATH, engine.analyze(url))
    with ThreadPoolExecutor(5) as pool:
        tasks = list(pool.map(lambda _: engine.create(url, {0: photo}), range(10)))
    for task in tasks:
        result(engine, task)
    with closing(sqlite3.connect(engine.folder / "jobs.sqlite3")) as database:
        came = [row[0] for row in database.execute("SELECT id FROM job WHERE kind = 'task' ORDER BY number")]
    assert sorted(came) == sorted(tasks)
    assert begun(engine) == came


@pytest.mark.parametrize(
    "damage",
    [
        "body = '{\"photos\": {'",
        "body = CAST(x'ff00' AS TEXT)",
        "body = '[]'",
        "body = '{}'",
        "kind = '?'",
        *(
            f"body = json_set(body, '$.photos', json('{photos}'))"
            for photos in ("[7]", '{"x": []}', '{"0": 7}')
        ),
    ],
)
def test_a_job_whose_record_is_garbled_fails_and_the_next_one_is_done(
    tmp_path: Path, clip: bytes, damage: str
) -> None:
    with RunningEngine(tmp_path) as engine:
        url, photo = engine.put(clip), engine.put(b"a photo")
        engine.ended(wire.ANALYSIS_PATH, engine.analyze(url))
        engine.tell(hold=True)
        first, garbled, last = (engine.create(url, {0: photo}) for _ in range(3))
        engine.processing(wire.TASK_PATH, first)
        with closing(sqlite3.connect(engine.folder / "jobs.sqlite3", isolation_level=None)) as database:
            database.execute(f"UPDATE job SET {damage} WHERE id = ?", (garbled,))
        # What the others need is kept.
        assert engine.http.delete(wire.MEDIA_PATH).json()["code"] == wire.SUCCESS
        engine.tell()
        for task in (first, last):
            result(engine, task)
        if "kind" not in damage:
            record = engine.ended(wire.TASK_PATH, garbled)
            assert record["status"] == wire.FAILED
            assert "record of what was asked is damaged" in record["error_reason"]
        assert engine.get(HEALTH_PATH)["data"]["queued"] == 0


def test_with_two_workers_a_job_is_done_while_another_takes_its_time(tmp_path: Path, clip: bytes) -> None:
    with RunningEngine(tmp_path, workers=2) as engine:
        url, photo = engine.put(clip), engine.put(b"a photo")
        engine.ended(wire.ANALYSIS_PATH, engine.analyze(url))
        engine.tell(hold=True)
        long, short = engine.create(url, {0: photo}), engine.create(url, {0: photo})
        waiting = engine.create(url, {0: photo})
        for task in (long, short):
            engine.processing(wire.TASK_PATH, task)
        assert engine.record(wire.TASK_PATH, waiting)["status"] == wire.QUEUED
        engine.tell()
        for task in (long, short, waiting):
            result(engine, task)


def test_a_task_goes_to_the_worker_that_knows_its_video(tmp_path: Path, clip: bytes) -> None:
    with RunningEngine(tmp_path, workers=2) as engine:
        videos = [engine.put(clip), engine.put(clip + b"!")]
        engine.tell(hold=True)
        analyses = [engine.analyze(url) for url in videos]
        for analysis in analyses:
            engine.processing(wire.ANALYSIS_PATH, analysis)
        engine.tell()
        for analysis in analyses:
            engine.ended(wire.ANALYSIS_PATH, analysis)
        photo = engine.put(b"a photo")
        # Either worker has analysed one video, and none has to do so again.
        made = [result(engine, engine.create(url, {0: photo}))["analyses"] for url in videos * 2]
        assert made == [1, 1, 1, 1]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    media = MediaStore(tmp_path / "data" / "media")
    clips.plain_clip(tmp_path / "clip.mp4", seconds=3).replace(media.folder / "uploads" / SOURCE)
    with closing(JobStore(tmp_path / "data" / "jobs.sqlite3")) as opened:
        yield opened


def verdict(store: JobStore, job: Job) -> Job:
    found = until(lambda: store.get(job.kind, job.id), lambda it: it is not None and it.status in {3, 4})
    assert found is not None
    return found


def test_a_worker_without_work_is_let_go_with_all_it_knows_and_work_brings_another(
    tmp_path: Path, store: JobStore
) -> None:
    made: list[WorkerProcess] = []

    def make() -> WorkerProcess:
        made.append(
            WorkerProcess([sys.executable, str(standin.SCRIPT), str(tmp_path / "data"), str(tmp_path)])
        )
        return made[-1]

    runner = Runner(store, make, rest_s=0.05)
    runner.start()
    try:
        for count in (1, 2):
            job = store.add(Kind.ANALYSIS, SOURCE, {"video_url": "u", "any_length": False})
            runner.wake()
            assert verdict(store, job).status == wire.COMPLETED
            until(lambda: made[-1].is_alive, lambda is_alive: not is_alive)
            assert len(made) == count
    finally:
        runner.stop()


def test_a_worker_that_cannot_be_started_fails_the_job_and_says_why(store: JobStore) -> None:
    def make() -> WorkerProcess:
        return WorkerProcess(["/nowhere/python"])

    runner = Runner(store, make)
    runner.start()
    try:
        job = store.add(Kind.ANALYSIS, SOURCE, {"video_url": "u"})
        runner.wake()
        failed = verdict(store, job)
        assert failed.status == wire.FAILED
        assert "/nowhere/python" in failed.error_reason
    finally:
        runner.stop()


class Notebook:
    """Stands in for a worker: notes the orders it is given, and does each when it may."""

    is_alive = True

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.may = threading.Semaphore(0)

    def perform(self, order: Order) -> Iterator[Event]:
        self.kinds.append(order["kind"])
        self.may.acquire()
        yield {"done": {}}

    def end(self) -> None:
        self.may.release(1000)

    close = end


class Polite(threading.Condition):
    """Lets whoever asks go on only when the runner's own thread has looked about once more."""

    def __init__(self, runner: Runner) -> None:
        super().__init__()
        self.runner = runner
        self.looks = 0

    def wait_for(self, predicate: Callable[[], T], timeout: float | None = None) -> T:
        self.looks += threading.current_thread().name == "runner"
        self.notify_all()
        found = super().wait_for(predicate, timeout)
        if threading.current_thread().name.startswith("asker"):
            before = self.looks
            self.runner.wake()
            super().wait_for(lambda: self.looks > before, timeout)
        return found


def test_photos_are_judged_before_any_job_that_waits(store: JobStore) -> None:
    book = Notebook()
    runner = Runner(store, lambda: cast("WorkerProcess", book))
    runner._condition = Polite(runner)
    for _ in range(2):
        store.add(Kind.ANALYSIS, SOURCE, {"video_url": "u"})
    runner.start()
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="asker") as pool:
            until(lambda: book.kinds, lambda kinds: kinds == ["analysis"])
            answer = pool.submit(runner.ask, {"kind": "photos", "id": "", "photos": [], "mode": None}, 60.0)
            until(lambda: runner._asking, lambda asking: asking == 1)
            book.may.release(3)
            assert answer.result() == {"done": {}}
        until(lambda: book.kinds, lambda kinds: len(kinds) == 3)
    finally:
        runner.stop()
    assert book.kinds == ["analysis", "photos", "analysis"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets one process limit another")
def test_a_verdict_that_the_disk_does_not_take_is_written_once_it_does(tmp_path: Path) -> None:
    import resource

    tally = Tally()
    with Arena(tmp_path / "a", random.Random(1), tally) as arena, arena.start() as http:
        video = arena.analysed(http)
        arena.tell(hold=True, people=2)
        task = arena.ask(http, video)
        pid = arena.engine_pid()
        assert pid is not None
        until(lambda: http.get("/health").json()["data"], lambda data: data["processing"] == 1)
        used = (arena.engine / "jobs.sqlite3-wal").stat().st_size
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (used, resource.RLIM_INFINITY))
        arena.tell(people=2)
        until((arena.engine / "engine.log").read_text, lambda log: "cannot be used" in log)
        refused = http.post(wire.ANALYZE_PATH, json={"video_url": video, "type": "head"})
        assert (refused.status_code, refused.json()["code"]) == (507, wire.SERVER_FAULT)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert ended(http, wire.TASK_PATH, task.task_id)["status"] == wire.COMPLETED
        arena.judge(http, [task])
    assert tally.is_clean, tally


def test_a_worker_that_was_spared_a_cancelled_job_is_not_taken_for_one_that_knows_its_video(
    store: JobStore,
) -> None:
    workers: list[Notebook] = []
    dropped: list[Job] = []

    def make() -> WorkerProcess:
        for job in dropped:
            runner.cancel(job.id)
        workers.append(Notebook())
        return cast("WorkerProcess", workers[-1])

    def begin(kind: Kind, **more: Any) -> Job:
        return store.add(kind, SOURCE, {"video_url": "u", **more})

    def task() -> Job:
        more = {"analysis_id": known.id, "photos": {}, "resolution": "720p", "keep_original_sound": True}
        return begin(Kind.TASK, **more)

    runner = Runner(store, make, workers=2)
    runner.start()
    try:
        known = begin(Kind.ANALYSIS)
        runner.wake()
        until(lambda: workers, bool)[0].may.release()
        verdict(store, known)
        other = begin(Kind.ANALYSIS)
        runner.wake()
        until(lambda: workers[0].kinds, lambda kinds: len(kinds) == 2)
        dropped.append(task())
        runner.wake()
        until(lambda: len(workers), lambda count: count == 2)
        workers[0].may.release()
        verdict(store, other)
        wanted = task()
        runner.wake()
        until(lambda: sum(len(worker.kinds) for worker in workers), lambda count: count == 3)
        assert [worker.kinds for worker in workers] == [["analysis", "analysis", "task"], []]
        workers[0].may.release()
        assert verdict(store, wanted).status == wire.COMPLETED
    finally:
        runner.stop()


class Unreadable(JobStore):
    """A record that cannot be read a few times, as on a disk that fails."""

    faults = 0

    def find(self, job_id: str) -> Job | None:
        if self.faults:
            self.faults -= 1
            raise sqlite3.OperationalError("disk I/O error")
        return super().find(job_id)


class Mortal(Notebook):
    """A worker that dies of its first order, when the record cannot be read for a while."""

    def __init__(self, record: Unreadable) -> None:
        super().__init__()
        self._record = record

    def perform(self, order: Order) -> Iterator[Event]:
        self._record.faults, self.is_alive = 2, False
        raise WorkerDiedError("signal 9")


def test_the_death_of_a_worker_is_written_down_though_the_record_could_not_be_read_at_first(
    tmp_path: Path,
) -> None:
    with closing(Unreadable(tmp_path / "jobs.sqlite3")) as record:
        workers = [Notebook(), Mortal(record)]
        runner = Runner(record, lambda: cast("WorkerProcess", workers.pop()), retry_s=0.01)
        runner.start()
        try:
            workers[0].may.release()
            job = record.add(Kind.ANALYSIS, SOURCE, {"video_url": "u"})
            runner.wake()
            # The worker after it does the job.
            assert verdict(record, job).status == wire.COMPLETED
        finally:
            runner.stop()
