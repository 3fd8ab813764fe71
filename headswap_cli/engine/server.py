"""The engine's life: lock, store, worker, server; and its end, by signal, by request or of boredom."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headswap_cli.engine import runtime
from headswap_cli.engine.app import Routes, make_app
from headswap_cli.engine.clearing import CLEAR_EVERY_S, Calendar, Cleared, clear
from headswap_cli.engine.guard import Activity, Hosts
from headswap_cli.engine.jobs import JobStore
from headswap_cli.engine.limits import processes
from headswap_cli.engine.links import Links
from headswap_cli.engine.listen import Patience, listening
from headswap_cli.engine.orders import PROCESSES, PUBLIC_ONLY
from headswap_cli.engine.runner import Runner
from headswap_cli.engine.seat import WorkerProcess, worker_command
from headswap_cli.engine.storage import UPLOAD_LIMIT_BYTES, MediaStore
from headswap_cli.local import engine_folder, is_loopback
from headswap_cli.local.jobs import RECORD

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from headswap_cli.engine.runtime import Address

IDLE_CHECK_S = 5.0
CLOCK_NOTE = "clock.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """How an engine is run.

    ``host`` None listens where only this machine's user gets in; ``idle_timeout_s`` 0 never ends by itself;
    ``upload_limit_bytes`` is the largest file taken; ``workers`` is how many jobs are in work at once;
    ``token`` None makes one up; ``allow_private`` lets an engine that others reach fetch from private
    addresses, as one that only this machine reaches always does.
    """

    data_dir: Path
    cache_dir: Path
    host: str | None = None
    port: int = 0
    idle_timeout_s: float = 600.0
    upload_limit_bytes: int = UPLOAD_LIMIT_BYTES
    workers: int = 1
    token: str | None = field(default=None, repr=False)
    allow_private: bool = False


def run(
    options: Options,
    *,
    on_ready: Callable[[Address, Callable[[], None]], None],
    make_worker: Callable[[Sequence[str]], WorkerProcess] | None = None,
    clock: Callable[[], float] = time.time,
    patience: Patience | None = None,
) -> None:
    """Be the engine of ``options.data_dir`` until told to stop or idle for too long.

    Args:
        options: Where and how.
        on_ready: Is told, once requests are answered, the address and a function that ends the engine.
        make_worker: Starts a worker process, given flags of its command; by default the real one.
        clock: Tells the Unix time, in seconds.
        patience: What clients may ask of the server.

    Raises:
        runtime.AlreadyRunningError: The folder has an engine.
        OSError: The address cannot be had, or the folder not be written to.
        sqlite3.Error: The record of jobs cannot be opened.
    """
    folder = engine_folder(options.data_dir)
    command = worker_command(folder, options.cache_dir.absolute())
    is_reachable = options.host is not None and not is_loopback(options.host)
    flags = [f"{PROCESSES}{processes(options.workers)}"]
    if is_reachable and not options.allow_private:
        flags.append(PUBLIC_ONLY)
    make = make_worker or (lambda flags: WorkerProcess([*command, *flags]))
    with (
        runtime.only_engine(folder),
        runtime.logged(folder),
        _stores(folder, options, clock) as (jobs, media),
    ):
        listener, address = runtime.bind(folder, options.host, options.port, token=options.token)
        runner = Runner(
            jobs,
            lambda: make(flags),
            workers=options.workers,
            discard=media.drop_drafts,
            erase=media.drop_made,
        )
        with _running(runner), runtime.published(folder, address):
            parts = _Parts(listener, address, jobs, media, runner, Calendar(folder / CLOCK_NOTE, clock))
            asyncio.run(_serve(parts, options.idle_timeout_s, on_ready, patience or Patience()))
        _log.info("the engine ends")


def clear_folder(data_dir: Path) -> Cleared:
    """Delete what is over in an engine's folder, without being an engine.

    Raises:
        runtime.AlreadyRunningError: The folder has an engine; ask that.
        OSError: Something cannot be deleted.
        sqlite3.Error: The record of jobs cannot be opened.
    """
    folder = engine_folder(data_dir)
    with runtime.only_engine(folder):
        media = MediaStore(folder / "media")
        media.drop_drafts()
        made = media.clear_made()
        with contextlib.closing(JobStore(folder / RECORD)) as jobs:
            cleared = clear(jobs, media)
    return Cleared(cleared.jobs, made + cleared.files)


@contextlib.contextmanager
def _stores(
    folder: Path, options: Options, clock: Callable[[], float]
) -> Iterator[tuple[JobStore, MediaStore]]:
    media = MediaStore(folder / "media", limit_bytes=options.upload_limit_bytes)
    # On a full disk this may be what makes room for the record.
    media.drop_drafts()
    with contextlib.closing(JobStore(folder / RECORD, clock=clock)) as jobs:
        yield jobs, media


@dataclass(frozen=True, slots=True)
class _Parts:
    listener: socket.socket
    address: Address
    jobs: JobStore
    media: MediaStore
    runner: Runner
    calendar: Calendar


async def _serve(
    parts: _Parts,
    idle_timeout_s: float,
    on_ready: Callable[[Address, Callable[[], None]], None],
    patience: Patience,
) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def _stop() -> None:
        # A second signal may come when the loop is gone: it wants what is happening already.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(ended.set)

    hosts, links, activity = Hosts(parts.address), Links(parts.address.token), Activity()
    routes = Routes(
        parts.jobs,
        parts.media,
        hosts,
        links,
        ask=parts.runner.ask,
        cancel=parts.runner.cancel,
        wake=parts.runner.wake,
        stop=ended.set,
        forget_faces=parts.runner.forget_faces,
    )
    # Starlette and Hypercorn spell the types of ASGI differently.
    app: Any = make_app(routes, parts.address, hosts, links, activity, body_s=patience.body_s)
    tasks = (
        asyncio.create_task(_end_when_idle(idle_timeout_s, activity, parts.jobs, ended)),
        asyncio.create_task(_clear_now_and_then(parts)),
    )
    async with listening(app, parts.listener, patience):
        _log.info("the engine begins on %s", parts.address.url or parts.address.path)
        on_ready(parts.address, _stop)
        await ended.wait()
    for task in tasks:
        task.cancel()


async def _end_when_idle(timeout_s: float, activity: Activity, jobs: JobStore, ended: asyncio.Event) -> None:
    if timeout_s <= 0:
        return
    while (left_s := timeout_s - activity.idle_s()) > 0:
        await asyncio.sleep(min(left_s, IDLE_CHECK_S))
        try:
            is_busy = any(jobs.counts())
        except sqlite3.Error as error:
            _log.error("the jobs could not be counted: %s", error)
            is_busy = True
        if is_busy:
            activity.touch()
    _log.info("nobody wanted anything for %g s", timeout_s)
    ended.set()


async def _clear_now_and_then(parts: _Parts) -> None:
    """Let go of old faces at the start, and later too where the engine runs for weeks."""
    while True:
        try:
            await asyncio.to_thread(_clear_old, parts)
        except (OSError, sqlite3.Error) as error:
            _log.error("old jobs and media could not be deleted: %s", error)
        await asyncio.sleep(CLEAR_EVERY_S)


def _clear_old(parts: _Parts) -> None:
    look = parts.calendar.look()
    if look.is_doubted:
        _log.warning(
            "the clock has leapt to %s: if it is right, what is old is deleted later", _day(look.now_s)
        )
    else:
        parts.media.redate(look.now_s)
    if look.until_s is not None:
        gone = clear(parts.jobs, parts.media, look.until_s)
        _log.info("deleted as old: %d jobs, %d files", gone.jobs, gone.files)


def _day(moment_s: float) -> str:
    try:
        return f"{datetime.fromtimestamp(moment_s, UTC):%Y-%m-%d}"
    except (OverflowError, OSError, ValueError):
        return f"{moment_s:g} s"


@contextlib.contextmanager
def _running(runner: Runner) -> Iterator[Runner]:
    runner.start()
    try:
        yield runner
    finally:
        runner.stop()
