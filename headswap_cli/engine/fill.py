"""Guess the pixels that nobody saw from those around them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel

Floats = NDArray[np.float32]

_SMALLEST = 2
_TINY = 1e-6
# Coarse levels are trusted sooner than the picture itself.
_EAGER, _WHOLLY = np.float32(1.5), np.float32(1e9)


def push_pull(image: Floats, valid: Floats) -> Floats:
    """Return ``image`` with a smooth guess where ``valid`` is 0.

    Args:
        image: (height, width, 3), any colours.
        valid: (height, width), how far each pixel can be trusted, 0 to 1.

    Returns: Same shape as ``image``; where ``valid`` is 1 it is unchanged. All zero where nothing is valid.
    Source: Gortler et al., The Lumigraph, SIGGRAPH 1996, section 3.3 (pull and push).
    """
    # Colours times trust, and trust: four channels are averaged as fast as three.
    level = np.empty((*valid.shape, 4), np.float32)
    _weighted(image, valid, level)
    levels = [level]
    while min(levels[-1].shape[:2]) > _SMALLEST:
        levels.append(_halved(levels[-1]))
    sums = cv2.sumElems(levels[0])
    mean = np.array(sums[:3], np.float32) / np.float32(sums[3] + _TINY)
    current = np.empty((*levels[-1].shape[:2], 3), np.float32)
    _push(levels[-1], np.broadcast_to(mean, current.shape).copy(), _WHOLLY, current)
    for index in range(len(levels) - 2, -1, -1):
        height, width = levels[index].shape[:2]
        wide = cv2.resize(current, (width, height), interpolation=cv2.INTER_LINEAR)
        current = np.empty((height, width, 3), np.float32)
        _push(levels[index], np.asarray(wide, np.float32), _EAGER if index else np.float32(1), current)
    return current


def _halved(array: Floats) -> Floats:
    height, width = array.shape[:2]
    half = cv2.resize(array, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(half, np.float32)


@kernel
def _weighted(image: Floats, valid: Floats, weighted: Floats) -> None:
    height, width = valid.shape
    for y in range(height):
        for x in range(width):
            for k in range(3):
                weighted[y, x, k] = image[y, x, k] * valid[y, x]
            weighted[y, x, 3] = valid[y, x]


@kernel
def _push(level: Floats, wide: Floats, eager: np.float32, filled: Floats) -> None:
    """Fill ``filled`` with a level's own colours as far as they can be trusted, else with ``wide``."""
    height, width, _ = level.shape
    zero, one, tiny = np.float32(0), np.float32(1), np.float32(1e-6)
    for y in range(height):
        for x in range(width):
            weight = level[y, x, 3]
            trust = zero if weight <= tiny else min(weight * eager, one)
            scale = trust / max(weight, tiny)
            for k in range(3):
                filled[y, x, k] = level[y, x, k] * scale + wide[y, x, k] * (one - trust)
