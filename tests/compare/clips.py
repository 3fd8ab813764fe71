"""A source and a result of it, small and made on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.footage import beep, write_video

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

WIDTH, HEIGHT = 128, 96
# Of a frame rate that varies, in 600ths of a second.
UNEVEN = [index * 20 + (index % 3) * 6 for index in range(60)]


def coded(index: int, *, changed: bool) -> NDArray[np.uint8]:
    """Return a picture whose grey tells its index; a changed one has a striped middle."""
    picture = np.full((HEIGHT, WIDTH, 3), 10 + 4 * (index % 60), np.uint8)
    if changed:
        picture[32:64, 48:80:4] = 255
    return picture


def index_of(picture: NDArray[np.uint8]) -> float:
    """Return the index that a picture made by ``coded`` tells in its corner."""
    return (float(picture[:8, :8].mean()) - 10) / 4


def source_and_result(
    folder: Path, *, count: int = 60, times: Sequence[int] | None = None
) -> tuple[Path, Path]:
    """Write both, with a beep in both."""
    before, after = (
        write_video(
            folder / name,
            [coded(index, changed=changed) for index in range(count)],
            times=times,
            sound=beep(count / 30, at_s=0.5),
        )
        for name, changed in (("in.mp4", False), ("out.mp4", True))
    )
    return before, after
