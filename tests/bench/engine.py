"""What the engine makes of real clips, as a Markdown table.

Usage: python tests/bench/engine.py [head|face|auto] [CLIP ...]

Each clip has a process of its own on two cores: its peak memory is that of one analysis and one swap.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

MEASURE = "--measure"
CORES = 2
MODES = ("head", "face", "auto")
ROOT = Path(__file__).parents[2]
CLIPS = (
    "single_face",
    "WolfgangLanger",
    "carphone",
    "face_noface",
    "noface_face",
    "no_face",
    "two people",
    "A B A B",
)
COLUMNS = (
    "clip",
    "people",
    "cuts",
    "tracks of each",
    "swapped of",
    "frames, times kept",
    "audio packets kept",
    "identity before",
    "after",
    "PSNR outside, dB",
    "jitter, % of face",
    "frames/s",
    "of ceiling",
    "peak MB",
)


def measure(clip: str, mode: str) -> dict[str, Any]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.engine", MEASURE, clip, mode],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure_here(clip: str, mode_name: str) -> None:
    """Print what ``measure`` reads; this process is the one that is measured."""
    import cv2

    from headswap_cli.engine.pipeline import Pipeline
    from headswap_cli.models import Mode
    from tests import media, quality

    mode = Mode(mode_name) if mode_name != "auto" else None
    if sys.platform == "linux":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    # As the engine's worker does.
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        source, target = quality.CLIPS[clip](folder), folder / "result.mp4"
        speed, scene, notices = quality.speed_of(source, target, mode)
        picture = quality.quality_of(Pipeline(media.weights_dir()), scene, source, target, mode)
        fidelity = quality.fidelity_of(source, target, notices)
    print(json.dumps({"quality": asdict(picture), "fidelity": asdict(fidelity), "speed": asdict(speed)}))


def row(clip: str, measured: dict[str, Any]) -> list[str]:
    quality, fidelity, speed = measured["quality"], measured["fidelity"], measured["speed"]
    return [
        clip,
        str(quality["people"]),
        str(quality["cuts"]),
        " ".join(map(str, quality["tracks"])) or "-",
        f"{quality['swapped']} of {fidelity['frames'][0]}",
        "all" if fidelity["times_kept"] else f"no: {fidelity['frames'][1]} of {fidelity['frames'][0]}",
        f"{fidelity['packets']}, " + ("all" if fidelity["packets_kept"] else "changed")
        if fidelity["packets"]
        else "none there",
        distance(quality["identity_before"]),
        distance(quality["identity_after"]),
        f"{quality['outside_db']:.0f}",
        f"{quality['jitter']:.2f}",
        f"{speed['fps']:.1f}",
        f"{speed['fps'] / speed['ceiling_fps']:.3f}",
        str(speed["peak_mb"]),
    ]


def distance(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def table(clips: Sequence[str], mode: str) -> None:
    """Print a mode's table, row by row as they are measured, and the notices under it."""
    print(f"Mode {mode}:\n")
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    notices: list[str] = []
    for clip in clips:
        measured = measure(clip, mode)
        print("| " + " | ".join(row(clip, measured)) + " |", flush=True)
        notices += [f"{clip}: {notice}" for notice in measured["fidelity"]["notices"]]
    print("".join(f"\n- {notice}" for notice in notices) + "\n")


def main(arguments: list[str]) -> None:
    modes = [argument for argument in arguments if argument in MODES] or ["head"]
    clips = [argument for argument in arguments if argument not in MODES] or CLIPS
    for mode in modes:
        table(clips, mode)


if __name__ == "__main__":
    if sys.argv[1:2] == [MEASURE]:
        measure_here(*sys.argv[2:])
    else:
        main(sys.argv[1:])
