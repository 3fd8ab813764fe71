"""What the README says is there."""

from __future__ import annotations

import re
from pathlib import Path

from headswap_cli.cli import build
from headswap_cli.errors import ExitCode

TOP = Path(__file__).parent.parent
README = (TOP / "README.md").read_text()


def test_the_readme_names_every_command() -> None:
    for command in build().registered_commands:
        assert f"| `{command.name}" in README, command.name


def test_the_readme_names_every_exit_code() -> None:
    table = README.split("## Exit codes")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    assert {int(code) for row in rows for code in row.split(",")} == {int(code) for code in ExitCode}


def test_the_readme_asks_for_consent() -> None:
    assert "only with the consent of the people shown" in README


def test_the_picture_in_the_readme_is_there_and_small() -> None:
    picture = TOP / ".github" / "result.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size <= 300_000
