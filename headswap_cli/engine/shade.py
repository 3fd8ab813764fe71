"""Look the head up in its texture, pixel by pixel, with its colours fitted to the frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def shade(
    seen: Floats, scale: float, texture: Bytes, weights: Bytes, *, curves: Floats, gains: Floats
) -> tuple[Floats, Floats]:
    """Return the head as it is seen.

    Args:
        seen: (height, width, 2), texture points of the first level; below 0 nothing is seen.
        scale: Size of ``texture`` in sizes of the first level.
        texture: BGR and alpha.
        weights: Skin and inner face.
        curves: Colour curves, (2, 3, 256): for hair and for skin, per channel.
        gains: Light, of any smaller size, stretched over the piece.

    Returns: The layer, (height, width, 4): BGR times alpha, and alpha 0 to 1; and (height, width, 2): skin
        and inner face, 0 to 1, times alpha.
    """
    height, width = seen.shape[:2]
    layer = np.zeros((height, width, 4), np.float32)
    kinds = np.zeros((height, width, 2), np.float32)
    _shade(seen, scale, texture, weights, curves, gains, layer, kinds)
    return layer, kinds


@kernel
def _between(picture: Bytes, x: float, y: float, channel: int) -> float:
    x0, y0 = int(x), int(y)
    right, down = x - x0, y - y0
    above = picture[y0, x0, channel] * (1 - right) + picture[y0, x0 + 1, channel] * right
    below = picture[y0 + 1, x0, channel] * (1 - right) + picture[y0 + 1, x0 + 1, channel] * right
    return float(above * (1 - down) + below * down)


@kernel
def _stretched(field: Floats, x: float, y: float) -> float:
    """Look up a small field at ``x``, ``y`` of its own pixels, the edge repeated."""
    rows, columns = field.shape
    x, y = min(max(x, 0.0), columns - 1.0), min(max(y, 0.0), rows - 1.0)
    x0, y0 = int(x), int(y)
    x1, y1 = min(x0 + 1, columns - 1), min(y0 + 1, rows - 1)
    right, down = x - x0, y - y0
    above = field[y0, x0] * (1 - right) + field[y0, x1] * right
    below = field[y1, x0] * (1 - right) + field[y1, x1] * right
    return float(above * (1 - down) + below * down)


@kernel
def _on_curve(curves: Floats, kind: int, channel: int, value: float) -> float:
    low = min(int(value), 254)
    part = value - low
    return float(curves[kind, channel, low] * (1 - part) + curves[kind, channel, low + 1] * part)


@kernel
def _shade(  # noqa: PLR0917 - kernels take arguments by place
    seen: Floats,
    scale: float,
    texture: Bytes,
    weights: Bytes,
    curves: Floats,
    gains: Floats,
    layer: Floats,
    kinds: Floats,
) -> None:
    height, width = seen.shape[:2]
    rows, columns = texture.shape[:2]
    gain_y, gain_x = gains.shape[0] / height, gains.shape[1] / width
    for y in range(height):
        for x in range(width):
            if seen[y, x, 0] < 0:
                continue
            tx = min(max(seen[y, x, 0] * scale, 0.0), columns - 1.001)
            ty = min(max(seen[y, x, 1] * scale, 0.0), rows - 1.001)
            alpha = _between(texture, tx, ty, 3) / 255
            if alpha <= 0:
                continue
            skin = _between(weights, tx, ty, 0) / 255
            gain = _stretched(gains, (x + 0.5) * gain_x - 0.5, (y + 0.5) * gain_y - 0.5)
            gain = 1 + (gain - 1) * (0.4 + 0.6 * skin)
            for k in range(3):
                value = _between(texture, tx, ty, k)
                hair, face = _on_curve(curves, 0, k, value), _on_curve(curves, 1, k, value)
                layer[y, x, k] = min((hair * (1 - skin) + face * skin) * gain, 255.0) * alpha
            layer[y, x, 3] = alpha
            kinds[y, x, 0] = skin * alpha
            kinds[y, x, 1] = _between(weights, tx, ty, 1) / 255 * alpha
