"""A process that makes segments beside the worker's own: productions and segments in, coded frames out.

Both ends are ours and of one version: objects go through the pipes pickled. It ends when the worker does,
however that ends, and takes what it knows of faces with it.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from headswap_cli.engine.limits import (
    give_back_files,
    give_back_memory,
    ran_out_of_memory,
    share_one_heap,
)
from headswap_cli.engine.pipes import HelperDiedError, take_stdout
from headswap_cli.engine.types import MediaFault

if TYPE_CHECKING:
    from headswap_cli.engine.encode import CodedFrame
    from headswap_cli.engine.segments import Segment
    from headswap_cli.engine.studio import Production, SegmentReport, Studio, Take


class Helper:
    """A helper as seen from the worker."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "headswap_cli.engine.helper"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._production: Production | None = None

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can take a segment."""
        return self._process.poll() is None

    def prepare(self, production: Production | None) -> None:
        """Say what the next segments are of; ``None`` lets it forget the last ones.

        Raises: HelperDiedError: It has ended.
        """
        self._say(production)

    def make(self, segment: Segment, take: Take) -> SegmentReport:
        """Have a segment made.

        Raises:
            MediaFault: See ``Studio.make``.
            MemoryError: It has no memory left.
            HelperDiedError: It ended before the segment was whole.
        """
        self._say(segment)
        while True:
            kind, content = self._hear()
            if kind == "frames":
                take(*content)
            elif kind == "report":
                report: SegmentReport = content
                return report
            else:
                raise _error(kind, content)

    def end(self) -> None:
        """End it at once, whatever it is doing; a thread that listens to it hears that."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it and let go of its streams; not while another thread listens."""
        self.end()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _say(self, message: object) -> None:
        stream = self._process.stdin
        try:
            if stream is not None:
                pickle.dump(message, stream, protocol=pickle.HIGHEST_PROTOCOL)
                stream.flush()
        except OSError as error:
            raise HelperDiedError(self._epitaph()) from error

    def _hear(self) -> tuple[str, Any]:
        stream = self._process.stdout
        try:
            if stream is None:
                raise EOFError
            message: tuple[str, Any] = pickle.load(stream)  # noqa: S301 - our own process at the other end
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            self._process.kill()
            raise HelperDiedError(self._epitaph()) from error
        return message

    def _epitaph(self) -> str:
        code = self._process.wait()
        return f"a helper ended with signal {-code}" if code < 0 else f"a helper ended with exit code {code}"


def _error(kind: str, content: Any) -> Exception:
    if kind == "fault":
        return MediaFault(*content)
    return MemoryError(content) if kind == "memory" else RuntimeError(f"in a helper process: {content}")


def serve() -> None:
    """Make segments until stdin closes, then end at once, in the middle of one or not."""
    said = take_stdout()
    share_one_heap()
    heard: queue.SimpleQueue[Production | Segment | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(heard,), daemon=True).start()
    import cv2

    from headswap_cli.engine.kernel import make_ready
    from headswap_cli.engine.segments import Segment
    from headswap_cli.engine.studio import Studio

    # One thread here: the segments are what is done side by side.
    cv2.setNumThreads(1)
    # While nobody waits for this process.
    make_ready()
    give_back_memory()
    give_back_files()

    def say(kind: str, content: object) -> None:
        pickle.dump((kind, content), said, protocol=pickle.HIGHEST_PROTOCOL)
        said.flush()

    def take(coded: list[CodedFrame], frames_done: int) -> None:
        say("frames", (coded, frames_done))

    studio: Studio | None = None
    while True:
        message = heard.get()
        if isinstance(message, Segment) and studio is not None:
            say(*_made(studio, message, take))
        else:
            if studio is not None:
                studio.close()
            studio = Studio(message) if message is not None and not isinstance(message, Segment) else None
            give_back_memory()


def _made(studio: Studio, segment: Segment, take: Take) -> tuple[str, object]:
    try:
        return "report", studio.make(segment, take)
    except MediaFault as fault:
        return "fault", (fault.code, fault.reason)
    except Exception as error:
        trace = traceback.format_exc()
        return ("memory", str(error)) if ran_out_of_memory(error) else ("bug", trace)


def _listen(heard: queue.SimpleQueue[Any]) -> None:
    try:
        with suppress(EOFError):
            while True:
                heard.put(pickle.load(sys.stdin.buffer))  # noqa: S301 - our own process at the other end
    except Exception:
        # Without this thread nobody would notice that the worker has gone.
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    serve()
