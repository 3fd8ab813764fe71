"""Find the light that falls on a face in the frame, for another head to stand in."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.channels import percentiles
from headswap_cli.engine.types import Frame, Mask

Floats = NDArray[np.float32]

_RELIGHT = 0.8
_GAINS = (0.55, 1.6)
# Light is carried beyond the face over so many reaches; where less than this of the face is in reach it is
# taken for even.
_BEYOND, _FAINT = 3.0, 0.05
# Light is worked out at a size where a reach is at least so many pixels.
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
        self,
        target: Frame,
        fitted: Floats,
        target_skin: Mask,
        source_skin: Mask,
        reach: float,
    ) -> Floats:
        """Return how much brighter the head must be here and there to stand in the frame's light.

        Args:
            target: The frame's piece, small, (height, width, 3), BGR.
            fitted: The head in it after tone fitting, its luma, (height, width), 0 to 255.
            target_skin: Where ``target`` shows skin, 0 to 1.
            source_skin: Likewise for ``fitted``.
            reach: Width of the smoothing, pixels.

        Returns: Factors, (height, width): beyond the face its nearest side's, falling to 1 far away from it.
        Source: the quotient of two faces' smoothed images is that of their light: Shashua, Riklin-Raviv, The
            quotient image, IEEE TPAMI 23(2), 2001; smoothed within masks by normalized convolution, Knutsson,
            Westin, CVPR 1993.
        """
        there, here = target_skin > 0.5, source_skin > 0.5
        seen = np.asarray(cv2.cvtColor(target, cv2.COLOR_BGR2GRAY), np.float32)
        wanted, given, gains = self._broad(np.dstack([seen * there, there, fitted * here, here]), reach)
        own = _departure(fitted, given)
        if min(np.count_nonzero(there), np.count_nonzero(here)) >= _FEWEST_PIXELS:
            self._measure(_departure(seen, wanted)[there], own[here])
        if self._relief is None:
            return gains
        own *= here
        highlights, hollows = self._relief - 1
        return np.asarray(gains * (1 + own * np.where(own > 0, highlights, hollows)), np.float32)

    def _broad(self, planes: Floats, reach: float) -> tuple[Floats, Floats, Floats]:
        """Return the brightness around each pixel of the person's face and of the head's, and the light.

        Args:
            planes: Brightness and place of the person's skin and of the head's, (height, width, 4).
            reach: Pixels.
        """
        rows, columns = planes.shape[:2]
        shrink = max(1, int(reach / _FINE))
        size, reach = (max(1, columns // shrink), max(1, rows // shrink)), max(1.0, reach / shrink)
        soft = _soft(_reduced(planes, size), reach)
        wanted, given = (soft[..., k] / (soft[..., k + 1] + 1e-3) for k in (0, 2))
        sure = np.clip(np.minimum(soft[..., 1], soft[..., 3]) * 2.2 - 0.1, 0, 1)
        ratio = (wanted + 12) / (given + 12)
        mean = np.exp((np.log(ratio) * sure).sum() / max(float(sure.sum()), 1.0))
        ratio = np.clip(ratio / mean ** (1 - self._share), *_GAINS) ** _RELIGHT
        near = (ratio - 1) * sure
        known = _soft(np.dstack([near, sure]), _BEYOND * reach)
        gains = 1 + _soft(near + (1 - sure) * known[..., 0] / (known[..., 1] + _FAINT), reach)
        fields = np.asarray(np.dstack([wanted, given, gains]), np.float32)
        wide = np.asarray(cv2.resize(fields, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float32)
        return wide[..., 0], wide[..., 1], wide[..., 2]

    def _measure(self, seen: Floats, own: Floats) -> None:
        """Compare how far the skin of the person and of the head departs from its surroundings."""
        wanted, given = (percentiles(part[:, np.newaxis], _ENDS)[0] for part in (seen, own))
        found = np.array(
            [
                np.clip(max(abs(a), 1e-3) / max(abs(b), 1e-3), *bounds)
                for a, b, bounds in zip(wanted, given, _RELIEF, strict=True)
            ],
            np.float32,
        )
        self._relief = found if self._relief is None else _INERTIA * self._relief + (1 - _INERTIA) * found


def _departure(grey: Floats, surroundings: Floats) -> Floats:
    """Return by what share pixels are brighter than their surroundings."""
    soft = cv2.GaussianBlur(grey, (3, 3), 0.8)
    return np.asarray(np.clip((soft + 12) / (surroundings + 12) - 1, -_MOST_RELIEF, _MOST_RELIEF), np.float32)


def _reduced(planes: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(planes, size, interpolation=cv2.INTER_AREA), np.float32)


def _soft(planes: Floats, reach: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(planes, (0, 0), reach), np.float32)
