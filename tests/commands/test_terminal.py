"""What a terminal of 80 columns is shown; stdout stays the result's alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from headswap_cli.wire import TASK_PATH

if TYPE_CHECKING:
    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
VIDEO, FACE = "https://example.com/clip.mp4", "https://example.com/me.jpg"
_STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_a_terminal(headswap: Headswap, *arguments: str) -> tuple[int, str, list[str]]:
    """Run with stderr on a terminal; return the exit code, stdout, and what every line was drawn as."""
    ours, theirs = os.openpty()
    env = {**headswap.env, "COLUMNS": "80", "TERM": "xterm-256color"}
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
    return process.returncode, out, re.split(r"[\r\n]+", _STEERING.sub("", text))


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
