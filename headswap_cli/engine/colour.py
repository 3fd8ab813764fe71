"""Fit the reference's colours, light and sharpness to the frame."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.types import Frame, Mask
from headswap_cli.models import Tone

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


class Shares(NamedTuple):
    """How much of the way to the target's skin the head's goes, 0 to 1."""

    hue: float
    brightness: float


SHARES = {
    Tone.SOURCE: Shares(1.0, 1.0),
    Tone.BLEND: Shares(0.5, 0.7),
    Tone.REFERENCE: Shares(0.0, 0.35),
}
_PERCENTILES = (10, 50, 90)
_MEDIAN = 1
_FEWEST_PIXELS = 16
# How much of the way to the target's tone the skin goes; the rest stays the reference's own.
_TONE = 0.92
# The target's contrast is followed within these bounds, else shadows and beards would harden the face.
_CONTRAST = (0.75, 1.05)
_HAIR_GAIN = (0.5, 1.4)
_HAIR_EXPOSURE = 0.75
_HAIR_TINT = 0.6
# Of the tone, from one fit to the next.
_INERTIA = 0.85
_RELIGHT = 0.65
_GAINS = (0.55, 1.6)
# Light is carried beyond the face over so many reaches, worked out at so much smaller a size; where less than
# this of the face is in reach it is taken for even.
_BEYOND, _COARSER, _FAINT = 3.0, 4, 0.05
_BLURS = (0.0, 0.5, 0.8, 1.2, 1.7, 2.3, 3.0, 3.8)
# Grey levels in quarters, 0 to 255.
_LEVELS = np.linspace(0, 255, 255 * 4 + 1, dtype=np.float32)
_LUMA = np.array([0.114, 0.587, 0.299], np.float32)


def plain_curves() -> Floats:
    """Return colour curves that change nothing, (2, 3, levels)."""
    return np.broadcast_to(_LEVELS, (2, 3, len(_LEVELS))).copy()


class ToneFitter:
    """Follows the target's skin tone, slowly, so that nothing flickers.

    Args:
        tone: Whose skin tone is wanted. The photo's own still follows the brightness of the frame a little.
    """

    def __init__(self, tone: Tone = Tone.SOURCE) -> None:
        self._shares = SHARES[tone]
        self._anchors: Floats | None = None
        self._curves = plain_curves()

    @property
    def curves(self) -> Floats:
        """What was found last; plain before anything was."""
        return self._curves

    @property
    def gains(self) -> Floats:
        """How much brighter the head's skin is than the target's, per channel, (3,): 1 where alike."""
        if self._anchors is None:
            return np.ones(3, np.float32)
        given, wanted = self._anchors
        aim = _aimed(given, wanted, self._shares)
        return np.asarray(np.clip((aim[:, _MEDIAN] + 8) / (wanted[:, _MEDIAN] + 8), *_GAINS), np.float32)

    def fit(self, target: Frame, source: Frame, target_skin: Mask, source_skin: Mask) -> Floats:
        """Return the colour curves for this frame, (2, 3, levels): for hair and for skin, per channel.

        Args:
            target: The frame's piece, small.
            source: The posed texture in the same piece, colours not yet fitted.
            target_skin: Where ``target`` surely shows skin, > 0.5.
            source_skin: Likewise for ``source``.
        """
        there, here = target_skin > 0.5, source_skin > 0.5
        if min(there.sum(), here.sum()) >= _FEWEST_PIXELS:
            wanted = np.percentile(target[there], _PERCENTILES, axis=0).T
            given = np.percentile(source[here], _PERCENTILES, axis=0).T
            anchors = np.stack([given, wanted]).astype(np.float32)
            old = self._anchors
            self._anchors = anchors if old is None else _INERTIA * old + (1 - _INERTIA) * anchors
        if self._anchors is not None:
            given, wanted = self._anchors
            self._curves = _tone_curves(given, _aimed(given, wanted, self._shares))
        return self._curves


def _aimed(given: Floats, wanted: Floats, shares: Shares) -> Floats:
    """Return the percentiles to reach, (3, n): of the target's, its hue and brightness are taken in part."""
    own, other = given[:, _MEDIAN], wanted[:, _MEDIAN]
    brighter = own * (float(_LUMA @ other) + 1) / (float(_LUMA @ own) + 1)
    aim = own + shares.hue * (other - own) + (shares.brightness - shares.hue) * (brighter - own)
    return np.asarray(wanted + (aim - other)[:, np.newaxis], np.float32)


