"""Judge a reference photo before any work: is its face sharp, from the front, awake and at rest?"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli import wire
from headswap_cli.engine import topology
from headswap_cli.engine.geometry import face_box, face_width, inside
from headswap_cli.engine.look import Look, look_of
from headswap_cli.engine.types import Frame, Landmarks, PhotoFault

Floats = NDArray[np.float32]

# Degrees by which a photo may be turned; a further photo shows the head from aside on purpose.
FRONTAL, ASIDE = 25.0, 45.0
# A face holds as much as a sharp one of so many pixels across: below the first it is refused.
LEAST_DETAIL, GOOD_DETAIL = 32.0, 56.0
# Lids whose gap is less than this part of the eye's width are shut; the mesh never sees them meet.
SHUT = 0.14
# Lips further apart, and mouth corners higher above its middle, than these parts of the face's width are
# not at rest.
_LIPS, _SMILE = 0.05, 0.045
# The white of an eye is at least so bright beside the skin: below the first nothing of it shows, and below
# the second hardly anything.
_DARK_GLASS, _TINTED_GLASS = 0.2, 0.34
# How much of the face the photo's edge may cut off, and how dark the face may be, grey levels.
_BEYOND, _DARK = 0.05, 30.0
# The blur of a sharp camera, and the blur added for the measurement: pixels, and pixels of face for each.
_SHARP, _ADDED, _ADDED_PER = 0.7, 2.0, 100.0
_STRONGEST = 94
_TINY = 1e-3


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a photo's face is like; ``detail`` is the width, in pixels, of a sharp face that shows as much."""

    look: Look
    width: float
    detail: float
    warnings: tuple[str, ...]


def judge(photo: Frame, landmarks: Landmarks, *, turn_limit: float = FRONTAL) -> Verdict:
    """Measure the face of a photo, upright or not.

    Args:
        photo: Whole, (height, width, 3), BGR.
        landmarks: Of its face, (478, 3), pixels.
        turn_limit: Degrees of yaw and pitch that are borne.

    Raises:
        PhotoFault: It is cut off, turned away, blurred, asleep or behind dark glasses; the reason names the
            value and the limit.
    """
    look, width = look_of(landmarks), face_width(landmarks)
    detail = width * min(1.0, _SHARP / blur_of(photo, landmarks))
    fault = _cut(photo, landmarks) or _fault(look, width, detail, turn_limit)
    light, eyes = _brightness(photo, landmarks)
    if fault is None and eyes < _DARK_GLASS:
        fault = (
            "the eyes in the reference photo can't be seen, as behind dark glasses: take one without glasses"
            f" (the eyes have {100 * eyes:.0f} % of the skin's brightness; at least"
            f" {100 * _DARK_GLASS:.0f} are needed)"
        )
    if fault is not None:
        raise PhotoFault(wire.INVALID_PARAMETER, fault)
    return Verdict(look, width, detail, tuple(_warnings(look, width, detail) + _dim(light, eyes)))


def blur_of(photo: Frame, landmarks: Landmarks) -> float:
    """Return how blurred a face is in the direction in which it is worst: a Gaussian's sigma, pixels.

    The strongest edges are blurred once more; the less they lose, the softer they were.

    Source: Zhuo, Sim, Defocus map estimation from a single image, Pattern Recognition 44(9), 2011, eq. 6;
        here along each axis by itself, since a moved camera blurs along one.
    """
    box, limit = face_box(landmarks), np.array(photo.shape[1::-1])
    x0, y0 = np.clip(box[:2], 0, limit - 1).astype(int)
    x1, y1 = np.clip(np.ceil(box[2:]), (x0 + 1, y0 + 1), limit).astype(int)
    grey = cv2.cvtColor(photo[y0:y1, x0:x1], cv2.COLOR_BGR2GRAY).astype(np.float32)
    added = max(_ADDED, face_width(landmarks) / _ADDED_PER)
    return max(_edge_blur(grey, added), _edge_blur(np.ascontiguousarray(grey.T), added))


