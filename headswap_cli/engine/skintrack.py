"""Look at the skin of all faces of a shot: who goes on with one in its middle knows what was before."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

import cv2
import numpy as np

from headswap_cli.engine.channels import GREY
from headswap_cli.engine.geometry import face_box, face_width
from headswap_cli.engine.hand import hand_mask
from headswap_cli.engine.piece import cut_piece
from headswap_cli.engine.skin import (
    FEATURES,
    INERTIA,
    LOOK_EVERY,
    MEASURES,
    OTHER_LIGHT,
    SkinFollower,
    measure,
    skin_area,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from headswap_cli.engine.hand import Hand
    from headswap_cli.engine.types import Box, Frame, Landmarks

Face = TypeVar("Face", bound=Hashable)

# In even light half as often as a head's colours are fitted.
_SELDOM = 2
# Pixels across a face by which it is told whether the light is even.
_SAMPLES = 48
# How far beyond the face's box its surroundings are looked at, in face widths.
_AROUND = 0.5
_HARDLY = 0.1


class SkinTracker(Generic[Face]):
    """Looks at all faces of one shot; frames are shown to it one after the other."""

    def __init__(self) -> None:
        self._seen: dict[Face, dict[int, NDArray[np.float32]]] = {}
        # When each was looked at last, and how bright it was.
        self._last: dict[Face, tuple[int, float]] = {}

    def look(
        self, frame_index: int, frame: Frame, face: Face, landmarks: Landmarks, hands: Sequence[Hand]
    ) -> None:
        """Look at a face in a frame.

        Args:
            frame_index: Greater than that of the frame before.
            frame: The whole of it, (height, width, 3), BGR.
            face: Whose skin it is.
            landmarks: Where the face is.
            hands: Those that may be before it, pixels.
        """
        width = face_width(landmarks)
        reach = np.float32(_AROUND * width) * np.array([-1, -1, 1, 1], np.float32)
        box = face_box(landmarks) + reach
        brightness = _brightness(frame, box)
        last, before = self._last.get(face, (-_SELDOM * LOOK_EVERY, brightness))
        if frame_index - last < _SELDOM * LOOK_EVERY and abs(brightness - before) < OTHER_LIGHT:
            return
        self._last[face] = frame_index, brightness
        piece = cut_piece(frame, box, width)
        if piece is None:
            return
        skin = skin_area(piece.small, piece.reduced(landmarks), FEATURES) > 0
        hand = hand_mask(hands, piece.small, (piece.x0, piece.y0), piece.factor[0])
        seen = measure(piece.small, skin if hand is None else skin & (hand < _HARDLY))
        if seen is not None:
            self._seen.setdefault(face, {})[frame_index] = seen

    def before(self, face: Face, first: int, last: int) -> NDArray[np.float32]:
        """Return what a ``SkinFollower`` that begins at ``first`` knows before each frame up to ``last``.

        (frames, ``MEASURES``); the first row is NaN.
        """
        seen, follower, looked_at = self._seen.get(face, {}), SkinFollower(), first
        states = np.empty((last + 1 - first, MEASURES), np.float32)
        for row, frame_index in enumerate(range(first, last + 1)):
            states[row] = follower.state
            if frame_index in seen:
                looks = max(1.0, (frame_index - looked_at) / LOOK_EVERY)
                follower.follow(seen[frame_index], INERTIA**looks)
                looked_at = frame_index
        return states

    def forget(self, face: Face) -> None:
        """Let go of a face that was none."""
        self._seen.pop(face, None)
        self._last.pop(face, None)


def _brightness(frame: Frame, box: Box) -> float:
    """Return the mean grey of a part of a frame, by some of its pixels."""
    x0, y0 = np.maximum(box[:2], 0).astype(int)
    x1, y1 = np.maximum(np.ceil(box[2:]), 0).astype(int)
    step = max(1, (x1 - x0) // _SAMPLES)
    part = np.ascontiguousarray(frame[y0:y1:step, x0:x1:step])
    return float(GREY @ np.array(cv2.mean(part)[:3])) if part.size else 0.0
