"""Pictures whose matte is known to the pixel: strands of hair over any background."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.types import Frame, Mask

SIZE = 120
HAIR = (40, 60, 90)
_FINE = 4


def tuft(size: int = SIZE, strands: int = 40, seed: int = 3) -> Mask:
    """Return a disc with strands thinner than a pixel all around it."""
    big = np.zeros((size * _FINE, size * _FINE), np.uint8)
    middle, rng = size * _FINE // 2, np.random.default_rng(seed)
    cv2.circle(big, (middle, middle), round(0.25 * size * _FINE), 255, -1)
    for angle in rng.uniform(0, 2 * np.pi, strands):
        reach = rng.uniform(0.3, 0.4) * size * _FINE
        end = (round(middle + reach * np.cos(angle)), round(middle + reach * np.sin(angle)))
        cv2.line(big, (middle, middle), end, 255, 3)
    small = cv2.resize(big, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(small / np.float32(255), np.float32)


def hair(size: int = SIZE) -> Frame:
    """Return hair that is lighter here and there."""
    waves = 12 * np.sin(np.arange(size) / 5)[np.newaxis, :, np.newaxis]
    return np.asarray(np.broadcast_to(np.array(HAIR) + waves, (size, size, 3)), np.uint8)


def laid_on(
    alpha: Mask, colours: NDArray[np.integer], background: tuple[int, int, int], noise: float = 1.5
) -> Frame:
    """Return the colours over a background, with the grain of a camera."""
    share = alpha[..., np.newaxis]
    mixed = colours * share + np.array(background) * (1 - share)
    return np.asarray(
        np.clip(mixed + np.random.default_rng(1).normal(0, noise, mixed.shape), 0, 255), np.uint8
    )


def known_parts(alpha: Mask, reach: int = 18) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what is surely foreground and what is surely background, a wide band left between them."""
    disc = np.ones((9, 9), np.uint8)
    firm = cv2.erode((alpha > 0.99).astype(np.uint8), disc) > 0
    bare = cv2.dilate((alpha > 0.5).astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)) == 0
    return firm, bare
