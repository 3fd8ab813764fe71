"""Decide in each frame how much of a swap shows: what cannot be done well fades out over a few frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import face_width

if TYPE_CHECKING:
    from headswap_cli.engine.types import Frame, Landmarks

_SMALLEST_FACE = 14.0
# Degrees of yaw up to which a flat photo bends believably; once given up, the head must come back further.
_YAW, _YAW_AGAIN = 45.0, 40.0
# How much of a face must be inside the frame.
_INSIDE = 0.85
_FADE_FRAMES = 5


@dataclass(slots=True)
class Fade:
    """Goes from frame to frame of one track; ``strength`` is None before the first."""

    strength: float | None = None

    def follow(self, frame: Frame, landmarks: Landmarks, yaw: float) -> float:
        """Return how much of the swap shows in this frame, 0 to 1.

        Args:
            frame: Whole.
            landmarks: The person's, in its pixels.
            yaw: How far the head is turned aside, degrees.
        """
        old = self.strength
        limit = _YAW if old is None or old > 0 else _YAW_AGAIN
        good = (
            abs(yaw) <= limit
            and _share_inside(frame, landmarks) >= _INSIDE
            and face_width(landmarks) >= _SMALLEST_FACE
        )
        goal = 1.0 if good else 0.0
        step = 1 / _FADE_FRAMES
        self.strength = goal if old is None else float(np.clip(goal, old - step, old + step))
        return self.strength


def _share_inside(frame: Frame, landmarks: Landmarks) -> float:
    height, width = frame.shape[:2]
    x, y = landmarks[: topology.MESH_POINTS, 0], landmarks[: topology.MESH_POINTS, 1]
    return float(((x >= 0) & (x < width) & (y >= 0) & (y < height)).mean())
