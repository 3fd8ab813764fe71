"""Show the inside of the person's own mouth between the new lips: no photo has teeth for every word."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.raster import rasterise
from headswap_cli.engine.sample import between
from headswap_cli.engine.types import Frame, Landmarks, Mask

Floats = NDArray[np.float32]

# Lip gaps in face widths: below the first nothing shows, from the second on all.
_GAPS = (0.012, 0.026)
_SMOOTH = cv2.LINE_AA
_RING = len(topology.INNER_LIPS)
# What the line between shut lips keeps of blue, green, red and alpha; its thickness in mouth widths.
_SEAM, _SEAM_THICKNESS = np.array([0.66, 0.68, 0.8, 1], np.float32), 0.02
# Points of the ring that face each other, upper before lower.
_ACROSS = tuple((_RING - k, k) for k in range(1, _RING // 2))
# Openings narrower than so many times the seam's softness are slits, more or less.
_SLIT = 8.0
# From so much on a pixel of the mouth shows what is in front, and those near to it show some of that.
_COVERED, _NEAR = 0.2, np.ones((5, 5), np.uint8)
_FAN = np.array([(i, (i + 1) % _RING, _RING) for i in range(_RING)], np.int32)


def fill_mouth(
    layer: Floats,
    piece: Frame,
    old: Landmarks,
    new: Landmarks,
    *,
    gap: float,
    feather: float,
    covered: Mask | None = None,
) -> None:
    """Lay the person's open mouth into the new head.

    Args:
        layer: The head, (height, width, 4), BGR times alpha and alpha, changed in place.
        piece: The frame's piece, same size, BGR.
        old: The person's landmarks in the piece's pixels.
        new: The head's.
        gap: The person's lip gap in face widths.
        feather: Softness of the seam, pixels.
        covered: What of the piece something in front covers, at any size: it stays where it is, and its
            picture must not move along with the mouth.
    """
    amount = float(np.clip((gap - _GAPS[0]) / (_GAPS[1] - _GAPS[0]), 0, 1))
    lips = new[topology.INNER_LIPS, :2]
    margin = 3 * feather + 2
    x0, y0 = np.maximum(np.floor(lips.min(axis=0) - margin), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(lips.max(axis=0) + margin), piece.shape[1::-1]).astype(int)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    if amount < 1:
        _draw_seam(layer[y0:y1, x0:x1], lips - (x0, y0), 1 - amount)
    if amount == 0:
        return
    target = np.zeros((_RING + 1, 3), np.float32)
    target[:, :2] = _with_centre(lips) - (x0, y0)
    origin = _with_centre(old[topology.INNER_LIPS, :2])
    if covered is not None:
        piece, origin = _bared(piece, covered, origin)
    seen = rasterise(target, origin, _FAN, int(x1 - x0), int(y1 - y0))
    soft = _shown(seen.shape[:2], lips - (x0, y0), feather)
    _lay(seen, piece, np.asarray(soft * amount, np.float32), layer[y0:y1, x0:x1])


def _bared(piece: Frame, covered: Mask, ring: Floats) -> tuple[Frame, Floats]:
    """Return a picture of the mouth without what is before it, and the ring (with its centre) there."""
    corner = np.maximum(np.floor(ring.min(axis=0)) - 2, 0).astype(int)
    x0, y0 = corner.tolist()
    x1, y1 = np.minimum(np.ceil(ring.max(axis=0)) + 3, piece.shape[1::-1]).astype(int).tolist()
    if x1 - x0 < 2 or y1 - y0 < 2:
        return piece, ring
    scale = np.array(covered.shape[::-1]) / piece.shape[1::-1]
    x, y = (corner + 0.5) * scale - 0.5
    to_mask = np.array([[scale[0], 0, x], [0, scale[1], y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    hidden = cv2.warpAffine(covered, to_mask, (x1 - x0, y1 - y0), flags=flags) > _COVERED
    if not hidden.any():
        return piece, ring
    outline = np.round(ring[:_RING] - corner).astype(np.int32)
    inside = cv2.fillPoly(np.zeros(hidden.shape, np.uint8), [outline], (1,)) > 0
    bare = inside & (cv2.dilate(hidden.view(np.uint8), _NEAR) == 0)
    part = piece[y0:y1, x0:x1]
    filled = push_pull(part.astype(np.float32), bare.astype(np.float32))
    picture = np.where(hidden[..., np.newaxis], filled, part)
    return np.asarray(picture, np.uint8), np.asarray(ring - corner, np.float32)


@kernel
def _lay(seen: Floats, piece: Frame, share: Floats, part: Floats) -> None:
    """Mix the mouth into the head; a pixel that it covers in part is as its neighbours are."""
    height, width = share.shape
    for row in range(height):
        for column in range(width):
            weight = share[row, column]
            if weight < 1e-3:
                continue
            x = y = 0.0
            count = 0
            near = 0 if seen[row, column, 0] >= 0 else 1
            for i in range(max(0, row - near), min(height, row + near + 1)):
                for j in range(max(0, column - near), min(width, column + near + 1)):
                    if seen[i, j, 0] >= 0:
                        x, y, count = x + seen[i, j, 0], y + seen[i, j, 1], count + 1
            if count == 0:
                continue
            for k in range(3):
                colour = np.float32(between(piece, x / count, y / count, k))
                part[row, column, k] += weight * (colour - part[row, column, k])
            part[row, column, 3] += weight * (1 - part[row, column, 3])


def _shown(shape: tuple[int, ...], opening: Floats, feather: float) -> Floats:
    """Return how much of the mouth shows where.

    The seam lies within the opening, so that no rim of the old lips comes along; a slit shows wholly, or the
    photo's teeth would be in it.
    """
    ring = np.round(opening * 16).astype(np.int32)
    mask = cv2.fillPoly(np.zeros(shape, np.uint8), [ring], (255,), _SMOOTH, 4)
    covered = mask * np.float32(1 / 255)
    within = np.clip(cv2.GaussianBlur(covered, (0, 0), feather) * 2 - 1, 0, 1) * covered
    upper, lower = (opening[list(side), 1] for side in zip(*_ACROSS, strict=True))
    wide = np.clip(float((lower - upper).max()) / (_SLIT * feather), 0, 1)
    return np.asarray(covered + (within - covered) * wide, np.float32)


def _draw_seam(part: Floats, lips: Floats, amount: float) -> None:
    """Darken the line where shut lips meet: the mesh is drawn without half covered pixels."""
    half = _RING // 2
    lower, upper = lips[: half + 1], np.concatenate([lips[:1], lips[: half - 1 : -1]])
    line = np.round((lower + upper) * 8).astype(np.int32)
    width = float(np.linalg.norm(lips[half] - lips[0]))
    thickness = max(1, round(_SEAM_THICKNESS * width))
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.polylines(
        mask, [line], isClosed=False, color=(255,), thickness=thickness, lineType=cv2.LINE_AA, shift=4
    )
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.5, 0.3 * thickness)) * np.float32(amount / 255)
    mixed = cv2.GaussianBlur(part, (3, 3), 0.8) * _SEAM
    part += (mixed - part) * soft[..., np.newaxis]


def _with_centre(ring: Floats) -> Floats:
    return np.concatenate([ring, ring.mean(axis=0, keepdims=True)]).astype(np.float32)
