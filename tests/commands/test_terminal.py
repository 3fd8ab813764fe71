"""What a terminal of 80 columns is shown; stdout stays the result's alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from headswap_cli.wire import TASK_PATH
from tests.terminals import Screen

if TYPE_CHECKING:
    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
VIDEO, FACE = "https://example.com/clip.mp4", "https://example.com/me.jpg"
_STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_a_terminal(headswap: Headswap, *arguments: str) -> tuple[int, str, list[str]]:
    """Run with stderr on a terminal; return the exit code, stdout, and what every line was drawn as."""
    code, out, drawn = drawn_on_a_terminal(headswap, *arguments)
    return code, out, re.split(r"[\r\n]+", _STEERING.sub("", drawn))


def drawn_on_a_terminal(headswap: Headswap, *arguments: str, **env: str) -> tuple[int, str, str]:
    """Run with stderr on a terminal; return the exit code, stdout, and all that was drawn."""
    ours, theirs = os.openpty()
    env = {**headswap.env, "COLUMNS": "80", "TERM": "xterm-256color", **env}
    process = subprocess.Popen(
        headswap.command(*arguments),
        cwd=headswap.cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    shown = bytearray()
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # EIO: nobody holds the other end any more
            break
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    out, _ = process.communicate(timeout=30)
    text = shown.decode()
    headswap.assert_secret(out, text)
    return process.returncode, out, text


def test_a_run_draws_its_steps_within_80_columns_and_tells_the_cost(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.price, service.polls[TASK_PATH] = 8.0, 1
    code, out, lines = on_a_terminal(cloud, "run", VIDEO, "--face", FACE)
    assert (code, out) == (0, "clip.headswap.mp4\n")
    assert max(map(len, lines)) <= 80
    drawn = "\n".join(lines)
    for step in ("backend: akool", "analysis", "task", "result", "cost: 8 credits (balance 92)"):
        assert step in drawn
    assert "%" in drawn


def test_an_error_on_a_terminal_comes_after_the_drawing_in_whole_words(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.errors[TASK_PATH] = "The face is covered in most of the frames, so that nothing could be done"
    code, out, lines = on_a_terminal(cloud, "run", VIDEO, "--face", FACE)
    assert (code, out) == (3, "")
    start = next(index for index, line in enumerate(lines) if line.startswith("error: "))
    assert "task" not in "".join(line for line in lines[start + 1 :] if "━" in line)
    assert max(len(line) for line in lines[start:]) <= 80
    assert "nothing could be done" in " ".join(lines[start:])


def test_verbose_lines_do_not_tear_the_drawing(cloud: Headswap) -> None:
    _, _, lines = on_a_terminal(cloud, "run", VIDEO, "--face", FACE, "--verbose")
    requests = [line for line in lines if " -> 200" in line]
    assert len(requests) >= 5
    assert all(re.match(r"(GET|POST) http://127\.0\.0\.1:", line) for line in requests)
    assert not [line for line in requests if "━" in line or "?" in line]


_COLOUR = re.compile(r"\x1b\[[\d;]*m")


def _coloured(drawn: str) -> bool:
    return any(
        re.search(r"(?:^|[\[;])(?:3[1-7]|38|9[0-7])(?:;|m)", found) for found in _COLOUR.findall(drawn)
    )


def test_a_terminal_is_drawn_on_in_colour(cloud: Headswap) -> None:
    _, _, drawn = drawn_on_a_terminal(cloud, "run", VIDEO, "--face", FACE)
    assert _coloured(drawn)


def test_no_color_keeps_the_drawing_and_takes_the_colours(cloud: Headswap) -> None:
    code, _, drawn = drawn_on_a_terminal(cloud, "run", VIDEO, "--face", FACE, NO_COLOR="1")
    assert code == 0
    assert "━" in drawn
    assert not _coloured(drawn)


def test_a_dumb_terminal_gets_plain_lines(cloud: Headswap) -> None:
    code, _, drawn = drawn_on_a_terminal(cloud, "run", VIDEO, "--face", FACE, TERM="dumb")
    assert code == 0
    assert "task: completed" in drawn
    assert "\x1b" not in drawn


def test_force_color_draws_nothing_where_there_is_no_terminal(cloud: Headswap) -> None:
    ran = cloud("run", VIDEO, "--face", FACE, FORCE_COLOR="1")
    assert "\x1b" not in ran.out + ran.err


def test_a_batch_draws_its_counts_and_its_rows_within_80_columns(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.price, service.polls[TASK_PATH] = 2.0, 1
    rows = [f"https://example.com/clip{number}.mp4,{FACE}" for number in range(12)]
    (cloud.cwd / "jobs.csv").write_text("\n".join(["video,face", *rows]))
    code, out, lines = on_a_terminal(cloud, "batch", "jobs.csv")
    assert (code, out.partition(" in ")[0]) == (0, "12 rows")
    assert max(map(len, lines)) <= 80
    drawn = "\n".join(lines)
    for shown in ("12 rows: ", "waiting", "task processing", "left", "[12/12] row "):
        assert shown in drawn


def test_a_batch_on_a_dumb_terminal_prints_a_line_a_row(cloud: Headswap) -> None:
    (cloud.cwd / "jobs.csv").write_text(f"video,face\n{VIDEO},{FACE}\n")
    code, _, drawn = drawn_on_a_terminal(cloud, "batch", "jobs.csv", TERM="dumb")
    assert code == 0
    assert "[1/1] row 1 (clip): completed, clip.headswap.mp4" in drawn
    assert "\x1b" not in drawn


def test_the_help_on_a_terminal_names_kinds_of_values_not_functions_and_cuts_none_in_two(
    headswap: Headswap,
) -> None:
    for command in ("run", "status", "swap", "download", "cancel"):
        with Screen(headswap, command, "--help") as screen:
            assert screen.ended() == 0
        assert "parse_" not in screen.text
        words = re.findall(r"[a-z]+(?:\|[a-z]+)*\|(?:bl|re)\b", screen.text)
        assert words == []
    assert "<id>" in screen.text
