"""Take the old head out of the picture: find what of it shows, and guess what stands behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.geometry import face_width, yaw_sine
from headswap_cli.engine.kernel import kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.engine.types import Frame, Landmarks, Mask, Plate

Floats = NDArray[np.float32]

_JAW = topology.OVAL[8:29]
# Below this a pixel shows no person; so often must the plate have seen a pixel to know it.
_NOBODY = 0.08
_SEEN = 3
# Grey levels by which a plate may differ from the frame around the head.
_LIGHT_CHANGE = 40
# The old head's outline around the face, in face widths: up, down, sideways.
_UP, _DOWN, _ASIDE = 1.4, 1.02, 0.92
# How much further aside a head seen from the side reaches.
_DEEPER = 0.35
# The chin, its crease and its stubble end so far below the mesh's, in face widths.
_CREASE = 0.07
# A beard ends so much further down.
_BEARD = 0.08
# From the end of chin or beard on, the throat shows as itself; before, by so much, in its shadow.
_SHADOW = 0.03
# By how much of each primary a throat is darker just below the chin, and how far down, in face widths.
_CAST, _CAST_TO = np.array([0.44, 0.4, 0.28], np.float32), 0.22
# An ear's lobe is so far aside of the mesh.
_LOBE = 0.1
# By how much a primary's share, and in what range the brightness, of a throat may differ from the chin's.
_TINT, _DARKEST, _BRIGHTEST = 0.045, 0.4, 1.35
# How far below the jaw the throat is looked for, and how wide it is at least and at most from its middle.
_LOWEST, _LEAST_NECK, _MOST_NECK = 0.34, 0.31, 0.52
# Over so much of a face's width it ends at its sides.
_EDGE = 0.04
# Over so much of it clothes and hair below the ears go on where the old head was, and how soon.
_BESIDE, _NEARLY = 0.1, 6
# What is further from the mesh does not, in face widths.
_ABOUT = 0.2
# By how much it widens further down: face widths at so many below the jaw, squared.
_FLARE = 0.25
# What the throat's colour is taken from where its own does not show: the crease, and at last the chin.
_CREASES_WORTH, _CHINS_WORTH = 0.02, 0.0005
# So many pixels tell a tone as well as all.
_ENOUGH = 400
# How far the skull's middle lies behind the face's, and how much lower its hair ends at the back.
_SKULL, _NAPE = 0.55, 0.35


@dataclass(frozen=True, slots=True)
class _Place:
    """The piece's pixels in terms of the old face; all at the piece's small size.

    ``jaw`` (width,) is the row of the jaw in each column, ``face`` the inside of the face's outline;
    ``crease`` is how far below the jaw the chin ends, in face widths.
    """

    jaw: Floats
    width: float
    face: Mask
    crease: float


def old_head(
    person: Mask,
    landmarks: Landmarks,
    others: Sequence[Landmarks],
    growth: float,
    hair: Mask | None = None,
    *,
    beard: bool = False,
) -> Mask:
    """Return how much of each pixel belongs to the head that must go, 0 to 1.

    Args:
        person: Matte of the piece, (height, width).
        landmarks: The old face, in the piece's pixels.
        others: Faces that must stay, likewise.
        growth: By how many pixels the matte is widened, for what it misses of the hair.
        hair: What else is to go, wherever it is, 0 to 1.
        beard: Whether there is one to go.
    """
    place = _place(person.shape, landmarks, beard=beard)
    side = 2 * max(1, round(growth)) + 1
    wide = np.asarray(cv2.dilate(person, np.ones((side, side), np.uint8)), np.float32)
    old = np.empty(person.shape, np.float32)
    _reach(wide, _limit(place, landmarks), _outline(place, landmarks), 0.05 * place.width, old)
    # The mesh ends within the jaw's outline.
    rim = _filled(person.shape, _widened(landmarks, np.array([_LOBE, place.crease]) * place.width))
    old = np.maximum(old, np.minimum(rim, person))
    if hair is not None:
        old = np.maximum(old, hair)
    for other in others:
        old[_filled(person.shape, other) > 0] = 0
    old = np.maximum(old, place.face)
    return np.asarray(cv2.GaussianBlur(old, (0, 0), max(0.7, 0.012 * place.width)), np.float32)


def behind(
    piece: Frame, person: Mask, old: Mask, landmarks: Landmarks, plate: Plate | None, *, beard: bool = False
) -> tuple[Floats, Mask]:
    """Return what stands behind the old head: a picture, and how much of the plate to add to it.

    Args:
        piece: The frame's piece, small, (height, width, 3), BGR.
        person: Its matte.
        old: See ``old_head``.
        landmarks: The old face, in the piece's pixels.
        plate: The piece's background, where that is known.
        beard: Whether the old head had one.

    Returns: (height, width, 3) and (height, width): ``picture + share * plate`` is what stands behind.
    """
    place = _place(old.shape, landmarks, beard=beard)
    source = piece.astype(np.float32)
    free = (np.maximum(person, old) < _NOBODY).astype(np.float32)
    if plate is None:
        picture, share = push_pull(source, free), np.zeros(old.shape, np.float32)
    else:
        picture, share = _on_plate(source, free, plate)
    part, throat, under = _throat(piece, old, place, landmarks)
    # A hand further off does not go on towards the face.
    about = _filled(old.shape, _widened(landmarks, np.full(2, _ABOUT * place.width)))
    stays = 1 - old[part]
    body, near = _beside(source[part], person[part] * stays * about[part], stays, place.width)
    for colours, weight in ((body, near), (throat, under)):
        picture[part] += (colours - picture[part]) * weight[..., np.newaxis]
        share[part] *= 1 - weight
    return picture, share


def _on_plate(source: Floats, free: Mask, plate: Plate) -> tuple[Floats, Mask]:
    """Return what to add to a share of the plate, and that share, for a piece of which some is ``free``."""
    known = (plate.seen >= _SEEN).astype(np.float32)
    # Light changes between the frames that the plate was made of and this one.
    light = np.clip(push_pull(source - plate.image, free * known), -_LIGHT_CHANGE, _LIGHT_CHANGE)
    if plate.is_mended or known.all():
        return light, np.ones_like(known)
    shown = np.where(free[..., np.newaxis] > 0, source, plate.image + light)
    guess = push_pull(shown, np.maximum(free, known))
    return np.where(known[..., np.newaxis] > 0, light, guess), known


def _beside(source: Floats, body: Mask, left: Mask, width: float) -> tuple[Floats, Mask]:
    """Return what of a body there is beside what of the old head is gone, and how far it is to go on there.

    Args:
        source: (height, width, 3).
        body: How far each pixel is a person's and stays, 0 to 1.
        left: How far it stays.
        width: Of the face.
    """
    side = 2 * max(1, round(_BESIDE * width)) + 1
    planes = cv2.blur(np.dstack([source * body[..., np.newaxis], body, left]), (side, side))
    bodies, there = planes[..., 3], planes[..., 4]
    near = bodies / np.maximum(there, 1e-3) * np.clip(_NEARLY * there, 0, 1)
    colours = planes[..., :3] / np.maximum(bodies, 1e-3)[..., np.newaxis]
    return np.asarray(colours, np.float32), np.asarray(near, np.float32)


def _place(shape: tuple[int, ...], landmarks: Landmarks, *, beard: bool) -> _Place:
    line = landmarks[_JAW, :2]
    line = line[np.argsort(line[:, 0], kind="stable")]
    jaw = np.interp(np.arange(shape[1]), line[:, 0], line[:, 1]).astype(np.float32)
    crease = _CREASE + _BEARD if beard else _CREASE
    return _Place(jaw, face_width(landmarks), _filled(shape, landmarks), crease)


def _filled(shape: tuple[int, ...], landmarks: Landmarks) -> Mask:
    outline = np.round(landmarks[topology.OVAL, :2]).astype(np.int32)
    return np.asarray(cv2.fillPoly(np.zeros(shape, np.float32), [outline], (1.0,)), np.float32)


def _widened(landmarks: Landmarks, reach: NDArray[np.floating]) -> Landmarks:
    """Return landmarks drawn apart: the outline reaches so much further aside, and up and down."""
    outline = landmarks[topology.OVAL, :2]
    low, high = outline.min(axis=0), outline.max(axis=0)
    wide = landmarks.copy()
    wide[:, :2] += (landmarks[:, :2] - (low + high) / 2) * (2 * reach / np.maximum(high - low, 1))
    return wide


def _limit(place: _Place, landmarks: Landmarks) -> Floats:
    """Return the row down to which each column's person is old head, (width,)."""
    ears = float(min(landmarks[132, 1], landmarks[361, 1])) + 0.12 * place.width
    columns = np.arange(len(place.jaw))
    between = (columns > landmarks[[234, 132], 0].min()) & (columns < landmarks[[454, 361], 0].max())
    nape = ears + _NAPE * abs(yaw_sine(landmarks)) * place.width
    return np.where(between, place.jaw + place.crease * place.width, nape).astype(np.float32)


