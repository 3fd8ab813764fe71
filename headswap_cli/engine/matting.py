"""Work out how much of each pixel along an outline is foreground: strand by strand, at full size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.types import Frame, Mask

Floats = NDArray[np.float32]

# How firmly what is known holds, and a guess at most, against the smoothness of windows of nine pixels.
_KNOWN, _GUESSED = 100.0, 0.015
_SIDE, _EPSILON = 3, 1e-6
# Steps at the smallest size and at each larger one, and when to stop before.
_FIRST_STEPS, _STEPS, _GOOD_ENOUGH = 60, 14, 1e-3
_COARSE_SIDE = 200


def solve_alpha(image: Frame, guess: Mask, trust: Mask) -> Mask:
    """Return the matte of a picture, (height, width), 0 to 1.

    In each little window the matte is to be a linear function of the colour; what is known is kept. Solved by
    conjugate gradients, small first: the smaller picture's matte is where the larger one begins.

    Args:
        image: The picture.
        guess: What is known or guessed of the matte.
        trust: 1 where ``guess`` is known; below that it is a guess, and gives way the more.

    Source: Levin, Lischinski, Weiss, A closed-form solution to natural image matting, IEEE TPAMI 30(2), 2008,
        eq. 12-14; the product with the matting Laplacian by box filters: He, Sun, Tang, Fast matting using
        large kernel matting Laplacian matrices, CVPR 2010, section 3.
    """
    known = trust > 0.99
    weight = np.where(known, _KNOWN, _GUESSED * trust).astype(np.float32)
    start, steps = guess, _FIRST_STEPS
    if min(guess.shape) > _COARSE_SIDE:
        size = ((guess.shape[1] + 1) // 2, (guess.shape[0] + 1) // 2)
        halves = (cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (image, guess, trust))
        small, *masks = halves
        coarse = solve_alpha(np.asarray(small, np.uint8), *(np.asarray(mask, np.float32) for mask in masks))
        wide = cv2.resize(coarse, guess.shape[::-1], interpolation=cv2.INTER_LINEAR)
        start, steps = np.where(known, guess, wide).astype(np.float32), _STEPS
    alpha = _descend(_Laplacian(image), weight, guess, start, steps)
    return np.asarray(np.clip(alpha, 0, 1), np.float32)


def _descend(laplacian: _Laplacian, weight: Mask, guess: Mask, start: Mask, steps: int) -> Mask:
    """Minimise the Laplacian's form plus the weighted squares of departures from ``guess``."""
    alpha = start.copy()
    residual = weight * guess - (laplacian @ alpha + weight * alpha)
    preconditioner = 1 / (weight + 1)
    towards = preconditioner * residual
    direction, before = towards.copy(), float((residual * towards).sum())
    enough = before * _GOOD_ENOUGH**2
    for _ in range(steps):
        if before <= max(enough, 1e-9):
            break
        image_of = laplacian @ direction + weight * direction
        step = before / float((direction * image_of).sum())
        alpha += step * direction
        residual -= step * image_of
        towards = preconditioner * residual
        after = float((residual * towards).sum())
        direction = towards + (after / before) * direction
        before = after
    return alpha


class _Laplacian:
    """The matting Laplacian of a picture, per pixel of a window, as something to multiply by."""

    def __init__(self, image: Frame) -> None:
        self._guide = np.asarray(image / np.float32(255), np.float32)
        self._mean = _box(self._guide)
        self._inverse = _inverse(self._guide, self._mean)

    def __matmul__(self, alpha: Mask) -> Mask:
        level = _box(alpha)
        together = (
            _box(np.asarray(self._guide * alpha[..., np.newaxis], np.float32))
            - self._mean * level[..., np.newaxis]
        )
        slope = np.stack([_dot(row, together) for row in self._inverse], axis=-1)
        offset = level - _dot(slope, self._mean)
        return np.asarray(alpha - _dot(_box(slope), self._guide) - _box(offset), np.float32)


def _inverse(guide: Floats, mean: Floats) -> list[Floats]:
    """Return the rows of the inverse of each window's colour covariance, 3 times (height, width, 3)."""

    def _covariance(i: int, j: int) -> NDArray[np.float64]:
        product = _box(np.asarray(guide[..., i] * guide[..., j], np.float32)).astype(np.float64)
        return product - mean[..., i].astype(np.float64) * mean[..., j] + (_EPSILON if i == j else 0)

    (a, b, c), (d, e), f = (
        (_covariance(0, 0), _covariance(0, 1), _covariance(0, 2)),
        (_covariance(1, 1), _covariance(1, 2)),
        _covariance(2, 2),
    )
    cofactors = ((d * f - e * e, c * e - b * f, b * e - c * d), (a * f - c * c, b * c - a * e), a * d - b * b)
    (aa, ab, ac), (bb, bc), cc = cofactors
    scale = 1 / (a * aa + b * ab + c * ac)
    rows = ((aa, ab, ac), (ab, bb, bc), (ac, bc, cc))
    return [np.stack([entry * scale for entry in row], axis=-1).astype(np.float32) for row in rows]


def _dot(first: Floats, second: Floats) -> Mask:
    # Over three channels a sum takes three times as long.
    return np.asarray(np.einsum("...k,...k->...", first, second), np.float32)


def _box(picture: Floats) -> Floats:
    return np.asarray(cv2.blur(picture, (_SIDE, _SIDE), borderType=cv2.BORDER_REFLECT), np.float32)
