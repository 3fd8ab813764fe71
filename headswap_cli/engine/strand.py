"""Let hair end in strands: neither in smoke, as its matte may be, nor like a curtain where it is cut."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.geometry import disc
from headswap_cli.engine.types import Mask

# Strands by their part and width, in face widths, and by how much of the fading their lengths differ.
_STRANDS, _LENGTHS = ((0.5, 0.11), (0.5, 0.03)), 0.8
# Strands are thinner than this, face widths. What is wider and half there is smoke: from so far on beside
# what has at least so much of the matte.
_STRAND, _SMOKE, _WHOLE = 0.008, (0.012, 0.04), 0.8
# A lock that flies beyond the matte is thinner than twice this, face widths; a blot has so much alpha.
_LOCK, _BLOT = 0.015, 0.2


def without_smoke(alpha: Mask, width: float) -> Mask:
    """Return a matte without what is half there over more than a strand's width, away from what is whole.

    Args:
        alpha: The head's, (height, width).
        width: Of the face, pixels.
    """
    even = cv2.morphologyEx(alpha, cv2.MORPH_OPEN, disc(_STRAND * width))
    away = cv2.distanceTransform((even < _WHOLE).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / width
    smoke = np.clip((away - _SMOKE[0]) / (_SMOKE[1] - _SMOKE[0]), 0, 1)
    return np.asarray(alpha - even * smoke, np.float32)


def strand_ends(fading: NDArray[np.float32], width: float) -> Mask:
    """Let hair that must end somewhere end like strands, each at another length, not like a curtain.

    Args:
        fading: 1 where it is whole, falling to 0 where it must be gone, (height, width).
        width: Of the face, pixels.
    """
    chance, across = np.random.default_rng(1), fading.shape[1]
    lengths = np.zeros((1, across), np.float32)
    for share, coarse in _STRANDS:
        some = chance.random((1, max(2, round(across / (coarse * width))))).astype(np.float32)
        lengths += share * cv2.resize(some, (across, 1), interpolation=cv2.INTER_CUBIC)
    ends = (fading - _LENGTHS * np.clip(lengths, 0, 1)) / (1 - _LENGTHS)
    return np.asarray(np.clip(ends, 0, 1), np.float32)


def without_blots(alpha: Mask, person: Mask, width: float) -> Mask:
    """Take away what lies beyond a person and is thicker than a lock that flies: it only has hair's colour.

    Args:
        alpha: Of hair, (height, width), 0 to 1.
        person: The coarse matte, likewise.
        width: The face's, pixels.
    """
    beyond = ((alpha > _BLOT) & (person < _BLOT)).astype(np.uint8)
    blots = cv2.morphologyEx(beyond, cv2.MORPH_OPEN, disc(_LOCK * width))
    wide = cv2.dilate(blots, disc(2 * _LOCK * width)) * (person < _BLOT)
    soft = cv2.GaussianBlur(wide.astype(np.float32), (0, 0), 0.006 * width)
    return np.asarray(alpha * (1 - soft), np.float32)
