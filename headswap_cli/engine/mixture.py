"""Guess how much of a pixel is foreground by the colours around it alone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.types import Frame, Mask

Floats = NDArray[np.float32]
Area = NDArray[np.bool_]

# Main colours of either side, made of so many pixels no further away than this part of the picture.
_MAIN, _MOST_SAMPLES, _NEAR = 6, 4000, 0.06
# What lies within and has the background's colour, and none of its own, is a gap; grey levels.
_SAME, _UNLIKE = 22.0, 36.0
# Colours this close are hardly told apart, mixtures this far off are hardly explained; grey levels.
_TOLD, _EXPLAINED = 40.0, 20.0
# A colour this near to the foreground's own is all foreground; the background is more even.
_OWN, _OTHER = 18.0, 10.0
# Pairs whose errors are so alike explain a pixel alike well; grey levels. Up to the first spread of what they
# say it is one answer, from the second more on any.
_AS_WELL, _ONE_ANSWER, _ANY_ANSWER = 16.0, 0.26, 0.12


# Of what a coarse matte is so sure may have colours of its own: none that mix to within so many grey levels.
_SURE, _UNMIXED = 0.95, 30.0
# What a coarse matte holds for so much foreground at least is none of the background's, whatever its colour.
_PERHAPS = 0.6
# By how much what runs across behind the head may be slanted there: steps, and their part of the picture.
_SLANTS, _SLANT = 2, 0.004


@dataclass(frozen=True, slots=True)
class Mixture:
    """A guess of the matte, (height, width), and how far it can be trusted, both 0 to 1."""

    alpha: Mask
    trust: Mask


def unmix(
    image: Frame, prior: Mask, firm: Area, bare: Area, *, face: Area, crown: Area, head: Area
) -> Mixture:
    """Take each pixel that is neither firm nor bare for a mixture of a colour within and one beyond.

    Args:
        image: The picture, (height, width, 3), BGR.
        prior: A coarse matte, which decides where colours cannot.
        firm: What is foreground most likely; where it has the background's colour that is asked anew.
        bare: What is background for sure.
        face: What is foreground for sure, though of other colours than what is mixed with the background.
        crown: Where nothing but hair is mixed with the background: no skin, no clothes.
        head: Where the coarse matte is no worse than colours that say nothing: above hair's lower ends.

    Returns: 1 on ``firm`` and ``face``, 0 on ``bare``, trusted wholly there.
    Source: Wang, Cohen, Optimized color sampling for robust matting, CVPR 2007, eq. 1-5, with few samples.
    """
    picture = image.astype(np.float32)
    unknown = ~(firm | bare | face)
    within, beyond = (_main_colours(picture, area, unknown) for area in (firm & ~face, bare))
    if not (unknown.any() and len(within) and len(beyond)):
        alpha, trust = np.where(unknown, prior, firm | face), np.where(unknown, 0.5, 1)
        return Mixture(alpha.astype(np.float32), trust.astype(np.float32))
    seen_through = firm & ~face & _like(picture, beyond, within)
    firm, unknown = (firm & ~seen_through) | face, unknown | seen_through
    runs_on = unknown & (prior < _PERHAPS) & _runs_on(picture, bare)
    bare, unknown = bare | runs_on, unknown & ~runs_on
    pixels, coarse = picture[unknown], np.where(seen_through, 0.5, prior)[unknown]
    inner, outer = (
        [push_pull(picture, area.astype(np.float32))[unknown], *main]
        for area, main in ((firm, within), (bare, beyond))
    )
    # Where hair alone is mixed with the background no skin or clothes must explain it.
    hair = _main_colours(picture, (prior > _SURE) & crown & ~face, unknown & crown)
    part, error, contrast, spread = np.empty((4, len(pixels)), np.float32)
    for chosen, main in ((crown[unknown], hair or within), (~crown[unknown], within)):
        found = _best_pair(pixels[chosen], [inner[0][chosen], *main], [outer[0][chosen], *outer[1:]])
        part[chosen], error[chosen], contrast[chosen], spread[chosen] = found
    part += (1 - part) * np.exp(-_nearest(pixels, inner) / (2 * _OWN**2)) * coarse
    part *= 1 - np.exp(-_nearest(pixels, outer) / (2 * _OTHER**2)) * (1 - coarse)
    strange = _strange(pixels, (coarse > _SURE) & (part < _SURE), inner, outer[0])
    part[strange], error[strange], contrast[strange] = coarse[strange], 0, _UNLIKE**2
    alpha, trust = firm.astype(np.float32), np.ones(prior.shape, np.float32)
    told = 0.98 * contrast / (contrast + _TOLD**2) * np.exp(-error / (2 * _EXPLAINED**2))
    # Where pairs that explain a pixel alike well say all sorts of things, colours decide nothing.
    undecided = np.clip((spread - _ONE_ANSWER) / _ANY_ANSWER, 0, 1) * head[unknown]
    alpha[unknown] = part + (coarse - part) * undecided
    trust[unknown] = told * (1 - undecided) + 0.5 * np.abs(2 * coarse - 1) * undecided
    return Mixture(alpha, trust)


def _main_colours(picture: Floats, area: Area, unknown: Area) -> list[Floats]:
    """Return the main colours of an area near what is unknown; none where there is hardly any."""
    side = 2 * round(_NEAR * picture.shape[0]) + 1
    near = cv2.dilate(unknown.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    samples = picture[area & near]
    if len(samples) < _MAIN:
        return []
    samples = samples[:: max(1, len(samples) // _MOST_SAMPLES)]
    cv2.setRNGSeed(1)
    stop = (cv2.TERM_CRITERIA_COUNT, 10, 0)
    _, _, main = cv2.kmeans(samples, _MAIN, np.empty(0), stop, 1, cv2.KMEANS_PP_CENTERS)
    return [np.asarray(colour, np.float32) for colour in main]


def _runs_on(picture: Floats, bare: Area) -> Area:
    """Tell where a picture is as its background would be if rails ran across it, and bars down it."""
    steps = np.arange(-_SLANTS, _SLANTS + 1) * max(1, round(_SLANT * len(picture)))
    least = np.full(bare.shape, np.inf, np.float32)
    for turned, running, free in (
        (least, _along_rows(picture, bare), picture),
        (least.T, _along_rows(picture.swapaxes(0, 1), bare.T), picture.swapaxes(0, 1)),
    ):
        for step in steps:
            rows = np.clip(np.arange(len(running)) + step, 0, len(running) - 1)
            np.minimum(turned, _squared(free - running[rows]), out=turned)
    return np.asarray(least < _OTHER**2)


def _along_rows(picture: Floats, bare: Area) -> Floats:
    """Return in each pixel the colour of the bare one that is nearest in its row."""
    columns = np.broadcast_to(np.arange(bare.shape[1]), bare.shape)
    before = np.maximum.accumulate(np.where(bare, columns, -1), axis=1)
    after = np.minimum.accumulate(np.where(bare, columns, bare.shape[1])[:, ::-1], axis=1)[:, ::-1]
    is_before = (before >= 0) & ((after >= bare.shape[1]) | (columns - before <= after - columns))
    nearest = np.where(is_before, before, np.minimum(after, bare.shape[1] - 1))
    return np.take_along_axis(picture, nearest[..., np.newaxis], axis=1)


def _like(picture: Floats, these: list[Floats], those: list[Floats]) -> Area:
    """Tell where a picture has one of these colours and none of those."""
    return np.asarray((_nearest(picture, these) < _SAME**2) & (_nearest(picture, those) > _UNLIKE**2))


def _best_pair(
    pixels: Floats, within: list[Floats], beyond: list[Floats]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return, by the pair of colours that explains a pixel best, its part, the error and the contrast.

    And by how much what other pairs say of its part differs, the more the better they explain it, as a
    standard deviation.
    """
    part, contrast = np.zeros(len(pixels), np.float32), np.zeros(len(pixels), np.float32)
    error = np.full(len(pixels), np.inf, np.float32)
    sums = np.zeros((3, len(pixels)), np.float32)
    for inner in within:
        for outer in beyond:
            across = np.broadcast_to(inner - outer, pixels.shape)
            length = _squared(across)
            beyond_it = pixels - outer
            along = np.einsum("nk,nk->n", beyond_it, across)
            place = np.clip(along / np.maximum(length, 1), 0, 1)
            left = _squared(beyond_it - place[:, np.newaxis] * across)
            better = left < error
            error = np.where(better, left, error)
            part = np.where(better, place, part)
            contrast = np.where(better, length, contrast)
            weight = 1 / np.square(1 + left * np.float32(1 / _AS_WELL**2))
            sums[0] += weight
            sums[1] += weight * place
            sums[2] += weight * place * place
    mean = sums[1] / sums[0]
    return part, error, contrast, np.sqrt(np.maximum(sums[2] / sums[0] - mean * mean, 0))


def _strange(pixels: Floats, sure: Area, inner: list[Floats], near: Floats) -> Area:
    """Tell what of ``sure`` is no mixture of hair and what is behind just there, ``near``: an ear, or a hat.

    That something of its colour stands further off says nothing.
    """
    _, error, _, _ = _best_pair(pixels[sure], [inner[0][sure], *inner[1:]], [near[sure]])
    strange = np.zeros(len(pixels), np.bool_)
    strange[sure] = error > _UNMIXED**2
    return strange


def _nearest(pixels: Floats, colours: list[Floats]) -> Floats:
    """Return the squared distance to the nearest of the colours."""
    return np.asarray(np.min([_squared(pixels - colour) for colour in colours], axis=0), np.float32)


def _squared(vectors: Floats) -> Floats:
    # Over three channels a sum takes three times as long.
    return np.asarray(np.einsum("...k,...k->...", vectors, vectors), np.float32)
