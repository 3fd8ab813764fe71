"""A second person in a photo of one: where to look for them more closely, and what is said of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli.engine.geometry import containment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headswap_cli.engine.types import Box, Detection, Frame

# The side of a square in which a face half as wide as the photo's own is seen, in widths of that face; and
# the least side, as a part of the photo's: three squares along it, and what they overlap.
_SIDE, _LEAST_SIDE = 4.0, 1 / 3
# From here on, as a part of the width of the face that is taken, somebody may be meant.
_COUNTS = 0.3
# Faces that share so much of the smaller one are one; heads that touch share less.
_SAME = 0.2
# Of faces down to 28 pixels the mesh is sure by 0.96 at least, of what is taken for one by 0.02 at most.
_SURE = 0.9


def closer_squares(photo: Frame, face: Detection) -> list[tuple[int, int, int]]:
    """Return squares that cover a photo, as (x, y, side) in pixels, small enough to show smaller faces.

    None where the photo as a whole is small enough.

    Args:
        photo: Whole.
        face: The one that is taken.
    """
    height, width = photo.shape[:2]
    longest, across = max(height, width), _width(face.box)
    side = max(_SIDE * across, _LEAST_SIDE * longest)
    if side >= longest:
        return []

    def _starts(length: int) -> list[int]:
        if length <= side:
            return [int(length - side) // 2]
        # They overlap by a face, so that none is cut by all of them.
        count = math.ceil((length - across) / (side - across))
        return [int(start) for start in np.linspace(0, length - side, count)]

    return [(x, y, int(side)) for y in _starts(height) for x in _starts(width)]


def told_bystander(
    face: Detection, others: Sequence[Detection], presence_of: Callable[[Detection], float]
) -> list[str]:
    """Return a warning if a photo shows somebody else who may be meant; it says which face is taken.

    Args:
        face: The one that is taken.
        others: All that was found; the face itself may be among them, and a collar.
        presence_of: How sure the mesh is of a face, 0 to 1.
    """
    least = _COUNTS * _width(face.box)
    apart = [one for one in others if containment(one.box, face.box) < _SAME and _width(one.box) >= least]
    seen = [one.box for one in apart if presence_of(one) >= _SURE]
    other = max(seen, key=_width, default=None)
    if other is None:
        return []
    part = _width(other) / _width(face.box)
    return [
        f"the reference photo shows a second face; the larger one, {_side_of(face.box, other)}, is taken: one"
        f" that shows a single person is safer (the second is {100 * part:.0f} % as wide; up to"
        f" {100 * _COUNTS:.0f} is background)"
    ]


def _side_of(box: Box, other: Box) -> str:
    """Return on which side of another a box lies."""
    right, down = (box[:2] + box[2:] - other[:2] - other[2:]) / 2
    if box[2] < other[0] or box[0] > other[2]:
        return "on the right" if right > 0 else "on the left"
    return "below it" if down > 0 else "above it"


def _width(box: Box) -> float:
    return float(box[2] - box[0])
