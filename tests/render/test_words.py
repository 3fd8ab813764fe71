"""Sentences, tables and commands on terminals of any width."""

from __future__ import annotations

import io

import pytest

from headswap_cli.errors import ExitCode, Stopped
from headswap_cli.render.batch import BatchLines, BatchTable
from headswap_cli.render.progress import Lines, Live
from headswap_cli.render.states import StatesTable
from headswap_cli.render.view import View
from headswap_cli.render.views import Shown, table
from headswap_cli.render.words import wrapped
from tests.terminals import STEERING

NOTICE = (
    "person 1: the head is turned by up to 4.5 times its width in some of the frames, which the photo"
    " cannot follow, so that they are as they were"
)
COMMAND = "headswap status 64f0c2aa64f0c2aa64f0c2aa --wait --profile work --timeout 30m --json"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("shown_by", [Live, Lines, BatchTable, BatchLines, lambda to: StatesTable(to, ["a"])])
def test_a_notice_is_broken_between_words_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, shown_by: type[Live], columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    shown = shown_by(terminal)
    shown.notice(NOTICE)
    shown.close()
    lines = [line for line in STEERING.sub("", terminal.getvalue()).splitlines() if line.strip()]
    assert " ".join(lines) == NOTICE
    assert max(map(len, lines)) <= columns


def test_a_notice_is_one_line_for_programs() -> None:
    pipe = io.StringIO()
    Lines(pipe).notice(NOTICE)
    View(stderr=pipe).notices([NOTICE])
    assert pipe.getvalue().splitlines() == [NOTICE, NOTICE]


def test_a_summary_and_what_stopped_a_command_are_broken_between_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out, err = Terminal(), Terminal()
    view = View(stdout=out, stderr=err)
    view.summary(NOTICE, [], on_stdout=True)
    stopped = Stopped(ExitCode.INTERRUPTED)
    stopped.hint = f"What was submitted goes on without this command; wait on: {COMMAND}"
    view.stopped(stopped)
    assert out.getvalue().split() == NOTICE.split()
    *said, command = err.getvalue().splitlines()
    assert command == COMMAND
    assert max(map(len, [*out.getvalue().splitlines(), *said])) <= 40


def test_the_last_column_is_broken_within_itself_and_nothing_else_is() -> None:
    rows = [("run-a", "failed", NOTICE), ("run-b", "completed", "/a/" + 30 * "path/")]
    lines = table(("RUN", "STATUS", "RESULT"), rows, 80).splitlines()
    place = lines[0].index("RESULT")
    *failed, done, path = lines[1:]
    assert max(map(len, failed)) <= 80
    assert [line[:place].strip() for line in failed[1:]] == [""] * (len(failed) - 1)
    assert " ".join(line[place:] for line in failed) == NOTICE
    assert (done.split(), path.strip()) == (["run-b", "completed"], rows[1][-1])


def test_a_last_column_without_room_is_broken_below_its_row() -> None:
    first, *below = table(("RUN", "RESULT"), [("r" * 30, NOTICE)], 40).splitlines()[1:]
    assert first == "r" * 30
    assert max(map(len, below)) <= 40
    assert " ".join(line.strip() for line in below) == NOTICE


def test_a_table_is_laid_out_for_a_terminal_and_whole_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    terminal, pipe = Terminal(), io.StringIO()

    def _lay(columns: int | None) -> str:
        return table(("RUN", "RESULT"), [("run-a", NOTICE)], columns)

    for stream in (terminal, pipe):
        View(stdout=stream).show(Shown([], _lay(None), "", _lay))
    assert max(map(len, terminal.getvalue().splitlines())) <= 80
    assert pipe.getvalue().splitlines()[1].endswith(NOTICE)


@pytest.mark.parametrize("columns", [1, 30, 200])
def test_a_command_stays_whole_and_no_word_is_lost(columns: int) -> None:
    text = f"Nothing was sent. Wait on: {COMMAND}"
    lines = wrapped(text, columns).splitlines()
    assert lines[-1].endswith(COMMAND)
    assert " ".join(lines) == text


def test_a_command_that_its_column_is_too_narrow_for_stands_whole_below_its_row() -> None:
    lines = table(("RUN", "BEGUN", "RESULT"), [("run-a", "b" * 30, COMMAND[:50])], 60).splitlines()
    assert [line.strip() for line in lines[1:]] == [f"run-a  {'b' * 30}", COMMAND[:50]]


@pytest.mark.parametrize("columns", [70, 80, 100])
def test_of_two_commands_that_fit_on_no_line_together_each_has_one_of_its_own(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    err = Terminal()
    stopped = Stopped(ExitCode.INTERRUPTED)
    stopped.hint = (
        "What was submitted goes on: headswap resume run-od2ul6o6se;"
        " to end it for good: headswap cancel run-od2ul6o6se"
    )
    View(stderr=err).stopped(stopped)
    assert err.getvalue().splitlines() == [
        "Stopped. What was submitted goes on: headswap resume run-od2ul6o6se;",
        "to end it for good: headswap cancel run-od2ul6o6se",
    ]


def test_two_commands_that_fit_on_a_line_stay_there() -> None:
    text = "hint: headswap resume run-a, or headswap runs forget run-a --force"
    assert wrapped(text, 80) == text
    assert wrapped(text, 50).splitlines() == [
        "hint: headswap resume run-a,",
        "or headswap runs forget run-a --force",
    ]
