"""What the README says is there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from headswap_cli.cli import build
from headswap_cli.errors import ExitCode, InputError
from headswap_cli.render.view import error_json

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


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_filter_in_the_readme_prints_the_path_or_fails_with_the_reason() -> None:
    (wanted,) = re.findall(r"headswap run .* --json \| jq -r '(.*)'$", README, re.MULTILINE)

    def _filtered(value: object) -> subprocess.CompletedProcess[str]:
        command = ["jq", "-r", wanted]
        return subprocess.run(command, input=json.dumps(value), capture_output=True, text=True, check=False)

    assert _filtered({"output": "/a/b.mp4"}).stdout == "/a/b.mp4\n"
    failed = _filtered({"error": error_json(InputError("no such file: clip.mp4"))})
    assert (failed.returncode != 0, failed.stdout) == (True, "")
    assert "no such file: clip.mp4" in failed.stderr
