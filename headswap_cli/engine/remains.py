"""Find what of an old head its matte misses, by the background that is known behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.collar import clothes_below
from headswap_cli.engine.geometry import face_width, inside_hull
from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.tones import middling, some, tones

if TYPE_CHECKING:
    from headswap_cli.engine.types import Frame, Landmarks, Mask, Plate

Floats = NDArray[np.float32]
Area = NDArray[np.uint8]

# Below this a pixel of the matte shows nobody, from so much on somebody; so often must a plate have seen it.
_NOBODY, _SOMEBODY, _SEEN = 0.08, 0.5, 3
# Of less background than so many pixels the light is not told, and so many tell it as well as all.
_FEWEST, _ENOUGH = 100, 400
# A strand that the matte misses has less of it: what has more and is no hair is clothes. At 0.75 a collar
# loses its tip, at 0.6 a curl stays at a nape.
_MISSED = 0.7
# Grey levels by which a frame differs from its plate by chance, and from which on surely not.
_SAME, _OTHER = np.float32(12.0), np.float32(28.0)
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
# One pixel of so many, across and down, is asked for its tones.
_SPARSE = 3
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
    width, light = face_width(landmarks), _light(piece, person, plate)
    strands = np.zeros(person.shape, np.float32)
    if light is None:
        return Remains(person, strands)
    whole, differs = np.empty(person.shape, np.float32), np.empty(person.shape, np.bool_)
    _compare(piece, plate.image, light, person, _rim(person, width), plate.seen, whole, differs)
    ears, chin = float(landmarks[topology.LOBES, 1].mean()), float(landmarks[topology.CHIN, 1])
    top = int(np.clip(np.floor(ears - _ABOVE * width), 0, len(person) - 1))
    end = int(np.clip(np.ceil(chin + _BELOW * width), top + 1, len(person)))
    own, skin = _own_tones(piece, person, landmarks)
    if len(own):
        low = np.s_[top:end]
        part = _Part(piece[low], plate.image[low], plate.seen[low], person[low], hair[low], differs[low])
        shifted = landmarks[:, :2] - np.array([0, top], np.float32)
        strands[low] = _strands(part, shifted, width, (light, own, skin))
    return Remains(whole, strands)


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of a piece in which strands may be; ``differs`` is where it is not as its background is."""

    piece: Frame
    wall: Frame
    seen: Area
    person: Mask
    hair: Mask
    differs: NDArray[np.bool_]


def _light(piece: Frame, person: Mask, plate: Plate) -> Floats | None:
    """Return by how much this frame's light adds to the plate's, (3,), None where too little of it shows."""
    somebody = cv2.dilate((person >= _NOBODY).view(np.uint8), np.ones((5, 5), np.uint8))
    places = np.flatnonzero((somebody == 0) & (plate.seen >= _SEEN))
    if len(places) < _FEWEST:
        return None
    places = places[:: max(1, len(places) // _ENOUGH)]
    now, usual = (one.reshape(-1, 3)[places].astype(np.float32) for one in (piece, plate.image))
    return middling(np.asarray(now - usual, np.float32))


def _rim(person: Mask, width: float) -> Area:
    return _widened((person > _SOMEBODY).view(np.uint8), _RIM * width)


def _widened(area: Area, reach: float) -> Area:
    side = 2 * max(1, round(reach)) + 1
    return np.asarray(cv2.dilate(area, np.ones((side, side), np.uint8)), np.uint8)


def _strands(part: _Part, landmarks: Floats, width: float, tones_of: tuple[Floats, Floats, Floats]) -> Mask:
    """Return where strands are, softly; ``tones_of`` are light, hair and skin."""
    light, own, skin = tones_of
    middle = float(landmarks[topology.OVAL, 0].mean())
    beside = np.abs(np.arange(part.person.shape[1], dtype=np.float32) - middle) > _THROAT * width
    strands = np.zeros(part.person.shape, np.uint8)
    face = inside_hull(landmarks[topology.OVAL], part.person.shape)
    near = _widened(face | (part.hair > _SOMEBODY).view(np.uint8), _REACH * width) > face
    may_be = near & (part.person < _MISSED) & _is_told(part, width)
    # Clothes are told from strands by what is below in the same columns.
    columns = (may_be & part.differs & beside).any(axis=0)
    if not columns.any():
        return strands.astype(np.float32)
    _find(part.piece, part.wall, light, part.differs & columns, own, skin, strands)
    ears = float(landmarks[topology.LOBES, 1].mean())
    clothes = clothes_below(strands, middle, ears, float(landmarks[topology.CHIN, 1]) + _BELOW * width)
    strands[~(may_be & (np.arange(len(strands))[:, np.newaxis] < clothes))] = 0
    wide = np.ones((2 * max(1, round(_STRAND / 2 * width)) + 1,) * 2, np.uint8)
    strands[cv2.morphologyEx(strands, cv2.MORPH_OPEN, wide) > 0] = 0
    gone = cv2.dilate(strands, np.ones((3, 3), np.uint8)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(gone, (0, 0), 0.7), np.float32)


def _is_told(part: _Part, width: float) -> NDArray[np.bool_]:
    """Tell where the background is known, or so plain that a guess is as good."""
    grey = cv2.cvtColor(part.wall, cv2.COLOR_BGR2GRAY)
    around = np.ones((2 * round(_PLAIN[1] * width) + 1,) * 2, np.uint8)
    changes = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, around)
    return np.asarray((part.seen >= _SEEN) | (changes < _PLAIN[0]), np.bool_)


def _own_tones(piece: Frame, person: Mask, landmarks: Landmarks) -> tuple[Floats, Floats]:
    """Return the tones of hair, none where it is not known, and of skin, (n, 3) each."""
    width, rows = face_width(landmarks), np.arange(0, len(person), _SPARSE)[:, np.newaxis]
    small, sure = piece[::_SPARSE, ::_SPARSE], person[::_SPARSE, ::_SPARSE] > _SURE
    face = inside_hull(landmarks[topology.OVAL] / np.float32(_SPARSE), sure.shape) > 0
    ears, forehead = float(landmarks[topology.LOBES, 1].mean()), float(landmarks[topology.FOREHEAD, 1])
    hair = some(small, sure & ~face & (rows < ears) & (rows > forehead - _CROWN * width))
    inside = some(small, face)
    if not len(inside):
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)
    skin = middling(inside)
    hair = hair[np.square(hair - skin).sum(axis=1) > _UNLIKE**2]
    own = tones(hair, _TONES, lightness=1)
    shaded = (own[np.newaxis] * _SHADES[:, np.newaxis, np.newaxis]).reshape(-1, 3)
    return np.asarray(shaded, np.float32), np.asarray(skin * _SKINS[:, np.newaxis], np.float32)


