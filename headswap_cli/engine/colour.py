"""Find what the scene makes of colours, by its skin: the photo's skin and hair go through the same."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.channels import GREY, percentiles
from headswap_cli.engine.skin import INERTIA, MEDIAN, PERCENTILES, SkinFollower, measure
from headswap_cli.engine.types import Frame, Mask
from headswap_cli.models import Tone

Floats = NDArray[np.float32]


class Grade(NamedTuple):
    """What is made of a photo's colours: of each its distance from grey is scaled, then each channel's level.

    ``chroma`` (2,) scales the distance, ``curves`` (2, 3, 255 * STEPS + 1) hold the levels; hair, then skin.
    """

    curves: Floats
    chroma: Floats


class Shares(NamedTuple):
    """How much of the way to the target's skin the head's goes, 0 to 1."""

    hue: float
    brightness: float


SHARES = {
    Tone.SOURCE: Shares(1.0, 1.0),
    Tone.BLEND: Shares(0.5, 0.7),
    Tone.REFERENCE: Shares(0.0, 0.35),
}
_FEWEST_PIXELS = 16
# Skin of its own tone still stands in the scene's light: its hue goes so much of the way to that of the skin
# there, so many radians at most, and it gets up to so much more chroma where that has more. Where either has
# less chroma of Lab than the last it tells the less of hue.
_LIT, _MOST_LIT, _RICHER, _HARDLY = 0.5, 0.14, 1.25, 15.0
# A photo whose skin has more chroma of Lab than this exaggerates: its own tone has no more, or as much as the
# skin there.
_VIVID = 30.0
# How much of the way to the target's tone the skin goes; the rest stays the reference's own, but for so much
# of the target's distance from black and from white at most.
_TONE, _OWN = 0.92, 0.1
# The target's contrast is followed within these bounds, else shadows and beards would harden the face; levels
# keep so much of their distance from black and from white, to keep some drawing.
_CONTRAST, _KEPT = (0.82, 1.05), 0.4
# Where a tone is to come nearer to black or to white than such a part of its distance, it is drawn in that
# range: what is kept falls as the square of that.
_NEAR = 0.5
# How much of a photo's chroma stays. Overexposed skin is pale, and the hair beside it is not: lightness above
# the first takes its part in the second of the skin's chroma, that much at most.
_CHROMA = (0.45, 1.1)
_PALE, _PALER = (60.0, 60.0), 0.5
# Hair follows the skin's brightness that far, up or down, and its hue; skin darker than any in good light
# leaves it so many times as bright as itself.
_HAIR_GAIN, _DIM = (0.5, 1.4), 1.1
_BRIGHTER, _DARKER = 0.7, 1.0
_HAIR_TINT, _TINTS = 0.85, (0.8, 1.25)
# Skin whose brightest channel is to keep less than such a part of its distance from white tells the less of
# hue: that channel has ended.
_BLOWN = 0.25
# A darker picture has deeper shadows: hair's contrast grows as exposure falls.
_DEEPER, _HAIR_CONTRAST = 0.6, (1.0, 1.25)
_GAINS = (0.55, 1.6)
# Grey levels in quarters, 0 to 255.
_LEVELS = np.linspace(0, 255, 255 * 4 + 1, dtype=np.float32)


def plain_grade() -> Grade:
    """Return a grade that changes nothing."""
    return Grade(np.broadcast_to(_LEVELS, (2, 3, len(_LEVELS))).copy(), np.ones(2, np.float32))


class ToneFitter:
    """Follows the target's skin tone, slowly, so that nothing flickers.

    Args:
        tone: Whose skin tone is wanted. The photo's own still follows the brightness of the frame a little.
        known: What is known of the target's skin from frames before, see ``SkinFollower``.
    """

    def __init__(self, tone: Tone = Tone.SOURCE, known: Floats | None = None) -> None:
        self._shares = SHARES[tone]
        self._given: Floats | None = None
        self._wanted = SkinFollower(known)
        self._grade = plain_grade()

    @property
    def grade(self) -> Grade:
        """What was found last; plain before anything was."""
        return self._grade

    @property
    def gains(self) -> Floats:
        """How much brighter the head's skin is than the target's, per channel, (3,): 1 where alike."""
        given, wanted = self._given, self._wanted.colours
        if given is None or wanted is None:
            return np.ones(3, np.float32)
        aim = _aimed(given, wanted, self._shares)
        return np.asarray(np.clip((aim[:, MEDIAN] + 8) / (wanted[:, MEDIAN] + 8), *_GAINS), np.float32)

    def fit(self, target: Frame, source: Floats | Frame, target_skin: Mask, source_skin: Mask) -> Grade:
        """Return the grade for this frame.

        Args:
            target: The frame's piece, small, (height, width, 3), BGR.
            source: The posed texture in the same piece, colours not yet fitted, BGR of 0 to 255.
            target_skin: Where ``target`` surely shows skin, > 0.5.
            source_skin: Likewise for ``source``.

        Source: after Reinhard et al., Color transfer between images, IEEE CG&A 21(5), 2001; by percentiles of
            each gamma-coded channel instead of means and deviations, which shadows and beards would spoil.
        """
        seen, here = measure(target, target_skin > 0.5), source_skin > 0.5
        if seen is not None:
            self._wanted.follow(seen)
        wanted = self._wanted.colours
        if wanted is not None and np.count_nonzero(here) >= _FEWEST_PIXELS:
            given, old = percentiles(source[here], PERCENTILES), self._given
            if old is not None:
                given = np.asarray(INERTIA * old + (1 - INERTIA) * given, np.float32)
            self._given = given
            self._grade = _grade(given, wanted, self._shares)
        return self._grade


def _aimed(given: Floats, wanted: Floats, shares: Shares) -> Floats:
    """Return the percentiles to reach, (3, n): of the target's, its hue and brightness are taken in part."""
    own, other = given[:, MEDIAN], wanted[:, MEDIAN]
    own = own + (1 - shares.hue) * (_lit_as(own, other) - own)
    brighter = own * (float(GREY @ other) + 1) / (float(GREY @ own) + 1)
    aim = own + shares.hue * (other - own) + (shares.brightness - shares.hue) * (brighter - own)
    return np.asarray(wanted + (aim - other)[:, np.newaxis], np.float32)


