"""The completions in the repository are those that the program makes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Headswap

FOLDER = Path(__file__).parent.parent / "completions"
FILES = {"bash": "headswap.bash", "zsh": "_headswap", "fish": "headswap.fish", "powershell": "headswap.ps1"}


@pytest.mark.parametrize("shell", FILES)
def test_the_completion_script_is_the_one_the_program_makes(headswap: Headswap, shell: str) -> None:
    # Typer would else look for the shell that runs it; here there is none.
    made = headswap("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1").out
    assert made == (FOLDER / FILES[shell]).read_text()


def completed(program: Headswap, words: str) -> list[str]:
    """Return what pressing tab offers behind these words."""
    count = str(len(words.split(" ")) - 1)
    return program(_HEADSWAP_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=count).out.split()


def test_pressing_tab_completes_commands_and_flags(headswap: Headswap) -> None:
    assert completed(headswap, "headswap an") == ["analyze"]
    assert completed(headswap, "headswap run --reso") == ["--resolution"]


def test_pressing_tab_completes_values_that_are_few(headswap: Headswap) -> None:
    assert completed(headswap, "headswap run --resolution ") == ["480p", "720p"]
    assert completed(headswap, "headswap run --mode h") == ["head"]
    assert completed(headswap, "headswap run -p ") == ["local", "akool"]
    headswap("profile", "add", "studio", "--api-key-stdin", "--no-verify", stdin="k" * 32)
    assert completed(headswap, "headswap status --profile st") == ["studio"]


def test_pressing_tab_completes_ids_that_the_journal_knows(cloud: Headswap) -> None:
    assert completed(cloud, "headswap status ") == []
    assert not cloud.data.exists()
    made = cloud("run", "https://example.com/a.mp4", "--face", "https://example.com/me.jpg", "--json").value
    ids = {made["run_id"], made["task_id"], made["analysis_id"]}
    assert set(completed(cloud, "headswap status ")) == ids
    assert completed(cloud, f"headswap download {made['run_id'][:8]}") == [made["run_id"]]
    assert completed(cloud, "headswap swap ") == [made["analysis_id"]]
