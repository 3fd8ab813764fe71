"""Guess the pixels that nobody saw from those around them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_SMALLEST = 2
_TINY = 1e-6


def push_pull(image: Floats, valid: Floats) -> Floats:
    """Return ``image`` with a smooth guess where ``valid`` is 0.

    Args:
        image: (height, width, channels).
        valid: (height, width), how far each pixel can be trusted, 0 to 1.

    Returns: Same shape as ``image``; where ``valid`` is 1 it is unchanged. All zero where nothing is valid.
    Source: Gortler et al., The Lumigraph, SIGGRAPH 1996, section 3.3 (pull and push).
    """
    sums, weights = [image * valid[..., np.newaxis]], [valid]
    while min(weights[-1].shape) > _SMALLEST:
        sums.append(_halved(sums[-1]))
        weights.append(_halved(weights[-1]))
    # By OpenCV: NumPy takes twenty times as long to add up pixels of three channels.
    mean = np.array(cv2.sumElems(sums[0])[: image.shape[2]]) / (cv2.sumElems(weights[0])[0] + _TINY)
    coarse = np.where(weights[-1][..., np.newaxis] > _TINY, _ratio(sums[-1], weights[-1]), mean)
    current = coarse.astype(np.float32)
    for level in range(len(sums) - 2, -1, -1):
        height, width = weights[level].shape
        wide = cv2.resize(current, (width, height), interpolation=cv2.INTER_LINEAR)
        trust = np.clip(weights[level] * (1.5 if level else 1.0), 0, 1)[..., np.newaxis]
        current = (_ratio(sums[level], weights[level]) * trust + wide * (1 - trust)).astype(np.float32)
    return current


def _halved(array: Floats) -> Floats:
    height, width = array.shape[:2]
    half = cv2.resize(array, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(half, np.float32)


def _ratio(sums: Floats, weights: Floats) -> Floats:
    return np.asarray(sums / np.maximum(weights, _TINY)[..., np.newaxis], np.float32)
