"""Kernels are read from the disk before anybody waits for them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import media

if TYPE_CHECKING:
    from pathlib import Path

_READY = """
import numpy as np
from headswap_cli.engine import raster
from headswap_cli.engine.kernel import count_ready, make_ready

def draw():
    corners = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 0]], np.float32)
    return raster.rasterise(corners, corners[:, :2].copy(), np.array([[0, 1, 2]], np.int32), 12, 12)

make_ready()
before = count_ready()
drawn = draw()
print(before, count_ready(), int((drawn[..., 0] >= 0).sum()))
"""


def test_a_kernel_that_is_on_the_disk_is_ready_before_it_is_called() -> None:
    media.weights_dir()  # by then it is compiled
    said = subprocess.run([sys.executable, "-c", _READY], stdout=subprocess.PIPE, text=True, check=True)
    before, after, pixels = map(int, said.stdout.split())
    assert before > 0
    assert after == before
    assert pixels > 0


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("left", [0, 40])
def test_a_kernel_whose_file_was_cut_short_is_compiled_anew(tmp_path: Path, suffix: str, left: int) -> None:
    media.weights_dir()
    media.copy_kernels(tmp_path)
    for path in tmp_path.rglob(f"raster.*{suffix}"):
        path.write_bytes(path.read_bytes()[:left])
    known = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "numba")}
    for is_mended in (False, True):
        said = subprocess.run(
            [sys.executable, "-c", _READY], stdout=subprocess.PIPE, text=True, check=True, env=known
        )
        before, after, pixels = map(int, said.stdout.split())
        assert (after == before) == is_mended
        assert pixels > 0
