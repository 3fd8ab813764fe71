"""Keep what a hand holds up to a head before it: what is beside the hand and is neither skin nor hair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.channels import total
from headswap_cli.engine.geometry import face_width, inside_hull
from headswap_cli.engine.guided import laid_along

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.engine.appearance import Appearance
    from headswap_cli.engine.hand import Hand
    from headswap_cli.engine.piece import Piece
    from headswap_cli.engine.types import Frame, Landmarks, Mask

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# How far a thing reaches from the hand that holds it, how near to the hand some of it is, and how far a hand
# reaches beyond its joints, face widths.
_REACH, _TOUCHES, _FLESH = 0.55, 0.06, 0.3
# Of skin's light so much more is red than of what is no skin, in shade too.
_LESS_RED = 0.05
# Above the ears' lobes hair is; a matte may miss so much of a thing; face widths.
_ABOVE, _BEYOND = 0.05, 0.1
# How far off an edge the outline of what is found may lie, likewise.
_OFF = 0.03
_COVERED, _PERSON = 0.5, 0.5


def may_be_taken_for_things(appearance: Appearance | None) -> bool:
    """Whether a person's own beard is no redder than what hands hold is; where nothing is known, it may."""
    if appearance is None:
        return True
    chin, cheeks = (
        np.median(
            _redness(appearance.colours[tuple(np.round(appearance.layout[points, ::-1]).astype(int).T)])
        )
        for points in (topology.BEARD, topology.CHEEKS)
    )
    return bool(chin < cheeks - _LESS_RED)


def with_held(
    piece: Piece,
    covered: Mask,
    person: Mask,
    landmarks: Landmarks,
    hands: Sequence[Hand],
    *,
    hangs: bool,
) -> Mask:
    """Return how much of each pixel of the piece is covered by what is in front and by what hands hold.

    Args:
        piece: The part of the frame that is worked on.
        covered: What is known to be in front, the hands among it, (height, width), 0 to 1.
        person: The person's matte, of the small piece: what is held is a part of it.
        landmarks: The face, pixels of the frame.
        hands: Those near it, (21, 2) each, likewise.
        hangs: Whether hair, or such a beard, hangs down there.
    """
    small = cv2.resize(covered, piece.small.shape[1::-1], interpolation=cv2.INTER_AREA) > _COVERED
    face = piece.reduced(landmarks)
    near = _about([piece.reduced(one) for one in hands], small.shape, _FLESH * face_width(face))
    found = _held(piece.small, person, np.asarray(small, np.bool_), near, face, hangs=hangs)
    if not found.any():
        return covered
    radius = max(1, round(_OFF * face_width(face)))
    return np.maximum(covered, laid_along(found.astype(np.float32), piece.small, piece.image, radius))


def _held(
    image: Frame, person: Mask, covered: Bools, near: Bools, landmarks: Landmarks, *, hangs: bool
) -> Bools:
    """Return what below the ears hangs together with a hand, or with a thing before the face.

    Skin is redder, in shade too, than most things.
    """
    width = face_width(landmarks)
    face = inside_hull(landmarks[topology.OVAL], person.shape) > 0
    ears = max(0, round(float(landmarks[topology.LOBES, 1].mean()) - _ABOVE * width))
    if not face.any():
        return face
    # Of one pixel that is nearly black the colour is chance.
    red = _redness(np.asarray(cv2.blur(image, (3, 3)), np.float32))
    other = (red < np.median(red[face]) - _LESS_RED) & _grown(person > _PERSON, _BEYOND * width)
    seeds = covered & (near | other)
    seeds[:ears] = False
    if not seeds.any():
        return seeds
    other &= ~covered
    if hangs:
        other &= ~face
    else:
        other[:ears] = False
    tidy = cv2.morphologyEx(other.view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels = cv2.connectedComponents(tidy, connectivity=4)
    kept = np.zeros(count, np.bool_)
    kept[labels[_grown(seeds, _TOUCHES * width)]] = True
    # Hair, and a beard, hang together with what is above.
    kept[labels[:ears]] = False
    kept[0] = False
    return np.asarray(kept[labels] & _grown(seeds, _REACH * width), np.bool_)


def _redness(colours: Floats) -> Floats:
    return np.asarray((colours[..., 2] + 4) / (total(colours) + 12), np.float32)


def _about(hands: Sequence[Hand], shape: tuple[int, ...], margin: float) -> Bools:
    near = np.zeros(shape, np.uint8)
    for one in hands:
        near |= inside_hull(one, shape)
    return _grown(near.view(np.bool_), margin) if near.any() else near.view(np.bool_)


def _grown(area: Bools, margin: float) -> Bools:
    # A disc as large as this is slow to dilate by.
    far = cv2.distanceTransform((~area).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(far <= margin, np.bool_)
