"""Show the neck where the old head hid it: its outline, its skin, and the shadow of the new chin on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.channels import medians
from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.geometry import face_width, inside, yaw_sine
from headswap_cli.engine.kernel import kernel

if TYPE_CHECKING:
    from headswap_cli.engine.types import Frame, Landmarks, Mask

Floats = NDArray[np.float32]

_JAW, _BETWEEN_ANGLES = topology.OVAL[8:29], topology.OVAL[12:25]
# How far the skull's middle lies behind the face's, in face widths.
SKULL = 0.55
# The chin, its crease and its stubble end so far below the mesh's, in face widths; a beard so much further.
_CREASE, _BEARD = 0.07, 0.15
# From the end of chin or beard on, the throat shows as itself; before, by so much, in its shadow.
_SHADOW = 0.03
# By how much of each primary a throat is darker just below the new chin, and how far down, in face widths.
_CAST, _CAST_TO, _CAST_SOFT = np.array([0.36, 0.33, 0.23], np.float32), 0.22, 0.03
# In what range a throat's brightness may be, in parts of the face's; by how much green's share may differ
# from the face's; down to what part of the face's, and by how much more, red may exceed blue.
_DARKEST, _BRIGHTEST, _GREEN, _PALEST, _REDDER = 0.25, 1.35, 0.04, 0.3, 0.24
# Below what part of the face's brightness shade makes it redder, and by how much at last: in green's share,
# and in red's beyond blue's.
_SHADED, _DEEP_GREEN, _DEEP_RED = 0.5, 0.04, 0.24
# From what part of the face's brightness on skin is as lit as the face.
_LIT = 0.7
# How far below the jaw the throat's colour is looked for, and below the shadow its sides, before a collar.
_LOWEST, _FIRST = 0.34, 0.1
# How wide it is at least and at most from its middle, and as a rule, where hair hides it.
_LEAST_NECK, _MOST_NECK, _USUAL_NECK = 0.31, 0.52, 0.37
# Over so much of a face's width it ends at its sides, and above the ears' lobes.
_EDGE, _TOP = 0.02, 0.12
# By how much it widens further down: face widths at so many below the jaw, squared.
_FLARE = 0.25
# Hair hides more of its sides: they draw in, are as wide as at the jaw again so far below it, and widen from
# there on; by how much, in face widths at one below the jaw.
_WAIST, _THINNEST = 1.2, 0.2
# What the throat's colour is taken from where its own does not show: the crease, and at last the chin.
_CREASES_WORTH, _CHINS_WORTH = 0.02, 0.0005
# By what part of its light red exceeds blue in skin on which that was measured; paler skin has paler shade.
_CAST_ON = 0.14
# By how much a neck's sides are darker than its front.
_LIMB = 0.3
# So many pixels tell a tone as well as all.
_ENOUGH = 400


@dataclass(frozen=True, slots=True)
class Place:
    """The piece's pixels in terms of the old face; all at the piece's small size.

    ``jaw`` (width,) is the row of the jaw in each column, ``face`` the inside of the face's outline;
    ``crease`` is how far below the jaw the chin ends, in face widths.
    """

    jaw: Floats
    width: float
    face: Mask
    crease: float

    @property
    def has_beard(self) -> bool:
        """Whether there is a beard to go."""
        return self.crease > _CREASE


@dataclass(frozen=True, slots=True)
class Neck:
    """A neck, all over the ``part`` of the piece in which it may be.

    ``skin`` (height, width, 3) is its colours, ``shown`` (height, width) how far they are to be shown where
    the old head is gone; ``lit`` (height, width) is where the person's own colours may be skin's as lit as
    the face: the throat's or a hand's, no shaded hair's.
    """

    part: tuple[slice, slice]
    skin: Floats
    shown: Mask
    lit: NDArray[np.bool_]


def place_of(shape: tuple[int, ...], landmarks: Landmarks, *, beard: bool) -> Place:
    """Return where the old face is.

    Args:
        shape: Of the small piece, (height, width, ...).
        landmarks: The old face, (478, 3), in its pixels.
        beard: Whether there is one to go.
    """
    crease = _CREASE + _BEARD if beard else _CREASE
    jaw = _row_of(landmarks[_JAW], slice(0, shape[1]))
    return Place(jaw, face_width(landmarks), filled(shape, landmarks), crease)


def filled(shape: tuple[int, ...], landmarks: Landmarks) -> Mask:
    """Return 1 inside a face's outline, (height, width)."""
    return inside(landmarks[topology.OVAL], shape).astype(np.float32)


