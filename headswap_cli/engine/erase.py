"""Take the old head out of the picture: find what of it shows, and guess what stands behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.channels import largest, total
from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.geometry import aside, face_width

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
_FEWEST_PIXELS = 6
# The old head's outline around the face, in face widths: up, down, sideways.
_UP, _DOWN, _ASIDE = 1.4, 1.02, 0.92
# By how much a primary's share, and in what range the brightness, of a throat may differ from the chin's.
_TINT, _DARKEST, _BRIGHTEST = 0.045, 0.4, 1.35
# How far the skull's middle lies behind the face's, and how much lower its hair ends at the back.
_SKULL, _NAPE = 0.55, 0.35


@dataclass(frozen=True, slots=True)
class _Place:
    """The piece's pixels in terms of the old face; all at the piece's small size."""

    rows: Floats
    columns: Floats
    jaw: Floats
    width: float
    face: Mask


def old_head(
    person: Mask, landmarks: Landmarks, others: Sequence[Landmarks], growth: float, hair: Mask | None = None
) -> Mask:
    """Return how much of each pixel belongs to the head that must go, 0 to 1.

    Args:
        person: Matte of the piece.
        landmarks: The old face, in the piece's pixels.
        others: Faces that must stay, likewise.
        growth: By how many pixels the matte is widened, for what it misses of the hair.
        hair: What else is to go, wherever it is, 0 to 1.
    """
    place = _place(person.shape, landmarks)
    side = 2 * max(1, round(growth)) + 1
    wide = np.clip(cv2.dilate(person, np.ones((side, side), np.uint8)) * 1.4, 0, 1)
    ears = float(min(landmarks[132, 1], landmarks[361, 1])) + 0.12 * place.width
    between = (place.columns > landmarks[[234, 132], 0].min()) & (
        place.columns < landmarks[[454, 361], 0].max()
    )
    limit = np.where(between, place.jaw, ears + _NAPE * abs(aside(landmarks)) * place.width)
    above = np.clip((limit - place.rows) / max(1.0, 0.05 * place.width) + 0.5, 0, 1)
    old = wide * above * _around(place, landmarks)
    if hair is not None:
        old = np.maximum(old, hair)
    for other in others:
        old[_filled(person.shape, other) > 0] = 0
    old = np.where(place.face > 0, 1, old).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(old, (0, 0), max(0.7, 0.012 * place.width)), np.float32)


def behind(
    piece: Frame, person: Mask, old: Mask, landmarks: Landmarks, plate: Plate | None
) -> tuple[Floats, Mask]:
    """Return what stands behind the old head: a picture, and how much of the plate to add to it.

    Args:
        piece: The frame's piece.
        person: Its matte.
        old: See ``old_head``.
        landmarks: The old face, in the piece's pixels.
        plate: The piece's background as far as it was seen, if the camera stands still.

    Returns: (height, width, 3) and (height, width): ``picture + share * plate`` is what stands behind.
    """
    place = _place(old.shape, landmarks)
    source = piece.astype(np.float32)
    free = (np.maximum(person, old) < _NOBODY).astype(np.float32)
    known, shift = np.zeros(old.shape, np.float32), np.zeros(source.shape, np.float32)
    if plate is not None:
        seen = cv2.erode((plate.seen >= _SEEN).astype(np.float32), np.ones((3, 3), np.uint8))
        known = np.asarray(cv2.blur(seen, (3, 3)) * seen, np.float32)
        # Light changes between the frames that the plate was made of and this one.
        shift = np.clip(push_pull(source - plate.image, free * seen), -_LIGHT_CHANGE, _LIGHT_CHANGE)
        source += (plate.image + shift - source) * (seen * (1 - free))[..., np.newaxis]
        free = np.maximum(free, seen)
    guess = push_pull(source, free)
    neck, under = _neck(place, landmarks)
    neck *= _like_the_chin(piece, place, landmarks)
    if neck.sum() > _FEWEST_PIXELS:
        throat = push_pull(piece.astype(np.float32), neck)
        guess += (throat - guess) * under[..., np.newaxis]
        known = known * (1 - under)
    return guess + (shift - guess) * known[..., np.newaxis], known


def _place(shape: tuple[int, ...], landmarks: Landmarks) -> _Place:
    rows, columns = np.indices(shape[:2]).astype(np.float32)
    line = landmarks[_JAW, :2]
    line = line[np.argsort(line[:, 0], kind="stable")]
    jaw = np.interp(np.arange(shape[1]), line[:, 0], line[:, 1]).astype(np.float32)
    return _Place(rows, columns, jaw[np.newaxis], face_width(landmarks), _filled(shape, landmarks))


def _filled(shape: tuple[int, ...], landmarks: Landmarks) -> Mask:
    outline = np.round(landmarks[topology.OVAL, :2]).astype(np.int32)
    return np.asarray(cv2.fillPoly(np.zeros(shape, np.float32), [outline], (1.0,)), np.float32)


def _around(place: _Place, landmarks: Landmarks) -> Mask:
    """Return 1 within the reach of a head around the face, falling to 0."""
    top, chin = landmarks[topology.FOREHEAD, :2], landmarks[topology.CHIN, :2]
    centre = 0.62 * top + 0.38 * chin
    up = (top - chin) / max(1.0, float(np.linalg.norm(top - chin)))
    x, y = place.columns - centre[0], place.rows - centre[1]
    along, across = x * up[0] + y * up[1], y * up[0] - x * up[1]
    along /= np.where(along > 0, _UP, _DOWN) * place.width
    # The skull lies behind the face: of a head that looks to one side it shows on the other.
    across = (across + _SKULL * aside(landmarks) * place.width) / (_ASIDE * place.width)
    return np.asarray(np.clip((1.12 - np.hypot(along, across)) / 0.22, 0, 1), np.float32)


def _like_the_chin(piece: Frame, place: _Place, landmarks: Landmarks) -> Mask:
    """Return 1 where a pixel has the tint of the old face's lower part: collars and ties have another."""
    mouth = float(landmarks[[61, 291], 1].mean())
    chin = (place.face > 0) & (place.rows > mouth)
    if not chin.any():
        return np.ones(place.face.shape, np.float32)
    colours = piece.astype(np.float32)
    skin = np.median(colours[chin], axis=0)
    tint = largest(np.abs(colours / (total(colours)[..., np.newaxis] + 1) - skin / (skin.sum() + 1)))
    light = total(colours) / (skin.sum() + 1)
    alike = (tint < _TINT) & (light > _DARKEST) & (light < _BRIGHTEST)
    return np.asarray(alike, np.float32)


def _neck(place: _Place, landmarks: Landmarks) -> tuple[Mask, Mask]:
    """Return where the throat shows below the jaw, and where it must be continued upwards."""
    rows, columns, width = place.rows, place.columns, place.width
    below = rows - place.jaw
    shown = (below > 0.04 * width) & (below < 0.2 * width) & (place.face == 0)
    shown &= (columns > landmarks[149, 0]) & (columns < landmarks[378, 0])
    mouth = landmarks[[61, 291], 1].mean()
    under = (rows > mouth) & (below < 0.06 * width)
    under &= (columns > landmarks[[132, 172], 0].min()) & (columns < landmarks[[361, 397], 0].max())
    soft = cv2.GaussianBlur(under.astype(np.float32), (0, 0), max(0.7, 0.02 * width))
    return shown.astype(np.float32), np.asarray(soft, np.float32)
