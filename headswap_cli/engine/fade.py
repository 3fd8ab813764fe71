"""Decide in each frame how much of a swap shows: what cannot be done well fades out over a few frames."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import face_width

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headswap_cli.engine.types import Landmarks

_SMALLEST_FACE = 14.0
# Degrees of yaw up to which a flat photo bends believably; once given up, the head must come back further.
_YAW, _YAW_AGAIN = 45.0, 40.0
# How much of a face must be inside the frame.
_INSIDE = 0.85
_FADE_FRAMES = 5


@dataclass(slots=True)
class Fade:
    """Goes from frame to frame of one track; ``strength`` is that of the frame before, None at the first."""

    strength: float | None = None

    def follow(self, size: tuple[int, int], landmarks: Landmarks, yaw: float) -> float:
        """Return how much of the swap shows in this frame, 0 to 1.

        Args:
            size: The frame's height and width, pixels.
            landmarks: The person's, in its pixels.
            yaw: How far the head is turned aside from the way it is in the photo, degrees.
        """
        old = self.strength
        limit = _YAW if old is None or old > 0 else _YAW_AGAIN
        good = (
            abs(yaw) <= limit
            and _share_inside(size, landmarks) >= _INSIDE
            and face_width(landmarks) >= _SMALLEST_FACE
        )
        goal = 1.0 if good else 0.0
        step = 1 / _FADE_FRAMES
        self.strength = goal if old is None else float(np.clip(goal, old - step, old + step))
        return self.strength


def strengths_before(poses: Iterable[tuple[Landmarks, float]], size: tuple[int, int]) -> list[float | None]:
    """Return for each frame of a track but the first how much of the swap shows in the frame before it.

    With that, work may begin in the middle of a track and go on as if it had begun with it. ``None`` is for
    a face that jumps there.

    Args:
        poses: Frame by frame the person's landmarks, pixels, and how far the head is turned aside, degrees.
        size: The frames' height and width, pixels.
    """
    fade = Fade()
    strengths: list[float | None] = []
    for (landmarks, yaw), (after, _) in pairwise(poses):
        strength = fade.follow(size, landmarks, yaw)
        if jumps(landmarks, after):
            fade = Fade()
        strengths.append(None if fade.strength is None else strength)
    return strengths


def jumps(before: Landmarks, after: Landmarks) -> bool:
    """Tell whether a face goes further from one frame to the next than it is wide; landmarks in pixels."""
    return bool(np.linalg.norm((after - before).mean(axis=0)[:2]) > face_width(after))


def _share_inside(size: tuple[int, int], landmarks: Landmarks) -> float:
    height, width = size
    x, y = landmarks[: topology.MESH_POINTS, 0], landmarks[: topology.MESH_POINTS, 1]
    return float(((x >= 0) & (x < width) & (y >= 0) & (y < height)).mean())
