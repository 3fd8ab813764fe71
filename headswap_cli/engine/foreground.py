"""Tell the foreground's own colours where it is mixed with what is behind."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.types import Frame, Mask

Floats = NDArray[np.float32]

# Sweeps over a level of few pixels and of many, and how much neighbours are to be alike: always, and the
# more where the matte changes.
_SWEEPS_FEW, _SWEEPS_MANY, _FEW = 10, 2, 32
_ALIKE, _ALIKE_AT_EDGES = 1e-5, 1.0


def foreground_of(image: Frame, alpha: Mask) -> Frame:
    """Return the foreground's colours everywhere, as smooth as the picture allows where it is thin.

    Args:
        image: The picture, (height, width, 3), BGR.
        alpha: How much of each pixel is foreground.

    Source: Germer, Uelwer, Conrad, Harmeling, Fast multi-level foreground estimation, ICPR 2020, algorithm 1.
    """
    picture = np.asarray(image / np.float32(255), np.float32)
    height, width = alpha.shape
    inner, outer = (np.zeros((1, 1, 3), np.float32) for _ in range(2))
    inner[0, 0], outer[0, 0] = _mean(picture, alpha), _mean(picture, np.asarray(1 - alpha, np.float32))
    levels = max(1, int(np.ceil(np.log2(max(height, width)))))
    for level in range(levels + 1):
        size = (round(width ** (level / levels)), round(height ** (level / levels)))
        colours = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST), np.float32)
        parts = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_NEAREST), np.float32)
        inner, outer = (
            np.asarray(cv2.resize(one, size, interpolation=cv2.INTER_NEAREST), np.float32)
            for one in (inner, outer)
        )
        for _ in range(_SWEEPS_FEW if max(size) <= _FEW else _SWEEPS_MANY):
            _sweep(colours, parts, inner, outer)
    return np.asarray(np.clip(inner * 255 + 0.5, 0, 255), np.uint8)


def _mean(picture: Floats, weight: Mask) -> Floats:
    return np.asarray(
        (picture * weight[..., np.newaxis]).sum(axis=(0, 1)) / (weight.sum() + 1e-6), np.float32
    )


@kernel
def _sweep(picture: Floats, alpha: Mask, inner: Floats, outer: Floats) -> None:
    """Solve each pixel's two colours for those of its four neighbours, one pixel after the other."""
    height, width = alpha.shape
    for y in range(height):
        for x in range(width):
            part = alpha[y, x]
            rest = 1 - part
            total = 0.0
            sums = np.zeros((2, 3))
            for side in range(4):
                near_y = min(max(y + (side == 0) - (side == 1), 0), height - 1)
                near_x = min(max(x + (side == 2) - (side == 3), 0), width - 1)
                weight = _ALIKE + _ALIKE_AT_EDGES * abs(part - alpha[near_y, near_x])
                total += weight
                for k in range(3):
                    sums[0, k] += weight * inner[near_y, near_x, k]
                    sums[1, k] += weight * outer[near_y, near_x, k]
            # The 2x2 system's matrix: the pixel's parts, outer product, plus the neighbours' weights.
            first, mixed, second = part * part + total, part * rest, rest * rest + total
            scale = 1 / (first * second - mixed * mixed)
            for k in range(3):
                one = part * picture[y, x, k] + sums[0, k]
                other = rest * picture[y, x, k] + sums[1, k]
                inner[y, x, k] = min(max((second * one - mixed * other) * scale, 0.0), 1.0)
                outer[y, x, k] = min(max((first * other - mixed * one) * scale, 0.0), 1.0)
