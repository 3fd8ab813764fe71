"""Give what stays of a person's skin the new one's tone where that is another, fading towards the chest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.channels import length
from headswap_cli.engine.geometry import face_width, inside

if TYPE_CHECKING:
    from headswap_cli.engine.piece import Piece
    from headswap_cli.engine.types import Landmarks, Mask

Floats = NDArray[np.float32]

_JAW = topology.OVAL[8:29]
# How much lightness matters beside hue: of what is below the jaw, which lies in its shadow, least; above it,
# where hair stays, more.
_SHADED, _LIT = (np.array([lightness, 1.0, 1.0], np.float32) for lightness in (0.2, 0.35))
# Lab distances from the face's tone up to which, and from which on no more, something is skin: of a neck, and
# of foreheads and ears, which may be flushed.
_PALE, _FLUSHED = (10.0, 24.0), (16.0, 36.0)
# How far below the jaw the tone reaches, and aside, in face widths.
REACH = 0.75
_ASIDE = 0.7
# How far above a face there is more of it, and above its jaw what lends the neck its colour.
_FOREHEAD, _CHEEKS = 0.3, 0.5
# Less than this is not seen, and stays as it is to the bit.
_FAINT = 0.004


def toned(
    piece: Piece,
    person: Mask,
    landmarks: Landmarks,
    gains: Floats,
    covered: Mask | None,
    *,
    head_stays: bool = False,
) -> Piece:
    """Return the piece with its neck in another tone.

    Args:
        piece: Around the head.
        person: Its matte, small, (rows, columns).
        landmarks: The person's, in pixels of the frame.
        gains: How much brighter the skin is to be, BGR, (3,), factors of gamma-coded values.
        covered: What something in front covers of the small piece: that keeps its colours.
        head_stays: Whether forehead and ears are to have it, too.
    """
    neck = _skin(piece, person, piece.reduced(landmarks), head_stays=head_stays)
    if covered is not None:
        neck *= 1 - covered
    full = piece.enlarged(neck)
    return replace(
        piece, image=_brightened(piece.image, full, gains), small=_brightened(piece.small, neck, gains)
    )


def _skin(piece: Piece, person: Mask, face: Landmarks, *, head_stays: bool) -> Mask:
    width = face_width(face)
    rows, columns = np.indices(person.shape).astype(np.float32)
    line = face[_JAW, :2]
    line = line[np.argsort(line[:, 0], kind="stable")]
    below = (rows - np.interp(np.arange(person.shape[1]), line[:, 0], line[:, 1])) / width
    aside = np.abs(columns - face[topology.OVAL, 0].mean()) / width
    inner = inside(face[topology.OVAL], person.shape) > 0
    if not inner.any():
        return np.zeros(person.shape, np.float32)
    lab = cv2.cvtColor(piece.small, cv2.COLOR_BGR2LAB).astype(np.float32)
    scale, (skin, no_skin) = (_LIT, _FLUSHED) if head_stays else (_SHADED, _PALE)
    apart = length((lab - np.median(lab[inner], axis=0)) * scale)
    like = np.clip((no_skin - apart) / (no_skin - skin), 0, 1)
    # Beside a whole head there is a wall, not the clothes.
    like *= np.clip(person * 3 - 2, 0, 1) if head_stays else np.clip(person * 2 - 0.5, 0, 1)
    reach = np.clip((REACH - below) / (0.8 * REACH), 0, 1) * np.clip((_ASIDE - aside) / 0.15, 0, 1)
    if head_stays:
        reach *= np.clip((rows - face[topology.FOREHEAD, 1]) / width / 0.1 + _FOREHEAD / 0.1, 0, 1)
    else:
        # Above the jaw the old face is still there: a neck that goes on under a shorter chin has its colour.
        reach *= np.clip((below + _CHEEKS) / 0.1, 0, 1)
    return np.asarray(cv2.GaussianBlur(like * reach, (0, 0), max(0.7, 0.03 * width)), np.float32)


def _brightened(picture: NDArray[np.uint8], where: Mask, gains: Floats) -> NDArray[np.uint8]:
    factors = 1 + where[..., np.newaxis] * (gains - 1)
    lit = np.clip(picture * factors + 0.5, 0, 255).astype(np.uint8)
    return np.where(where[..., np.newaxis] > _FAINT, lit, picture)
