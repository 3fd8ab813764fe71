"""A second opinion on who a face is, of which the engine knows nothing: a hand-made descriptor.

No permissively licensed face network besides the engine's own is at hand; this one is not learnt. It tells
texture and features, not age or pose, so it is a weaker judge: read it beside the other, not instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headswap_cli.engine.types import Frame, Landmarks

SIDE = 96
_CELL = 12
# Outer eye corners and the middle between the lips, in the aligned picture.
_POINTS = (33, 263, 13, 14)
_PLACES = np.array([[26, 36], [70, 36], [48, 74], [48, 74]], np.float32)
_NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


def describe(frame: Frame, landmarks: Landmarks) -> NDArray[np.float32]:
    """Return histograms of uniform local binary patterns over a grid, each cell's summing to 1.

    Source: Ahonen, Hadid, Pietikainen, IEEE TPAMI 28(12), 2006.
    """
    matrix, _ = cv2.estimateAffinePartial2D(landmarks[list(_POINTS), :2], _PLACES, method=cv2.LMEDS)
    face = cv2.cvtColor(cv2.warpAffine(frame, matrix, (SIDE, SIDE)), cv2.COLOR_BGR2GRAY)
    # Sharpness and noise are the camera's, not the person's.
    grey = cv2.GaussianBlur(face, (0, 0), 1.2).astype(np.int16)
    codes = np.zeros((SIDE - 4, SIDE - 4), np.uint8)
    middle = grey[2:-2, 2:-2]
    for bit, (down, across) in enumerate(_NEIGHBOURS):
        other = grey[2 + 2 * down : SIDE - 2 + 2 * down, 2 + 2 * across : SIDE - 2 + 2 * across]
        codes |= ((other >= middle).astype(np.uint8) << bit).astype(np.uint8)
    labels = _UNIFORM[codes]
    cells = [
        np.bincount(labels[y : y + _CELL, x : x + _CELL].ravel(), minlength=_LABELS)
        for y in range(0, SIDE - 4 - _CELL, _CELL)
        for x in range(0, SIDE - 4 - _CELL, _CELL)
    ]
    return np.asarray(np.stack(cells) / float(_CELL * _CELL), np.float32)


def unlike(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return the mean chi-square distance of two descriptions, 0 to 1."""
    return float(((first - second) ** 2 / (first + second + 1e-6)).sum() / (2 * len(first)))


def _turns(code: int) -> int:
    bits = [code >> bit & 1 for bit in range(8)]
    return sum(bits[bit] != bits[bit - 1] for bit in range(8))


_KEPT = [code for code in range(256) if _turns(code) <= 2]
_LABELS = len(_KEPT) + 1
_UNIFORM = np.array([_KEPT.index(code) if code in _KEPT else len(_KEPT) for code in range(256)])