def neck_of(  # noqa: PLR0917
    piece: Frame,
    person: Mask,
    old: Mask,
    new: Mask,
    place: Place,
    landmarks: Landmarks,
    hidden: Mask | None = None,
) -> Neck:
    """Return the neck as it is to be seen below the new head.

    Args:
        piece: The frame's piece, small, (height, width, 3), BGR.
        person: Its matte, (height, width), without what is hidden.
        old: How much of each pixel belongs to the old head, likewise, 0 to 1.
        new: Likewise the new head.
        place: Where the old face is.
        landmarks: The old face, in the piece's pixels.
        hidden: How much of each pixel something in front covers: like hair, it may hide some of the neck.
    """
    width = place.width
    ears = float(landmarks[topology.LOBES, 1].min())
    # A neck stands under the skull, not under the face.
    jaws = float(landmarks[[172, 397], 0].mean())
    middle = jaws - SKULL * yaw_sine(landmarks) * width
    rows = slice(int(np.clip(ears - _TOP * width, 0, len(old) - 2)), len(old))
    left, right = np.clip((min(jaws, middle) - 0.7 * width, max(jaws, middle) + 0.7 * width), 0, old.shape[1])
    columns = slice(min(int(left), old.shape[1] - 2), max(int(right), int(left) + 2))
    part = rows, columns
    colours, face = piece[part].astype(np.float32), place.face[part]
    bare = _cheeks(piece, landmarks) if place.has_beard else colours[face > 0]
    skin = medians(bare[:: 1 + len(bare) // _ENOUGH]) if len(bare) else np.full(3, 128)
    alike, lit = np.empty(face.shape, np.bool_), np.empty(face.shape, np.bool_)
    _find_alike(colours, person[part], skin.astype(np.float32), alike, lit)
    # Above the jaw's angles what is beside it is cheek, ear and nape, and wider than the neck.
    jaw = _row_of(landmarks[_BETWEEN_ANGLES], columns) - rows.start
    below = (np.arange(len(face), dtype=np.float32)[:, np.newaxis] - jaw) / np.float32(width)
    weight = np.zeros(face.shape, np.float32)
    sides = np.zeros((3, len(jaw)), np.float32)
    ends = place.crease - _SHADOW, place.crease + _SHADOW, place.crease + _LOWEST - _CREASE
    there, before = person[part], old[part]
    if hidden is not None:
        there, before = np.maximum(there, hidden[part]), np.maximum(before, hidden[part])
    _weigh(alike, there, before, face, below, ends, weight, sides)
    shown = _outline(sides, below, middle - columns.start, width)
    throat = push_pull(colours, weight * np.maximum(shown, 0.01))
    throat *= _rounded(sides[1], shown)[..., np.newaxis]
    shown = np.asarray(cv2.GaussianBlur(shown, (0, 0), max(0.7, _EDGE * width)), np.float32)
    return Neck(part, throat * _cast(new[part], width, skin), shown, lit)


def _row_of(line: Landmarks, columns: slice) -> Floats:
    """Return in which row a line of points, (n, 3), is in each of the columns; beyond its ends, theirs."""
    line = line[np.argsort(line[:, 0], kind="stable")]
    return np.interp(np.arange(columns.start, columns.stop), line[:, 0], line[:, 1]).astype(np.float32)


def _outline(sides: Floats, below: Floats, middle: float, width: float) -> Mask:
    """Return where a neck is, from how far each column shows or hides some of it; it widens further down."""
    profile, hidden, empty = sides
    # Where no throat is seen at all the matte may have missed it.
    there = _outwards(1 - empty[np.newaxis], round(middle)) if profile.any() else np.float32(1)
    off = np.abs(np.arange(len(profile), dtype=np.float32) - middle) / np.float32(width)
    # A light strand beside the neck is too narrow to be some of it.
    narrow = np.ones((1, max(1, round(0.15 * width))), np.uint8)
    profile = np.asarray(cv2.morphologyEx(profile[np.newaxis], cv2.MORPH_OPEN, narrow), np.float32)[0]
    # Beside the jaw all is far below it.
    under = np.maximum(below[:, [min(max(round(middle), 0), len(off) - 1)]], 0)
    usual, least = _USUAL_NECK + _WAIST * under * (under - _THINNEST), _LEAST_NECK + _FLARE * np.square(under)
    shown = np.maximum(profile, hidden * np.clip((usual - off) / _EDGE, 0, 1))
    shown *= np.clip((_MOST_NECK - off) / _EDGE, 0, 1)
    shown = _outwards(np.maximum(shown, off < _LEAST_NECK), round(middle))
    top = np.clip(np.arange(len(below), dtype=np.float32)[:, np.newaxis] / (_TOP * width), 0, 1)
    shown = np.maximum(shown, np.clip((least - off) / _EDGE + 0.5, 0, 1))
    return np.asarray(top * shown * there, np.float32)


def _rounded(hidden: Floats, shown: Mask) -> Mask:
    """Return how much of the light a neck's sides have where hair hid them: it is as round as a column."""
    columns = np.arange(len(hidden), dtype=np.float32)
    total = np.maximum(shown.sum(axis=1, keepdims=True), 1)
    middle = (shown * columns).sum(axis=1, keepdims=True) / total
    aside = np.clip(np.abs(columns - middle) / (total / 2), 0, 1)
    return np.asarray(1 - _LIMB * hidden * aside**4, np.float32)


def _cast(new: Mask, width: float, skin: Floats) -> Floats:
    """Return how much of the light the new head leaves to what is below it, of each primary."""
    down = max(2, round(_CAST_TO * width))
    over = cv2.blur(new, (1, down), anchor=(0, down - 1), borderType=cv2.BORDER_REPLICATE)
    over = np.asarray(cv2.GaussianBlur(over, (0, 0), max(0.7, _CAST_SOFT * width)), np.float32)
    redder = (skin[2] - skin[0]) / (float(skin.sum()) + 1) / _CAST_ON
    cast = _CAST.mean() + (_CAST - _CAST.mean()) * np.clip(redder, 0, 1)
    return np.asarray(1 - cast * (np.clip(over, 0, 1) ** 1.5)[..., np.newaxis], np.float32)


def _cheeks(piece: Frame, landmarks: Landmarks) -> Floats:
    """Return some of the cheeks' colours, (n, 3)."""
    places = np.round(landmarks[topology.CHEEKS, :2]).astype(int)
    columns, rows = np.clip(places, 0, np.array(piece.shape[1::-1]) - 1).T
    return np.asarray(piece[rows, columns], np.float32)


def _outwards(sides: Mask, middle: int) -> Mask:
    """Let a neck end for good in each row where it ends first on either side of its middle column."""
    middle = min(max(middle, 0), sides.shape[1])
    left, right = sides[:, :middle][:, ::-1], sides[:, middle:]
    runs = np.minimum.accumulate(left, axis=1)[:, ::-1], np.minimum.accumulate(right, axis=1)
    return np.concatenate(runs, axis=1)


@kernel
def _find_alike(
    colours: Floats, person: Mask, skin: Floats, alike: NDArray[np.bool_], lit: NDArray[np.bool_]
) -> None:
    """Fill in where a person's colours may be those of the same skin in other light or in shade, or in light.

    Source: Soriano, Martinkauppi, Huovinen, Laaksonen, Skin detection in video under changing illumination
        conditions, ICPR 2000: from light to light, skin's share of red varies much and of green hardly.
    """
    height, width = alike.shape
    whole = skin[0] + skin[1] + skin[2] + np.float32(1)
    usual = (skin[2] - skin[0]) / whole
    for y in range(height):
        for x in range(width):
            total = colours[y, x, 0] + colours[y, x, 1] + colours[y, x, 2] + np.float32(1)
            light = total / whole
            green = abs(colours[y, x, 1] / total - skin[1] / whole)
            redder = (colours[y, x, 2] - colours[y, x, 0]) / total
            deep = max(np.float32(0), 1 - light / np.float32(_SHADED))
            is_theirs = person[y, x] > 0.5 and _DARKEST < light < _BRIGHTEST
            is_red = _PALEST * usual < redder < usual + _REDDER + _DEEP_RED * deep
            alike[y, x] = is_theirs and is_red and green < _GREEN + _DEEP_GREEN * deep
            lit[y, x] = alike[y, x] and light > _LIT


@kernel
def _weigh(  # noqa: PLR0917 - kernels take arguments by place
    alike: NDArray[np.bool_],
    person: Mask,
    before: Mask,
    face: Mask,
    below: Floats,
    ends: tuple[float, float, float],
    weight: Mask,
    sides: Floats,
) -> None:
    """Fill ``weight`` with how far pixels tell the throat's colour, and ``sides`` (3, width) with columns'.

    These are how far each is throat, how far what is ``before`` it hides it, the old head's hair or a thing,
    and whether nobody is there.

    ``below`` is how far each pixel lies below the jaw, in face widths; ``ends`` are where the shadow begins,
    the throat begins and is looked for no more.
    """
    dark, clear, lowest = ends
    height, width = before.shape
    for x in range(width):
        looked, found, behind, nobody = 0, 0, 0, 0
        for y in range(height):
            if face[y, x] > 0:
                weight[y, x] = _CHINS_WORTH if alike[y, x] else 0
                continue
            if clear < below[y, x] < clear + _FIRST:
                looked += 1
                # Light strands have skin's colour.
                behind += before[y, x] > 0.5
                found += alike[y, x] * (before[y, x] <= 0.5)
                nobody += person[y, x] < 0.5
            if alike[y, x] and dark < below[y, x] < lowest:
                shows = 1 - 2 * before[y, x] if below[y, x] > clear else 0
                weight[y, x] = max(shows, _CREASES_WORTH)
        if looked > 1:
            sides[0, x] = min(max(2.0 * found / looked - 0.5, 0.0), 1.0)
            sides[1, x] = behind / looked
            sides[2, x] = min(max(2.0 * nobody / looked - 0.5, 0.0), 1.0)
