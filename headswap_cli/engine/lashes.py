"""Finish the eyes: the lid's shadow on the eyeball, its soft edge, and lashes where an eye shuts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.geometry import sixteenths
from headswap_cli.engine.kernel import kernel

if TYPE_CHECKING:
    from headswap_cli.engine.hull import Eye

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_DARKNESS = 0.62
# Thickness of closed lashes in eye widths.
_THICKNESS = 0.06
# What the upper lid takes from the light of the eyeball at its edge, and how far down, in eye widths.
_SHADOW, _SHADOW_REACH = 0.18, 0.1
# No eyeball is as bright as skin in the sun: the photo's white was spread out under the lids.
_EYEBALL = 0.96
# Eye widths, pixels, from which and up to which this grows: in small eyes a shadow would be all there is.
_SIZES = (10.0, 30.0)
# From corner to corner, and how thick lashes are there.
_STEPS = np.linspace(0, 1, 17, dtype=np.float32)
_TAPER = np.asarray(0.3 + 0.7 * np.sqrt(4 * _STEPS * (1 - _STEPS)) * (1.2 - 0.4 * _STEPS), np.float32)
_POWERS = np.arange(3, dtype=np.float32)
# Points of a lid that coincide have a parabola too.
_STEADY = 1e-5 * np.eye(3, dtype=np.float32)


def lid_line(eye: Eye, side: int) -> list[int]:
    """Return an eye's upper (0) or lower (1) lid from corner to corner, as places in the mesh."""
    return [eye.corners[0], *(pair[side] for pair in eye.pairs), eye.corners[1]]


def finish_eye(layer: Floats, upper: Floats, lower: Floats, opening: float) -> None:
    """Shade the eyeball under the upper lid, soften the lids' edges and draw the lashes of a shut eye.

    Args:
        layer: The head, (height, width, 4), BGR times alpha, changed in place.
        upper: The upper lid's edge from corner to corner in the layer's pixels, (n, 2).
        lower: Likewise the lower lid's.
        opening: How far the eye is open, 0 to 1; at 1 no lashes are drawn.
    """
    outline = np.concatenate([upper, lower[::-1]])
    width = float(np.linalg.norm(upper[-1] - upper[0]))
    margin = 2 + 0.15 * width
    x0, y0 = (int(value) for value in np.maximum(np.floor(outline.min(axis=0) - margin), 0))
    x1, y1 = (int(value) for value in np.minimum(np.ceil(outline.max(axis=0) + margin), layer.shape[1::-1]))
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    part = layer[y0:y1, x0:x1]
    origin = np.array([x0, y0], np.float32)
    share = float(np.clip((width - _SIZES[0]) / (_SIZES[1] - _SIZES[0]), 0, 1))
    if share > 0 and opening > 0:
        _shade_eyeball(part, upper - origin, outline - origin, share)
    if share > 0:
        _soften_edge(part, outline - origin, share)
    amount = _DARKNESS * min(1.0, max(0.0, 1 - opening) * 1.5)
    if amount > 0:
        shape = part.shape[:2]
        lashes = _filled(shape, _lash_outline(upper - origin, max(1.0, _THICKNESS * width)))
        lashes = np.asarray(cv2.GaussianBlur(lashes, (0, 0), max(0.6, 0.02 * width)), np.uint8)
        _draw(part, lashes, np.float32(amount / 255))


def _shade_eyeball(part: Floats, upper: Floats, outline: Floats, share: float) -> None:
    width = max(float(np.linalg.norm(upper[-1] - upper[0])), 1e-3)
    along = (upper[-1] - upper[0]) / width
    across = np.array([-along[1], along[0]]) * (1 if along[0] >= 0 else -1)
    places = (upper - upper[0]) @ along
    order = np.argsort(places, kind="stable")
    edge = np.stack([places, (upper - upper[0]) @ across], 1)[order].astype(np.float32)
    axes = np.stack([along, across]).astype(np.float32)
    inside = _filled(part.shape[:2], outline)
    _darken(part, inside, edge, upper[0], axes, np.float32(_SHADOW_REACH * width), np.float32(share))


