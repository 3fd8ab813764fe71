"""Where things are kept, and for whom."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from headswap_cli.folders import make_private_folder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Headswap


def others(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode) & 0o077


def test_a_folder_and_whatever_was_missing_above_it_is_the_owners_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    deep = tmp_path / "a" / "b" / "c"
    make_private_folder(deep)
    assert [others(path) for path in (deep, deep.parent, deep.parent.parent)] == [0, 0, 0]
    # What was there is the user's business.
    assert others(tmp_path) == 0o055
    make_private_folder(deep)


def test_a_file_where_a_folder_is_to_be_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(OSError, match=r"[Nn]ot a directory|exists"):
        make_private_folder(tmp_path / "a")


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_keys_profiles_and_the_journal_lie_in_folders_that_nobody_else_can_list(headswap: Headswap) -> None:
    headswap("profile", "add", "mine", "--api-key-stdin", "--no-verify", stdin="k" * 32)
    headswap("runs")
    for folder in (headswap.folder / "config", headswap.data):
        assert [path for path in (folder, *folder.rglob("*")) if others(path)] == []
        assert list(folder.iterdir())