def _outline(place: _Place, landmarks: Landmarks) -> tuple[Floats, Floats, Floats]:
    """Return a head's outline: its middle, the way up, its reach up, down and aside, and its shift aside."""
    top, chin = landmarks[topology.FOREHEAD, :2], landmarks[topology.CHIN, :2]
    up = (top - chin) / max(1.0, float(np.linalg.norm(top - chin)))
    # The skull lies behind the face: of a head that looks to one side it shows on the other.
    shift = _SKULL * yaw_sine(landmarks) * place.width
    wide = _ASIDE + _DEEPER * abs(yaw_sine(landmarks))
    reach = np.array([_UP, _DOWN, wide, shift / place.width], np.float32) * np.float32(place.width)
    return (0.62 * top + 0.38 * chin).astype(np.float32), np.asarray(up, np.float32), reach


@kernel
def _reach(
    person: Mask, limit: Floats, outline: tuple[Floats, Floats, Floats], softness: float, old: Mask
) -> None:
    """Fill ``old`` with the person above ``limit`` and within the reach of a head, falling to 0."""
    height, width = person.shape
    centre, up, reach = outline
    zero, one = np.float32(0), np.float32(1)
    for y in range(height):
        for x in range(width):
            above = np.float32((limit[x] - y) / softness + 0.5)
            right, down = np.float32(x - centre[0]), np.float32(y - centre[1])
            along = right * up[0] + down * up[1]
            across = (right * -up[1] + down * up[0] + reach[3]) / reach[2]
            along /= reach[0] if along > 0 else reach[1]
            near = np.float32((1.12 - np.sqrt(along * along + across * across)) / 0.22)
            there = min(person[y, x] * np.float32(1.4), one)
            old[y, x] = there * min(max(above, zero), one) * min(max(near, zero), one)


