"""Finish the eyes: the lid's shadow on the eyeball, its soft edge, and lashes where an eye shuts."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_DARKNESS = 0.5
# Thickness of closed lashes in eye widths.
_THICKNESS = 0.04
# What the upper lid takes from the light of the eyeball at its edge, and how far down, in eye widths.
_SHADOW, _SHADOW_REACH = 0.18, 0.1
# No eyeball is as bright as skin in the sun: the photo's white was spread out under the lids.
_EYEBALL = 0.96
# Eye widths, pixels, from which and up to which this grows: in small eyes a shadow would be all there is.
_SIZES = (10.0, 30.0)
_STEPS = 17
# Points of a lid that coincide have a parabola too.
_STEADY = 1e-5 * np.eye(3, dtype=np.float32)


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
        lashes = np.asarray(cv2.GaussianBlur(lashes, (0, 0), max(0.5, 0.02 * width)), np.float32)
        part[..., :3] *= 1 - amount * lashes[..., np.newaxis]


def _shade_eyeball(part: Floats, upper: Floats, outline: Floats, share: float) -> None:
    width = max(float(np.linalg.norm(upper[-1] - upper[0])), 1e-3)
    rows, columns = np.indices(part.shape[:2], np.float32)
    along = (upper[-1] - upper[0]) / width
    across = np.array([-along[1], along[0]]) * (1 if along[0] >= 0 else -1)
    places = (upper - upper[0]) @ along
    order = np.argsort(places, kind="stable")
    x, y = columns - upper[0, 0], rows - upper[0, 1]
    edge = np.interp(x * along[0] + y * along[1], places[order], ((upper - upper[0]) @ across)[order])
    depth = np.maximum(x * across[0] + y * across[1] - edge, 0) / (_SHADOW_REACH * width)
    light = _EYEBALL - _SHADOW * np.exp(-(depth**2))
    inside = share * _filled(part.shape[:2], outline)
    part[..., :3] *= (1 + (light - 1) * inside)[..., np.newaxis].astype(np.float32)


def _soften_edge(part: Floats, outline: Floats, share: float) -> None:
    """Mix neighbours along the lids: the mesh is drawn without half covered pixels."""
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.polylines(
        mask, [_fixed(outline)], isClosed=True, color=(255,), thickness=2, lineType=cv2.LINE_AA, shift=4
    )
    amount = (mask * np.float32(share / 255))[..., np.newaxis]
    part += (cv2.GaussianBlur(part, (3, 3), 0.8) - part) * amount


def _lash_outline(upper: Floats, thickness: float) -> Floats:
    """Return a lens along a lid's edge, thickest in its outer half; its curve is smooth, not the mesh's."""
    start, along = upper[0], upper[-1] - upper[0]
    length = max(float(np.hypot(*along)), 1e-3)
    along = along / length
    across = np.array([-along[1], along[0]], np.float32)
    places, heights = (upper - start) @ along / length, (upper - start) @ across
    steps = np.linspace(0, 1, _STEPS, dtype=np.float32)
    powers = np.stack([np.ones_like(places), places, places**2], 1)
    parabola = np.linalg.solve(powers.T @ powers + _STEADY, powers.T @ heights)
    curve = parabola[0] + steps * (parabola[1] + steps * parabola[2])
    middle = start + np.outer(steps * length, along) + np.outer(curve, across)
    taper = np.sqrt(np.clip(4 * steps * (1 - steps), 0, 1)) * (1.2 - 0.4 * steps)
    half = np.outer(0.5 * thickness * (0.3 + 0.7 * taper), across)
    return np.asarray(np.concatenate([middle - half, (middle + half)[::-1]]), np.float32)


def _filled(shape: tuple[int, ...], outline: Floats) -> Floats:
    mask = cv2.fillPoly(np.zeros(shape[:2], np.uint8), [_fixed(outline)], (255,), cv2.LINE_AA, 4)
    return np.asarray(mask * np.float32(1 / 255), np.float32)


def _fixed(points: Floats) -> NDArray[np.int32]:
    return np.round(points * 16).astype(np.int32)
