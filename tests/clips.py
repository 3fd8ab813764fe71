"""Small videos and photos, made on the spot."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path


def plain_clip(path: Path, *, seconds: float, frame_rate: int = 10) -> Path:
    """Write an mp4 of moving grey without anybody in it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=frame_rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame_index in range(round(seconds * frame_rate)):
            picture = np.full((48, 64, 3), 80 + frame_index % 40, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def sound_only(path: Path) -> Path:
    """Write an mp4 that holds four seconds of silence and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        for start in range(0, 32000, 1000):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1000), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 8000, start, Fraction(1, 8000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def cut_short(source: Path, path: Path, *, share: float) -> Path:
    """Write the first ``share`` of a file's bytes."""
    whole = source.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    return path


def plain_photo(path: Path) -> Path:
    """Write a PNG without a face on it."""
    with av.open(str(path), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 256, 256, "rgb24"
        picture = np.linspace(0, 255, 256 * 256 * 3, dtype=np.uint8).reshape(256, 256, 3)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path
