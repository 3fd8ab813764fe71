"""Find the hair that falls below the ears: it would stay as a stump under a head with shorter hair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.channels import medians
from headswap_cli.engine.collar import clothes_below
from headswap_cli.engine.geometry import face_width, inside_hull
from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.tones import FEWEST, some, tones

if TYPE_CHECKING:
    from headswap_cli.engine.types import Frame, Landmarks, Mask

Floats = NDArray[np.float32]
Area = NDArray[np.uint8]

# Lightness matters less than hue when skin is told from hair.
_SCALE = np.array([0.5, 1.5, 1.5], np.float32)
# Where hair is looked for, in face widths from the middle and below the chin: long hair, and short.
_LONG, _SHORT = (1.35, 1.0), (0.75, 0.12)
# Where a person is this far from the middle the shoulders begin: hair that lies on them stays.
_SHOULDERS = (1.15, 1.4)
# Towards the neck they rise, up to so many face widths below the chin and from the middle.
_COLLAR, _NECK = 0.5, 0.4
# Over so much of a face's width hair fades into what stays: at the neck, and on the shoulders.
_FADE = (0.12, 0.3)
# So far above the forehead hair is surely hair, in face widths.
_CROWN = 0.25
# Dark and light hair of one head; lit skin and skin in the chin's shadow.
_TONES, _SHADES = 4, 3
# The throat, in face widths from the middle and below the chin, and how far its hue may be off the face's.
_THROAT, _BELOW, _HUE = 0.2, 0.3, 14.0
# Further from the middle there is no shaded skin, but light strands have its colour.
_SHADED = 0.42
# What is further from all of these, in scaled Lab, is neither hair nor skin: of long hair, and of short.
_STRANGE = (26.0, 16.0)
# Where the matte is so sure, a colour that is no nearer than this to the face's is the hair's.
_SURE, _UNLIKE = 0.95, 14.0
# Beyond the matte strands fly so far, in face widths: of long hair, and of short.
_LOOSE = (0.08, 0.03)
_HAIR, _SKIN = 1, 2


@dataclass(frozen=True, slots=True)
class Beside:
    """What there is beside the jaw, (height, width), 0 to 1: falling ``hair``, and ``neither`` hair nor skin.

    Beside long hair the latter is not told: where light falls on it hair has other colours.
    """

    hair: Mask
    neither: Mask


def beside_jaw(image: Frame, person: Mask, landmarks: Landmarks, *, is_long: bool) -> Beside:
    """Return what of a person is between ears and shoulders.

    Args:
        image: A piece of the frame, small, (height, width, 3), BGR.
        person: Its matte.
        landmarks: The face, in its pixels.
        is_long: Whether it hangs down beside the jaw; else it ends there.
    """
    reach, down = _LONG if is_long else _SHORT
    width = face_width(landmarks)
    rows = np.arange(len(person), dtype=np.float32)[:, np.newaxis]
    middle = float(landmarks[topology.OVAL, 0].mean())
    aside = np.abs(np.arange(person.shape[1], dtype=np.float32)[np.newaxis] - middle) / np.float32(width)
    ears, chin = float(landmarks[topology.LOBES, 1].mean()), float(landmarks[topology.CHIN, 1])
    face = inside_hull(landmarks[topology.OVAL], person.shape)
    beside = (person > 0.4) & (face == 0) & (aside < reach)
    forehead = float(landmarks[topology.FOREHEAD, 1])
    own = beside & (rows < ears) & (rows > forehead)
    if min(own.sum(), face.sum()) < FEWEST:
        return Beside(*np.zeros((2, *person.shape), np.float32))
    throat = beside & (aside < _THROAT) & (rows > chin) & (rows < chin + _BELOW * width)
    hair = (person > _SURE) & (face == 0) & (rows < ears) & (rows > forehead - _CROWN * width)
    strange, loose = (_STRANGE[0], _LOOSE[0]) if is_long else (_STRANGE[1], _LOOSE[1])
    where = beside & (rows < chin + down * width)
    kinds = _kinds(image, where, (aside[0] < _SHADED, strange), (hair, face, throat))
    found = np.asarray(kinds == _HAIR, np.uint8)
    above = np.ones(person.shape, np.bool_)
    if not is_long:
        above = rows < clothes_below(found, middle, ears, chin + down * width)
        found *= above
    count, labels = cv2.connectedComponents(found)
    is_own = np.bincount(labels[own], minlength=count) > 0
    is_own[0] = False
    kept = is_own[labels] & (rows > ears - 0.3 * width)
    # Skin below the ears is the neck, or a hand: there no strand flies.
    skin = np.asarray((kinds == _SKIN) & (aside < _SHADED + loose), np.uint8)
    stays = cv2.morphologyEx(skin, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    side = 2 * max(1, round(loose * width)) + 1
    wide = cv2.dilate(kept.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    wide &= ~stays & (face == 0) & above
    gone = wide.astype(np.float32)
    if is_long:
        gone *= _ends(person, landmarks, aside, width)
    soft = cv2.GaussianBlur(gone, (0, 0), max(0.7, 0.02 * width))
    other = np.asarray(where & (kinds == 0) & (rows > ears) & (not is_long), np.uint8)
    neither = cv2.morphologyEx(other, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return Beside(np.asarray(soft, np.float32), neither.astype(np.float32))


def _kinds(
    image: Frame,
    where: NDArray[np.bool_],
    limits: tuple[NDArray[np.bool_], float],
    samples: tuple[NDArray[np.bool_], Area, Area],
) -> Area:
    """Tell hair from skin, by some of what is surely hair, by the face, and by what of the throat is alike.

    Args:
        image: (height, width, 3).
        where: What is asked for.
        limits: In which columns skin may lie in shadow, and how far off a colour may be, scaled Lab.
        samples: Hair, face and throat.

    Returns: ``_HAIR``, ``_SKIN`` or 0, (height, width).
    """
    lab = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2LAB), np.uint8)
    inner = cv2.erode(samples[1], np.ones((5, 5), np.uint8)) > 0
    areas = (samples[0], inner if inner.any() else samples[1] > 0, samples[2] > 0)
    own, face, below = (some(lab, area) * _SCALE for area in areas)
    skin = medians(face)
    own = own[np.square(own - skin).sum(axis=1) > _UNLIKE**2]
    below = below[np.abs(below - skin)[:, 1:].max(axis=1, initial=0) < _HUE]
    kinds = np.zeros(where.shape, np.uint8)
    shades = np.vstack([skin, tones(below, _SHADES)]).astype(np.float32)
    _sort(lab, where, limits, tones(own, _TONES), shades, kinds)
    return kinds


@kernel
def _sort(  # noqa: PLR0917 - kernels take arguments by place
    lab: Area,
    where: NDArray[np.bool_],
    limits: tuple[NDArray[np.bool_], float],
    hair: Floats,
    skin: Floats,
    kinds: Area,
) -> None:
    """Write for each pixel of ``where`` whose tones are nearer; the first of skin is lit."""
    height, width = where.shape
    shaded, strange = limits
    for y in range(height):
        for x in range(width):
            if not where[y, x]:
                continue
            nearest = np.float32(strange * strange)
            kind = 0
            for tone in range(len(hair) + (len(skin) if shaded[x] else 1)):
                apart = np.float32(0)
                for k in range(3):
                    other = hair[tone, k] if tone < len(hair) else skin[tone - len(hair), k]
                    apart += (np.float32(lab[y, x, k]) * _SCALE[k] - other) ** 2
                if apart < nearest:
                    nearest = apart
                    kind = 1 if tone < len(hair) else 2
            kinds[y, x] = kind


def _ends(person: Mask, landmarks: Landmarks, aside: Floats, width: float) -> Floats:
    """Return 1 above the shoulders, which rise towards the neck, and 0 on them, (height, width)."""
    rows = np.arange(len(person), dtype=np.float32)[:, np.newaxis]
    chin = float(landmarks[topology.CHIN, 1])
    mouth = float(landmarks[topology.MOUTH_CORNERS, 1].mean())
    left = np.arange(person.shape[1]) < landmarks[topology.OVAL, 0].mean()
    strip = (aside[0] > _SHOULDERS[0]) & (aside[0] < _SHOULDERS[1])
    low = np.where(left, _shoulder(person, strip & left, mouth), _shoulder(person, strip & ~left, mouth))
    low = np.minimum(low, chin + _LONG[1] * width)
    out = np.clip((aside - _NECK) / (_SHOULDERS[0] - _NECK), 0, 1)
    line = np.minimum(chin + _COLLAR * width, low)
    line = line + (low - line) * out
    fade = (_FADE[0] + (_FADE[1] - _FADE[0]) * out) * width
    return np.asarray(np.clip((line - rows) / fade, 0, 1), np.float32)


def _shoulder(person: Mask, strip: NDArray[np.bool_], mouth: float) -> float:
    """Return the row at which one shoulder begins; far below where there is none in sight."""
    if not strip.any():
        return float(2 * len(person))
    there = person[:, strip].mean(axis=1)
    below = np.flatnonzero((there > 0.5) & (np.arange(len(there)) > mouth))
    return float(below[0]) if below.size else float(2 * len(there))
