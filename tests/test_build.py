"""What tells one installed code from another."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from headswap_cli.build import build_id

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "here" / "inner").mkdir(parents=True)
    (tmp_path / "here" / "a.py").write_text("A = 1\n")
    (tmp_path / "here" / "inner" / "b.py").write_text("B = 1\n")
    return tmp_path / "here"


def test_the_same_code_elsewhere_is_the_same_build(package: Path, tmp_path: Path) -> None:
    assert build_id(package) == build_id(shutil.copytree(package, tmp_path / "there"))


def test_a_changed_letter_is_another_build(package: Path) -> None:
    before = build_id(package)
    (package / "inner" / "b.py").write_text("B = 2\n")
    assert build_id(package) != before


def test_a_module_of_another_name_is_another_build(package: Path) -> None:
    before = build_id(package)
    (package / "a.py").rename(package / "c.py")
    assert build_id(package) != before


def test_what_python_compiles_beside_the_modules_changes_nothing(package: Path) -> None:
    before = build_id(package)
    (package / "a.pyc").write_bytes(b"compiled")
    assert build_id(package) == before