def _lit_as(own: Floats, other: Floats) -> Floats:
    """Return a skin's colour, BGR, in the light of another's: in one light skins differ least in hue."""
    (lightness, a), (_, b) = _lab(own), _lab(other)
    sure = min(abs(a), abs(b), _HARDLY) / _HARDLY
    turn = float(np.clip(_LIT * np.angle(b * a.conjugate()), -_MOST_LIT, _MOST_LIT)) * sure
    richer = float(np.clip(abs(b) / max(abs(a), 1.0), 1.0, _RICHER**2)) ** 0.5
    a *= richer * complex(np.cos(turn), np.sin(turn))
    a *= _believable(a, b)
    lit = np.array([[[lightness, a.real, a.imag]]], np.float32)
    return np.asarray(np.clip(cv2.cvtColor(lit, cv2.COLOR_LAB2BGR)[0, 0], 0, 1) * np.float32(255), np.float32)


def _lab(colour: Floats) -> tuple[float, complex]:
    """Return a colour's lightness, and a and b of Lab as one number."""
    pixel = np.asarray(colour[np.newaxis, np.newaxis] / np.float32(255), np.float32)
    lightness, a, b = cv2.cvtColor(pixel, cv2.COLOR_BGR2LAB)[0, 0].tolist()
    return lightness, complex(a, b)


def _believable(own: complex, other: complex) -> float:
    """Return how much of its chroma a skin keeps beside another's."""
    return min(1.0, max(_VIVID, abs(other)) / max(abs(own), 1.0))


