"""Paint eyeballs without lids: a photo shows but a part of them, and another look shows another."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import hull
from headswap_cli.engine.channels import largest
from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.hull import Eye
from headswap_cli.engine.types import Frame, Landmarks, Mask

Floats = NDArray[np.float32]

# How far around the middle of an eye is worked on, in eye widths.
_REACH = np.array([1.0, 0.75])
# In iris radii: how deep the lids' edge and its shadow reach into the opening, and from where on the white
# begins.
_RIM, _WHITE_FROM = 0.3, 1.25
# What is darker than the first part of the brightest white is lash or lid, what is brighter than the second
# is white.
_LASH, _WHITE = 0.75, 0.95
# Saturation that a white has at most: what has more is the lids' red, between which a narrow eye shows little
# else.
_MOST_SATURATED = 0.2
# Rings of an iris, from the middle to its edge; that edge is so soft, in radii. Lids and glints are brighter
# than most irises: of each ring it is this percentile that is taken.
_RINGS, _EDGE, _TYPICAL = 9, 0.16, 40
# Grey levels by which a pixel near the lids may differ from its ring of the iris, if it is no glint.
_UNLIKE = (12.0, 30.0)
# Grey levels of whites and irises of which the photo shows nothing.
_UNSEEN, _DARK = 190.0, 40.0


def bare_eyeballs(image: Frame, landmarks: Landmarks) -> Frame:
    """Return the picture as if it had no eyelids: irises made whole, the white spread outwards.

    Args:
        image: The photo upright, (height, width, 3), BGR; it is not changed.
        landmarks: Of its face, (478, 3), in its pixels.
    """
    size = image.shape[1::-1]
    bare = image.copy()
    for eye in hull.EYES:
        middle, width = hull.eye_frame(landmarks, eye)
        reach = np.ceil(_REACH * width)
        x0, y0 = np.maximum(np.floor(middle - reach), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(middle + reach), size).astype(int)
        local = landmarks.copy()
        local[:, :2] -= (x0, y0)
        bare[y0:y1, x0:x1] = _bare(image[y0:y1, x0:x1], local, eye)
    return bare


def _bare(image: Frame, landmarks: Landmarks, eye: Eye) -> Frame:
    shape = image.shape[:2]
    radius, centre = hull.iris_radius(landmarks, eye), landmarks[eye.iris[0], :2]
    outline = np.round(landmarks[eye.lids, :2] * 16).astype(np.int32)
    opening = cv2.fillPoly(np.zeros(shape, np.uint8), [outline], (1,), shift=4)
    depth = cv2.distanceTransform(np.pad(opening, 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1] / radius
    seen = np.asarray(np.clip(2 * depth / _RIM - 1, 0, 1), np.float32)
    rows, columns = np.indices(shape, np.float32)
    distance = np.asarray(np.hypot(columns - centre[0], rows - centre[1]) / radius, np.float32)
    picture = image.astype(np.float32)
    least = picture.min(axis=2)
    beside = least[(seen > 0.5) & (distance > _WHITE_FROM)]
    brightest = max(1.0, float(np.percentile(beside, 90))) if beside.size else _UNSEEN
    white = _white(picture, least / brightest, np.asarray(seen * (distance > _WHITE_FROM), np.float32))
    white = _paled(white)
    lid = (depth < 2 * _RIM) & (least < brightest)
    iris = _iris(picture, seen, np.asarray(lid, np.float32), distance)
    share = np.clip((1.06 - distance) / _EDGE + 0.5, 0, 1)[..., np.newaxis]
    return np.asarray(np.clip(white + (iris - white) * share, 0, 255), np.uint8)


def _white(picture: Floats, brightness: Floats, seen: Mask) -> Floats:
    """Return the picture's white where it shows, without lashes and lids, and a guess of it all around."""
    trust = np.asarray(seen * np.clip((brightness - _LASH) / (_WHITE - _LASH), 0, 1), np.float32)
    if trust.max() < 0.5:
        return np.full_like(picture, _UNSEEN)
    spread = push_pull(picture, trust)
    return np.asarray(spread + (picture - spread) * trust[..., np.newaxis], np.float32)


def _paled(colours: Floats) -> Floats:
    """Return colours with no more saturation than a white has, as bright as their brightest channel."""
    brightest = largest(colours)[..., np.newaxis]
    away = brightest - colours
    saturation = largest(away)[..., np.newaxis] / np.maximum(brightest, 1)
    kept = np.minimum(1, _MOST_SATURATED / np.maximum(saturation, 1e-3))
    return np.asarray(brightest - away * kept, np.float32)


def _iris(picture: Floats, seen: Mask, lid: Mask, distance: Floats) -> Floats:
    """Return the iris whole: where lids hide it, it is as it is elsewhere so far from its middle."""
    rings = np.where(seen > 0.5, (distance * _RINGS).astype(int), -1)
    known = {
        ring: np.percentile(picture[rings == ring], _TYPICAL, axis=0)
        for ring in range(_RINGS)
        if (rings == ring).sum() > 2
    } or {0: np.full(3, _DARK)}
    at = distance * _RINGS - 0.5
    colours = np.array(list(known.values()))
    whole = np.dstack([np.interp(at, list(known), colours[:, k]) for k in range(3)])
    unlike = np.abs(picture - whole).mean(axis=2)
    doubt = np.clip((unlike - _UNLIKE[0]) / (_UNLIKE[1] - _UNLIKE[0]), 0, 1) * lid
    trust = (seen * (1 - doubt))[..., np.newaxis]
    return np.asarray(whole + (picture - whole) * trust, np.float32)