@kernel
def _darken(  # noqa: PLR0917 - kernels take arguments by place
    part: Floats,
    inside: Bytes,
    edge: Floats,
    origin: Floats,
    axes: Floats,
    reach: np.float32,
    share: np.float32,
) -> None:
    """Take light away below an edge, (n, 2): places along the first axis from ``origin``, and depths."""
    height, width = inside.shape
    last = edge.shape[0] - 1
    for row in range(height):
        for column in range(width):
            if not inside[row, column]:
                continue
            x, y = np.float32(column) - origin[0], np.float32(row) - origin[1]
            place = min(max(x * axes[0, 0] + y * axes[0, 1], edge[0, 0]), edge[last, 0])
            after = 1
            while after < last and edge[after, 0] < place:
                after += 1
            run = max(edge[after, 0] - edge[after - 1, 0], np.float32(1e-6))
            way = (place - edge[after - 1, 0]) / run
            lid = edge[after - 1, 1] + (edge[after, 1] - edge[after - 1, 1]) * way
            depth = max(x * axes[1, 0] + y * axes[1, 1] - lid, np.float32(0)) / reach
            light = np.float32(_EYEBALL) - np.float32(_SHADOW) * math.exp(-depth * depth)
            kept = np.float32(1) + (light - np.float32(1)) * share * np.float32(
                inside[row, column]
            ) / np.float32(255)
            for k in range(3):
                part[row, column, k] *= kept


def _soften_edge(part: Floats, outline: Floats, share: float) -> None:
    """Mix neighbours along the lids: the mesh is drawn without half covered pixels."""
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.polylines(
        mask, [sixteenths(outline)], isClosed=True, color=(255,), thickness=2, lineType=cv2.LINE_AA, shift=4
    )
    _mix(part, np.asarray(cv2.GaussianBlur(part, (3, 3), 0.8), np.float32), mask, np.float32(share / 255))


@kernel
def _mix(part: Floats, other: Floats, mask: Bytes, amount: np.float32) -> None:
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            if mask[y, x]:
                share = amount * np.float32(mask[y, x])
                for k in range(4):
                    part[y, x, k] += (other[y, x, k] - part[y, x, k]) * share


@kernel
def _draw(part: Floats, mask: Bytes, darkness: np.float32) -> None:
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            if mask[y, x]:
                kept = np.float32(1) - darkness * np.float32(mask[y, x])
                for k in range(3):
                    part[y, x, k] *= kept


def _lash_outline(upper: Floats, thickness: float) -> Floats:
    """Return a lens along a lid's edge, thickest in its outer half; its curve is smooth, not the mesh's."""
    start, along = upper[0], upper[-1] - upper[0]
    length = max(float(np.hypot(*along)), 1e-3)
    along = along / length
    across = np.array([-along[1], along[0]], np.float32)
    places, heights = (upper - start) @ along / length, (upper - start) @ across
    powers = places[:, np.newaxis] ** _POWERS
    parabola = np.linalg.solve(powers.T @ powers + _STEADY, powers.T @ heights)
    curve = parabola[0] + _STEPS * (parabola[1] + _STEPS * parabola[2])
    middle = start + _STEPS[:, np.newaxis] * (length * along) + curve[:, np.newaxis] * across
    half = (0.5 * thickness * _TAPER)[:, np.newaxis] * across
    return np.asarray(np.concatenate([middle - half, (middle + half)[::-1]]), np.float32)


def _filled(shape: tuple[int, ...], outline: Floats) -> Bytes:
    mask = cv2.fillPoly(np.zeros(shape[:2], np.uint8), [sixteenths(outline)], (255,), cv2.LINE_AA, 4)
    return np.asarray(mask, np.uint8)
