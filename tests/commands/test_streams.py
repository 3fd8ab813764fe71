"""Whoever reads stdout may go at any time, and a disk may be full: no traceback, and a code that says so."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Headswap

VIDEO, FACE = "https://example.com/clip.mp4", "https://example.com/me.jpg"
FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes break otherwise elsewhere")


def ended(
    headswap: Headswap, words: tuple[str, ...], *, stdout: int, stderr: int
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, its streams being those files."""
    return subprocess.run(
        headswap.command(*words),
        cwd=headswap.cwd,
        env=headswap.env,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        text=True,
        timeout=60,
    )


def written_to(stdout: int, headswap: Headswap, *words: str) -> tuple[int, str]:
    """Run a command whose stdout is that file; return its exit code and what it says on stderr."""
    try:
        ran = ended(headswap, words, stdout=stdout, stderr=subprocess.PIPE)
    finally:
        os.close(stdout)
    return ran.returncode, ran.stderr


def unread() -> int:
    """Return a pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize(
    "words", [("runs",), ("runs", "--json"), ("--version",), ("--help",), ("run", "--help"), ("profile",), ()]
)
def test_a_command_whose_reader_has_gone_ends_as_by_sigpipe_without_a_word(
    headswap: Headswap, words: tuple[str, ...]
) -> None:
    assert written_to(unread(), headswap, *words) == (141, "")


def test_an_error_that_nobody_reads_as_json_is_told_on_stderr_with_its_own_code(headswap: Headswap) -> None:
    code, err = written_to(unread(), headswap, "run", "gone.mp4", "--face", "me.jpg", "--json")
    assert code == 2
    assert err.startswith("error: no such file: ")
    assert "hint: " in err


def test_a_run_whose_reader_has_gone_is_saved_all_the_same(cloud: Headswap) -> None:
    code, err = written_to(unread(), cloud, "run", VIDEO, "--face", FACE)
    assert (code, "Traceback" in err) == (141, False)
    assert (cloud.cwd / "clip.headswap.mp4").is_file()
    assert cloud("runs", "--json").value[0]["status"] == "completed"


def test_a_command_whose_stderr_nobody_reads_ends_with_its_own_code(cloud: Headswap) -> None:
    run = ("run", VIDEO, "--face", FACE)
    for words, code in [(run, 0), (run, 2), (("bogus",), 2), (("runs", "show", "run-none"), 13)]:
        stderr = unread()
        ran = ended(cloud, words, stdout=subprocess.DEVNULL, stderr=stderr)
        os.close(stderr)
        assert (words, ran.returncode) == (words, code)


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [("runs",), ("runs", "--json"), ("--version",), ("--help",), ()])
def test_a_disk_that_takes_no_result_is_named_once(headswap: Headswap, words: tuple[str, ...]) -> None:
    code, err = written_to(os.open(FULL, os.O_WRONLY), headswap, *words)
    assert code == 1
    assert err == (
        "error: The system refused (No space left on device)\nhint: Make room, or use another folder.\n"
    )


@pytest.mark.parametrize("words", [("--version",), ("runs",)])
def test_without_a_stdout_a_command_does_its_work(headswap: Headswap, words: tuple[str, ...]) -> None:
    command = ["sh", "-c", 'exec "$@" >&-', "sh", *headswap.command(*words)]
    ran = subprocess.run(command, cwd=headswap.cwd, env=headswap.env, stderr=subprocess.PIPE, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, b"")
