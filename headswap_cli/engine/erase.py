"""Take the old head out of the picture: find what of it shows, and guess what stands behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.geometry import yaw_sine
from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.neck import SKULL, filled, neck_of, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.engine.neck import Place
    from headswap_cli.engine.types import Frame, Landmarks, Mask, Plate

Floats = NDArray[np.float32]

# Below this a pixel shows no person; so often must the plate have seen a pixel to know it.
_NOBODY = 0.08
_SEEN = 3
# Grey levels by which a plate may differ from the frame around the head.
_LIGHT_CHANGE = 40
# The old head's outline around the face, in face widths: up, down, sideways.
_UP, _DOWN, _ASIDE = 1.4, 1.02, 0.92
# How much further aside a head seen from the side reaches.
_DEEPER = 0.35
# An ear's lobe is so far aside of the mesh, and the jaw beside the chin.
_LOBE, _JAW = 0.1, 0.05
# Over so much of a face's width clothes and hair below the ears go on where the old head was, how soon, and
# how much steeper their edge is there than that of a mean: through a collar no wall shines.
_BESIDE, _NEARLY, _CRISP = 0.1, 14, 3
# From so much on of the old head in it a pixel tells nothing of what is worn.
_HARDLY = 0.4
# What is further from the mesh does not, in face widths.
_ABOUT = 0.2
# What is on a head ends so far below its ears' lobes, in face widths.
_UNDER_EAR = 0.12
# How much lower its hair ends at the back of a head that is turned aside.
_NAPE = 0.35
# What is so narrow between parts of an old head is old head, in face widths.
_GAP = 0.12


@dataclass(frozen=True, slots=True)
class Scenery:
    """What stands behind an old head, small.

    Behind all is ``picture`` (height, width, 3) and ``share`` (height, width) times the plate; before it, as
    far as ``shown`` (height, width), the neck's ``skin`` (height, width, 3).
    """

    picture: Floats
    share: Mask
    skin: Floats
    shown: Mask


def old_head(
    person: Mask,
    landmarks: Landmarks,
    others: Sequence[Landmarks],
    growth: float,
    hair: Mask | None = None,
    *,
    beard: bool = False,
    neither: Mask | None = None,
) -> Mask:
    """Return how much of each pixel belongs to the head that must go, 0 to 1.

    Args:
        person: Matte of the piece, (height, width).
        landmarks: The old face, in the piece's pixels.
        others: Faces that must stay, likewise.
        growth: By how many pixels the matte is widened, for what it misses of the hair.
        hair: What else is to go, wherever it is, 0 to 1.
        beard: Whether there is one to go.
        neither: What of the person is no head, 0 to 1, beside the jaw: a collar, or what stands behind it.
    """
    place = place_of(person.shape, landmarks, beard=beard)
    if neither is not None:
        person = person * (1 - neither)
    side = 2 * max(1, round(growth)) + 1
    wide = np.asarray(cv2.dilate(person, np.ones((side, side), np.uint8)), np.float32)
    old = np.empty(person.shape, np.float32)
    _reach(wide, _limit(place, landmarks), _outline(place, landmarks), 0.05 * place.width, old)
    # The mesh ends within the jaw's outline.
    rim = filled(person.shape, _rimmed(landmarks, place))
    old = np.maximum(old, np.minimum(rim, person))
    if hair is not None:
        old = np.maximum(old, hair)
    gap = 2 * max(1, round(_GAP / 2 * place.width)) + 1
    old = np.asarray(cv2.morphologyEx(old, cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8)), np.float32)
    for other in others:
        old[filled(person.shape, other) > 0] = 0
    old = np.maximum(old, place.face)
    return np.asarray(cv2.GaussianBlur(old, (0, 0), max(0.7, 0.012 * place.width)), np.float32)


def behind(
    piece: Frame,
    person: Mask,
    heads: tuple[Mask, Mask],
    landmarks: Landmarks,
    plate: Plate | None,
    *,
    hidden: Mask | None = None,
    beard: bool = False,
    laid: Mask | None = None,
) -> Scenery:
    """Return what stands behind the old head.

    Args:
        piece: The frame's piece, small, (height, width, 3), BGR.
        person: Its matte.
        heads: Of each pixel how much belongs to the old head, see ``old_head``, and how much to the new one.
        landmarks: The old face, in the piece's pixels.
        plate: The piece's background, where that is known.
        hidden: How much of each pixel something in front covers: that tells nothing of what is behind.
        beard: Whether the old head had one.
        laid: How much of each pixel of the plate other people's new heads are.
    """
    old, new = heads
    place = place_of(old.shape, landmarks, beard=beard)
    source = piece.astype(np.float32)
    taken, body = np.maximum(person, old), person
    if hidden is not None:
        taken, body = np.maximum(taken, hidden), person * (1 - hidden)
    free = (taken < _NOBODY).astype(np.float32)
    if plate is None:
        picture, share = push_pull(source, free), np.zeros(old.shape, np.float32)
    else:
        picture, share = _on_plate(source, free, plate)
    if laid is not None:
        picture *= 1 - laid[..., np.newaxis]
        share = share * (1 - laid) + laid
    neck = neck_of(piece, body, old, new, place, landmarks, hidden)
    part = neck.part
    # A hand that is not taken for one does not go on towards the face.
    about = filled(old.shape, _widened(landmarks, np.full(2, _ABOUT * place.width)))
    # What is half the old head's has its hair's or its beard's colours.
    whole = np.clip(1 - old[part] / _HARDLY, 0, 1) * ~neck.lit
    clothes = body[part] * whole * about[part]
    _wear(source[part], clothes, whole, place.width, (picture[part], share[part]))
    skin, shown = np.zeros_like(picture), np.zeros_like(share)
    skin[part], shown[part] = neck.skin, neck.shown
    return Scenery(picture, share, skin, shown)


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


def _wear(source: Floats, body: Mask, left: Mask, width: float, behind: tuple[Floats, Mask]) -> None:
    """Let what of a body there is beside what of the old head is gone go on there.

    Args:
        source: (height, width, 3).
        body: How far each pixel is a person's and stays, 0 to 1.
        left: How far it stays.
        width: Of the face.
        behind: What there is so far, (height, width, 3), and its share of the plate; changed in place.
    """
    side = 2 * max(1, round(_BESIDE * width)) + 1
    planes = np.empty((*body.shape, 5), np.float32)
    _stack(source, body, left, planes)
    _lay_worn(np.asarray(cv2.blur(planes, (side, side)), np.float32), *behind)


@kernel
def _stack(source: Floats, body: Mask, left: Mask, planes: Floats) -> None:
    height, width = body.shape
    for y in range(height):
        for x in range(width):
            for k in range(3):
                planes[y, x, k] = source[y, x, k] * body[y, x]
            planes[y, x, 3], planes[y, x, 4] = body[y, x], left[y, x]


@kernel
def _lay_worn(planes: Floats, picture: Floats, share: Mask) -> None:
    """Lay the mean colours of what is worn over what is behind it, as far as they are near."""
    height, width = share.shape
    hardly, most, steeper = np.float32(1e-3), np.float32(_NEARLY), np.float32(_CRISP)
    half, one = np.float32(0.5), np.float32(1)
    for y in range(height):
        for x in range(width):
            bodies, there = planes[y, x, 3], planes[y, x, 4]
            near = bodies / max(there, hardly) * min(most * there, one)
            near = min(max((near - half) * steeper + half, np.float32(0)), one)
            for k in range(3):
                worn = planes[y, x, k] / max(bodies, hardly)
                picture[y, x, k] += (worn - picture[y, x, k]) * near
            share[y, x] *= one - near


def _widened(landmarks: Landmarks, reach: NDArray[np.floating]) -> Landmarks:
    """Return landmarks drawn apart: the outline reaches so much further aside, and up and down."""
    outline = landmarks[topology.OVAL, :2]
    low, high = outline.min(axis=0), outline.max(axis=0)
    wide = landmarks.copy()
    wide[:, :2] += (landmarks[:, :2] - (low + high) / 2) * (2 * reach / np.maximum(high - low, 1))
    return wide


def _rimmed(landmarks: Landmarks, place: Place) -> Landmarks:
    """Return landmarks whose outline has the jaw's rim in it, an ear's lobes, and the chin's crease."""
    wide = _widened(landmarks, np.array([_LOBE, place.crease]) * place.width)
    ears, chin = float(landmarks[topology.LOBES, 1].mean()), float(landmarks[topology.CHIN, 1])
    down = np.clip((landmarks[:, 1] - ears) / max(1.0, chin - ears), 0, 1)
    wide[:, 0] -= (wide[:, 0] - landmarks[:, 0]) * (1 - _JAW / _LOBE) * down
    return wide


def _limit(place: Place, landmarks: Landmarks) -> Floats:
    """Return the row down to which each column's person is old head, (width,)."""
    (x0, x1), (y0, y1) = landmarks[topology.LOBES][:, :2].T
    columns = np.arange(len(place.jaw))
    # A head that leans has one ear lower than the other.
    ear = np.where((2 * columns < x0 + x1) == (x0 < x1), y0, y1) + _UNDER_EAR * place.width
    between = (columns > landmarks[[234, 132], 0].min()) & (columns < landmarks[[454, 361], 0].max())
    nape = ear + _NAPE * abs(yaw_sine(landmarks)) * place.width
    return np.where(between, place.jaw + place.crease * place.width, nape).astype(np.float32)


def _outline(place: Place, landmarks: Landmarks) -> tuple[Floats, Floats, Floats]:
    """Return a head's outline: its middle, the way up, its reach up, down and aside, and its shift aside."""
    top, chin = landmarks[topology.FOREHEAD, :2], landmarks[topology.CHIN, :2]
    up = (top - chin) / max(1.0, float(np.linalg.norm(top - chin)))
    # The skull lies behind the face: of a head that looks to one side it shows on the other.
    shift = SKULL * yaw_sine(landmarks) * place.width
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
