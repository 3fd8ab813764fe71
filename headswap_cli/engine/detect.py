"""Find faces: two networks, one for far and one for near faces, on the frame and on square tiles of it.

Source of anchors and of what the networks answer: Bazarevsky et al., BlazeFace, arXiv:1907.05047, 2019.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from headswap_cli.engine.geometry import containment, overlap
from headswap_cli.engine.networks import Network, sigmoid, to_input
from headswap_cli.engine.types import Detection

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from headswap_cli.engine.types import Frame

# Grids of anchors as (cells a side, anchors a cell), from the networks' published options:
# https://github.com/google-ai-edge/mediapipe/tree/v0.10.14/mediapipe/modules/face_detection
_FAR_GRIDS = ((48, 1),)
_NEAR_GRIDS = ((16, 2), (8, 6))
_KEYPOINTS = 6
# The near network takes more for a face than the far one.
_NEAR_THRESHOLD = 0.7


class FaceDetector:
    """Finds the faces of a frame.

    Args:
        weights: The folder of the fetched weights.
    """

    def __init__(self, weights: Path) -> None:
        self._far = _AnchorNetwork(weights / "face_detection_full_range_sparse.tflite", _FAR_GRIDS)
        self._near = _AnchorNetwork(weights / "face_detection_short_range.tflite", _NEAR_GRIDS)

    def __call__(self, frame: Frame, *, threshold: float = 0.6, tiles: bool = True) -> list[Detection]:
        """Return the faces, surest first, each once.

        Args:
            frame: The whole frame, (height, width, 3), BGR.
            threshold: The least score, 0 to 1.
            tiles: Also look at squares as high as the frame (as wide, upright), for faces that are
                small in a long frame.
        """
        found = self.in_whole(frame, threshold)
        return without_doubles(found + self.in_tiles(frame, threshold) if tiles else found)

    def in_whole(self, frame: Frame, threshold: float = 0.6) -> list[Detection]:
        """Return what the square around the frame shows, pixels of the frame, some of it twice.

        Args:
            frame: (height, width, 3), BGR.
            threshold: How sure of a face, 0 to 1.
        """
        return self.in_squares(frame, _squares(frame)[:1], threshold)

    def in_tiles(self, frame: Frame, threshold: float = 0.6) -> list[Detection]:
        """Return what the squares along the frame show; else as ``in_whole``."""
        return self.in_squares(frame, _squares(frame)[1:], threshold)

    def in_squares(
        self, frame: Frame, squares: list[tuple[int, int, int]], threshold: float = 0.6
    ) -> list[Detection]:
        """Return what squares, (x, y, side) in pixels of the frame, show; some of it twice."""
        found: list[Detection] = []
        for x, y, side in squares:
            found += self._far(frame, x, y, side, threshold)
            found += self._near(frame, x, y, side, max(threshold, _NEAR_THRESHOLD))
        return found


class _AnchorNetwork:
    """A network that answers with boxes and keypoints relative to a grid of anchors."""

    def __init__(self, path: Path, grids: tuple[tuple[int, int], ...]) -> None:
        self._network = Network(path)
        self._anchors = np.concatenate([_grid(cells, count) for cells, count in grids])

    def __call__(self, frame: Frame, x: int, y: int, side: int, threshold: float) -> list[Detection]:
        """Return what scores above ``threshold`` in the square at (x, y), in pixels of the frame."""
        size = self._network.size
        image = _letterboxed(frame, x, y, side, size)
        coordinates, logits = self._network(to_input(image, low=-1, high=1))
        scores = sigmoid(logits[:, 0])
        kept = np.flatnonzero(scores > threshold)
        origin = np.array([x, y], np.float32)
        return [
            _decoded(float(scores[index]), coordinates[index] / size, self._anchors[index], side, origin)
            for index in kept
        ]


def _grid(cells: int, count: int) -> NDArray[np.float32]:
    """Return anchors (cells * cells * count, 2): the cells' centres row by row, each ``count`` times."""
    steps = (np.arange(cells, dtype=np.float32) + 0.5) / cells
    centres = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    return np.repeat(centres, count, axis=0)


def _decoded(
    score: float,
    values: NDArray[np.float32],
    anchor: NDArray[np.float32],
    side: int,
    origin: NDArray[np.float32],
) -> Detection:
    """Turn one row (centre, size, keypoints; parts of the square) into a detection in the frame."""
    centre = values[:2] + anchor
    half = values[2:4] / 2
    box = np.concatenate([centre - half, centre + half]) * side + np.tile(origin, 2)
    keypoints = (values[4:].reshape(_KEYPOINTS, 2) + anchor) * side + origin
    return Detection(score, box.astype(np.float32), keypoints.astype(np.float32))


def _squares(frame: Frame) -> list[tuple[int, int, int]]:
    """Return (x, y, side) of the squares to look at: one around the frame, then those along it."""
    height, width = frame.shape[:2]
    long, short = max(height, width), min(height, width)
    squares = [((width - long) // 2, (height - long) // 2, long)]
    if long > 1.2 * short:
        steps = np.linspace(0, long - short, 3 if long > 1.6 * short else 2).astype(int).tolist()
        squares += [(step, 0, short) if width > height else (0, step, short) for step in steps]
    return squares


def _letterboxed(frame: Frame, x: int, y: int, side: int, size: int) -> Frame:
    """Return a square of the frame as (size, size), black where it reaches beyond the frame."""
    height, width = frame.shape[:2]
    left, top = max(0, x), max(0, y)
    part = frame[top : min(height, y + side), left : min(width, x + side)]
    scale = size / side
    columns, rows = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    # Whole steps are averaged three times as fast.
    down, across = part.shape[:2]
    while down % 2 == across % 2 == 0 and down >= 2 * rows and across >= 2 * columns:
        down, across = down // 2, across // 2
        part = np.asarray(cv2.resize(part, (across, down), interpolation=cv2.INTER_AREA), np.uint8)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(part, (columns, rows), interpolation=interpolation)
    canvas = np.zeros((size, size, 3), np.uint8)
    row, column = round((top - y) * scale), round((left - x) * scale)
    canvas[row : row + rows, column : column + columns] = small[: size - row, : size - column]
    return canvas


def without_doubles(found: list[Detection]) -> list[Detection]:
    """Keep the surest of those that cover one another, surest first: greedy non-maximum suppression."""
    kept: list[Detection] = []
    for one in sorted(found, key=lambda detection: detection.score, reverse=True):
        if all(overlap(one.box, k.box) < 0.3 and containment(one.box, k.box) < 0.7 for k in kept):
            kept.append(one)
    return kept