def _tone_curves(given: Floats, wanted: Floats) -> Floats:
    """Return the curves for hair and skin from percentiles of the two skins, (3, n)."""
    spread = [float(_LUMA @ (anchors[:, -1] - anchors[:, 0])) for anchors in (wanted, given)]
    contrast = float(np.clip(spread[0] / max(spread[1], 1.0), *_CONTRAST))
    skin = np.stack([_curve(given[channel], wanted[channel], contrast) for channel in range(3)])
    gains = (wanted[:, _MEDIAN] + 8) / (given[:, _MEDIAN] + 8)
    exposure = float(np.clip(gains @ _LUMA, *_HAIR_GAIN)) ** _HAIR_EXPOSURE
    tint = (gains / max(float(gains @ _LUMA), 1e-3)) ** _HAIR_TINT
    hair = np.clip(_LEVELS[np.newaxis] * (exposure * tint)[:, np.newaxis], 0, 255)
    return np.stack([hair, skin]).astype(np.float32)


def _curve(given: Floats, wanted: Floats, contrast: float) -> Floats:
    """Return a curve from black to white through the target's median, ``contrast`` steep around it."""
    middle = given[_MEDIAN]
    goal = middle + _TONE * (wanted[_MEDIAN] - middle)
    low, high = given[0] - 0.5 * (middle - given[0]), given[-1] + 0.5 * (given[-1] - middle)
    knots = np.clip([low, given[0], middle, given[-1], high], 2, 253)
    levels = goal + contrast * (knots - middle)
    # Kept off the ends, so that shadows and highlights keep some drawing.
    levels = np.clip(levels, 0.4 * knots, 255 - 0.4 * (255 - knots))
    x = np.concatenate([[0], np.maximum.accumulate(knots + np.arange(5) * 1e-3), [255]])
    white = min(255.0, float(levels[-1] + 0.8 * (255 - knots[-1])))
    y = np.concatenate([[0], np.maximum.accumulate(levels), [white]])
    return np.asarray(np.interp(_LEVELS, x, y), np.float32)


def light(
    target: Frame,
    fitted: Floats,
    target_skin: Mask,
    source_skin: Mask,
    reach: float,
    *,
    tone: Tone = Tone.SOURCE,
) -> Floats:
    """Return how much brighter the head must be here and there to stand in the frame's light.

    Args:
        target: The frame's piece, small.
        fitted: The head in it after tone fitting, (height, width, 3).
        target_skin: Where ``target`` shows skin, 0 to 1.
        source_skin: Likewise for ``fitted``.
        reach: Width of the smoothing, pixels.
        tone: Whose skin tone ``fitted`` has: what is the skin's own brightness is no light.

    Returns: Factors, (height, width): beyond the face its nearest side's, falling to 1 far away from it.
    """
    there, here = (target_skin > 0.5).astype(np.float32), (source_skin > 0.5).astype(np.float32)

    def smooth(values: Floats) -> Floats:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), max(1.0, reach)), np.float32)

    weight, own_weight = smooth(there), smooth(here)
    wanted = smooth((target.astype(np.float32) @ _LUMA) * there) / (weight + 1e-3)
    given = smooth((fitted @ _LUMA) * here) / (own_weight + 1e-3)
    sure = np.asarray(np.clip(np.minimum(weight, own_weight) * 2.2 - 0.1, 0, 1), np.float32)
    ratio = (wanted + 12) / (given + 12)
    mean = np.exp((np.log(ratio) * sure).sum() / max(float(sure.sum()), 1.0))
    ratio = np.clip(ratio / mean ** (1 - SHARES[tone].brightness), *_GAINS) ** _RELIGHT
    return smooth(
        np.asarray(1 + _spread(np.asarray((ratio - 1) * sure, np.float32), sure, reach), np.float32)
    )


