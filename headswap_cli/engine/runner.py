"""Hands queued jobs, in order, to worker processes and writes down what they say."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from headswap_cli.engine.jobs import GARBLED, Kind
from headswap_cli.engine.orders import photos_of
from headswap_cli.engine.seat import Seat, WorkerDiedError
from headswap_cli.engine.underway import HEED_S, Underway
from headswap_cli.wire import SERVER_FAULT

if TYPE_CHECKING:
    from collections.abc import Callable

    from headswap_cli.engine.jobs import Job, JobStore
    from headswap_cli.engine.orders import Event, Order, PhotosOrder
    from headswap_cli.engine.seat import WorkerProcess

T = TypeVar("T")
# How long a call may wait for a worker: it is soon asked again.
ASK_S = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """What came of a wish to end a job: how it was, how it is, and whether it was the wish that ended it."""

    before: Job
    job: Job
    ended_now: bool


class Runner:
    """Hands queued jobs, in order, to as many workers as there may be, started when they are needed.

    Args:
        jobs: The queue and the record.
        make_worker: Starts a worker process.
        workers: How many jobs are in work at once; each worker has its own memory.
        discard: Is told the id of a job whose worker died, to clear away what it had begun.
        erase: Is told the id of a cancelled job, to clear away all that it had made.
        rest_s: After how long without a job a worker is let go, with all that it knows of faces.
        retry_s: How long to wait where the record cannot be written, as on a full disk.
        heed_s: How long a worker may take to let a cancelled job go before it is killed.
    """

    def __init__(
        self,
        jobs: JobStore,
        make_worker: Callable[[], WorkerProcess],
        *,
        workers: int = 1,
        discard: Callable[[str], None] = lambda _: None,
        erase: Callable[[str], None] = lambda _: None,
        rest_s: float = 300.0,
        retry_s: float = 2.0,
        heed_s: float = HEED_S,
    ) -> None:
        self._jobs = jobs
        self._discard = discard
        self._erase = erase
        self._underway = Underway(heed_s)
        self._rest_s = rest_s
        self._retry_s = retry_s
        self._seats = [Seat(make_worker) for _ in range(workers)]
        # The one that worked last comes last.
        self._free = [*self._seats]
        self._condition = threading.Condition()
        self._news = self._asking = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="runner")
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="worker")

    def start(self) -> None:
        """Take up what an earlier process left, then what comes."""
        self._thread.start()

    def wake(self) -> None:
        """Say that a job was added."""
        with self._condition:
            self._news += 1
            self._condition.notify_all()

    def ask(self, order: PhotosOrder, wait_s: float = ASK_S) -> Event | None:
        """Have a worker do what is no job, before any that waits; return what it said.

        Args:
            order: What is quickly done.
            wait_s: How long a worker may be waited for.

        Returns: None if none was free by then.
        """
        with self._condition:
            self._asking += 1
            is_free = self._condition.wait_for(lambda: self._free or self._stopping.is_set(), wait_s)
            self._asking -= 1
            seat = self._free.pop() if is_free and not self._stopping.is_set() else None
        # For the jobs that were held up.
        self.wake()
        return None if seat is None else self._answer(seat, order)

    def _answer(self, seat: Seat, order: PhotosOrder) -> Event:
        event: Event = {}
        try:
            for event in seat.ready().perform(order):
                if "failed" in event:
                    _log.error("photos could not be judged: %s", event["failed"])
        except (WorkerDiedError, OSError) as error:
            _log.error("photos could not be judged: the worker died (%s)", error)
        finally:
            self._vacate(seat)
        return event

    def cancel(self, job_id: str) -> Ending | None:
        """End a job that waits or is in work for good; return when its place is free and its files are gone.

        Who asks a second time, or before a worker has taken it, may be answered sooner.

        Returns: None if there is no such job.
        Raises: sqlite3.Error: The record cannot be written; the job goes on.
        """
        before = self._jobs.find(job_id)
        if before is None:
            return None
        cancelled = self._jobs.cancel(job_id)
        if cancelled is None:
            # Over, by now if not before; nobody deletes it at that very moment but last week's.
            return Ending(before, self._jobs.find(job_id) or before, ended_now=False)
        self._underway.end(job_id)
        _log.info("%s %s is cancelled", cancelled.kind, job_id)
        self._clear_away(job_id, self._erase)
        self.wake()
        return Ending(before, cancelled, ended_now=True)

    def forget_faces(self) -> None:
        """Let go of the workers that have no job, and so of all that they know."""
        with self._condition:
            for seat in self._free:
                seat.dismiss()

    def stop(self) -> None:
        """End the workers and the thread; jobs in work go back to the queue."""
        self._stopping.set()
        for seat in self._seats:
            seat.end()
        self.wake()
        self._thread.join()
        self._pool.shutdown()
        with self._condition:
            # Nobody who asked reads from them any more.
            self._condition.wait_for(lambda: len(self._free) == len(self._seats))
        for seat in self._seats:
            seat.dismiss()
        # Where that cannot be written it is made up for at the next start.
        with contextlib.suppress(sqlite3.Error):
            self._jobs.requeue()

    def _loop(self) -> None:
        self._persist(self._jobs.requeue)
        while not self._stopping.is_set():
            news = self._news
            job = self._persist(self._jobs.claim) if self._free and not self._asking else None
            if job is not None:
                self._begin(job)
            elif not self._await_news(news):
                self.forget_faces()

    def _begin(self, job: Job) -> None:
        order = None if job.is_over else _order(job)
        if order is None:
            _log.error("%s %s cannot begin: %s", job.kind, job.id, GARBLED)
            self._fail(job, SERVER_FAULT, GARBLED)
            return
        _log.info("%s %s begins", job.kind, job.id)
        self._pool.submit(self._run, self._seat_for(job), job, order)

    def _await_news(self, seen: int) -> bool:
        with self._condition:
            return self._condition.wait_for(
                lambda: self._news != seen or self._stopping.is_set(), timeout=self._rest_s
            )

    def _seat_for(self, job: Job) -> Seat:
        """Take the free worker that knows the people of the video, else the one that worked last."""
        analysis_id = _analysis_id(job)
        with self._condition:
            # Whoever asked may have been quicker, and is done in a second.
            self._condition.wait_for(lambda: self._free)
            seat = next((seat for seat in self._free if analysis_id in seat.known), self._free[-1])
            self._free.remove(seat)
        return seat

    def _run(self, seat: Seat, job: Job, order: Order) -> None:
        try:
            worker = seat.ready()
            with self._underway.at(seat, job.id):
                # Whoever cancels it from now on finds it here, and whoever did so before is found out.
                if self._is_wanted(job):
                    seat.known.append(_analysis_id(job))
                    for event in worker.perform(order):
                        self._note(job, event)
        except WorkerDiedError as death:
            if not self._stopping.is_set() and self._is_wanted(job):
                self._mourn(job, death)
        except Exception as error:
            # The thread must outlive any one job, or all later ones would wait for ever.
            _log.exception("%s %s could not be run", job.kind, job.id)
            self._fail(job, SERVER_FAULT, f"{type(error).__name__}: {error}")
            # Whatever the worker still says of this job must not be taken for the next one's.
            seat.dismiss()
        finally:
            self._vacate(seat)

    def _is_wanted(self, job: Job) -> bool:
        now = self._persist(lambda: self._jobs.find(job.id))
        return now is not None and not now.is_cancelled

    def _vacate(self, seat: Seat) -> None:
        with self._condition:
            self._free.append(seat)
        self.wake()

    def _note(self, job: Job, event: Event) -> None:
        if "progress" in event:
            # The next one will do as well.
            with contextlib.suppress(sqlite3.Error):
                self._jobs.advance(job.id, event["progress"])
        elif "done" in event:
            result = event["done"]
            if self._persist(lambda: self._jobs.complete(job.id, result)):
                _log.info("%s %s is completed", job.kind, job.id)
        elif "failed" in event:
            failed = event["failed"]
            # Before anybody is told, so that whoever looks why finds it.
            _log.info("%s %s failed: %s\n%s", job.kind, job.id, failed["reason"], failed["trace"] or "")
            self._fail(job, failed["code"], failed["reason"], failed.get("subject", ""))

    def _mourn(self, job: Job, death: WorkerDiedError) -> None:
        _log.error("%s %s: the worker died (%s)", job.kind, job.id, death)
        self._clear_away(job.id, self._discard)
        reason = f"The engine's worker process ended twice in the middle of the work (at last: {death})."
        self._persist(lambda: self._jobs.mourn(job.id, SERVER_FAULT, reason))

    def _clear_away(self, job_id: str, clear: Callable[[str], None]) -> None:
        # What cannot be deleted now is so at the next start, or in a week.
        with contextlib.suppress(OSError):
            clear(job_id)

    def _fail(self, job: Job, code: int, reason: str, subject: str = "") -> None:
        self._persist(lambda: self._jobs.fail(job.id, code, reason, subject))

    def _persist(self, use: Callable[[], T]) -> T | None:
        """Write to the record or read it, again and again if need be; None if the engine ends before."""
        is_told = False
        while not self._stopping.is_set():
            try:
                return use()
            except sqlite3.Error as error:
                if not is_told:
                    _log.error("the record of jobs cannot be used, trying on: %s", error)
                is_told = True
                self._stopping.wait(self._retry_s)
        return None


def _analysis_id(job: Job) -> str:
    return job.id if job.kind is Kind.ANALYSIS else str(job.body["analysis_id"])


def _order(job: Job) -> Order | None:
    """Return what a worker is told of a job; None where the record of it lacks something."""
    body = job.body
    if job.kind is Kind.ANALYSIS:
        any_length = bool(body.get("any_length", False))
        return {"kind": "analysis", "id": job.id, "source": job.source, "any_length": any_length}
    try:
        return {
            "kind": "task",
            "id": job.id,
            "analysis_id": body["analysis_id"],
            "source": job.source,
            "photos": photos_of(body),
            "short_side": int(body["resolution"].removesuffix("p")),
            "mode": body.get("mode"),
            "tone": body.get("tone"),
            "quality": body.get("quality"),
            "keep_sound": body["keep_original_sound"],
        }
    except (AttributeError, LookupError, TypeError, ValueError):
        return None