def _edge_blur(grey: Floats, added: float) -> float:
    """Return the sigma of the strongest edges across the columns."""
    side = 2 * round(3 * added) + 1
    softer = cv2.GaussianBlur(grey, (side, 1), added)
    before, after = (np.abs(cv2.Sobel(picture, cv2.CV_32F, 1, 0)) for picture in (grey, softer))
    peaks = before >= cv2.dilate(before, np.ones((1, 3), np.uint8)) - _TINY
    chosen = peaks & (before >= np.percentile(before, _STRONGEST)) & (before > 1)
    if not chosen.any():
        return float(max(grey.shape))
    ratio = max(1 + _TINY, float(np.median(before[chosen] / np.maximum(after[chosen], _TINY))))
    return float(added / np.sqrt(ratio**2 - 1))


def _cut(photo: Frame, landmarks: Landmarks) -> str | None:
    outline = landmarks[topology.OVAL, :2].astype(np.float32)
    within = np.clip(outline, 0, np.array(photo.shape[1::-1], np.float32) - 1)
    beyond = 1 - cv2.contourArea(within) / max(1.0, cv2.contourArea(outline))
    if beyond <= _BEYOND:
        return None
    return (
        "the reference photo's edge cuts off a part of the face: take one that shows all of it"
        f" ({100 * beyond:.0f} % of the face is missing; at most {100 * _BEYOND:.0f} may be)"
    )


def _brightness(photo: Frame, landmarks: Landmarks) -> tuple[float, float]:
    """Return the face's middle brightness, grey levels, and the brighter eye's brightest parts beside it."""
    grey = cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY)

    def _within(points: NDArray[np.int32]) -> NDArray[np.uint8]:
        return np.asarray(grey[inside(landmarks[points], grey.shape) > 0], np.uint8)

    face = _within(topology.OVAL)
    light = float(np.median(face)) if face.size else 0.0
    eyes = [
        np.percentile(seen, 90) for seen in map(_within, (topology.RIGHT_EYE, topology.LEFT_EYE)) if seen.size
    ]
    return light, float(max(eyes, default=0.0)) / max(1.0, light)


def _dim(light: float, eyes: float) -> list[str]:
    told = []
    if eyes < _TINTED_GLASS:
        told.append(
            "the eyes in the reference photo hardly show, as behind tinted glasses: one without glasses looks"
            f" better (the eyes have {100 * eyes:.0f} % of the skin's brightness; well from"
            f" {100 * _TINTED_GLASS:.0f} on)"
        )
    if light < _DARK:
        told.append(
            "the face in the reference photo is dark: one in more light looks better (its middle brightness"
            f" is {light:.0f} of 255; well from {_DARK:.0f} on)"
        )
    return told


def _fault(look: Look, width: float, detail: float, turn_limit: float) -> str | None:
    for angle, direction in ((look.yaw, "aside"), (look.pitch, "up or down")):
        if abs(angle) > turn_limit:
            return (
                f"the face in the reference photo is turned {direction}: take one from the front (turned by"
                f" about {abs(angle):.0f} degrees; at most {turn_limit:.0f} can be used)"
            )
    if detail < LEAST_DETAIL:
        return (
            "the reference photo is blurred: take a sharp one, or a larger one (its face,"
            f" {width:.0f} pixels wide, shows no more than a sharp one of {detail:.0f} would; at least"
            f" {LEAST_DETAIL:.0f} are needed)"
        )
    if look.openness < SHUT:
        return (
            "the eyes in the reference photo are shut or nearly so: take one with open eyes (open by"
            f" {100 * look.openness:.0f} % of their width; at least {100 * SHUT:.0f} are needed)"
        )
    return None


def _warnings(look: Look, width: float, detail: float) -> list[str]:
    told = []
    if detail < GOOD_DETAIL:
        told.append(
            "the reference photo is small or soft: a larger or sharper one looks better (its face shows no"
            f" more than a sharp one of {detail:.0f} pixels would; well from {GOOD_DETAIL:.0f} on)"
        )
    if look.smile > _SMILE:
        told.append(
            "the face in the reference photo smiles: one with a mouth at rest looks better (its corners are"
            f" up by {100 * look.smile:.0f} % of the face's width; at rest by up to {100 * _SMILE:.1f})"
        )
    elif look.mouth_gap > _LIPS:
        told.append(
            "the mouth in the reference photo is open: one with a closed mouth looks better (open by"
            f" {100 * look.mouth_gap:.0f} % of the face's width; closed by up to {100 * _LIPS:.0f})"
        )
    return told
