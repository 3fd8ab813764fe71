"""The worker processes as the server sees them: orders in, events out; and the places where they sit."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, cast

from headswap_cli.engine.orders import KEPT_SCENES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from headswap_cli.engine.orders import CancelOrder, Event, Order


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

    def cancel(self, order_id: str) -> None:
        """Have it let an order go, from another thread than the one that listens; it may not heed."""
        order: CancelOrder = {"kind": "cancel", "id": order_id}
        if self._process.stdin is not None:
            # Whoever listens hears of its death.
            with contextlib.suppress(OSError, ValueError):
                self._process.stdin.write(json.dumps(order).encode() + b"\n")
                self._process.stdin.flush()

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


class Seat:
    """A place for one worker process; nobody sits there until there is work.

    Args:
        make_worker: Starts a worker process.
    """

    def __init__(self, make_worker: Callable[[], WorkerProcess]) -> None:
        self.known: deque[str] = deque(maxlen=KEPT_SCENES)
        self._make_worker = make_worker
        self._worker: WorkerProcess | None = None
        self._lock = threading.RLock()
        self._is_closed = False

    def ready(self) -> WorkerProcess:
        """Return a worker that can take an order.

        Raises: WorkerDiedError: There are to be no more workers.
        """
        with self._lock:
            if self._is_closed:
                raise WorkerDiedError
            if self._worker is not None and not self._worker.is_alive:
                self.dismiss()
            if self._worker is None:
                self._worker = self._make_worker()
            return self._worker

    def cancel(self, order_id: str) -> None:
        """Have the worker let an order go; it may not heed."""
        with self._lock:
            if self._worker is not None:
                self._worker.cancel(order_id)

    def kill(self) -> None:
        """End the worker at once; whoever comes next has another."""
        with self._lock:
            if self._worker is not None:
                self._worker.end()

    def end(self) -> None:
        """End the worker at once and have no other."""
        with self._lock:
            self._is_closed = True
            if self._worker is not None:
                self._worker.end()

    def dismiss(self) -> None:
        """Let the worker go; not while another thread reads from it."""
        with self._lock:
            if self._worker is not None:
                self._worker.close()
            self._worker = None
            self.known.clear()
