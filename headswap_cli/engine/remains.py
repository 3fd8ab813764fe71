"""Find what of an old head its matte misses, by the background that is known behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.collar import clothes_below
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.tones import some, tones

if TYPE_CHECKING:
    from headswap_cli.engine.types import Frame, Landmarks, Mask, Plate

Floats = NDArray[np.float32]
Area = NDArray[np.uint8]

# Below this a pixel of the matte shows nobody, from so much on somebody; so often must a plate have seen it.
_NOBODY, _SOMEBODY, _SEEN = 0.08, 0.5, 3
# Of less background than so many pixels, not every one looked at, the light is not told.
_FEWEST, _EVERY = 20, 7
# A strand that the matte misses has less of it: what has more and is no hair is clothes.
_MISSED = 0.8
# Grey levels by which a frame differs from its plate by chance, and from which on surely not.
_SAME, _OTHER = 12.0, 28.0
# Beyond the end of the matte there may be more of the person, in face widths.
_RIM = 0.07
# Strands are looked for so far from face and hair, from above the ears to below the chin, in face widths, but
# not before the throat; what is wider than a strand is clothes, or the head's own hair, which goes anyway.
_REACH, _ABOVE, _BELOW, _THROAT, _STRAND = 0.22, 0.3, 0.12, 0.36, 0.14
# A background is plain where it changes by less, in grey levels, so far around, in face widths.
_PLAIN = 24, 0.12
# How far above the forehead hair is surely hair, in face widths, how sure the matte is there, and how far in
# grey levels it is from skin.
_CROWN, _SURE, _UNLIKE = 0.25, 0.95, 40.0
# At the nape it lies in its own shade, and so does skin under a chin.
_TONES, _SHADES = 4, np.array([1.0, 0.7, 0.45], np.float32)
_SKINS = np.array([1.0, 0.8, 0.6], np.float32)
# Of a strand's pixel so much is hair; how far it may be from a mixture of hair and background, grey levels,
# and how far in parts of how far it is from one of skin and background.
_LEAST, _APART, _NEARER = np.float32(0.12), np.float32(22.0), np.float32(0.8)


@dataclass(frozen=True, slots=True)
class Remains:
    """What a matte misses, (height, width), 0 to 1: ``person`` is the matte with it; ``strands`` are hair."""

    person: Mask
    strands: Mask


def remains_of(piece: Frame, person: Mask, landmarks: Landmarks, hair: Mask, plate: Plate) -> Remains:
    """Return what of somebody shows where their matte has nobody.

    Args:
        piece: Of the frame, small, (height, width, 3), BGR.
        person: Its matte.
        landmarks: The old face, in its pixels.
        hair: What of falling hair is known, 0 to 1.
        plate: The piece's background, small.

    Source: Smith, Blinn, Blue screen matting, SIGGRAPH 1996, section 2: what is before a known background is
        found where the colours before it are few.
    """
    width = face_width(landmarks)
    wall = _lit(piece, person, plate)
    if wall is None:
        return Remains(person, np.zeros_like(person))
    off = cv2.absdiff(piece.astype(np.float32), wall).max(axis=2)
    unlike = np.clip((off - _SAME) / (_OTHER - _SAME), 0, 1)
    rim = _widened((person > _SOMEBODY).view(np.uint8), _RIM * width) & (plate.seen >= _SEEN)
    whole = np.maximum(person, unlike * rim).astype(np.float32)
    low, near = _low_and_near(person, landmarks, hair, width)
    strands = np.zeros(person.shape, np.uint8)
    own, skin = _own_tones(piece, person, landmarks)
    if len(own):
        _find(piece, wall, low & (unlike > 0), own, skin, strands)
        strands[
            ~(near & (person < _MISSED) & _is_told(plate, width) & _above_clothes(strands, landmarks))
        ] = 0
    wide = np.ones((2 * max(1, round(_STRAND / 2 * width)) + 1,) * 2, np.uint8)
    strands[cv2.morphologyEx(strands, cv2.MORPH_OPEN, wide) > 0] = 0
    gone = cv2.dilate(strands, np.ones((3, 3), np.uint8)).astype(np.float32)
    return Remains(whole, np.asarray(cv2.GaussianBlur(gone, (0, 0), 0.7), np.float32))


def _lit(piece: Frame, person: Mask, plate: Plate) -> Floats | None:
    """Return the background in this frame's light, None where too little of it shows."""
    bare = (cv2.dilate(person, np.ones((5, 5), np.uint8)) < _NOBODY) & (plate.seen >= _SEEN)
    places = np.flatnonzero(bare)[::_EVERY]
    if len(places) < _FEWEST:
        return None
    now, usual = (one.reshape(-1, 3)[places].astype(np.float32) for one in (piece, plate.image))
    return np.asarray(plate.image + np.median(now - usual, axis=0), np.float32)


