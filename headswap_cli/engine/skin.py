"""Follow the colours of a person's skin from frame to frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.channels import GREY, percentiles
from headswap_cli.engine.geometry import inside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.engine.types import Frame, Mask

Floats = NDArray[np.float32]

PERCENTILES, MEDIAN = (10, 50, 90), 1
# Three of each channel, then the grey level around.
MEASURES = 3 * len(PERCENTILES) + 1
# How often skin is looked at, in frames, unless the picture is brighter or darker by so many grey levels.
LOOK_EVERY, OTHER_LIGHT = 2, 2.0
# What stays of what is known, from one look to the next, unless skin and what is around it change together by
# so many grey levels: then it is the light, as in a flash.
INERTIA, _FLASH = 0.85, 16.0
# What in a face is no skin.
FEATURES = (
    *(topology.OUTER_LIPS, topology.RIGHT_EYE, topology.LEFT_EYE),
    *(topology.RIGHT_BROW, topology.LEFT_BROW),
)
_FEWEST_PIXELS = 16


class SkinFollower:
    """Follows one person's skin, slowly, so that nothing flickers.

    Args:
        known: The ``state`` of one that saw the frames before; None or NaN where nobody did.
    """

    def __init__(self, known: Floats | None = None) -> None:
        self._state = None if known is None or np.isnan(known).any() else known

    @property
    def state(self) -> Floats:
        """What is known, (``MEASURES``,), see ``measure``; NaN where nothing is."""
        return np.full(MEASURES, np.nan, np.float32) if self._state is None else self._state

    @property
    def colours(self) -> Floats | None:
        """The skin's ``PERCENTILES`` in each channel, BGR, (3, n), 0 to 255; None where nothing is known."""
        return None if self._state is None else self._state[:-1].reshape(3, -1)

    def follow(self, seen: Floats, inertia: float = INERTIA) -> None:
        """Take note of what ``measure`` told of a later frame; ``inertia`` is what stays of what is known."""
        if self._state is None:
            self._state = seen
            return
        old, median = self._state, slice(MEDIAN, -1, len(PERCENTILES))
        followed = np.asarray(inertia * old + (1 - inertia) * seen, np.float32)
        skin, around = float(GREY @ (seen[median] - old[median])), float(seen[-1] - old[-1])
        if min(abs(skin), abs(around)) > _FLASH and (skin > 0) == (around > 0):
            followed = seen.copy()
        # What was around a frame before, not on average.
        followed[-1] = seen[-1]
        self._state = followed


def measure(piece: Frame, skin: NDArray[np.bool_]) -> Floats | None:
    """Return the colours of skin and the light around it, (``MEASURES``,); None where too little shows.

    Args:
        piece: (height, width, 3), BGR.
        skin: Where it surely is, (height, width).

    Returns: Blue's ``PERCENTILES``, green's and red's, then the mean grey of everything else, 0 to 255.
    """
    if np.count_nonzero(skin) < _FEWEST_PIXELS:
        return None
    around = float(GREY @ np.array(cv2.mean(piece, (~skin).view(np.uint8))[:3]))
    return np.append(percentiles(piece[skin], PERCENTILES), np.float32(around)).astype(np.float32)


def skin_area(piece: Frame, landmarks: Floats, holes: Sequence[NDArray[np.int32]]) -> Mask:
    """Return 1 inside a face, its edge and what lies within other outlines left out.

    Args:
        piece: Any picture, (height, width, 3).
        landmarks: The face's, (478, 2 or 3), in its pixels.
        holes: Outlines in the mesh of what is no skin.
    """
    oval = np.round(landmarks[topology.OVAL, :2])
    margin = max(1, round(0.04 * float(np.ptp(oval[:, 0]))))
    area = cv2.erode(
        inside(oval, piece.shape), np.ones((2 * margin + 1, 2 * margin + 1), np.uint8), borderValue=0
    )
    for hole in holes:
        cv2.fillPoly(area, [np.round(landmarks[hole, :2]).astype(np.int32)], (0,))
    return np.asarray(area, np.float32)
