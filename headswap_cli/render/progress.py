"""Progress on stderr: a live display on a terminal, one line per change of state elsewhere."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TextIO

from headswap_cli.render.words import columns_of, wrapped
from headswap_cli.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import Task as RichTask
    from rich.progress import TaskID

    from headswap_cli.models import Front, Status

# Of a job that others wait for a log is told so many times, at most.
_QUARTER = 25.0


class Progress(Protocol):
    """Shows what a workflow reports."""

    def state(self, what: str, status: Status, progress: float) -> None:
        """Show the state of an analysis or task; ``progress`` is 0 to 100."""

    def waits(self, what: str, front: Front, ahead: int) -> None:
        """Show that ``ahead`` jobs come before it, and how far the first of them is."""

    def transfer(self, what: str, done: int, total: int | None) -> None:
        """Show bytes sent or received."""

    def notice(self, text: str) -> None:
        """Show a line that stays."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class Silent:
    """``--quiet``: nothing but errors, which are not progress."""

    def state(self, what: str, status: Status, progress: float) -> None:
        """Say nothing."""

    def waits(self, what: str, front: Front, ahead: int) -> None:
        """Say nothing."""

    def transfer(self, what: str, done: int, total: int | None) -> None:
        """Say nothing."""

    def notice(self, text: str) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Do nothing."""


class Lines:
    """One plain line per change of state, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: dict[str, str] = {}
        self._fronts: dict[str, float] = {}

    def state(self, what: str, status: Status, progress: float) -> None:
        """Print the state when it is another than before."""
        self._print_once(what, str(status))

    def waits(self, what: str, front: Front, ahead: int) -> None:
        """Print how far the first job is once it has come a quarter further; a notice has named it."""
        told = self._fronts.setdefault(front.identifier, front.progress)
        if front.progress >= told + _QUARTER:
            self._fronts[front.identifier] = front.progress
            done = f"{front.progress:.0f} %"
            self.notice(f"{what}: still waits; the {front.kind} {front.identifier} is at {done}")

    def transfer(self, what: str, done: int, total: int | None) -> None:
        """Print the beginning and the end of a transfer."""
        self._print_once(what, "transferred" if total is not None and done >= total else "transferring")

    def notice(self, text: str) -> None:
        """Print the line; a stream that takes no more must not end what was paid for."""
        with suppress(OSError, ValueError):
            self._stream.write(f"{wrapped(printable(text), columns_of(self._stream))}\n")
            self._stream.flush()

    def close(self) -> None:
        """Nothing is left open."""

    def _print_once(self, what: str, state: str) -> None:
        if self._last.get(what) != state:
            self._last[what] = state
            self.notice(f"{what}: {state}")


class Live:
    """Rich bars and spinners; what has no length spins, what has one grows."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._console = Console(file=stream, markup=False, highlight=False, emoji=False)
        self._bars: RichProgress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[detail]}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=False,
            # Redrawn at most ten times a second: per chunk it would cost four percent of a download.
            refresh_per_second=10,
        )
        self._tasks: dict[str, TaskID] = {}
        self._bars.start()

    def state(self, what: str, status: Status, progress: float) -> None:
        """Spin while there is no percentage; show a bar once there is."""
        total = 100.0 if progress > 0 or status.is_terminal else None
        done = 100.0 if status.is_terminal else progress
        detail = f"{progress:3.0f} %" if status == "processing" and progress else str(status)
        self._show(what, done, total, detail)

    def waits(self, what: str, front: Front, ahead: int) -> None:
        """Show beside the spinner what is at work, and how far it is."""
        others = f" and {ahead - 1} more" if ahead > 1 else ""
        self._show(what, 0.0, None, f"behind the {front.kind} at {front.progress:.0f} %{others}")

    def transfer(self, what: str, done: int, total: int | None) -> None:
        """Show bytes, and the rate while they flow."""
        bar = self._bar(what)
        speed = f", {_size(bar.speed)}/s" if bar is not None and bar.speed else ""
        whole = f" of {_size(total)}" if total else ""
        self._show(what, float(done), float(total) if total else None, f"{_size(done)}{whole}{speed}")

    def notice(self, text: str) -> None:
        """Print the line above the bars."""
        self._console.print(wrapped(printable(text), self._console.width), soft_wrap=True)

    def close(self) -> None:
        """Stop drawing; the last picture stays."""
        self._bars.stop()

    def _bar(self, what: str) -> RichTask | None:
        return next((t for t in self._bars.tasks if t.id == self._tasks.get(what)), None)

    def _show(self, what: str, done: float, total: float | None, detail: str) -> None:
        if what not in self._tasks:
            name = printable(what)
            self._tasks[what] = self._bars.add_task(name, total=total, detail=printable(detail))
        self._bars.update(self._tasks[what], completed=done, total=total, detail=printable(detail))


def _size(size_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} GB"
