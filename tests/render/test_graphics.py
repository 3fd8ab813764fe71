"""What a terminal can draw: by what it answers, and nowhere but on one."""

from __future__ import annotations

import fcntl
import io
import os
import struct
import sys
import termios
import threading
import tty

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.render import terminal
from headswap_cli.render.terminal import Graphics, cell_of, drawing_terminal, graphics_of
from tests.terminals import KITTY, SIXEL, XTERM

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")


@pytest.mark.parametrize(
    ("answer", "graphics"),
    [
        (KITTY, Graphics.KITTY),
        (SIXEL, Graphics.SIXEL),
        (XTERM, Graphics.BLOCKS),
        (b"", Graphics.BLOCKS),
        # No support for pictures by that way of sending them.
        (b"\x1b_Gi=31;EINVAL\x1b\\\x1b[?62c", Graphics.BLOCKS),
        # A level of 64 is no 4.
        (b"\x1b[?64;22c", Graphics.BLOCKS),
    ],
)
def test_the_best_way_that_the_terminal_names_is_taken(answer: bytes, graphics: Graphics) -> None:
    assert graphics_of(answer) is graphics


@given(st.binary(max_size=60))
def test_no_answer_is_too_odd_and_a_cell_always_has_a_size(answer: bytes) -> None:
    assert graphics_of(answer) in Graphics
    width, height = cell_of(answer, _Tty())
    assert (2 <= width <= 200, 4 <= height <= 400) == (True, True)


def test_the_answer_is_read_and_the_keys_behind_it_are_left() -> None:
    ours, theirs = os.openpty()
    os.write(ours, SIXEL + b"ls\n")
    try:
        assert terminal.ask(theirs) == SIXEL
        assert os.read(theirs, 10) == b"ls\n"
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_mute_terminal_is_not_waited_for_long_and_is_left_as_it_was() -> None:
    ours, theirs = os.openpty()
    before = termios.tcgetattr(theirs)
    try:
        assert terminal.ask(theirs, patience_s=0.05) == b""
        assert termios.tcgetattr(theirs) == before
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_terminal_that_talks_without_end_is_not_listened_to_for_ever() -> None:
    ours, theirs = os.openpty()
    stop = threading.Event()

    def talk() -> None:
        while not stop.is_set():
            try:
                os.write(ours, b"x" * 500)
            except BlockingIOError:
                continue

    # An echo would fill the way back, which nobody reads here, and the question would wait for ever.
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    talking = threading.Thread(target=talk)
    talking.start()
    try:
        assert len(terminal.ask(theirs, patience_s=30)) == 4096
    finally:
        stop.set()
        talking.join()
        os.close(ours)
        os.close(theirs)


class _Tty(io.TextIOWrapper):
    """A stream that says it is a terminal and is none."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError("no descriptor")


@pytest.mark.parametrize(
    "env",
    [{"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}],
)
def test_a_dumb_terminal_and_one_without_colours_get_no_pictures(env: dict[str, str]) -> None:
    assert drawing_terminal(_Tty(), env) is None


def test_a_pipe_gets_no_pictures_and_is_asked_nothing() -> None:
    stream = io.StringIO()
    assert drawing_terminal(stream, {"TERM": "xterm-kitty"}) is None
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("env", "graphics"),
    [
        ({"TERM": "tmux-256color"}, Graphics.BLOCKS),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, Graphics.BLOCKS),
        ({"TERM": "screen.xterm-256color"}, Graphics.BLOCKS),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, Graphics.BLOCKS),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, Graphics.ITERM),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, Graphics.ITERM),
    ],
)
def test_what_the_environment_says_for_sure_is_not_asked(env: dict[str, str], graphics: Graphics) -> None:
    found = drawing_terminal(_Tty(), env)
    assert found is not None
    assert found.graphics is graphics


def test_the_size_is_that_of_the_terminal_that_is_drawn_on() -> None:
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 17, 53, 530, 340))
    with open(theirs, "w", encoding="utf-8") as stream:  # noqa: PTH123
        found = drawing_terminal(stream, {"TERM": "tmux-256color"})
    os.close(ours)
    assert found is not None
    assert (found.columns, found.lines, found.cell) == (53, 17, (10, 20))


def test_true_colours_are_used_where_the_terminal_says_so() -> None:
    for said, has in (("truecolor", True), ("24bit", True), ("", False)):
        found = drawing_terminal(_Tty(), {"TERM": "tmux-256color", "COLORTERM": said})
        assert found is not None
        assert found.true_colours is has
