"""A hand's joints, and what they cover."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.guided import laid_along

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.engine.types import Frame, Mask

Hand = NDArray[np.float32]  # (21, 2): wrist, then four points of thumb, index, middle, ring and little finger

WRIST, _INDEX_ROOT, MIDDLE_ROOT, _LITTLE_ROOT = 0, 5, 9, 17
_PALM = np.array([0, 1, 2, 5, 9, 13, 17])
_FINGERS = np.arange(1, 21).reshape(5, 4)
# A finger is about this thick, in widths of the palm.
_THICKNESS = 0.3
# So much of it is surely hand; around that only what differs from its colour by no more grey levels is.
_SURELY, _OTHER = 0.45, 60


def hand_mask(
    hands: Sequence[Hand], frame: Frame, origin: tuple[int, int], scale: float, fine: Frame | None = None
) -> Mask | None:
    """Return how much of each pixel a hand covers, (height, width), 0 to 1, None without hands.

    Args:
        hands: In pixels of the whole frame.
        frame: The piece of the frame, at the size at which hands are drawn.
        origin: The piece's upper left corner (x, y) in the whole frame.
        scale: Pixels of ``frame`` per pixel of the whole one.
        fine: The piece at the mask's size; None where that is the same.
    """
    if not hands:
        return None
    mask, sure = np.zeros(frame.shape[:2], np.uint8), np.zeros(frame.shape[:2], np.uint8)
    thickness = 1
    for hand in hands:
        points = (hand - origin) * scale
        palm = float(np.linalg.norm(points[_INDEX_ROOT] - points[_LITTLE_ROOT]))
        length = float(np.linalg.norm(points[MIDDLE_ROOT] - points[WRIST]))
        thickness = max(1, round(_THICKNESS * max(palm, 0.6 * length)))
        _draw(mask, points, thickness, thickness)
        _draw(sure, points, max(1, round(_SURELY * thickness)), thickness)
        if sure.any():
            mask[_other_colours(frame, sure) & (mask > sure)] = 0
    if not mask.any():
        return None
    # The shade between two fingers that all but touch.
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), np.uint8)
    share = np.asarray(mask * np.float32(1 / 255), np.float32)
    return laid_along(share, frame, frame if fine is None else fine, max(2, thickness // 3))


def _other_colours(frame: Frame, sure: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return what has not the colour of that which is surely hand: brows, lashes and hair between fingers."""
    colour = np.median(frame[sure > 0], axis=0)
    return np.asarray(cv2.inRange(frame, colour - _OTHER, colour + _OTHER) == 0, np.bool_)


def _draw(mask: NDArray[np.uint8], points: Hand, thickness: int, arm_thickness: int) -> None:
    def lines(paths: NDArray[np.floating], width: int) -> None:
        eighths = np.round(paths * 8).astype(np.int32)
        cv2.polylines(
            mask, [*eighths], isClosed=False, color=255, thickness=width, lineType=cv2.LINE_AA, shift=3
        )

    fingers = points[_FINGERS]
    tips = fingers[:, 3:] + 0.35 * (fingers[:, 3:] - fingers[:, 2:3])
    lines(np.concatenate([fingers, tips], axis=1), max(1, thickness))
    palm = np.round(points[_PALM]).astype(np.int32)
    cv2.fillPoly(mask, [palm], (255,))
    cv2.polylines(mask, [palm], isClosed=True, color=(255,), thickness=thickness)
    wrist = points[[WRIST]]
    lines(np.stack([wrist, 2 * wrist - points[[MIDDLE_ROOT]]], axis=1), max(1, round(2.6 * arm_thickness)))
