"""Draw a triangle mesh into a map that tells each pixel where in the texture it comes from."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel

Floats = NDArray[np.float32]

# A pixel on the edge of two triangles must belong to one of them at least.
_EDGE = -1e-4
_FAR = 1e9


def rasterise(
    points: Floats, texture_points: Floats, triangles: NDArray[np.int32], width: int, height: int
) -> Floats:
    """Return for each pixel the texture point that is seen there, nearest surface first.

    Args:
        points: Corners in the picture, (n, 3): pixels and depth (away from the camera); the centre of the
            upper left pixel is (0, 0).
        texture_points: The same corners in the texture, (n, 2), pixels.
        triangles: (m, 3), indices of corners; both sides are drawn.
        width: Of the picture, pixels.
        height: Likewise.

    Returns: (height, width, 2), x before y; -1 where no triangle is.
    Source: half planes along a row: Pineda, A parallel algorithm for polygon rasterization, SIGGRAPH 1988;
        the depth buffer: Catmull, A subdivision algorithm for computer display of curved surfaces, 1974.
    """
    seen = np.empty((height, width, 2), np.float32)
    depth = np.empty((height, width), np.float32)
    corners = np.concatenate([points, texture_points], axis=1, dtype=np.float64)
    _draw(np.ascontiguousarray(corners), triangles, seen, depth)
    return seen


@kernel
def _span(first: float, second: float, third: float, limit: int) -> tuple[int, int]:
    start = max(0, math.floor(min(first, second, third)))
    return start, min(limit - 1, math.ceil(max(first, second, third)))


@kernel
def _narrowed(start: float, end: float, share: float, step: float) -> tuple[float, float]:
    """Return the part of a row's span where ``share + step * x`` is no less than the edge."""
    if step > 0:
        return max(start, math.ceil((_EDGE - share) / step)), end
    if step < 0:
        return start, min(end, math.floor((_EDGE - share) / step))
    return (start, end) if share >= _EDGE else (start, start - 1)


@kernel
def _fill(  # noqa: PLR0917 - kernels take arguments by place
    first: int, last: int, start: Floats, step: Floats, seen: Floats, depth: Floats
) -> None:
    """Draw a row's pixels from ``first`` to ``last``; depth, x and y of the texture grow evenly."""
    z0, u0, v0 = start[0], start[1], start[2]
    dz, du, dv = step[0], step[1], step[2]
    for x in range(first, last + 1):
        place = np.float32(x - first)
        z = z0 + place * dz
        if z < depth[x]:
            depth[x] = z
            seen[x, 0] = u0 + place * du
            seen[x, 1] = v0 + place * dv


@kernel
def _draw(corners: NDArray[np.float64], triangles: NDArray[np.int32], seen: Floats, depth: Floats) -> None:
    height, width = depth.shape
    for y in range(height):
        depth[y] = _FAR
        seen[y] = -1
    start, step = np.empty(3, np.float32), np.empty(3, np.float32)
    for index in range(triangles.shape[0]):
        a, b, c = triangles[index]
        ax, ay, bx, by = corners[a, 0], corners[a, 1], corners[b, 0], corners[b, 1]
        cx, cy = corners[c, 0], corners[c, 1]
        twice_area = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy)
        if abs(twice_area) < 1e-6:
            continue
        # Shares of the corners a and b, and how they change from one pixel to the next along a row.
        across, other = (by - cy) / twice_area, (cy - ay) / twice_area
        down, below = (cx - bx) / twice_area, (ax - cx) / twice_area
        for k in range(3):
            step[k] = (
                across * corners[a, 2 + k] + other * corners[b, 2 + k] - (across + other) * corners[c, 2 + k]
            )
        left, right = _span(ax, bx, cx, width)
        top, bottom = _span(ay, by, cy, height)
        for y in range(top, bottom + 1):
            u = down * (y - cy) - across * cx
            v = below * (y - cy) - other * cx
            first, last = _narrowed(left, right, u, across)
            first, last = _narrowed(first, last, v, other)
            first, last = _narrowed(first, last, 1 - u - v, -across - other)
            if first > last:
                continue
            u, v = u + first * across, v + first * other
            for k in range(3):
                start[k] = u * corners[a, 2 + k] + v * corners[b, 2 + k] + (1 - u - v) * corners[c, 2 + k]
            _fill(int(first), int(last), start, step, seen[y], depth[y])
