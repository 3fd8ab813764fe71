"""The user's two streams: what goes on stdout, what goes on stderr, and in which form."""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from headswap_cli.errors import InputError, RowsError
from headswap_cli.render.progress import Lines, Live, Progress, Silent
from headswap_cli.render.words import columns_of, size_of, wrapped
from headswap_cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from headswap_cli.errors import HeadswapError, Stopped
    from headswap_cli.models import Person
    from headswap_cli.render.batch import SilentBoard
    from headswap_cli.render.picker import Check
    from headswap_cli.render.states import SilentStates
    from headswap_cli.render.terminal import Terminal
    from headswap_cli.render.views import Shown

# A message holds whole paths and lists of people; what a service says has been cut short before.
LINE_LIMIT = 4000


class View:
    """Shows results and errors as the user asked for them.

    Args:
        as_json: stdout is exactly one JSON value.
        quiet: stdout is bare ids and paths; stderr only errors.
    """

    def __init__(
        self,
        *,
        as_json: bool = False,
        quiet: bool = False,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        stdin: TextIO | None = None,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        self._json, self._quiet = as_json, quiet
        self._stdout, self._stderr = stdout or sys.stdout, stderr or sys.stderr
        self._stdin = stdin or sys.stdin
        self._env = env
        self._stdout_reserved = False

    def progress(self) -> Progress:
        """Return what shows progress on this stderr; close it when the work is over."""
        if self._quiet:
            return Silent()
        return Live(self._stderr) if is_live(self._stderr, self._env) else Lines(self._stderr)

    def board(self) -> SilentBoard:
        """Return what shows a batch on this stderr; close it when the work is over."""
        from headswap_cli.render import batch

        if self._quiet:
            return batch.SilentBoard()
        # Lines of JSON on the same terminal would tear a picture that is redrawn in place.
        live = is_live(self._stderr, self._env) and not (self._json and self._stdout.isatty())
        return batch.BatchTable(self._stderr) if live else batch.BatchLines(self._stderr)

    def states_board(self, identifiers: Sequence[str]) -> SilentStates:
        """Return what shows the states of many ids on this stderr; a context manager."""
        from headswap_cli.render import states

        if self._quiet:
            return states.SilentStates()
        # Lines of JSON on the same terminal would tear a table.
        if self._json or not is_live(self._stderr, self._env):
            return states.StatesLines(self._stderr)
        return states.StatesTable(self._stderr, identifiers)

    def row(self, value: Callable[[], Mapping[str, Any]], bare: str | None) -> None:
        """Print one row of a batch: as JSON, or its path; for people the summary is enough."""
        if self._json:
            self._line(json.dumps(value()))
        elif self._quiet and bare is not None:
            self._line(bare)

    def summary(self, head: str, errors: Sequence[str], *, on_stdout: bool) -> None:
        """Print what a batch came to: the counts and, where they are not in the JSON, the rows that failed.

        Args:
            head: The counts.
            errors: The rows that failed and what mends them; all that ``--quiet`` wants.
            on_stdout: Whether people find it there, because nothing else is.
        """
        lines = [*([] if self._quiet else [head]), *([] if self._json else errors)]
        for line in lines:
            if on_stdout and not (self._json or self._quiet):
                self._line(wrapped(printable(line, LINE_LIMIT), columns_of(self._stdout)))
            else:
                self.complain(line)

    def show(self, shown: Shown) -> None:
        """Print a result, and on stderr what there is to know of it."""
        self.notices(shown.remarks())
        if self._stdout_reserved:
            return
        if self._json:
            self._line(json.dumps(shown.value, indent=2))
        else:
            self._line(shown.bare if self._quiet else shown.on(columns_of(self._stdout)))

    def json_line(self, value: Mapping[str, Any]) -> None:
        """Print one value of a stream, where JSON was asked for."""
        if self._json:
            self._line(json.dumps(value))

    def show_last(self, shown: Shown) -> None:
        """Print the end of a stream: as JSON its lines have been printed already."""
        if self._json:
            self.notices(shown.remarks())
        else:
            self.show(shown)

    def reserve_stdout(self) -> None:
        """Keep stdout for ``pour``: results are not printed there any more.

        Raises:
            InputError: JSON was asked for, and both cannot go there; or stdout is a terminal.
        """
        if self._json:
            raise InputError("With -o - the video goes to stdout, so --json cannot.", hint="-o out.mp4")
        if self._stdout.isatty():
            raise InputError(
                "A video is nothing for a terminal to show.", hint="-o - > out.mp4, or -o out.mp4"
            )
        self._stdout_reserved = True

    def pour(self, path: Path) -> None:
        """Copy a file to stdout and print nothing else there."""
        self._stdout.flush()
        with path.open("rb") as file:
            shutil.copyfileobj(file, self._stdout.buffer)
        self._stdout.buffer.flush()

    def canvas(self, *, images: bool, on_stderr: bool = False) -> Terminal | None:
        """Return the terminal that pictures can be drawn on; None where there is none or nobody wants them.

        Args:
            images: Whether the user wants them.
            on_stderr: Where questions are asked; else where results go.
        """
        stream = self._stderr if on_stderr else self._stdout
        # Asked first: what can draw takes a while to load.
        if not images or ((self._json or self._quiet) and not on_stderr) or not is_live(stream, self._env):
            return None
        from headswap_cli.render.terminal import drawing_terminal

        return drawing_terminal(stream, self._env)

    def people(
        self,
        people: Sequence[Person],
        contents: Mapping[int, bytes],
        terminal: Terminal,
        *,
        on_stderr: bool = False,
    ) -> None:
        """Draw people on the terminal that ``canvas`` returned.

        Args:
            people: All of them.
            contents: Their pictures as they came, by number from 1.
            terminal: Where they are drawn.
            on_stderr: As for ``canvas``.
        """
        from headswap_cli.render.gallery import gallery

        stream = self._stderr if on_stderr else self._stdout
        drawn, faults = gallery(people, contents, terminal)
        self.notices(faults)
        stream.write(drawn)
        stream.flush()

    @property
    def is_quiet(self) -> bool:
        """Whether stderr is for errors alone."""
        return self._quiet

    @property
    def can_ask(self) -> bool:
        """Whether there is somebody to ask: a terminal for the keys and one for the questions."""
        if self._json or self._quiet or not (self._stdin.isatty() and is_live(self._stderr, self._env)):
            return False
        from headswap_cli.render.keys import is_foreground

        return is_foreground(self._stdin)

    def agreed(self, question: str, unasked: HeadswapError) -> bool:
        """Return whether the user says yes.

        Raises:
            HeadswapError: ``unasked``, where there is nobody to ask.
        """
        if not self.can_ask:
            raise unasked
        self._stderr.write(wrapped(question, columns_of(self._stderr)))
        self._stderr.flush()
        return self._stdin.readline().strip().lower() in {"y", "yes"}

    def pick(
        self, people: Sequence[Person], check: Check, *, is_free: bool = False
    ) -> list[tuple[Person, str]]:
        """Let the user choose people and a photo for each; only where ``can_ask``.

        Args:
            people: At least one.
            check: Says what is wrong with a photo.
            is_free: Whether nothing is to be paid in the end.

        Raises:
            LeftError: the user left by Escape or Ctrl-C.
        """
        from headswap_cli.render.keys import pressed
        from headswap_cli.render.picker import pick

        with pressed(self._stdin, self._stderr) as keys:
            return pick(
                people,
                keys,
                self._stderr,
                check,
                columns=lambda: size_of(self._stderr).columns,
                is_free=is_free,
            )

    def error(self, error: HeadswapError) -> None:
        """Print an error: on stderr for people, as the JSON value on stdout where JSON was asked for."""
        if self._json:
            self._line(json.dumps({"error": error_json(error)}, indent=2))
            return
        self.complain(f"error: {error.message}")
        for line in error.told if isinstance(error, RowsError) else ():
            self.complain(line)
        if error.hint:
            self.complain(f"hint: {error.hint}")

    def mishaps(self, errors: Iterable[HeadswapError]) -> None:
        """Print what went wrong with parts of a command whose result says so where JSON was asked for."""
        for error in errors:
            if not self._json:
                self.error(error)

    def stopped(self, stopped: Stopped) -> None:
        """Print that a signal ended the command, and how to go on."""
        if self._json:
            said = {"code": "stopped", "message": "Stopped.", "hint": stopped.hint, "retryable": True}
            self._line(json.dumps({"error": {**said, "exit_code": int(stopped.exit_code)}}, indent=2))
        else:
            self.complain("Stopped." if stopped.hint is None else f"Stopped. {stopped.hint}")

    def notices(self, texts: Iterable[str]) -> None:
        """Print lines that the user need not act on; ``--quiet`` wants none."""
        if not self._quiet:
            for text in texts:
                self.complain(text)

    def complain(self, text: str) -> None:
        """Print a sentence on stderr, whatever was asked for."""
        with suppress(OSError, ValueError):
            self._stderr.write(f"{wrapped(printable(text, LINE_LIMIT), columns_of(self._stderr))}\n")
            self._stderr.flush()

    def _line(self, text: str) -> None:
        self._stdout.write(f"{text}\n")
        self._stdout.flush()


def is_live(stream: TextIO, env: Mapping[str, str] = os.environ) -> bool:
    """Whether a stream takes a display that redraws itself: a terminal that is not dumb."""
    return stream.isatty() and env.get("TERM") != "dumb"


def error_json(error: HeadswapError) -> dict[str, Any]:
    """Return an error as ``--json`` shows it."""
    return {
        "code": error.slug,
        "message": error.message,
        "hint": error.hint,
        "exit_code": int(error.exit_code),
        "retryable": error.retryable,
        **({"service_code": error.code} if error.code is not None else {}),
        **({"rows": list(error.problems)} if isinstance(error, RowsError) else {}),
        **error.ids,
    }
