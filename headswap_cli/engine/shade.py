"""Look the head up in its texture, pixel by pixel, with its colours fitted to the frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Corners = tuple[np.float32, np.float32, np.float32, np.float32]

# Colour curves have so many steps for each grey level, and end at 255.
STEPS = 4


def shade(
    seen: Floats, scale: float, texture: Bytes, weights: Bytes, *, curves: Floats, gains: Floats
) -> tuple[Floats, Floats]:
    """Return the head as it is seen.

    Args:
        seen: (height, width, 2), texture points of the first level; below 0 nothing is seen.
        scale: Size of ``texture`` in sizes of the first level.
        texture: BGR and alpha.
        weights: Skin and inner face.
        curves: Colour curves, (2, 3, 255 * STEPS + 1): for hair and for skin, per channel.
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
def _between(picture: Bytes, x: int, y: int, k: int, weights: Corners) -> np.float32:
    """Return channel ``k`` between four pixels."""
    above = np.float32(picture[y, x, k]) * weights[0] + np.float32(picture[y, x + 1, k]) * weights[1]
    below = np.float32(picture[y + 1, x, k]) * weights[2] + np.float32(picture[y + 1, x + 1, k]) * weights[3]
    return np.float32(above + below)


@kernel
def _line(field: Floats, y: float, line: Floats) -> None:
    """Fill ``line`` with a small field at ``y`` of its own pixels, stretched along x, the edge repeated."""
    rows, columns = field.shape
    y = min(max(y, 0.0), rows - 1.0)
    y0 = int(y)
    y1, down = min(y0 + 1, rows - 1), np.float32(y - y0)
    step = columns / line.shape[0]
    for x in range(line.shape[0]):
        exact = min(max((x + 0.5) * step - 0.5, 0.0), columns - 1.0)
        x0 = int(exact)
        x1, right = min(x0 + 1, columns - 1), np.float32(exact - x0)
        above = field[y0, x0] + (field[y0, x1] - field[y0, x0]) * right
        below = field[y1, x0] + (field[y1, x1] - field[y1, x0]) * right
        line[x] = above + (below - above) * down


@kernel
def _corner(position: np.float32, scale: np.float32, limit: int) -> tuple[int, np.float32]:
    """Return the pixel before a texture point at this level, and how far beyond it the point lies."""
    exact = min(max(position * scale, np.float32(0)), np.float32(limit - 1.001))
    first = int(exact)
    return first, np.float32(exact - np.float32(first))


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
    # Single precision throughout: plain numbers would make every step a double one.
    factor, one, zero, byte = np.float32(scale), np.float32(1), np.float32(0), np.float32(1 / 255)
    on_all, on_skin, steps, half = np.float32(0.6), np.float32(0.4), np.float32(STEPS), np.float32(0.5)
    most = np.float32(255)
    lights = np.empty(width, np.float32)
    for y in range(height):
        _line(gains, (y + 0.5) * gains.shape[0] / height - 0.5, lights)
        for x in range(width):
            if seen[y, x, 0] < zero:
                continue
            x0, right = _corner(seen[y, x, 0], factor, columns)
            y0, down = _corner(seen[y, x, 1], factor, rows)
            corners = ((one - right) * (one - down), right * (one - down), (one - right) * down, right * down)
            alpha = _between(texture, x0, y0, 3, corners) * byte
            if alpha <= zero:
                continue
            skin = _between(weights, x0, y0, 0, corners) * byte
            gain = one + (lights[x] - one) * (on_all + on_skin * skin)
            for k in range(3):
                step = int(_between(texture, x0, y0, k, corners) * steps + half)
                hair, face = curves[0, k, step], curves[1, k, step]
                layer[y, x, k] = min((hair + (face - hair) * skin) * gain, most) * alpha
            layer[y, x, 3] = alpha
            kinds[y, x, 0] = skin * alpha
            kinds[y, x, 1] = _between(weights, x0, y0, 1, corners) * byte * alpha
