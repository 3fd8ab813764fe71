"""A batch while it runs: a table on a terminal, a line for each row elsewhere, or nothing at all."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from headswap_cli.media import known_name
from headswap_cli.models import Backend
from headswap_cli.render.views import short_path
from headswap_cli.render.words import columns_of, wrapped
from headswap_cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Group
    from rich.table import Table

    from headswap_cli.models import Front, Saved, Status
    from headswap_cli.services.batch import RowEnd
    from headswap_cli.services.rehearse import Rehearsal
    from headswap_cli.services.tally import AtWork, Count, Tally

# A table that is higher than the window can't be redrawn in place.
_MOST_ROWS = 10
_REFRESHES_PER_SECOND = 4
# What the local engine says of a photo, and so of all rows that have it.
_OF_A_PHOTO = "reference photo"


class SilentBoard:
    """``--quiet``: says nothing, and is what the others begin with."""

    def show(self, tally: Tally) -> None:
        """Say nothing."""

    def ended(self, end: RowEnd, notices: Sequence[str]) -> None:
        """Say nothing."""

    def refresh(self) -> None:
        """Say nothing."""

    def state(self, what: str, status: Status, progress: float) -> None:
        """Say nothing: the rows tell their own."""

    def waits(self, what: str, front: Front, ahead: int) -> None:
        """Say nothing: a notice has."""

    def transfer(self, what: str, done: int, total: int | None) -> None:
        """Say nothing: the rows tell their own."""

    def notice(self, text: str) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Leave nothing open."""


class BatchLines(SilentBoard):
    """One line for each row that is over and for what there is to know of it, and each other notice once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._told: set[str] = set()
        self._lock = threading.Lock()
        self._tally: Tally | None = None

    def show(self, tally: Tally) -> None:
        """Count by this from now on."""
        self._tally = tally

    def ended(self, end: RowEnd, notices: Sequence[str]) -> None:
        """Print what the row came to, and what there is to know of that.

        Of one that was done before only where its result is, if that is not where it was to go.
        """
        if end.before is not None and end.before.saved is not None:
            if end.is_elsewhere:
                self._write(row_line(end))
        elif self._tally is not None:
            count = self._tally.count()
            over = count.skipped + count.completed + count.failed
            for notice in notices:
                self._remark(end, notice)
            self._write(f"[{over}/{count.total}] {row_line(end)}")

    def notice(self, text: str) -> None:
        """Print the line, unless another row said the same."""
        if text.startswith(("row ", "video ")):
            what = text.partition(": ")[2]
            with self._lock:
                if what in self._told:
                    return
                self._told.add(what)
        self._write(text)

    def _remark(self, end: RowEnd, notice: str) -> None:
        """Print what there is to know of a row's result; of photos that many rows share it is told once."""
        photos = sorted(face.image for face in end.row.request.faces)
        known_as = f"{notice} {photos}" if _OF_A_PHOTO in notice else f"{notice} {end.row.name}"
        if known_as not in self._told:
            self._told.add(known_as)
            self._write(f"{end.row.name}: {notice}")

    def _write(self, text: str) -> None:
        with self._lock, suppress(OSError, ValueError):
            self._stream.write(f"{wrapped(printable(text), columns_of(self._stream))}\n")
            self._stream.flush()


class BatchTable(BatchLines):
    """Counts, the rows at work, credits and the time left, redrawn in place; what is over scrolls above."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__(stream)
        self._console = Console(file=stream, markup=False, highlight=False)
        self._live = Live(
            console=self._console,
            get_renderable=self._picture,
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
        )

    def show(self, tally: Tally) -> None:
        """Begin to draw."""
        super().show(tally)
        self._live.start()

    def close(self) -> None:
        """Stop drawing."""
        self._live.stop()

    def _write(self, text: str) -> None:
        self._console.print(wrapped(printable(text), self._console.width), soft_wrap=True)

    def _picture(self) -> Group:
        from rich.console import Group
        from rich.text import Text

        if self._tally is None:
            return Group()
        return Group(Text(count_line(self._tally.count())), self._table(self._tally.at_work()))

    def _table(self, rows: Sequence[AtWork]) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for name, justify in (("row", "right"), ("video", "left"), ("state", "left"), ("done", "right")):
            table.add_column(name, justify=justify, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
        for now in rows[:_MOST_ROWS]:
            done = f"{now.progress:.0f} %" if now.progress else ""
            table.add_row(*map(Text, (str(now.row.number), video_name(now), state_of(now), done)))
        if len(rows) > _MOST_ROWS:
            table.add_row(Text(""), Text(f"and {len(rows) - _MOST_ROWS} more"))
        return table


def count_line(count: Count) -> str:
    """Return how many rows are where, what was spent and how long it may still take."""
    parts = {
        "waiting": count.waiting,
        "in preparation": count.begun,
        "queued": count.queued,
        "processing": count.processing,
        "done": count.completed + count.skipped,
        "failed": count.failed,
    }
    words = [f"{number} {name}" for name, number in parts.items() if number]
    spent = [] if count.spent is None else [f"{count.spent:g} credits"]
    left = [] if not count.left_s else [f"about {duration(count.left_s)} left"]
    return " · ".join([f"{count.total} {count.unit}s: {', '.join(words)}", *spent, *left])


def duration(seconds: float) -> str:
    """Return a time as people say it: ``45 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def video_name(now: AtWork) -> str:
    """Return a row's video as a cell of a table shows it."""
    return printable(known_name(now.row.request.video), 30)


def state_of(now: AtWork) -> str:
    """Return what is done for a row: ``analysis processing``, ``result``."""
    return printable(now.what if now.status is None else f"{now.what} {now.status}", 30)


def row_line(end: RowEnd) -> str:
    """Return what a row came to, on a line."""
    row = f"{end.row.name} ({known_name(end.row.request.video)})"
    if end.error is not None:
        return f"{row}: error: {end.error.message}"
    if end.rehearsal is not None:
        return f"{row}: {_rehearsed(end.rehearsal)}"
    if end.before is not None and end.before.saved is not None:
        return f"{row}: was completed before{_at(end.before.saved)}"
    if end.result is None:
        return f"{row}: completed"
    saved = end.result.saved
    return f"{row}: task {end.result.task.task_id}" if saved is None else f"{row}: completed{_at(saved)}"


def _rehearsed(rehearsal: Rehearsal) -> str:
    if rehearsal.task is not None:
        return f"exists already, task {rehearsal.task.task_id}"
    return f"would be {'made' if rehearsal.backend is Backend.LOCAL else 'paid for'}"


def _at(saved: Saved) -> str:
    return "" if saved.path is None else f", {short_path(saved.path)}"
