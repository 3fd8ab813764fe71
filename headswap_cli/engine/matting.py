"""Work out how much of each pixel along an outline is foreground: strand by strand, at full size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel
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
        image: The picture, (height, width, 3), BGR.
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
        self._mean, self._inverse = window_colours(self._guide, _SIDE, _EPSILON)
        self._models = np.empty((*image.shape[:2], 4), np.float32)

    def __matmul__(self, alpha: Mask) -> Mask:
        product = np.empty_like(alpha)
        _fit(alpha, self._guide, self._mean, self._inverse, self._models)
        _leave(alpha, self._guide, self._models, product)
        return product


@kernel
def _fit(alpha: Mask, guide: Floats, mean: Floats, inverse: Floats, models: Floats) -> None:
    """Fit each window's matte by a linear function of its colours: three slopes and an offset."""
    height, width = alpha.shape
    ninth = np.float32(1 / 9)
    for y in range(height):
        for x in range(width):
            level = blue = green = red = np.float32(0)
            for dy in range(-1, 2):
                row = min(max(y + dy, 0), height - 1)
                for dx in range(-1, 2):
                    column = min(max(x + dx, 0), width - 1)
                    part = alpha[row, column]
                    level += part
                    blue += part * guide[row, column, 0]
                    green += part * guide[row, column, 1]
                    red += part * guide[row, column, 2]
            level *= ninth
            blue = blue * ninth - mean[y, x, 0] * level
            green = green * ninth - mean[y, x, 1] * level
            red = red * ninth - mean[y, x, 2] * level
            offset = level
            for k in range(3):
                slope = inverse[y, x, k, 0] * blue + inverse[y, x, k, 1] * green + inverse[y, x, k, 2] * red
                models[y, x, k] = slope
                offset -= slope * mean[y, x, k]
            models[y, x, 3] = offset


@kernel
def _leave(alpha: Mask, guide: Floats, models: Floats, product: Floats) -> None:
    """Take what all windows around a pixel say of it from its matte."""
    height, width = alpha.shape
    ninth = np.float32(1 / 9)
    for y in range(height):
        for x in range(width):
            fitted = np.float32(0)
            for dy in range(-1, 2):
                row = min(max(y + dy, 0), height - 1)
                for dx in range(-1, 2):
                    column = min(max(x + dx, 0), width - 1)
                    fitted += models[row, column, 3]
                    for k in range(3):
                        fitted += models[row, column, k] * guide[y, x, k]
            product[y, x] = alpha[y, x] - fitted * ninth


def window_colours(guide: Floats, side: int, smoothness: float) -> tuple[Floats, Floats]:
    """Return each square window's mean colour, (height, width, 3), and its covariance's inverse, (..., 3, 3).

    Args:
        guide: A picture, (height, width, 3), 0 to 1.
        side: Of the windows, pixels, odd.
        smoothness: Added to the variances.
    """
    mean = _box(guide, side)

    def _covariance(i: int, j: int) -> NDArray[np.float64]:
        product = _box(np.asarray(guide[..., i] * guide[..., j], np.float32), side).astype(np.float64)
        return product - mean[..., i].astype(np.float64) * mean[..., j] + (smoothness if i == j else 0)

    (a, b, c), (d, e), f = (
        (_covariance(0, 0), _covariance(0, 1), _covariance(0, 2)),
        (_covariance(1, 1), _covariance(1, 2)),
        _covariance(2, 2),
    )
    cofactors = ((d * f - e * e, c * e - b * f, b * e - c * d), (a * f - c * c, b * c - a * e), a * d - b * b)
    (aa, ab, ac), (bb, bc), cc = cofactors
    scale = 1 / (a * aa + b * ab + c * ac)
    inverse = np.empty((*mean.shape, 3), np.float32)
    for row, entries in enumerate(((aa, ab, ac), (ab, bb, bc), (ac, bc, cc))):
        for column, entry in enumerate(entries):
            np.multiply(entry, scale, out=inverse[..., row, column], casting="same_kind")
    return mean, inverse


def _box(picture: Floats, side: int) -> Floats:
    return np.asarray(cv2.blur(picture, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)
