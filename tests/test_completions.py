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


def test_pressing_tab_completes_commands_and_flags(headswap: Headswap) -> None:
    def completed(words: str) -> list[str]:
        count = str(len(words.split(" ")) - 1)
        ran = headswap(_HEADSWAP_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=count)
        return ran.out.split()

    assert completed("headswap an") == ["analyze"]
    assert completed("headswap run --reso") == ["--resolution"]
