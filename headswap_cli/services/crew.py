"""Many workflows on a few threads: each is stepped when it is due, by whoever has nothing to do."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from headswap_cli.errors import ExitCode, Stopped
from headswap_cli.services.agenda import Agenda, Due

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

Key = TypeVar("Key")
Outcome = TypeVar("Outcome")
WORKERS = 8


@dataclass(frozen=True, slots=True)
class Job(Generic[Key, Outcome]):
    """A workflow, as it yields the seconds until its next step, and what its owner knows it by."""

    key: Key
    steps: Generator[float, None, Outcome]


@dataclass(frozen=True, slots=True)
class Ended(Generic[Key, Outcome]):
    """What a workflow came to; ``value`` is meant only where there is no ``error``."""

    key: Key
    value: Outcome | None = None
    error: BaseException | None = None


class Crew(Generic[Key, Outcome]):
    """Steps workflows on threads of its own, at most ``at_once`` of them begun and not over.

    Args:
        jobs: What to do, in this order.
        at_once: How many may be under way; most of them only wait.
        workers: How many threads step them; up to as many again come to help while some move files.
        on_stop: Is called if it ends before its jobs, before the steps that are being taken are waited for.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        jobs: Iterable[Job[Key, Outcome]],
        *,
        at_once: int,
        workers: int = WORKERS,
        on_stop: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._agenda = Agenda(jobs, at_once=at_once)
        self._workers, self._on_stop, self._clock = workers, on_stop, clock
        self._ended: queue.SimpleQueue[Ended[Key, Outcome] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        # One idle thread watches the clock, the others wait to be called: none wakes for nothing, and whoever
        # went idle last is called first, while its caches and its connection are warm.
        self._watch = threading.Condition(self._lock)
        self._idle: list[threading.Condition] = []
        self._watched_for: float | None = None
        self._is_watched = False
        self._alive = self._resting = 0
        self._stopping = threading.Event()
        self._step = threading.local()
        self._threads: list[threading.Thread] = []

    def run(self, *, every_s: float = 1.0) -> Generator[Ended[Key, Outcome] | None, None, None]:
        """Yield what each workflow came to, as they end; None now and then, so that a display can be kept.

        However this ends, no thread is left behind, and what was not over is closed between two steps.

        Args:
            every_s: How long nothing may be yielded.
        """
        try:
            with self._lock:
                for _ in range(self._workers):
                    self._hire()
            while True:
                try:
                    ended = self._ended.get(timeout=every_s)
                except queue.Empty:
                    yield None
                    continue
                if ended is None:
                    return
                yield ended
        finally:
            self._stop()

    def hold(self, pause_s: float) -> None:
        """Let nobody take a step for so long: the service wants to be left alone."""
        with self._lock:
            self._agenda.hold(self._clock() + pause_s)

    def sleep(self, pause_s: float) -> None:
        """Wait within a step.

        Raises:
            Stopped: everything is to end.
        """
        if self._stopping.wait(pause_s):
            raise Stopped(ExitCode.INTERRUPTED)

    def move(self) -> None:
        """Say from within a step that it moves a file: another thread takes its place until it is over.

        Raises:
            Stopped: everything is to end.
        """
        self.sleep(0)
        if getattr(self._step, "is_moving", False):
            return
        with self._lock:
            self._step.is_moving = True
            if not self._resting and self._alive < 2 * self._workers:
                self._hire()

    def halt(self, unwanted: Callable[[Key], bool] = lambda key: False) -> list[Key]:
        """Begin no more, and let go of those that are unwanted and between two steps.

        Returns: which those are.
        """
        with self._lock:
            self._agenda.halt()
            dropped = self._agenda.drop(lambda job: unwanted(job.key))
            self._call_all()
        for job in dropped:
            job.steps.close()
        return [job.key for job in dropped]

    def _stop(self) -> None:
        self._stopping.set()
        if self._alive:
            self._on_stop()
        self.halt(lambda key: True)
        for thread in self._threads:
            thread.join()
        self.halt(lambda key: True)

    def _hire(self) -> None:
        self._alive += 1
        thread = threading.Thread(target=self._work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (due := self._next()) is not None:
            job = due.job
            try:
                pause_s = next(job.steps)
            except StopIteration as over:
                self._end(Ended(job.key, over.value))
            # Whatever it is, it belongs to this job; the owner judges it.
            except BaseException as error:
                self._end(Ended(job.key, error=error))
            else:
                self._put_back(job, self._clock() + pause_s)
            self._step.is_moving = False
        with self._lock:
            self._alive -= 1
            if not self._alive:
                self._ended.put(None)

    def _next(self) -> Due[Job[Key, Outcome]] | None:
        """Return what is due, once it is; None when there is nothing left to do for this thread."""
        with self._lock:
            while not self._stopping.is_set():
                found = self._agenda.take(self._clock())
                if isinstance(found, Due):
                    if self._idle:
                        self._idle.pop().notify()
                    return found
                if self._agenda.is_empty:
                    self._call_all()
                    return None
                self._rest(found)
            return None

    def _rest(self, pause_s: float | None) -> None:
        self._resting += 1
        if self._is_watched:
            called = threading.Condition(self._lock)
            self._idle.append(called)
            called.wait()
        else:
            self._is_watched = True
            self._watched_for = None if pause_s is None else self._clock() + pause_s
            self._watch.wait(pause_s)
            self._is_watched = False
        self._resting -= 1

    def _put_back(self, job: Job[Key, Outcome], due: float) -> None:
        with self._lock:
            self._agenda.put_back(job, due)
            if self._is_watched and (self._watched_for is None or due < self._watched_for):
                self._watch.notify()

    def _end(self, ended: Ended[Key, Outcome]) -> None:
        with self._lock:
            self._agenda.end()
            if self._agenda.is_empty:
                self._call_all()
        self._ended.put(ended)

    def _call_all(self) -> None:
        self._watch.notify_all()
        while self._idle:
            self._idle.pop().notify()
