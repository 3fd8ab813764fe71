"""Blur a moving head along its way, as far as the shutter blurred the face it replaces."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

# Of the time between two frames: film cameras open their shutters for half of it, few for longer.
LONGEST_SHUTTER = 0.5
# Pixels: a shorter way is not seen.
SHORTEST = 1.5
_SHARES = (0.0, 0.125, 0.25, 0.375, LONGEST_SHUTTER)
_NOTHING = np.zeros(2, np.float32)


class ShutterFitter:
    """Finds for what share of the time between two frames the shutter was open, 0 to ``LONGEST_SHUTTER``."""

    def __init__(self) -> None:
        self._share: float | None = None

    def way(self, motion: Floats) -> Floats:
        """Return the way that is blurred, (2,), pixels across and down; 0 where that would not be seen.

        Args:
            motion: From frame to frame, likewise.
        """
        way = motion * np.float32(self._share or 0.0)
        return way if float(np.hypot(*way)) >= SHORTEST else _NOTHING

    def fit(self, pictures: tuple[Bytes, Bytes], faces: tuple[Bytes, Bytes], motion: Floats) -> None:
        """Compare edges across the motion with those along it, which it leaves sharp.

        Args:
            pictures: Grey pieces of the frame and of the head that is posed in it, (height, width).
            faces: Where the face is in each, > 0.
            motion: From frame to frame, (2,), pixels across and down; what is too slow tells nothing.
        """
        if not is_fast(motion) or not all(face.any() for face in faces):
            return
        wanted = _directed(pictures[0], faces[0], motion)
        found, before, previous = LONGEST_SHUTTER, math.inf, 0.0
        for share in _SHARES:
            now = _directed(smeared(pictures[1], motion * np.float32(share)), faces[1], motion)
            if now <= wanted:
                left = (before - wanted) / max(before - now, 1e-6) if share else 0.0
                found = previous + (share - previous) * left
                break
            before, previous = now, share
        self._share = found if self._share is None else 0.5 * self._share + 0.5 * found


def is_fast(motion: Floats) -> bool:
    """Whether so much motion from frame to frame, (2,), pixels, could be seen as blur."""
    return float(np.hypot(*motion)) * LONGEST_SHUTTER >= SHORTEST


def smeared(picture: Floats | Bytes, way: Floats) -> Floats:
    """Return a picture averaged along a way around each pixel; beyond its edge there is nothing.

    Args:
        picture: (height, width) or (height, width, n), a layer's colours times alpha.
        way: (2,), pixels across and down.

    Source: the shutter's box filter along the path: Potmesil, Chakravarty, Modeling motion blur in
        computer-generated images, SIGGRAPH 1983.
    """
    source = np.asarray(picture, np.float32)
    result = np.zeros_like(source)
    steps, weights = _line(way)
    rows = source.reshape(source.shape[0], -1)
    x, y, width, height = cv2.boundingRect(np.asarray(rows != 0, np.uint8))
    part = np.array([y, y + height, x, x + width], np.int64)
    steps[:, 1] *= source[0, 0].size
    _add_shifted(rows, part, steps, weights, result.reshape(rows.shape))
    return result


def _line(way: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the pixels that a way touches, (n, 2) down and across, and the share of it in each."""
    reach = math.ceil(float(np.abs(way).max()) / 2) + 1
    share = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    # Midpoints of equal parts, each shared out between the four pixels around it.
    parts = 4 * max(1, math.ceil(float(np.hypot(*way))))
    for part in (np.arange(parts) + 0.5) / parts - 0.5:
        across, down = (float(part * one) + reach for one in way)
        x, y = int(across), int(down)
        right, low = across - x, down - y
        share[y : y + 2, x : x + 2] += np.outer((1 - low, low), (1 - right, right))
    touched = np.argwhere(share > 1e-3 * parts)
    weights = share[tuple(touched.T)]
    return touched - reach, np.asarray(weights / weights.sum(), np.float32)


@kernel
def _add_shifted(
    source: Floats, part: NDArray[np.int64], steps: NDArray[np.int64], weights: Floats, result: Floats
) -> None:
    """Add up what is within ``part`` (top, bottom, left, right) of the source at every step's place."""
    height, width = source.shape
    for y in range(height):
        for k in range(steps.shape[0]):
            row, shift, weight = y - steps[k, 0], steps[k, 1], weights[k]
            if row < part[0] or row >= part[1]:
                continue
            # Slices known to begin at 0 are added several values at a time.
            first, end = max(part[2], -shift), min(part[3], width - shift)
            read, written = source[row, first:end], result[y, first + shift : end + shift]
            for x in range(read.shape[0]):
                written[x] += weight * read[x]


def _directed(grey: Floats | Bytes, inside: Bytes, motion: Floats) -> float:
    """Return the gradients' energy along the motion over that across it."""
    x, y = motion / np.float32(np.hypot(*motion))
    values = np.asarray(grey, np.float32)
    right, down = (cv2.Sobel(values, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    along, beside = right * x + down * y, down * x - right * y
    energies = [cv2.mean(one * one, inside)[0] for one in (along, beside)]
    return float(energies[0] / max(energies[1], 1e-3))