@kernel
def _compare(  # noqa: PLR0917 - kernels take arguments by place
    piece: Frame,
    wall: Frame,
    light: Floats,
    person: Mask,
    rim: Area,
    seen: Area,
    whole: Mask,
    differs: NDArray[np.bool_],
) -> None:
    """Fill ``differs``, and ``whole`` with the person and what differs beside, where the wall is known."""
    height, width = person.shape
    for y in range(height):
        for x in range(width):
            off = np.float32(0)
            for k in range(3):
                off = max(off, abs(np.float32(piece[y, x, k]) - np.float32(wall[y, x, k]) - light[k]))
            differs[y, x] = off > _SAME
            whole[y, x] = person[y, x]
            if rim[y, x] and seen[y, x] >= _SEEN:
                unlike = min(max((off - _SAME) / (_OTHER - _SAME), np.float32(0)), np.float32(1))
                whole[y, x] = max(person[y, x], unlike)


@kernel
def _find(  # noqa: PLR0917 - kernels take arguments by place
    piece: Frame,
    wall: Frame,
    light: Floats,
    where: NDArray[np.bool_],
    hair: Floats,
    skin: Floats,
    strands: Area,
) -> None:
    """Write 1 where a pixel is a mixture of hair and background sooner than of skin and background."""
    height, width = where.shape
    for y in range(height):
        for x in range(width):
            if not where[y, x]:
                continue
            most, apart = _mixed(piece[y, x], wall[y, x], light, hair)
            _, other = _mixed(piece[y, x], wall[y, x], light, skin)
            if most > _LEAST and apart < _APART and apart < _NEARER * other:
                strands[y, x] = 1


@kernel
def _mixed(seen: Area, wall: Area, light: Floats, colours: Floats) -> tuple[np.float32, np.float32]:
    """Return how much of a pixel is the colour that explains it best, and how far off it is, grey levels."""
    best, part = np.float32(1e12), np.float32(0)
    for number in range(len(colours)):
        along, length, total = np.float32(0), np.float32(1e-3), np.float32(0)
        for k in range(3):
            behind = np.float32(wall[k]) + light[k]
            way, off = colours[number, k] - behind, np.float32(seen[k]) - behind
            along += way * off
            length += way * way
            total += off * off
        share = min(max(along / length, np.float32(0)), np.float32(1))
        apart = total - 2 * share * along + share * share * length
        if apart < best:
            best, part = apart, share
    return part, np.float32(np.sqrt(max(best, np.float32(0))))
