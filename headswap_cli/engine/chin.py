"""Take the chin's own shadow on the throat from the photo: the mesh's outline reaches down into it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.geometry import disc, face_width, inside_hull, ramp
from headswap_cli.engine.types import Frame, Landmarks, Mask

# How far up from the outline a shadow reaches, from where up what the chin looks like is known, and how far
# beyond the outline the matte goes on, face widths.
_RIM, _KNOWN, _BEYOND = 0.07, 0.1, 0.05
# From so far beside the chin on, and wholly from so far, it may be hair that hangs before the jaw, or a side
# that is away from the light.
_ASIDE = (0.24, 0.32)
# What has less than the second part of the light that is due there lies in shadow, from the first on some.
_SHADED = (0.95, 0.65)
# A beard along the jaw goes on beside the chin: where its darker side has less than the first part of the
# light that is due there all is taken for beard, from the second on nothing.
_BEARD = (0.85, 0.95)
# A chin turns away from the light as it ends: of what it has above, this is due at its edge.
_AT_EDGE = 0.72
_SOFT = 0.008


def lit_chin(colours: Frame, landmarks: Landmarks) -> Frame:
    """Return the colours with the chin as lit to its edge as above it; beards, dark there or beside, stay.

    Args:
        colours: The head's, (height, width, 3), BGR.
        landmarks: Of its face.
    """
    width, shape = face_width(landmarks), colours.shape[:2]
    oval = inside_hull(landmarks[topology.OVAL], shape)
    chin_x, chin_y = landmarks[topology.CHIN, :2]
    lips = max(0, int(landmarks[topology.OUTER_LIPS, 1].max()))
    below = np.s_[lips : max(lips + 1, int(chin_y + _BEYOND * width) + 1)]
    depth = cv2.distanceTransform(oval, cv2.DIST_L2, cv2.DIST_MASK_5)[below] / np.float32(width)
    known = np.asarray(depth > _KNOWN, np.float32)
    if not known.any():
        return colours
    own = colours[below].astype(np.float32)
    due = push_pull(own, known) * (_AT_EDGE + (1 - _AT_EDGE) * ramp(depth, 0, _KNOWN))[..., np.newaxis]
    aside = np.asarray((np.arange(shape[1]) - chin_x) / width, np.float32)
    lit = np.asarray(_grey(own) / np.maximum(_grey(due), 1), np.float32)
    share = ramp(lit, *_SHADED) * ramp(depth, _KNOWN, _RIM) * _bareness(lit, depth, aside)
    share *= ramp(np.abs(aside), _ASIDE[1], _ASIDE[0]) * cv2.dilate(oval, disc(_BEYOND * width))[below]
    soft = cv2.GaussianBlur(share, (0, 0), max(0.7, _SOFT * width))[..., np.newaxis]
    whole = colours.copy()
    whole[below] = np.clip(own + (due - own) * soft + 0.5, 0, 255)
    return whole


def _bareness(lit: Mask, depth: Mask, aside: NDArray[np.float32]) -> float:
    """Return 0 where a beard goes on along the jaw, 1 where what is dark below the chin ends beside it.

    Args:
        lit: What each pixel has of the light that is due there, (height, width).
        depth: How far it is from the face's outline, face widths, likewise.
        aside: How far each column is to the right of the chin, face widths, (width,).
    """
    edge = (depth > 0) & (depth < _RIM)
    sides = [lit[edge & (_ASIDE[0] < way) & (way < _ASIDE[1])] for way in (-aside, aside)]
    darker = min((float(np.median(side)) for side in sides if side.size), default=1.0)
    return float(ramp(np.array(darker), *_BEARD))


def _grey(colours: NDArray[np.float32]) -> Mask:
    return np.asarray(cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY), np.float32)