def _spread(values: Floats, sure: Floats, reach: float) -> Floats:
    """Carry what is known of the light on over hair and ears, a few reaches far."""
    rows, columns = sure.shape
    size = (max(1, columns // _COARSER), max(1, rows // _COARSER))
    known, weight = (
        cv2.GaussianBlur(
            cv2.resize(one, size, interpolation=cv2.INTER_AREA),
            (0, 0),
            max(1.0, _BEYOND * reach / _COARSER),
        )
        for one in (values, sure)
    )
    far = cv2.resize(known / (weight + _FAINT), (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.asarray(values + (1 - sure) * far, np.float32)


class SharpnessFitter:
    """Finds how much the texture must be blurred to look as sharp as the face it replaces."""

    def __init__(self) -> None:
        self._sigma: float | None = None

    @property
    def sigma(self) -> float:
        """What was found last; 0 before anything was."""
        return self._sigma or 0.0

    def fit(self, target: Bytes, head: Bytes, target_face: Bytes, head_face: Bytes) -> float:
        """Return the blur's sigma, pixels; below 0 the head is too soft and wants sharpening (at most -1).

        Args:
            target: Grey piece of the frame around the face.
            head: The posed head in the same piece, grey.
            target_face: Where the face is in ``target``, > 0.
            head_face: Likewise in ``head``.
        """
        if not (target_face.any() and head_face.any()):
            return self.sigma
        wanted = _detail(target, target_face) * 1.1
        own = _detail(head, head_face)
        if own <= wanted:
            found = -min(1.0, max(0.0, wanted / max(own, 1e-3) - 1.2))
        else:
            found = _BLURS[-1]
            previous, before = 0.0, own
            for sigma in _BLURS[1:]:
                now = _detail(np.asarray(cv2.GaussianBlur(head, (0, 0), sigma), np.uint8), head_face)
                if now <= wanted:
                    found = previous + (sigma - previous) * (before - wanted) / max(before - now, 1e-6)
                    break
                previous, before = sigma, now
        self._sigma = found if self._sigma is None else 0.5 * self._sigma + 0.5 * found
        return self._sigma


def _detail(grey: Bytes, inside: Bytes) -> float:
    return float(cv2.mean(np.abs(cv2.Laplacian(grey, cv2.CV_16S)), inside)[0])


def resharpen(layer: Floats, sigma: float) -> Floats:
    """Blur (sigma > 0) or sharpen (sigma < 0) a premultiplied layer, (height, width, 4)."""
    if sigma > 0.3:
        return np.asarray(cv2.GaussianBlur(layer, (0, 0), sigma), np.float32)
    if sigma < -0.1:
        x, y, width, height = cv2.boundingRect(np.asarray(layer[..., 3] > 0, np.uint8))
        part = layer[y : y + height, x : x + width]
        sharper = layer.copy()
        if part.size:
            soft = np.asarray(cv2.GaussianBlur(part, (5, 5), 1.0), np.float32)
            _sharpen(part, soft, np.float32(-0.7 * sigma), sharper[y : y + height, x : x + width])
        return sharper
    return layer


@kernel
def _sharpen(layer: Floats, soft: Floats, amount: np.float32, sharper: Floats) -> None:
    height, width = layer.shape[:2]
    for y in range(height):
        for x in range(width):
            for k in range(3):
                sharper[y, x, k] = layer[y, x, k] + (layer[y, x, k] - soft[y, x, k]) * amount
