"""Share a video's segments among this process and its helpers, and put what they make in order."""

from __future__ import annotations

import os
import pickle
import threading
from contextlib import closing
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING

from headswap_cli.engine.helper import Helper
from headswap_cli.engine.schedule import Schedule
from headswap_cli.engine.studio import Studio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headswap_cli.engine.encode import CodedFrame
    from headswap_cli.engine.segments import Segment
    from headswap_cli.engine.studio import Production, SegmentReport, Take

    Make = Callable[[Segment, Take], SegmentReport]

_SPOOL_BYTES = 2 * 1024**2


class Crew:
    """This process and its helpers, which are started once and serve one production after the other.

    Args:
        processes: How many there are to be in all, this one included.
    """

    def __init__(self, processes: int) -> None:
        self._most = processes - 1
        self._helpers: list[Helper] = []

    def gather(self) -> None:
        """Start the helpers that are missing: it takes them a second to be ready."""
        for helper in [helper for helper in self._helpers if not helper.is_alive]:
            helper.close()
            self._helpers.remove(helper)
        self._helpers += [Helper() for _ in range(self._most - len(self._helpers))]

    def make(
        self,
        production: Production,
        segments: Sequence[Segment],
        write: Callable[[CodedFrame], None],
        on_frame: Callable[[], None],
    ) -> list[SegmentReport]:
        """Make all segments.

        Args:
            production: What they are of.
            segments: In order.
            write: Is given all coded frames in order.
            on_frame: Is told of every frame made.

        Returns: The reports, in any order.
        Raises: HelperDiedError: A helper ended; and what ``Studio.make`` raises.
        """
        self.gather()
        helpers = self._helpers[: max(0, len(segments) - 1)]
        changed = {role.obj_id for role in production.roles}
        schedule = Schedule(segments, production.timeline, changed, 1 + len(helpers))
        shift = _Shift(schedule, write, on_frame)
        threads = [
            threading.Thread(target=shift.help, args=(number, helper, production))
            for number, helper in enumerate(helpers, start=1)
        ]
        for thread in threads:
            thread.start()
        try:
            with closing(Studio(production)) as studio:
                shift.work(0, studio.make)
        finally:
            if shift.errors:
                for helper in helpers:
                    helper.end()
            for thread in threads:
                thread.join()
            shift.close()
        if shift.errors:
            # What they still have to say is of this production.
            self.dismiss()
            raise shift.errors[0]
        return shift.reports

    def dismiss(self) -> None:
        """End the helpers."""
        for helper in self._helpers:
            helper.close()
        self._helpers.clear()


class _OverError(Exception):
    """Another one's work went wrong."""


class _Shift:
    """What this process and its helpers share while they make a video."""

    def __init__(
        self,
        schedule: Schedule,
        write: Callable[[CodedFrame], None],
        on_frame: Callable[[], None],
    ) -> None:
        self.errors: list[BaseException] = []
        self.reports: list[SegmentReport] = []
        self._schedule = schedule
        self._joiner = Joiner(write)
        self._on_frame = on_frame
        self._lock = threading.Lock()

    def help(self, number: int, helper: Helper, production: Production) -> None:
        """Have a helper, the process ``number`` of the schedule, make segments until none is left."""

        def prepare() -> Make:
            helper.prepare(production)
            return helper.make

        self._guarded(lambda: self._go_on(number, prepare()))
        self._guarded(lambda: helper.prepare(None))

    def work(self, number: int, make: Make) -> None:
        """Make segments as the process ``number`` until none is left."""
        self._guarded(lambda: self._go_on(number, make))

    def close(self) -> None:
        """Let go of what was not written."""
        self._joiner.close()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            with self._lock:
                self.errors.append(error)

    def _go_on(self, number: int, make: Make) -> None:
        while (segment := self._next(number)) is not None:
            report = make(segment, partial(self._take, segment.index))
            with self._lock:
                self._joiner.end(segment.index)
                self.reports.append(report)

    def _next(self, number: int) -> Segment | None:
        with self._lock:
            return None if self.errors else self._schedule.next(number)

    def _take(self, index: int, coded: list[CodedFrame], frames_done: int) -> None:
        with self._lock:
            if self.errors:
                raise _OverError
            self._joiner.take(index, coded)
            for _ in range(frames_done):
                self._on_frame()


class Joiner:
    """Puts the frames of segments that are made side by side in order.

    Args:
        write: Is given each frame when all of the segments before its own are through.
    """

    def __init__(self, write: Callable[[CodedFrame], None]) -> None:
        self._write = write
        self._current = 0
        self._ended: set[int] = set()
        # Most of a video waits for its first part: one file, and where in it the frames of each segment are.
        self._spool: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115
        self._waiting: dict[int, list[int]] = {}

    def take(self, index: int, coded: list[CodedFrame]) -> None:
        """Take frames of a segment; those of one segment come in order."""
        if index == self._current:
            for frame in coded:
                self._write(frame)
            return
        offsets = self._waiting.setdefault(index, [])
        self._spool.seek(0, os.SEEK_END)
        for frame in coded:
            offsets.append(self._spool.tell())
            pickle.dump(frame, self._spool)

    def end(self, index: int) -> None:
        """Note that a segment is whole."""
        self._ended.add(index)
        while self._current in self._ended:
            self._current += 1
            self._write_waiting(self._current)

    def close(self) -> None:
        """Let go of what was not written."""
        self._spool.close()

    def _write_waiting(self, index: int) -> None:
        for offset in self._waiting.pop(index, ()):
            self._spool.seek(offset)
            self._write(pickle.load(self._spool))  # noqa: S301 - written by ``take``
