"""The tests compile the engine's kernels once, and again where there is something to compile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.media import kernels_stamp

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """A module with a kernel, and one without."""
    (tmp_path / "grain.py").write_text("from headswap_cli.engine.kernel import kernel\n")
    (tmp_path / "plain.py").write_text("import numpy\n")
    for path in tmp_path.iterdir():
        os.utime(path, (1, 1))
    return tmp_path


@pytest.mark.parametrize("way", ["edited", "touched", "added"])
def test_kernels_that_would_be_compiled_anew_have_another_stamp(engine: Path, way: str) -> None:
    before = kernels_stamp(engine)
    if way == "edited":
        (engine / "grain.py").write_text("from headswap_cli.engine.kernel import kernel\n\n")
        os.utime(engine / "grain.py", (1, 1))
    elif way == "touched":
        os.utime(engine / "grain.py", (2, 2))
    else:
        (engine / "shade.py").write_text("from headswap_cli.engine.kernel import kernel\n")
    assert kernels_stamp(engine) != before


def test_a_module_without_kernels_may_change(engine: Path) -> None:
    before = kernels_stamp(engine)
    (engine / "plain.py").write_text("import math\n")
    assert kernels_stamp(engine) == before
