"""Follow what stands before a face beyond the face, and along its own edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.channels import GREY
from headswap_cli.engine.guided import WIDE, laid_along
from headswap_cli.engine.kernel import kernel

if TYPE_CHECKING:
    from headswap_cli.engine.piece import Piece
    from headswap_cli.engine.types import Frame, Mask

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

# A thing goes on as far as its colour, in grey levels, until that is so many times as wide as where it leaves
# the face, and some pixels more: there hair or clothes of its colour begin.
ALIKE, _WIDER, _MORE = 24.0, 1.5, 2.0
# Half the strip along the edge of a face in which there is no telling, face widths.
_STRIP = 0.02
_CORE = 0.6
# How far off its edge a thing's may lie, and how far beyond that is surely something else, face widths.
_OFF, _BEYOND = 0.04, 0.06


def extended(piece: Piece, mask: Mask, outline: Floats | None) -> Mask:
    """Return how much of each pixel of the piece something covers, (height, width), 0 to 1.

    Args:
        piece: The part of the frame that is worked on.
        mask: What of the small piece it covers as far as that is known, 0 to 1.
        outline: The face's, (n, 2 or 3), in pixels of the small piece, where something may go on beyond it;
            else None.
    """
    width = piece.pixels * piece.factor[0]
    if outline is not None:
        free = np.full(mask.shape, 255, np.uint8)
        edge = [outline[:, :2].round().astype(np.int32)]
        cv2.fillPoly(free, edge, (0,))
        cv2.polylines(free, edge, isClosed=True, color=(255,), thickness=2 * max(1, round(_STRIP * width)))
        mask = np.maximum(mask, _gone_on(piece.small, mask, free))
    radius = max(2, round(_OFF * width))
    axis = _apart(piece.small, mask, width)
    return laid_along(mask, piece.small, piece.image, radius, axis=axis, bounds=WIDE)


def _gone_on(image: Frame, mask: Mask, free: Bytes) -> Mask:
    """Let each thing go on over ``free`` (255) pixels of its own colour that hang together with it."""
    core = (mask > _CORE).view(np.uint8)
    count, labels = cv2.connectedComponents(core, connectivity=8)
    found = np.zeros(mask.shape, np.uint8)
    for label in range(1, count):
        area = (labels == label).view(np.uint8)
        depth = cv2.distanceTransform(area, cv2.DIST_L2, cv2.DIST_MASK_3)
        # Of what is all of the picture the depth is beyond all bounds.
        thick = min(2 * float(depth.max()), float(max(mask.shape)))
        # Its rim is mixed with what is behind it.
        colour = np.median(image[depth > thick / 4], axis=0)
        alike = cv2.bitwise_and(cv2.inRange(image, colour - ALIKE, colour + ALIKE), free)
        alike[area > 0] = 0
        ways, parts = cv2.connectedComponents(alike, connectivity=8)
        _follow(np.asarray(parts, np.int32), ways, area, np.float32(thick), found)
    # Beyond the face only what is wholly of its colour was found.
    return np.maximum(cv2.dilate(found, np.ones((3, 3), np.uint8)), core).astype(np.float32)


@kernel
def _follow(parts: NDArray[np.int32], ways: int, area: Bytes, thick: np.float32, found: Bytes) -> None:
    """Add what is reached from a thing step by step, each way (0: none) until it is too wide."""
    height, width = area.shape
    front, beyond = np.empty((height * width, 2), np.int32), np.empty((height * width, 2), np.int32)
    left, steps = 0, np.zeros(ways, np.int32)
    reached = np.zeros((height, width), np.bool_)
    for y in range(height):
        for x in range(width):
            if area[y, x]:
                front[left, 0], front[left, 1] = y, x
                left += 1
    limits, is_first = np.zeros(ways), True
    while left:
        steps[:] = 0
        count = _step(parts, front[:left], reached, steps, beyond)
        if is_first:
            limits, is_first = _MORE + _WIDER * np.minimum(steps.astype(np.float32), thick), False
        left = 0
        for index in range(count):
            y, x = beyond[index]
            if steps[parts[y, x]] <= limits[parts[y, x]]:
                found[y, x] = 1
                front[left, 0], front[left, 1] = y, x
                left += 1


@kernel
def _step(
    parts: NDArray[np.int32],
    front: NDArray[np.int32],
    reached: NDArray[np.bool_],
    steps: NDArray[np.int32],
    beyond: NDArray[np.int32],
) -> int:
    """Fill in which pixels beside a front were not reached before, and how many lie each way; count them."""
    height, width = parts.shape
    count = 0
    for index in range(len(front)):
        y, x = front[index]
        for v in range(max(0, y - 1), min(height, y + 2)):
            for u in range(max(0, x - 1), min(width, x + 2)):
                if parts[v, u] and not reached[v, u]:
                    reached[v, u] = True
                    steps[parts[v, u]] += 1
                    beyond[count, 0], beyond[count, 1] = v, u
                    count += 1
    return count


def _apart(image: Frame, mask: Mask, width: float) -> Floats:
    """Return along which colours a thing differs most from what is beside it, (3,), BGR."""
    side = 2 * max(1, round(_BEYOND * width)) + 1
    near = cv2.dilate(mask, np.ones((side, side), np.uint8))
    thing, beside = (mask > _CORE).view(np.uint8), ((mask < 0.1) & (near > _CORE)).view(np.uint8)
    if not (thing.any() and beside.any()):
        return GREY
    change = np.array(cv2.mean(image, thing)[:3]) - cv2.mean(image, beside)[:3]
    return np.asarray(change / max(1.0, float(np.abs(change).sum())), np.float32)
