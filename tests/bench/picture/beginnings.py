"""How long it takes until the first frame of a clip is done: in a new process, and in one that has worked.

Usage: python -m tests.bench.picture.beginnings CLIP PHOTO BEGUN

BEGUN is ``time.monotonic()`` just before the process was started.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Beginnings:
    """Seconds until the first frame is done.

    Args:
        cold: Of an analysis, from the start of a process; compiled kernels are on the disk.
        warm: Of an analysis in a process that has done one.
        swap: Of the swap that follows it.
    """

    cold: float
    warm: float
    swap: float


class _FirstFrameError(Exception):
    """The first frame is done."""


def beginnings(clip: Path, photo: Path | None) -> Beginnings:
    """Measure a clip in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.picture.beginnings", str(clip), str(photo or "")]
    done = subprocess.run(
        [*command, str(time.monotonic())], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return Beginnings(**json.loads(done.stdout.splitlines()[-1]))


def _until_first(work: Callable[[], object], begun: float) -> float:
    try:
        work()
    except _FirstFrameError:
        return time.monotonic() - begun
    raise ValueError("there was no frame")


def _stop(frames_done: int, frames_total: int) -> None:
    raise _FirstFrameError


def main(clip: Path, photo: Path | None, begun: float) -> None:
    """Print what ``beginnings`` reads."""
    import cv2

    from headswap_cli.engine.limits import share_one_heap
    from headswap_cli.engine.pipeline import Pipeline
    from headswap_cli.engine.types import SwapSettings
    from tests import media, quality

    # As the engine's worker does, and has it: the helper is started along with the first job.
    share_one_heap()
    cv2.setNumThreads(1)
    pipeline = Pipeline(media.weights_dir(), processes=2)
    cold = _until_first(lambda: pipeline.analyse(clip, on_progress=_stop), begun)
    scene = pipeline.analyse(clip, on_progress=quality.silent)
    warm = _until_first(lambda: pipeline.analyse(clip, on_progress=_stop), time.monotonic())
    photos = quality.photos_for(scene, photo)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "swapped.mp4")
        swap = _until_first(
            lambda: pipeline.swap(scene, clip, target, photos, SwapSettings(), on_progress=_stop),
            time.monotonic(),
        )
    pipeline.close()
    print(json.dumps({"cold": cold, "warm": warm, "swap": swap}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2] else None, float(sys.argv[3]))
