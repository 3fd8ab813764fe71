"""Follow the rims of glasses all around the eyes, where they are clear and hardly differ from skin too."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.channels import largest

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# A usual lens: half its width and height, and how far its middle lies below and outwards of the eye's, in
# face widths; between which parts of that rims are looked for, in which steps, along how many rays.
_HALF, _MIDDLE = (0.165, 0.13), (0.01, 0.045)
_LEAST, _MOST, _STEP, _RAYS = 0.4, 1.5, 0.04, 96
# What a rim is narrower than, steps; it counts as clear from so many grey levels between it and its sides on.
_WIDTH, _LEVELS = 5, 40.0
# What a step aside from one ray to the next costs: as much as so clear a rim on one ray.
_BEND = 0.3
# Rims are there where so large a part of the way around both eyes is so clear.
_CLEAR, _CLOSED = 0.3, 0.7
_SMOOTH = 9
# How thick a rim is, and how far lids and lashes reach around an eye, face widths.
_THICK, _LASHES = 0.03, 0.03


class Rims(NamedTuple):
    """Where the rims are, and what is within them, (height, width) each."""

    rims: Bools
    within: Bools


def closed_rims(colours: Floats, layout: Floats, inside: Bools, found: Bools) -> Rims | None:
    """Return the rims of glasses, None where none can be followed around the eyes.

    Both sides are one way around a lens, as in a mirror: what light hides of one, the other shows.

    Args:
        colours: The face laid flat, (height, width, 3), BGR.
        layout: Where the mesh lies in it, (468, 2), pixels.
        inside: Where the face is.
        found: What of them was found as things are: thick and dark.

    Source: Amini, Weymouth, Jain, IEEE TPAMI 12(9), 1990, for the best way by dynamic programming.
    """
    sides = ((topology.RIGHT_EYE, -1.0), (topology.LEFT_EYE, 1.0))
    filled = np.where(inside[..., np.newaxis], colours, np.median(colours[inside], axis=0)).astype(np.float32)
    grids = [_grid(layout, eye, sign) for eye, sign in sides]
    clear = np.mean([_clear(filled, layout, inside, found, grid) for grid in grids], axis=0)
    ways = _way_around(np.asarray(clear, np.float32))
    along = np.take_along_axis(clear, ways[:, np.newaxis], axis=1)[:, 0]
    wrapped = np.concatenate([along[-(_SMOOTH // 2) :], along, along[: _SMOOTH // 2]])
    if (np.convolve(wrapped, np.full(_SMOOTH, 1 / _SMOOTH), "valid") > _CLEAR).mean() < _CLOSED:
        return None
    outlines = [np.round(grid[np.arange(_RAYS), ways]).astype(np.int32) for grid in grids]
    thickness = max(2, round(_THICK * float(np.ptp(layout[:, 0]))))
    drawn, whole = (np.zeros(inside.shape, np.uint8) for _ in range(2))
    cv2.polylines(drawn, outlines, isClosed=True, color=(1,), thickness=thickness)
    cv2.fillPoly(whole, outlines, (1,))
    rims = (drawn > 0) & inside
    return Rims(rims, (whole > 0) & ~rims)


def _grid(layout: Floats, eye: NDArray[np.int32], sign: float) -> Floats:
    """Return where the rays around an eye lie, (rays, steps, 2), outwards first and then down."""
    width = float(np.ptp(layout[:, 0]))
    angles = np.linspace(0, 2 * np.pi, _RAYS, endpoint=False)[:, np.newaxis]
    reach = np.arange(_LEAST, _MOST, _STEP)
    across = _MIDDLE[0] + _HALF[0] * np.cos(angles) * reach
    down = _MIDDLE[1] + _HALF[1] * np.sin(angles) * reach
    return np.asarray(layout[eye].mean(axis=0) + width * np.stack([sign * across, down], axis=-1), np.float32)


def _clear(colours: Floats, layout: Floats, inside: Bools, found: Bools, grid: Floats) -> Floats:
    """Return how clear a rim is in each place of a grid, up to 1: a dark line, or what is found already."""
    x, y = np.ascontiguousarray(grid[..., 0]), np.ascontiguousarray(grid[..., 1])
    rays = cv2.remap(colours, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    dark = largest(np.asarray(cv2.morphologyEx(rays, cv2.MORPH_BLACKHAT, np.ones((1, _WIDTH), np.uint8))))
    eyes = np.zeros(inside.shape, np.uint8)
    for eye in (topology.RIGHT_EYE, topology.LEFT_EYE):
        cv2.fillPoly(eyes, [cv2.convexHull(np.round(layout[eye]).astype(np.int32))], (1,))
    side = 2 * round(_LASHES * float(np.ptp(layout[:, 0]))) + 1
    eyes = np.asarray(cv2.dilate(eyes, np.ones((side, side), np.uint8)))
    skin, lids, known = (
        cv2.remap(mask.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        for mask in (inside, eyes, found)
    )
    clear = np.where(skin > 0.9, np.minimum(np.maximum(dark / _LEVELS, known), 1), 0)
    return np.asarray(np.where(lids > 0.3, -1, clear), np.float32)


def _way_around(clear: Floats) -> NDArray[np.intp]:
    """Return the step on each ray, (rays,), of the clearest way around that bends little."""
    # Twice around, and the middle of that: a way that ends where it began.
    twice = np.concatenate([clear, clear])
    best, came = twice[0], np.zeros(twice.shape, np.intp)
    for ray in range(1, len(twice)):
        padded = np.pad(best, 1, constant_values=-np.inf)
        ways = np.stack([padded[1:-1], padded[:-2] - _BEND, padded[2:] - _BEND])
        came[ray] = np.array([0, -1, 1])[ways.argmax(axis=0)]
        best = twice[ray] + ways.max(axis=0)
    way = np.zeros(len(twice), np.intp)
    way[-1] = best.argmax()
    for ray in range(len(twice) - 1, 0, -1):
        way[ray - 1] = way[ray] + came[ray, way[ray]]
    half = len(clear) // 2
    return np.concatenate([way[len(clear) : len(clear) + half], way[half : len(clear)]])