def _grade(given: Floats, wanted: Floats, shares: Shares) -> Grade:
    """Return what brings one skin near another, from percentiles of both, (3, n), and what hair has of it."""
    kept = _believable(*(_lab(skin[:, MEDIAN])[1] for skin in (given, wanted)))
    chroma = _chroma(given, wanted) ** shares.hue * kept ** (1 - shares.hue)
    aim = _aimed(given, wanted, shares)
    grey = GREY @ given
    given = np.asarray(np.clip(grey + chroma * (given - grey), 0, 255), np.float32)
    spread = [float(GREY @ (anchors[:, -1] - anchors[:, 0])) for anchors in (aim, given)]
    least = _CONTRAST[0] * _drawn_in(float(GREY @ given[:, MEDIAN]), float(GREY @ aim[:, MEDIAN]))
    contrast = float(np.clip(spread[0] / max(spread[1], 1.0), least, _CONTRAST[1]))
    # A shadow has the hue of the skin that it falls on: a channel that is dimmed is flatter, too.
    gains = (aim[:, MEDIAN] + 8) / (given[:, MEDIAN] + 8)
    slopes = contrast * np.clip(gains / float(GREY @ gains), *_TINTS)
    skin = np.stack([_curve(given[channel], aim[channel], slopes[channel]) for channel in range(3)])
    hair, deeper = _hair_curves(given[:, MEDIAN], aim[:, MEDIAN])
    return Grade(np.stack([hair, skin]).astype(np.float32), np.array([chroma / deeper, chroma], np.float32))


def _chroma(given: Floats, wanted: Floats) -> float:
    """Return how much of the photo's chroma a scene has that shows its skin as ``wanted``, (3, n)."""
    medians = np.stack([given[:, MEDIAN], wanted[:, MEDIAN]])[np.newaxis] / np.float32(255)
    lab = cv2.cvtColor(np.asarray(medians, np.float32), cv2.COLOR_BGR2LAB)[0]
    pale = np.clip((lab[:, 0] - _PALE[0]) / _PALE[1], 0, _PALER)
    own, other = np.hypot(lab[:, 1], lab[:, 2]) / np.maximum(lab[:, 0] * (1 - pale), 1)
    return float(np.clip(other / max(own, 1e-3), *_CHROMA))


def _hair_curves(given: Floats, wanted: Floats) -> tuple[Floats, float]:
    """Return the levels and the contrast of hair beside skin that was ``given`` and is ``wanted``, (3,)."""
    gains = (wanted + 8) / (given + 8)
    bare = float(gains @ GREY)
    least, most = min(_HAIR_GAIN[0], _DIM * bare), _HAIR_GAIN[1]
    exposure = float(np.clip(bare, least, most)) ** (_BRIGHTER if bare > 1 else _DARKER)
    told = min(1.0, float((256 - wanted.max()) / (256 - given.max())) / _BLOWN)
    tint = np.clip(gains / max(bare, 1e-3), *_TINTS) ** (_HAIR_TINT * told)
    deeper = float(np.clip(exposure**-_DEEPER, *_HAIR_CONTRAST))
    skin = max(float(GREY @ given), 1.0)
    levels = exposure * skin * (_LEVELS / skin) ** deeper
    return np.asarray(np.clip(levels * tint[:, np.newaxis], 0, 255), np.float32), deeper


def _drawn_in(given: float, wanted: float) -> float:
    """Return how much of its drawing a level keeps that is brought so near to black or to white, 0 to 1."""
    left = min((wanted + 1) / (given + 1), (256 - wanted) / (256 - given))
    return float(np.clip(left / _NEAR, 0, 1)) ** 2


def _curve(given: Floats, wanted: Floats, contrast: float) -> Floats:
    """Return a curve from black to white through the target's median, ``contrast`` steep around it."""
    middle, tone = given[MEDIAN], wanted[MEDIAN]
    goal = tone + float(np.clip((1 - _TONE) * (middle - tone), -_OWN * (255 - tone), _OWN * tone))
    low, high = given[0] - 0.5 * (middle - given[0]), given[-1] + 0.5 * (given[-1] - middle)
    knots = np.clip([low, given[0], middle, given[-1], high], 2, 253)
    levels = goal + contrast * (knots - middle)
    # Kept off the ends, so that shadows and highlights keep some drawing.
    kept = _KEPT * _drawn_in(middle, goal)
    levels = np.clip(levels, kept * knots, 255 - kept * (255 - knots))
    x = np.concatenate([[0], np.maximum.accumulate(knots + np.arange(5) * 1e-3), [255]])
    white = min(255.0, float(levels[-1] + 0.8 * (255 - knots[-1])))
    y = np.concatenate([[0], np.maximum.accumulate(levels), [white]])
    return np.asarray(np.interp(_LEVELS, x, y), np.float32)
