"""Tell how far a person's eyes are open by what the mesh sees of their lids, which it never sees meet."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import hull

if TYPE_CHECKING:
    from headswap_cli.engine.types import Landmarks

Floats = NDArray[np.floating]

# Lids drawn wider than the photo's bare white that it never showed: a startled look.
_WIDEST = 1.25
# Eyes that laugh or stare in the photo go so far of the way to the person's, within these limits of theirs.
_UNSQUINT, _UNSQUINTED = 0.8, (0.95, 1.3)
# Shut is somewhat above the clip's smallest gap, in parts of the open gap.
_SHUT, _SHUT_MARGIN = (0.3, 0.6), 0.25
# What is left of an eye's opening by the gap measured, both from 0, shut, to 1, as usual: by it another mesh
# sees the drawn lids about as far open as the person's. The least is a blink, whose lids are never seen meet.
_MEASURED, _OPENED = (0.05, 0.25, 0.6, 1.0), (0.0, 0.25, 0.52, 1.0)
# Percentiles of a person's lid gaps: of wide eyes, and of usual ones among those at least so far open.
_WIDE, _AWAKE, _USUAL = 95, 0.75, 75
# Open eyes are hardly ever narrower than this, in eye widths: of 12 people's two, the narrowest pair had 0.2.
# Of a head that is turned aside the mesh sees them narrower.
_OPEN_AT_LEAST = 0.2
# How much of an eye's opening is its own, not both eyes'.
_ONE_EYE = 0.4
# Parts of the usual gap from which on an iris is seen and not guessed.
_SEEN = 0.8


class Lids:
    """Knows how far one person's eyes are usually open.

    ``awake`` (n,) is in which of the faces both eyes are open.

    Args:
        faces: The person's, upright, (n, 478, 3).
        turned: How far the head is usually turned aside, radians.
        reference: The face whose lids are to be opened as far, (478, 3).
    """

    def __init__(self, faces: Landmarks, turned: float, reference: Landmarks) -> None:
        gaps = _gaps(faces)
        self._open = _usually_open(gaps, _OPEN_AT_LEAST * math.cos(turned))
        self._unsquint = np.clip(1 + _UNSQUINT * (self._open / _gaps(reference) - 1), *_UNSQUINTED)
        parts = gaps / self._open[:, np.newaxis]
        self.awake = (parts >= _SEEN).all(axis=0)
        self._shut = np.clip(np.percentile(_together(parts), 1, axis=1) + _SHUT_MARGIN, *_SHUT)

    def openings(self, face: Landmarks) -> tuple[float, float]:
        """Return how far the right and the left eye of a face, upright, are open: 0 shut, 1 as usual."""
        gaps = _together(_gaps(face) / self._open)
        opening = np.interp((gaps - self._shut) / (1 - self._shut), _MEASURED, _OPENED)
        # What makes up for the gap that shut lids are measured with would make wide eyes stare.
        opening = np.where(gaps > 1, gaps, opening)
        right, left = np.clip(opening, 0, _WIDEST) * self._unsquint
        return float(right), float(left)


def _gaps(faces: Landmarks) -> Floats:
    """Return the mean gaps between both eyes' lids of faces, (..., 478, 3), in eye widths: (2, ...).

    These err as gaps do; it cancels.
    """
    gaps = []
    for eye in hull.EYES:
        upper, lower = np.array(eye.pairs).T
        apart = np.linalg.norm(faces[..., upper, :2] - faces[..., lower, :2], axis=-1)
        gaps.append(apart.mean(axis=-1) / hull.eye_frames(faces, eye)[1])
    return np.array(gaps, np.float64)


def _together(gaps: Floats) -> Floats:
    """Return the gaps of both eyes, (2, ...): one alone is measured less surely than both together."""
    return np.asarray(_ONE_EYE * gaps + (1 - _ONE_EYE) * gaps.mean(axis=0))


def _usually_open(gaps: Floats, least: float) -> Floats:
    """Return the gaps between the lids of open eyes, (2,), however long they are shut, from all, (2, n).

    Eyes open together: where one alone is wide, it is not seen well.
    """
    both = gaps.mean(axis=0)
    awake = gaps[:, both >= _AWAKE * np.percentile(both, _WIDE)]
    # Somebody who looks down all the time is not known with open eyes.
    return np.asarray(np.maximum(np.percentile(awake, _USUAL, axis=1), least))
