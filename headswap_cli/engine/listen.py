"""The sockets: connections in any number up to a limit, and none that a client lets hang for ever."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Event, Updated

from headswap_cli.engine.guard import BODY_S

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator

# A connection attempt on a Unix socket fails at once where the backlog is full: room for a burst.
BACKLOG = 1024
_log = logging.getLogger(__name__)
_log.setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Patience:
    """How much a client may ask of the server.

    ``idle_s`` is how long a connection may be open between requests, and a request's head be on its way;
    longer than any client's poll interval, since a connection that closes under a POST leaves its fate
    unknown. ``body_s`` is how long a body may take, and more in proportion to its size; ``unread_s`` how long
    an answer may wait without a byte of it being read; ``connections`` how many there may be, beyond which
    the newest is closed; ``goodbye_s`` how long the last answers may take.
    """

    idle_s: float = 120.0
    body_s: float = BODY_S
    unread_s: float = 60.0
    connections: int = 512
    goodbye_s: float = 2.0


@contextlib.asynccontextmanager
async def listening(app: Any, listener: socket.socket, patience: Patience) -> AsyncIterator[None]:
    """Answer what comes in on a bound socket for as long as this is open; the socket is closed in the end.

    Args:
        app: The ASGI application.
        listener: Bound, not listening yet.
        patience: What clients may ask.
    """
    door = _Door(app, patience)
    server = await asyncio.start_server(door.connected, sock=listener, backlog=BACKLOG)
    try:
        yield
    finally:
        server.close()
        await door.close()


class _Door:
    """Hypercorn's protocol on each connection, and the transports at hand to end what hangs.

    Hypercorn's own ``serve`` waits for a client that reads nothing as long as the client likes, and the
    transport cannot be reached from an ASGI application.
    """

    def __init__(self, app: Any, patience: Patience) -> None:
        self._app = ASGIWrapper(app)
        self._patience = patience
        self._context = WorkerContext(None)
        self._config = Config()
        self._config.errorlog = _log
        self._config.include_server_header = False
        self._config.keep_alive_timeout = patience.idle_s
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Be a connection from its first byte to its last."""
        task = asyncio.current_task()
        if task is None or len(self._open) >= self._patience.connections:
            writer.transport.abort()
            return
        metered = _MeteredWriter(writer, reader)
        self._open[task] = metered
        watch = asyncio.create_task(self._end_if_unread(metered))
        try:
            loop = asyncio.get_running_loop()
            await _Connection(self._app, loop, self._config, self._context, {}, reader, metered)
        finally:
            watch.cancel()
            del self._open[task]

    async def close(self) -> None:
        """Let answers be finished, then end every connection."""
        await self._context.terminated.set()
        if self._open:
            await asyncio.wait([*self._open], timeout=self._patience.goodbye_s)
        for writer in self._open.values():
            writer.transport.abort()
        left = [*self._open]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _end_if_unread(self, writer: _MeteredWriter) -> None:
        taken_bytes = 0
        while True:
            await asyncio.sleep(self._patience.unread_s)
            waiting_bytes = writer.transport.get_write_buffer_size()
            before, taken_bytes = taken_bytes, writer.written_bytes - waiting_bytes
            if waiting_bytes and taken_bytes == before:
                writer.transport.abort()


class _Connection(TCPServer):
    """A connection that is over when its client has gone; Hypercorn's own then waits until it is idle."""

    _is_over = False

    async def protocol_send(self, event: Event) -> None:
        """Send; an answer that comes after the client has gone begins no waiting for its next request."""
        if not (self._is_over and isinstance(event, Updated)):
            await super().protocol_send(event)

    async def _read_data(self) -> None:
        await super()._read_data()
        self._is_over = True
        await self.idle_task.stop()


class _MeteredWriter(asyncio.StreamWriter):
    """A stream writer that knows how much was written to it."""

    def __init__(self, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        protocol = writer.transport.get_protocol()
        super().__init__(writer.transport, protocol, reader, asyncio.get_running_loop())
        self.written_bytes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes as soon as the client takes them."""
        self.written_bytes += len(data)
        super().write(data)
