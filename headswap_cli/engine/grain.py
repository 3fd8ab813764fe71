"""Measure a picture's noise, and give what is painted into it the same: a clean head in it shows."""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.types import Frame

# Grey levels: less is no grain but what a codec leaves, more no grain but detail.
LEAST, _MOST = 0.8, 12.0
_BLOCK = 8
_FEWEST_BLOCKS = 12
# The flattest quarter of the picture shows noise and little else.
_FLATTEST = 25
# What white noise measures there, in parts of what it is.
_BIAS = 0.885
_LAPLACIANS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_TILE = 512
# Strides through the tile, prime to its side: no two of 512 frames in a row have the same piece of it.
_ACROSS, _DOWN = 197, 331


def noise_level(image: Frame, inside: NDArray[np.bool_] | None = None) -> float:
    """Return the standard deviation of the noise, grey levels; 0 where there is too little to tell.

    Args:
        image: BGR.
        inside: Where to look, (height, width); everywhere if None.

    Source: Immerkaer, Fast noise variance estimation, Computer Vision and Image Understanding 64(2), 1996;
        by blocks, of which only the flattest count and those at the ends of the scale do not.
    """
    size = image.shape[1] // _BLOCK, image.shape[0] // _BLOCK
    if min(size) < 1:
        return 0.0
    whole = np.s_[: size[1] * _BLOCK, : size[0] * _BLOCK]
    grey = cv2.cvtColor(image[whole], cv2.COLOR_BGR2GRAY)
    rough = np.abs(cv2.filter2D(grey, cv2.CV_32F, _LAPLACIANS))
    blocks = cv2.resize(rough, size, interpolation=cv2.INTER_AREA)
    level = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    wanted = (level > 24) & (level < 232)
    if inside is not None:
        share = cv2.resize(np.asarray(inside[whole], np.float32), size, interpolation=cv2.INTER_AREA)
        wanted &= share > 0.999
    if np.count_nonzero(wanted) < _FEWEST_BLOCKS:
        return 0.0
    return float(np.percentile(blocks[wanted], _FLATTEST)) / 6 * math.sqrt(math.pi / 2) / _BIAS


def add_grain(image: Frame, changed: NDArray[np.bool_], level: float, frame_index: int) -> None:
    """Bring the noise of what was changed up to a level; the same frame always gets the same grain.

    Args:
        image: BGR, changed in place where ``changed`` is.
        changed: (height, width).
        level: Standard deviation, grey levels, as ``noise_level`` measures it.
        frame_index: Of the frame.
    """
    own = noise_level(image, changed)
    lacking = math.sqrt(max(0.0, min(level, _MOST) ** 2 - own**2))
    if lacking > 0.5 * LEAST:
        offset = frame_index * _ACROSS % _TILE, frame_index * _DOWN % _TILE
        _add(image, changed, _tile(), np.float32(lacking), offset[0], offset[1])


@cache
def _tile() -> NDArray[np.float32]:
    return np.random.default_rng(20).standard_normal((_TILE, _TILE), np.float32)


@kernel
def _add(  # noqa: PLR0917 - kernels take arguments by place
    image: Frame,
    changed: NDArray[np.bool_],
    tile: NDArray[np.float32],
    level: np.float32,
    across: int,
    down: int,
) -> None:
    height, width = changed.shape
    side = tile.shape[0]
    half, zero, white = np.float32(0.5), np.float32(0), np.float32(255)
    for y in range(height):
        for x in range(width):
            if changed[y, x]:
                grain = tile[(y + down) % side, (x + across) % side] * level
                for k in range(3):
                    value = np.float32(image[y, x, k]) + grain
                    image[y, x, k] = np.uint8(min(max(value + half, zero), white))
