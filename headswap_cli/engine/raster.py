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
    """
    seen = np.full((height, width, 2), -1, np.float32)
    depth = np.full((height, width), _FAR, np.float32)
    _draw(
        np.ascontiguousarray(points, np.float32),
        np.ascontiguousarray(texture_points, np.float32),
        triangles,
        seen,
        depth,
    )
    return seen


@kernel
def _span(first: float, second: float, third: float, limit: int) -> tuple[int, int]:
    start = max(0, math.floor(min(first, second, third)))
    return start, min(limit - 1, math.ceil(max(first, second, third)))


@kernel
def _draw(
    points: Floats, texture_points: Floats, triangles: NDArray[np.int32], seen: Floats, depth: Floats
) -> None:
    height, width = depth.shape
    for index in range(triangles.shape[0]):
        a, b, c = triangles[index]
        ax, ay, bx, by = points[a, 0], points[a, 1], points[b, 0], points[b, 1]
        cx, cy = points[c, 0], points[c, 1]
        twice_area = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy)
        if abs(twice_area) < 1e-6:
            continue
        left, right = _span(ax, bx, cx, width)
        top, bottom = _span(ay, by, cy, height)
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                u = ((by - cy) * (x - cx) + (cx - bx) * (y - cy)) / twice_area
                v = ((cy - ay) * (x - cx) + (ax - cx) * (y - cy)) / twice_area
                w = 1 - u - v
                if min(u, v, w) < _EDGE:
                    continue
                z = u * points[a, 2] + v * points[b, 2] + w * points[c, 2]
                if z < depth[y, x]:
                    depth[y, x] = z
                    for axis in range(2):
                        seen[y, x, axis] = (
                            u * texture_points[a, axis]
                            + v * texture_points[b, axis]
                            + w * texture_points[c, axis]
                        )
