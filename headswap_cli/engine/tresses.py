"""Find the hair that falls below the ears: it would stay as a stump under a head with shorter hair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.channels import length
from headswap_cli.engine.geometry import face_width

if TYPE_CHECKING:
    from headswap_cli.engine.types import Frame, Landmarks, Mask

# Lightness matters less than hue when skin is told from hair.
_SCALE = np.array([0.5, 1.5, 1.5], np.float32)
# Where hair is looked for, in face widths from the middle and below the chin.
_ASIDE, _DOWN = 1.35, 1.0
# Where a person is this far from the middle the shoulders begin: hair that lies on them stays.
_SHOULDERS = (1.15, 1.4)
# Over so much of a face's width it fades into what stays.
_FADE = 0.3
_FEWEST_PIXELS = 12
# Dark and light hair of one head.
_TONES = 4
# Nearer to the middle than this is the neck, in face widths.
_NECK = 0.38


def falling_hair(image: Frame, person: Mask, landmarks: Landmarks) -> Mask:
    """Return how much of each pixel is hair between ears and shoulders, (height, width), 0 to 1.

    Args:
        image: A piece of the frame, small.
        person: Its matte.
        landmarks: The face, in its pixels.
    """
    width = face_width(landmarks)
    rows, columns = np.indices(person.shape).astype(np.float32)
    middle = float(landmarks[topology.OVAL, 0].mean())
    ears, chin = float(landmarks[[132, 361], 1].mean()), float(landmarks[topology.CHIN, 1])
    mouth = float(landmarks[[61, 291], 1].mean())
    outline = cv2.convexHull(np.round(landmarks[topology.OVAL, :2]).astype(np.int32))
    face = cv2.fillConvexPoly(np.zeros(person.shape, np.uint8), outline, (1,)) > 0
    aside = np.abs(columns - middle) / width
    beside = (person > 0.4) & ~face & (aside < _ASIDE)
    own = beside & (rows < ears) & (rows > float(landmarks[topology.FOREHEAD, 1]))
    if min(own.sum(), face.sum()) < _FEWEST_PIXELS:
        return np.zeros(person.shape, np.float32)
    found = beside & _hair_coloured(image, own, face) & (rows < chin + _DOWN * width)
    found &= (rows < ears) | (aside > _NECK)
    _, labels = cv2.connectedComponents(found.astype(np.uint8))
    kept = np.isin(labels, np.unique(labels[own & found])) & (labels > 0) & (rows > ears - 0.3 * width)
    side = 2 * max(1, round(0.08 * width)) + 1
    wide = cv2.dilate(kept.astype(np.uint8), np.ones((side, side), np.uint8)).astype(np.float32)
    left = np.asarray(columns < middle)
    low = np.where(left, _shoulder(person, aside, mouth, left), _shoulder(person, aside, mouth, ~left))
    low = np.minimum(low, chin + _DOWN * width)
    wide *= ~face * np.clip((low - rows) / (_FADE * width), 0, 1)
    wide *= np.where(rows < ears, 1, np.clip((aside - _NECK) / 0.06 + 0.5, 0, 1))
    return np.asarray(cv2.GaussianBlur(wide, (0, 0), max(0.7, 0.02 * width)), np.float32)


def _hair_coloured(image: Frame, hair: NDArray[np.bool_], face: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which pixels are more like some of what is surely hair than like the face."""
    lab = cv2.cvtColor(image, cv2.COLOR_BGR2LAB).astype(np.float32) * _SCALE
    inner = cv2.erode(face.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    skin = np.median(lab[inner if inner.any() else face], axis=0)
    samples = lab[hair]
    tones = np.array_split(samples[np.argsort(samples[:, 0], kind="stable")], _TONES)
    to_hair = np.min([length(lab - tone.mean(axis=0)) for tone in tones], axis=0)
    return np.asarray(to_hair < length(lab - skin))


def _shoulder(person: Mask, aside: Mask, mouth: float, half: NDArray[np.bool_]) -> float:
    """Return the row at which one shoulder begins; far below where there is none in sight."""
    strip = half & (aside > _SHOULDERS[0]) & (aside < _SHOULDERS[1])
    there = (person * strip).sum(axis=1) / np.maximum(strip.sum(axis=1), 1)
    below = np.flatnonzero((there > 0.5) & (np.arange(len(there)) > mouth))
    return float(below[0]) if below.size else float(2 * len(there))
