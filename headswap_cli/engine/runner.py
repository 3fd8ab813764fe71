"""Hands queued jobs, in order, to the one worker process and writes down what it says."""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, cast

from headswap_cli.engine.jobs import Kind
from headswap_cli.wire import SERVER_FAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from headswap_cli.engine.jobs import Job, JobStore
    from headswap_cli.engine.worker import Event, Order

_log = logging.getLogger(__name__)


class WorkerDiedError(Exception):
    """The worker's process ended in the middle of an order."""


class WorkerProcess:
    """A worker as seen from the server: orders in, events out, over its standard streams.

    Args:
        command: The program and its arguments.
    """

    def __init__(self, command: Sequence[str]) -> None:
        # A session of its own: Ctrl-C in the server's terminal is the server's business.
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )

    @property
    def is_alive(self) -> bool:
        """Whether it can take an order."""
        return self._process.poll() is None

    def perform(self, order: Order) -> Iterator[Event]:
        """Give an order; yield what the worker says, the outcome last.

        Raises: WorkerDiedError: It ended before the outcome.
        """
        orders, events = self._process.stdin, self._process.stdout
        if orders is None or events is None:
            raise WorkerDiedError
        try:
            orders.write(json.dumps(order).encode() + b"\n")
            orders.flush()
        except OSError as error:
            raise WorkerDiedError(self._epitaph()) from error
        for line in events:
            try:
                event = cast("Event", json.loads(line))
            except ValueError:
                # Cut off in the middle of a line, or gone mad.
                self.end()
                break
            yield event
            if "progress" not in event:
                return
        raise WorkerDiedError(self._epitaph())

    def end(self) -> None:
        """End it at once, whatever it is doing."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it and let go of its streams; not while another thread reads from them."""
        self.end()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                # An order that was never read is still in the buffer.
                with contextlib.suppress(OSError):
                    stream.close()

    def _epitaph(self) -> str:
        code = self._process.wait()
        return f"signal {-code}; out of memory?" if code < 0 else f"exit code {code}"


def worker_command(data: Path, cache: Path) -> list[str]:
    """Return the command of the real worker; ``data`` is the engine's own folder."""
    return [sys.executable, "-P", "-m", "headswap_cli.engine.worker", str(data), str(cache)]


class Runner:
    """A thread that keeps the worker busy while there are jobs.

    Args:
        jobs: The queue and the record.
        make_worker: Starts a worker process; called when there is work and none is alive.
    """

    def __init__(self, jobs: JobStore, make_worker: Callable[[], WorkerProcess]) -> None:
        self._jobs = jobs
        self._make_worker = make_worker
        self._worker: WorkerProcess | None = None
        self._worker_lock = threading.RLock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="runner")

    def start(self) -> None:
        """Take up what an earlier process left, then what comes."""
        self._jobs.requeue()
        self._thread.start()

    def wake(self) -> None:
        """Say that a job was added."""
        self._wake.set()

    def stop(self) -> None:
        """End the worker and the thread; a job in work goes back to the queue."""
        with self._worker_lock:
            self._stopping = True
            if self._worker is not None:
                self._worker.end()
        self._wake.set()
        self._thread.join()
        self._dismiss_worker()

    def _loop(self) -> None:
        while not self._stopping:
            job = self._jobs.claim()
            if job is None:
                self._wake.wait()
                self._wake.clear()
            else:
                self._run(job)
        self._jobs.requeue()

    def _run(self, job: Job) -> None:
        _log.info("%s %s begins", job.kind, job.id)
        try:
            for event in self._ready_worker().perform(_order(job)):
                self._note(job, event)
        except WorkerDiedError as death:
            if not self._stopping:
                _log.error("%s %s: the worker died (%s)", job.kind, job.id, death)
                reason = f"The engine's worker process ended in the middle of the work ({death})."
                self._jobs.fail(job.id, SERVER_FAULT, reason)
        except Exception as error:
            # The thread must outlive any one job, or all later ones would wait for ever.
            _log.exception("%s %s could not be run", job.kind, job.id)
            self._jobs.fail(job.id, SERVER_FAULT, f"{type(error).__name__}: {error}")
            # Whatever the worker still says of this job must not be taken for the next one's.
            self._dismiss_worker()

    def _note(self, job: Job, event: Event) -> None:
        if "progress" in event:
            self._jobs.advance(job.id, event["progress"])
        elif "done" in event:
            self._jobs.complete(job.id, event["done"])
            _log.info("%s %s is completed", job.kind, job.id)
        else:
            failed = event["failed"]
            self._jobs.fail(job.id, failed["code"], failed["reason"])
            _log.info("%s %s failed: %s\n%s", job.kind, job.id, failed["reason"], failed["trace"] or "")

    def _ready_worker(self) -> WorkerProcess:
        with self._worker_lock:
            if self._stopping:
                raise WorkerDiedError
            if self._worker is not None and not self._worker.is_alive:
                self._dismiss_worker()
            if self._worker is None:
                self._worker = self._make_worker()
            return self._worker

    def _dismiss_worker(self) -> None:
        with self._worker_lock:
            if self._worker is not None:
                self._worker.close()
            self._worker = None


def _order(job: Job) -> Order:
    body = job.body
    if job.kind is Kind.ANALYSIS:
        any_length = bool(body.get("any_length", False))
        return {"kind": "analysis", "id": job.id, "source": job.source, "any_length": any_length}
    return {
        "kind": "task",
        "id": job.id,
        "analysis_id": body["analysis_id"],
        "source": job.source,
        "photos": body["photos"],
        "short_side": int(body["resolution"].removesuffix("p")),
        "mode": body.get("mode"),
        "keep_sound": body["keep_original_sound"],
    }
