"""Pictures to look at: a sheet of frames before and after, and both videos side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from headswap_cli.engine.geometry import face_width
from tests import media

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.engine.types import Frame, Landmarks

COLUMNS = 8
_SIDE = 220
# Of the square that is shown, in face widths.
_AROUND = 2.6


class Sheet:
    """Collects the same moments of source and result, the head in the middle.

    Args:
        wanted: Indices of the frames to show.
    """

    def __init__(self, wanted: set[int]) -> None:
        self._wanted = wanted
        self._columns: list[Frame] = []

    def add(self, frame_index: int, source: Frame, result: Frame, place: Landmarks) -> None:
        """Show a frame if it is wanted."""
        if frame_index not in self._wanted:
            return
        both = [_around(picture, place) for picture in (source, result)]
        cv2.putText(both[0], str(frame_index), (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1)
        self._columns.append(np.vstack(both))

    def write(self, path: Path) -> None:
        """Write the sheet as a picture, the source above."""
        if self._columns:
            cv2.imwrite(str(path), np.hstack(self._columns))


def spread(frame_count: int, columns: int = COLUMNS) -> set[int]:
    """Return the indices of some frames, evenly over a clip."""
    return set(np.linspace(0, frame_count - 1, min(columns, frame_count)).astype(int).tolist())


def write_side_by_side(source: Path, result: Path, target: Path) -> None:
    """Write source and result as one video."""
    media.side_by_side(source, result, target)


def _around(picture: Frame, place: Landmarks) -> Frame:
    x, y = place[:, :2].mean(axis=0)
    scale = _SIDE / (_AROUND * face_width(place))
    y -= 0.15 * face_width(place)
    matrix = np.array([[scale, 0, _SIDE / 2 - scale * x], [0, scale, _SIDE / 2 - scale * y]])
    way = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return np.asarray(cv2.warpAffine(picture, matrix, (_SIDE, _SIDE), flags=way), np.uint8)
