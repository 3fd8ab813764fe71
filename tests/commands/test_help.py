"""Help ends in an example that works, and a command imports no more than it needs."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import typer

from headswap_cli.cli import build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

TREE: Any = typer.main.get_command(build())
HEAVY = {"numpy", "av", "cv2", "numba", "PIL", "starlette", "hypercorn", "ai_edge_litert", "obstore"}
# What only a terminal, a network or a rewritten file needs.
SPARED = HEAVY | {"rich", "click", "pydantic", "keyring", "tomlkit", "cryptography", "asyncio"}


def commands(group: Any = TREE, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that does something, with the words that call it."""
    for name in group.list_commands(None):
        command = group.get_command(None, name).whole()
        if hasattr(command, "commands"):
            yield from commands(command, (*above, name))
        else:
            yield (*above, name), command


COMMANDS = dict(commands())


def examples(command: Any) -> list[str]:
    """Return the command lines that the help of a command ends in."""
    _, _, text = (command.help or "").partition("Example:")
    return [line.strip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_ends_in_an_example_that_it_takes(words: tuple[str, ...]) -> None:
    shown = examples(COMMANDS[words])
    assert shown
    for line in shown:
        program, *rest = shlex.split(line.replace("...", ""))
        assert program == "headswap", line
        assert tuple(rest[: len(words)]) == words, line
        COMMANDS[words].make_context(" ".join(words), rest[len(words) :])


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_fits_80_columns(headswap: Headswap, words: tuple[str, ...]) -> None:
    out = headswap(*words, "--help", COLUMNS="80").out
    assert "Example: headswap " in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("command", ["run", "download", "batch"])
def test_the_help_says_what_a_result_is_called_in_a_folder(headswap: Headswap, command: str) -> None:
    said = " ".join(headswap(command, "--help").out.split())
    assert "existing folder to save STEM.headswap.mp4 in" in said
    # Of a task that the journal does not know, the video's name is not known either.
    assert ("TASK_ID.headswap.mp4" in said) == (command == "download")


def imported(headswap: Headswap, *arguments: str, **env: str) -> set[str]:
    """Return the top-level names of all modules that a command has imported when it ends."""
    script = """
import sys
before = set(sys.modules)
from headswap_cli.__main__ import main
sys.argv[1:] = sys.argv[1:]
try:
    main()
finally:
    names = {name.partition(".")[0] for name in set(sys.modules) - before}
    sys.stderr.write("\\nIMPORTED " + " ".join(sorted(names)))
"""
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(
        command, cwd=headswap.cwd, env={**headswap.env, **env}, capture_output=True, text=True, timeout=60
    )
    return set(done.stderr.rpartition("IMPORTED ")[2].split())


WITHOUT_HTTP = [
    ["--help"],
    ["run", "--help"],
    ["serve", "--status"],
    ["profile", "list"],
    ["profile", "show"],
    ["status", "run-aaaaaaaaaa", "-p", "nobody"],
    ["download", "a", "b", "-o", "one.mp4"],
    ["run", "gone.mp4", "--face", "me.jpg"],
    ["batch", "gone.csv"],
]


@pytest.mark.parametrize("arguments", WITHOUT_HTTP, ids=" ".join)
def test_a_command_without_http_imports_neither_httpx_nor_anything_heavy(
    headswap: Headswap, arguments: list[str]
) -> None:
    names = imported(headswap, *arguments)
    assert "typer" in names
    assert not names & (SPARED | {"httpx", "ssl"})


def test_the_help_of_the_program_ends_in_an_example_too(headswap: Headswap) -> None:
    assert "Example: headswap run video.mp4 --face 1=me.jpg" in headswap("--help").out


def test_the_version_imports_nothing_but_this_program(headswap: Headswap) -> None:
    assert imported(headswap, "--version") <= {"headswap_cli", "__future__"}


@pytest.mark.parametrize("arguments", [["status"], ["download"], ["credits"]], ids=" ".join)
def test_one_get_imports_httpx_and_nothing_heavy(
    cloud: Headswap, service: HeadSwapService, arguments: list[str]
) -> None:
    identifier = [] if arguments == ["credits"] else ["f" * 24]
    names = imported(cloud, *arguments, *identifier)
    assert service.requests
    assert "httpx" in names
    # Where click is installed httpx brings its own command line with it: click, rich and pygments.
    assert not names & (SPARED - {"rich", "click", "asyncio"})


def test_a_run_on_urls_imports_nothing_of_the_engine(cloud: Headswap, service: HeadSwapService) -> None:
    names = imported(cloud, "run", "https://e.com/v.mp4", "--face", "https://e.com/f.jpg", "--detach", "-q")
    assert service.creates
    assert not names & HEAVY
