"""Find the light that falls on a face in the frame, for another head to stand in."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.types import Frame, Mask

Floats = NDArray[np.float32]
Area = NDArray[np.bool_]

_RELIGHT = 0.8
_GAINS = (0.55, 1.6)
# Light is carried beyond the face over so many reaches, worked out at so much smaller a size; where less than
# this of the face is in reach it is taken for even.
_BEYOND, _COARSER, _FAINT = 3.0, 4, 0.05
# Reaches are worked out at a size where they are at least so many pixels.
_FINE = 2.0
# Where in a face its highlights and its hollows begin, percentiles; how far those of the head may be drawn in
# or out to be as those of the person's face; how much more than that no skin departs from its surroundings.
_ENDS = (90, 10)
_RELIEF = ((0.45, 1.0), (0.8, 1.3))
_MOST_RELIEF = 0.4
_INERTIA = 0.85
_FEWEST_PIXELS = 16


class LightFitter:
    """Follows the light of one person's frames.

    Args:
        share: How much of the person's own brightness the head's skin has, 0 to 1: the rest is no light.
    """

    def __init__(self, share: float = 1.0) -> None:
        self._share = share
        self._relief: Floats | None = None

    def fit(
        self, target: Frame, fitted: Floats, target_skin: Mask, source_skin: Mask, reach: float
    ) -> Floats:
        """Return how much brighter the head must be here and there to stand in the frame's light.

        Args:
            target: The frame's piece, small.
            fitted: The head in it after tone fitting, its brightness, (height, width).
            target_skin: Where ``target`` shows skin, 0 to 1.
            source_skin: Likewise for ``fitted``.
            reach: Width of the smoothing, pixels.

        Returns: Factors, (height, width): beyond the face its nearest side's, falling to 1 far away from it.
        """
        there, here = (target_skin > 0.5).astype(np.float32), (source_skin > 0.5).astype(np.float32)
        seen = np.asarray(cv2.cvtColor(target, cv2.COLOR_BGR2GRAY), np.float32)
        wide = _softened(np.dstack([seen * there, there, fitted * here, here]), reach)
        wanted, given = (wide[..., k] / (wide[..., k + 1] + 1e-3) for k in (0, 2))
        sure = np.asarray(np.clip(np.minimum(wide[..., 1], wide[..., 3]) * 2.2 - 0.1, 0, 1), np.float32)
        ratio = np.asarray((wanted + 12) / (given + 12), np.float32)
        mean = np.exp((np.log(ratio) * sure).sum() / max(float(sure.sum()), 1.0))
        ratio = np.asarray(np.clip(ratio / mean ** (1 - self._share), *_GAINS) ** _RELIGHT, np.float32)
        far = _softened(1 + _spread((ratio - 1) * sure, sure, reach), reach)
        return far * self._relieved(_departure(seen, wanted), there > 0, _departure(fitted, given), here > 0)

    def _relieved(self, seen: Floats, there: Area, own: Floats, here: Area) -> Floats:
        """Return what gives the head's highlights and hollows the strength of the person's."""
        if min(np.count_nonzero(there), np.count_nonzero(here)) >= _FEWEST_PIXELS:
            wanted, given = (np.percentile(part, _ENDS) for part in (seen[there], own[here]))
            found = np.array(
                [
                    np.clip(max(abs(a), 1e-3) / max(abs(b), 1e-3), *bounds)
                    for a, b, bounds in zip(wanted, given, _RELIEF, strict=True)
                ],
                np.float32,
            )
            self._relief = found if self._relief is None else _INERTIA * self._relief + (1 - _INERTIA) * found
        if self._relief is None:
            return np.ones_like(own)
        part = np.where(own > 0, self._relief[0], self._relief[1]) * own - own
        return np.asarray(1 + part * here, np.float32)


def _departure(grey: Floats, surroundings: Floats) -> Floats:
    """Return by what share pixels are brighter than their surroundings."""
    soft = cv2.GaussianBlur(grey, (3, 3), 0.8)
    return np.asarray(np.clip((soft + 12) / (surroundings + 12) - 1, -_MOST_RELIEF, _MOST_RELIEF), np.float32)


def _softened(planes: Floats, reach: float) -> Floats:
    """Smooth planes, (height, width) or (height, width, n), over a reach."""
    rows, columns = planes.shape[:2]
    shrink = max(1, int(reach / _FINE))
    size = (max(1, columns // shrink), max(1, rows // shrink))
    small = cv2.resize(np.asarray(planes, np.float32), size, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), max(1.0, reach / shrink))
    return np.asarray(cv2.resize(soft, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float32)


def _spread(values: Floats, sure: Floats, reach: float) -> Floats:
    """Carry what is known of the light on over hair and ears, a few reaches far."""
    known = _softened(np.dstack([values, sure]), _BEYOND * reach)
    return values + (1 - sure) * known[..., 0] / (known[..., 1] + _FAINT)
