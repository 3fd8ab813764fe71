"""Compile all kernels by swapping some frames: ``python -m tests.kernels`` and the folder of the weights."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.types import SwapSettings
from headswap_cli.models import Mode, Tone
from tests import media


def main(weights: Path, folder: Path) -> None:
    """Look at a clip and swap its head in both modes."""
    clip = media.excerpt(media.clip("carphone_pristine.mp4"), folder / "in.mp4", start=0, count=12)
    pipeline, photos = Pipeline(weights), {0: [media.photo("astronaut.png")]}
    scene = pipeline.analyse(clip, on_progress=lambda done, total: None)
    for mode in Mode:
        settings = SwapSettings(mode=mode, tone=Tone.BLEND)
        pipeline.swap(
            scene, clip, folder / f"{mode}.mp4", photos, settings, on_progress=lambda done, total: None
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        main(Path(sys.argv[1]), Path(made))
