"""The engine's life: lock, store, worker, server; and its end, by signal, by request or of boredom."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypercorn.asyncio import serve as serve_asgi
from hypercorn.config import Config

from headswap_cli.engine import runtime
from headswap_cli.engine.app import Routes, make_app
from headswap_cli.engine.guard import Activity, Hosts
from headswap_cli.engine.jobs import JobStore
from headswap_cli.engine.runner import Runner, WorkerProcess, worker_command
from headswap_cli.engine.storage import UPLOAD_LIMIT_BYTES, MediaStore
from headswap_cli.local import engine_folder

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from headswap_cli.engine.runtime import Address

KEPT_S = 7 * 24 * 3600.0
CLEAR_EVERY_S = 3600.0
IDLE_CHECK_S = 5.0
_log = logging.getLogger(__name__)
_http_log = logging.getLogger(f"{__name__}.http")
_http_log.setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Options:
    """How an engine is run.

    ``host`` None listens where only this machine's user gets in; ``idle_timeout_s`` 0 never ends by itself;
    ``upload_limit_bytes`` is the largest file taken.
    """

    data_dir: Path
    cache_dir: Path
    host: str | None = None
    port: int = 0
    idle_timeout_s: float = 600.0
    upload_limit_bytes: int = UPLOAD_LIMIT_BYTES


def run(
    options: Options,
    *,
    on_ready: Callable[[Address, Callable[[], None]], None],
    make_worker: Callable[[], WorkerProcess] | None = None,
) -> None:
    """Be the engine of ``options.data_dir`` until told to stop or idle for too long.

    Args:
        options: Where and how.
        on_ready: Is told, once requests are answered, the address and a function that ends the engine.
        make_worker: Starts the worker process; by default the real one.

    Raises:
        runtime.AlreadyRunningError: The folder has an engine.
        OSError: The address cannot be had.
    """
    folder = engine_folder(options.data_dir)
    command = worker_command(folder, options.cache_dir.absolute())
    with runtime.only_engine(folder), runtime.logged(folder), _stores(folder, options) as (jobs, media):
        listener, address = runtime.bind(folder, options.host, options.port)
        with _running(Runner(jobs, make_worker or (lambda: WorkerProcess(command)))) as runner:
            listener.listen()
            with runtime.published(folder, address):
                parts = _Parts(listener, address, jobs, media, runner)
                asyncio.run(_serve(parts, options.idle_timeout_s, on_ready))
        _log.info("the engine ends")


@dataclass(frozen=True, slots=True)
class _Parts:
    listener: socket.socket
    address: Address
    jobs: JobStore
    media: MediaStore
    runner: Runner


async def _serve(
    parts: _Parts, idle_timeout_s: float, on_ready: Callable[[Address, Callable[[], None]], None]
) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        # A second signal may come when the loop is gone: it wants what is happening already.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(ended.set)

    hosts, activity = Hosts(parts.address), Activity()
    routes = Routes(parts.jobs, parts.media, hosts, wake=parts.runner.wake, stop=ended.set)
    config = Config()
    config.bind = [f"fd://{parts.listener.detach()}"]
    config.errorlog = _http_log
    config.include_server_header = False
    config.graceful_timeout = 2.0
    # Longer than any client's poll interval: a connection that closes under a POST leaves its fate unknown.
    config.keep_alive_timeout = 120.0
    tasks = (
        asyncio.create_task(_end_when_idle(idle_timeout_s, activity, parts.jobs, ended)),
        asyncio.create_task(_clear_now_and_then(parts.jobs, parts.media)),
    )
    _log.info("the engine begins on %s", parts.address.url or parts.address.path)
    on_ready(parts.address, stop)
    # Starlette and Hypercorn spell the types of ASGI differently.
    app: Any = make_app(routes, parts.address, hosts, activity)
    await serve_asgi(app, config, shutdown_trigger=ended.wait, mode="asgi")
    for task in tasks:
        task.cancel()


async def _end_when_idle(timeout_s: float, activity: Activity, jobs: JobStore, ended: asyncio.Event) -> None:
    if timeout_s <= 0:
        return
    while (left_s := timeout_s - activity.idle_s()) > 0:
        await asyncio.sleep(min(left_s, IDLE_CHECK_S))
        if any(jobs.counts()):
            activity.touch()
    _log.info("nobody wanted anything for %g s", timeout_s)
    ended.set()


async def _clear_now_and_then(jobs: JobStore, media: MediaStore) -> None:
    """Let go of old faces at the start, and later too where the engine runs for weeks."""
    while True:
        old = time.time() - KEPT_S
        await asyncio.to_thread(jobs.forget, old)
        await asyncio.to_thread(media.clear, old)
        await asyncio.sleep(CLEAR_EVERY_S)


@contextlib.contextmanager
def _running(runner: Runner) -> Iterator[Runner]:
    runner.start()
    try:
        yield runner
    finally:
        runner.stop()


@contextlib.contextmanager
def _stores(folder: Path, options: Options) -> Iterator[tuple[JobStore, MediaStore]]:
    media = MediaStore(folder / "media", limit_bytes=options.upload_limit_bytes)
    jobs = JobStore(folder / "jobs.sqlite3")
    try:
        media.drop_drafts()
        yield jobs, media
    finally:
        jobs.close()