def _widened(area: Area, reach: float) -> NDArray[np.bool_]:
    side = 2 * max(1, round(reach)) + 1
    return np.asarray(cv2.dilate(area, np.ones((side, side), np.uint8)) > 0)


def _is_told(plate: Plate, width: float) -> NDArray[np.bool_]:
    """Tell where the background is known, or so plain that a guess is as good."""
    grey = cv2.cvtColor(plate.image, cv2.COLOR_BGR2GRAY)
    around = np.ones((2 * round(_PLAIN[1] * width) + 1,) * 2, np.uint8)
    changes = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, around)
    return np.asarray((plate.seen >= _SEEN) | (changes < _PLAIN[0]), np.bool_)


def _above_clothes(strands: Area, landmarks: Landmarks) -> NDArray[np.bool_]:
    middle, ears = float(landmarks[topology.OVAL, 0].mean()), float(landmarks[[132, 361], 1].mean())
    low = float(landmarks[topology.CHIN, 1]) + _BELOW * face_width(landmarks)
    return np.arange(len(strands))[:, np.newaxis] < clothes_below(strands, middle, ears, low)


def _low_and_near(
    person: Mask, landmarks: Landmarks, hair: Mask, width: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what is about the neck, and what of it is so near to the head that its hair may be there."""
    rows, columns = (axis.astype(np.float32) for axis in np.ogrid[: len(person), : person.shape[1]])
    outline = cv2.convexHull(np.round(landmarks[topology.OVAL, :2]).astype(np.int32))
    face = cv2.fillConvexPoly(np.zeros(person.shape, np.uint8), outline, (1,))
    ears, chin = float(landmarks[[132, 361], 1].mean()), float(landmarks[topology.CHIN, 1])
    aside = np.abs(columns - landmarks[topology.OVAL, 0].mean())
    low = (rows > ears - _ABOVE * width) & (rows < chin + _BELOW * width) & (aside > _THROAT * width)
    near = _widened(face | (hair > _SOMEBODY).view(np.uint8), _REACH * width) & (face == 0)
    return np.asarray(low, np.bool_), near


def _own_tones(piece: Frame, person: Mask, landmarks: Landmarks) -> tuple[Floats, Floats]:
    """Return the tones of hair, none where it is not known, and of skin, (n, 3) each."""
    width, rows = face_width(landmarks), np.arange(len(person))[:, np.newaxis]
    outline = cv2.convexHull(np.round(landmarks[topology.OVAL, :2]).astype(np.int32))
    face = cv2.fillConvexPoly(np.zeros(person.shape, np.uint8), outline, (1,)) > 0
    ears, forehead = float(landmarks[[132, 361], 1].mean()), float(landmarks[topology.FOREHEAD, 1])
    hair = some(piece, (person > _SURE) & ~face & (rows < ears) & (rows > forehead - _CROWN * width))
    inside = some(piece, face)
    if not len(inside):
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)
    skin = np.median(inside, axis=0)
    hair = hair[np.square(hair - skin).sum(axis=1) > _UNLIKE**2]
    own = tones(hair, _TONES, lightness=1)
    shaded = (own[np.newaxis] * _SHADES[:, np.newaxis, np.newaxis]).reshape(-1, 3)
    return np.asarray(shaded, np.float32), np.asarray(skin * _SKINS[:, np.newaxis], np.float32)


@kernel
def _find(  # noqa: PLR0917 - kernels take arguments by place
    piece: Frame, wall: Floats, where: NDArray[np.bool_], hair: Floats, skin: Floats, strands: Area
) -> None:
    """Write 1 where a pixel is a mixture of hair and background sooner than of skin and background."""
    height, width = where.shape
    for y in range(height):
        for x in range(width):
            if not where[y, x]:
                continue
            most, apart = _mixed(piece, wall, y, x, hair)
            _, other = _mixed(piece, wall, y, x, skin)
            if most > _LEAST and apart < _APART and apart < _NEARER * other:
                strands[y, x] = 1


@kernel
def _mixed(piece: Frame, wall: Floats, y: int, x: int, colours: Floats) -> tuple[np.float32, np.float32]:
    """Return how much of a pixel is the colour that explains it best, and how far off it is, grey levels."""
    best, part = np.float32(1e12), np.float32(0)
    for number in range(len(colours)):
        along, length, total = np.float32(0), np.float32(1e-3), np.float32(0)
        for k in range(3):
            way = colours[number, k] - wall[y, x, k]
            off = piece[y, x, k] - wall[y, x, k]
            along += way * off
            length += way * way
            total += off * off
        share = min(max(along / length, np.float32(0)), np.float32(1))
        apart = total - 2 * share * along + share * share * length
        if apart < best:
            best, part = apart, share
    return part, np.float32(np.sqrt(max(best, np.float32(0))))