def _throat(
    piece: Frame, old: Mask, place: _Place, landmarks: Landmarks
) -> tuple[tuple[slice, slice], Floats, Mask]:
    """Return a part of the piece, the throat's skin all over it, and how far it is to be shown there."""
    width = place.width
    ears = float(landmarks[[132, 361], 1].min())
    # A neck stands under the skull, not under the face.
    jaws = float(landmarks[[172, 397], 0].mean())
    middle = jaws - _SKULL * yaw_sine(landmarks) * width
    rows = slice(int(np.clip(ears, 0, len(old) - 2)), len(old))
    left, right = np.clip((min(jaws, middle) - 0.7 * width, max(jaws, middle) + 0.7 * width), 0, old.shape[1])
    columns = slice(min(int(left), old.shape[1] - 2), max(int(right), int(left) + 2))
    part = rows, columns
    colours, face = piece[part].astype(np.float32), place.face[part]
    bare = colours[face > 0] if place.crease == _CREASE else _cheeks(piece, landmarks)
    skin = np.median(bare[:: 1 + len(bare) // _ENOUGH], axis=0) if len(bare) else np.full(3, 128)
    weight = np.zeros(face.shape, np.float32)
    jaw = np.ascontiguousarray(place.jaw[columns] - rows.start)
    profile = np.zeros(len(jaw), np.float32)
    ends = place.crease - _SHADOW, place.crease + _SHADOW, place.crease + _LOWEST - _CREASE
    _weigh(colours, old[part], face, (jaw, width), ends, skin.astype(np.float32), weight, profile)
    below = (np.arange(len(face), dtype=np.float32)[:, np.newaxis] - jaw) / np.float32(width)
    off = np.abs(np.arange(len(jaw), dtype=np.float32) + (columns.start - middle)) / np.float32(width)
    # A light strand beside the neck is too narrow to be some of it.
    narrow = np.ones((1, max(1, round(0.15 * width))), np.uint8)
    profile = np.asarray(cv2.morphologyEx(profile[np.newaxis], cv2.MORPH_OPEN, narrow), np.float32)[0]
    profile *= np.clip((_MOST_NECK - off) / _EDGE, 0, 1)
    profile = _outwards(np.maximum(profile, off < _LEAST_NECK), round(middle) - columns.start)
    least = _LEAST_NECK + _FLARE * np.square(np.maximum(below, 0))
    neck = np.maximum(profile, np.clip((least - off) / _EDGE + 0.5, 0, 1)).astype(np.float32)
    under = cv2.GaussianBlur(neck, (0, 0), max(0.7, 0.5 * _EDGE * width))
    throat = push_pull(colours, weight * np.maximum(neck, 0.01))
    if place.crease > _CREASE:
        # The beard hid the shadow that a chin casts.
        throat *= 1 - _CAST * (np.clip(1 - below / _CAST_TO, 0, 1) ** 1.5)[..., np.newaxis]
    return part, throat, np.asarray(under, np.float32)


def _cheeks(piece: Frame, landmarks: Landmarks) -> Floats:
    """Return some of the cheeks' colours, (n, 3)."""
    places = np.round(landmarks[topology.CHEEKS, :2]).astype(int)
    columns, rows = np.clip(places, 0, np.array(piece.shape[1::-1]) - 1).T
    return np.asarray(piece[rows, columns], np.float32)


def _outwards(profile: Floats, middle: int) -> Floats:
    """Let a neck end for good where it ends first on either side of its middle column."""
    middle = min(max(middle, 0), len(profile))
    left, right = profile[:middle][::-1], profile[middle:]
    return np.concatenate([np.minimum.accumulate(left)[::-1], np.minimum.accumulate(right)])


@kernel
def _is_like(colours: Floats, y: int, x: int, skin: Floats, whole: np.float32) -> bool:
    """Whether a pixel has the skin's tint, and is neither much darker nor much brighter than that."""
    total = colours[y, x, 0] + colours[y, x, 1] + colours[y, x, 2]
    light = total / whole
    alike = _DARKEST < light < _BRIGHTEST
    for k in range(3):
        alike = alike and abs(colours[y, x, k] / (total + 1) - skin[k] / whole) < _TINT
    return bool(alike)


@kernel
def _weigh(  # noqa: PLR0917 - kernels take arguments by place
    colours: Floats,
    old: Mask,
    face: Mask,
    lower: tuple[Floats, float],
    ends: tuple[float, float, float],
    skin: Floats,
    weight: Mask,
    profile: Floats,
) -> None:
    """Fill ``weight`` with how far pixels tell the throat's colour, ``profile`` with how far columns are it.

    Collars and ties have another tint than the skin. ``lower`` is the jaw's row in each column and the face's
    width; ``ends`` are where below the jaw the shadow begins, the throat begins and is looked for no more.
    """
    jaw, size = lower
    dark, clear, lowest = ends
    height, width = old.shape
    whole = skin[0] + skin[1] + skin[2] + np.float32(1)
    for x in range(width):
        looked, found = 0, 0
        for y in range(height):
            alike = _is_like(colours, y, x, skin, whole)
            below = (y - jaw[x]) / size
            if face[y, x] > 0:
                weight[y, x] = _CHINS_WORTH if alike else 0
                continue
            if clear < below < lowest:
                looked += 1
                found += alike
            if alike and dark < below < lowest:
                weight[y, x] = max(1 - 2 * old[y, x], _CREASES_WORTH) if below > clear else _CREASES_WORTH
        if looked > 1:
            profile[x] = min(max(2.0 * found / looked - 0.5, 0.0), 1.0)
