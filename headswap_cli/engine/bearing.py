"""How a head must be held to be seen as the person is: what is asked of it and what is seen of it differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]

# What few views tell is doubted: so many more, each a unit from the middle, say that all is seen as asked.
_DOUBT = 3.0
# No more than so many units is put right.
_MOST = np.array([0.6, 0.6, 1.0])
# In a frame the corners are seen to move by three quarters of what they do in a view of the head alone: a
# smile is told by its cheeks as well, and these stay the photo's.
_FURTHER = 1 / 3
# A head that hardly follows is not driven harder than one that follows by so much.
_LEAST_FOLLOWED = 0.6


class Sight(NamedTuple):
    """What is seen of a face: ``yaw`` and ``pitch`` in degrees, positive to the viewer's left and downwards.

    ``corners`` is how high the mouth's corners stand above the line between its lips, and ``gap`` how far it
    is open, in face widths.
    """

    yaw: float
    pitch: float
    corners: float = 0.0
    gap: float = 0.0


# As much of each as counts for alike.
UNITS = np.array(Sight(yaw=8.0, pitch=8.0, corners=0.01, gap=0.04))
# The gap is drawn as it is asked for.
_PUT_RIGHT = 3


@dataclass(frozen=True, slots=True)
class Bearing:
    """What must be added to what is asked of a head.

    ``middle`` (4,) is what is asked on average, and ``matrix`` (3, 5) what to add of yaw, pitch and corners:
    linear in 1 and in how far from the middle is asked. Both in ``UNITS``. From the middle the corners go so
    much ``further`` in any case, in parts of the way.
    """

    middle: Floats = field(default_factory=lambda: np.zeros(len(UNITS)))
    matrix: Floats = field(default_factory=lambda: np.zeros((_PUT_RIGHT, 1 + len(UNITS))))
    further: float = 0.0

    def correction(self, asked: Sight) -> Sight:
        """Return what to add to what is asked."""
        beyond = np.append(1.0, np.array(asked) / UNITS - self.middle)
        added = np.clip(self.matrix @ beyond, -_MOST, _MOST)
        added[2] += self.further * beyond[3]
        return Sight(*(added * UNITS[:_PUT_RIGHT]).tolist())


def learned(asked: Sequence[Sight], seen: Sequence[Sight]) -> Bearing:
    """Return the bearing by which a head is seen as is asked of it.

    Args:
        asked: Of several views.
        seen: What was seen in each.

    Source: ridge regression: Hoerl, Kennard, Technometrics 12(1), 1970.
    """
    wanted, found = np.array(asked) / UNITS, np.array(seen) / UNITS
    middle = wanted.mean(axis=0)
    beyond = np.column_stack([np.ones(len(wanted)), wanted - middle])
    doubt = np.diag([0.0, *[_DOUBT] * len(UNITS)])
    error = np.linalg.solve(beyond.T @ beyond + doubt, beyond.T @ (found - wanted)).T[:_PUT_RIGHT]
    # Corners that are higher at rest are the face's own.
    error[2, 0] = 0
    left, values, right = np.linalg.svd(np.eye(_PUT_RIGHT) + error[:, 1 : 1 + _PUT_RIGHT])
    back = (right.T / np.maximum(values, _LEAST_FOLLOWED)) @ left.T
    return Bearing(middle, -back @ error, _FURTHER)
