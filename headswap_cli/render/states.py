"""The states of many ids while they are waited for: a table that redraws itself, or a line a change."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Self, TextIO

from headswap_cli.render.words import columns_of, wrapped
from headswap_cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from headswap_cli.models import Front, Status
    from headswap_cli.services.status import StatusResult

# A table that is higher than the window can't be redrawn in place.
_LINES_LEFT = 4
_REFRESHES_PER_SECOND = 4


class SilentStates:
    """``--quiet``: says nothing, and is what the others begin with; a context manager."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""

    def changed(self, result: StatusResult) -> None:
        """Take note of a state."""

    def only(self, identifier: str) -> OneOfMany:
        """Return what is told of one id; what it says there begins with that."""
        return OneOfMany(self, identifier)

    def state(self, what: str, status: Status, progress: float) -> None:
        """Say nothing: ``changed`` tells whose it is."""

    def waits(self, what: str, front: Front, ahead: int) -> None:
        """Say nothing: a notice has."""

    def transfer(self, what: str, done: int, total: int | None) -> None:
        """Say nothing: nothing is transferred."""

    def notice(self, text: str) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Do nothing: one of many connections is closed, the others go on."""


class OneOfMany:
    """Says whose a notice is; the rest is shown by ``changed``."""

    def __init__(self, board: SilentStates, identifier: str) -> None:
        self._board, self._identifier = board, identifier

    def state(self, what: str, status: Status, progress: float) -> None:
        """Say nothing."""

    def waits(self, what: str, front: Front, ahead: int) -> None:
        """Say nothing: a notice has."""

    def transfer(self, what: str, done: int, total: int | None) -> None:
        """Say nothing."""

    def notice(self, text: str) -> None:
        """Show the line, and whose it is."""
        self._board.notice(f"{self._identifier}: {text}")


class StatesLines(SilentStates):
    """One plain line per change of state."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: dict[str, Status] = {}

    def changed(self, result: StatusResult) -> None:
        """Print the state when it is another than before."""
        if self._last.get(result.identifier) is not result.status:
            self._last[result.identifier] = result.status
            self.notice(f"{result.kind or 'id'} {result.identifier}: {result.status}")

    def notice(self, text: str) -> None:
        """Print the line."""
        with suppress(OSError, ValueError):
            self._stream.write(f"{wrapped(printable(text), columns_of(self._stream))}\n")
            self._stream.flush()


class StatesTable(SilentStates):
    """All ids with their states, redrawn in place and gone at the end."""

    def __init__(self, stream: TextIO, identifiers: Sequence[str]) -> None:
        from rich.console import Console
        from rich.live import Live

        self._identifiers = list(dict.fromkeys(identifiers))
        self._known: dict[str, StatusResult] = {}
        self._console = Console(file=stream, markup=False, highlight=False, emoji=False)
        self._live = Live(
            console=self._console,
            get_renderable=self._picture,
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing."""
        self._live.stop()

    def changed(self, result: StatusResult) -> None:
        """Draw the state from now on."""
        self._known[result.identifier] = result

    def notice(self, text: str) -> None:
        """Print the line above the table."""
        self._console.print(wrapped(printable(text), self._console.width), soft_wrap=True)

    def _picture(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, padding=(0, 2, 0, 0), header_style="")
        for name in ("ID", "KIND", "STATUS"):
            table.add_column(name, no_wrap=True)
        table.add_column("DONE", justify="right", no_wrap=True)
        room = max(1, self._console.height - _LINES_LEFT)
        # What is still open is what one waits for.
        ordered = sorted(self._identifiers, key=self._is_over)
        for identifier in ordered[:room]:
            table.add_row(*map(Text, self._cells(identifier)))
        if len(ordered) > room:
            table.add_row(Text(f"and {len(ordered) - room} more"))
        return table

    def _cells(self, identifier: str) -> tuple[str, str, str, str]:
        known = self._known.get(identifier)
        if known is None:
            return printable(identifier, 60), "-", "-", "-"
        done = f"{known.progress:.0f} %"
        return printable(identifier, 60), known.kind or "-", str(known.status), done

    def _is_over(self, identifier: str) -> bool:
        known = self._known.get(identifier)
        return known is not None and (known.status.is_terminal or known.fault is not None)
