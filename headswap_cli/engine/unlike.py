"""Tell where a face does not look as the person's does: beyond light, shade, and features that moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.channels import DARK, tint
from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.raster import rasterise
from headswap_cli.engine.veil import SAME_TINT, SHADED, features

if TYPE_CHECKING:
    from headswap_cli.engine.appearance import Appearance

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Labels = NDArray[np.uint8]

# Grey levels that always count as the same, and standard deviations of the person's own.
_SAME, _SPREAD = 22.0, 2.5
# How far a feature may lie from where it is predicted, face widths.
_SLACK = 0.022
# How far an expression moves brows, lids and lips beyond where they are, face widths.
_MOVED = 0.035
# Of a feature's own colours so many percent at either end are chance.
_CHANCE, _CHANCE_TINT = 10.0, 15.0
# Parts of 1000 of a primary's share by which a colour may differ from all of a feature's own.
_TINTED = 70.0
# So surely a feature is not where it is expected.
_DOUBTED = 0.25
# Light changes slowly over a face: its reach, face widths, how much is believed, how coarse it is seen.
_LIGHT, _GAINS, _COARSE = 0.22, (0.5, 1.8), 4
# What differs by more than this, in grey levels, tells nothing of the light.
_ODD = 40.0
# Of the ratios that are believed, so many are told apart.
_STEPS = 256
# Of the face that must look like itself to tell anything.
_LIKE_ITSELF = 0.35


@dataclass(frozen=True, slots=True)
class Compared:
    """A face in a frame beside what it usually looks like.

    ``score`` (height, width): how surely a pixel is not the face's, 0 to 1; ``doubtful``: where brows, eyes,
    lips or nostrils may be, but as a rule are not; ``usual`` (height, width, 3): the face as it usually
    looks, in this light; ``inside``: where it is; ``worn``: where glasses are as a rule.
    """

    score: Floats
    doubtful: Bools
    usual: Floats
    inside: Bools
    worn: Bools


class Expected:
    """How a face may look, laid flat.

    Args:
        appearance: How it usually looks.
        triangles: Of the face mesh, (n, 3); eyes and mouth open.
    """

    def __init__(self, appearance: Appearance, triangles: NDArray[np.int32]) -> None:
        self._layout, self._triangles = appearance.layout, triangles
        self._usual = np.ascontiguousarray(appearance.colours, np.float32)
        self._worn = appearance.worn if appearance.worn.any() else None
        width = float(np.ptp(appearance.layout[:, 0]))
        reach = 2 * max(1, round(_SLACK * width)) + 1
        element = np.ones((reach, reach), np.uint8)
        lowest, highest = cv2.erode(self._usual, element), cv2.dilate(self._usual, element)
        self._bounds = np.ascontiguousarray(np.dstack([lowest, highest, appearance.spread]), np.float32)
        corners = np.pad(appearance.layout, ((0, 0), (0, 1)))
        skin = rasterise(corners, appearance.layout, triangles, *self._usual.shape[1::-1])[..., 0] >= 0
        self._feature, self._ranges = _feature_ranges(self._usual, appearance.layout, width, skin)

    def compare(self, image: Floats, points: Floats, width: float) -> Compared | None:
        """Return where a picture of the face differs, None where too little of it looks like the face.

        Args:
            image: The picture, (height, width, 3), BGR.
            points: The face mesh in its pixels, (468, 3).
            width: The face's, in its pixels.
        """
        height, across = image.shape[:2]
        seen = rasterise(points, self._layout, self._triangles, across, height)
        inside = seen[..., 0] >= 0
        predicted = np.zeros((height, across, 3), np.float32)
        _sample(self._usual, seen, predicted)
        light = _light(image, predicted, inside, width)
        if light is None:
            return None
        shape = (height, across)
        score, doubtful = np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
        _score(
            image,
            np.asarray(cv2.resize(light, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32),
            seen,
            predicted,
            self._bounds,
            self._feature,
            self._ranges,
            score,
            doubtful,
        )
        worn = np.zeros(shape, np.bool_)
        if self._worn is not None:
            columns, rows = np.round(seen[inside]).astype(np.intp).T
            worn[inside] = self._worn[rows, columns]
        return Compared(score, doubtful, predicted, inside, worn)


def _feature_ranges(colours: Floats, layout: Floats, width: float, skin: Bools) -> tuple[Labels, Floats]:
    """Return where each feature may be (0: none), and its lowest and highest colour and tint, (n, 4, 3).

    What is seen in eyes and mouth is not known: ``skin`` is where the mesh is.
    """
    labels = np.zeros(colours.shape[:2], np.uint8)
    hulls = features(layout, colours.shape[:2], round(_MOVED * width))
    ranges = np.zeros((len(hulls) + 1, 4, 3), np.float32)
    for number, hull in enumerate(hulls, start=1):
        own = colours[hull & skin]
        labels[hull] = number
        tints = tint(own)
        ranges[number, :2] = np.percentile(own, (_CHANCE, 100 - _CHANCE), axis=0)
        ranges[number, 2:] = np.percentile(tints, (_CHANCE_TINT, 100 - _CHANCE_TINT), axis=0)
    return labels, ranges


def _light(image: Floats, predicted: Floats, inside: Bools, width: float) -> Floats | None:
    """Return this frame's light beside the usual one, coarsely; None where too little looks like the face."""
    height, across = inside.shape
    if not inside.any():
        return None
    gains = np.empty(3, np.float32)
    _median_ratios(image, predicted, inside, gains)
    sums = np.zeros((-(-height // _COARSE), -(-across // _COARSE), 7), np.float32)
    _gather(image, predicted, inside, gains, sums)
    if float(sums[..., 6].sum()) < _LIKE_ITSELF * float(inside.sum()):
        return None
    smooth = cv2.GaussianBlur(sums, (0, 0), max(1.0, _LIGHT * width / _COARSE))
    floor = 4 * smooth[..., 6:] + 1e-3
    ratio = (smooth[..., :3] + floor) / (smooth[..., 3:6] + floor)
    return np.asarray(np.clip(ratio, *_GAINS) * gains, np.float32)


@kernel
def _sample(texture: Floats, seen: Floats, picture: Floats) -> None:
    """Fill a picture from a texture, bilinearly; where nothing is seen it stays."""
    height, width = picture.shape[:2]
    for y in range(height):
        for x in range(width):
            u, v = seen[y, x, 0], seen[y, x, 1]
            if u < 0:
                continue
            left, top = min(int(u), texture.shape[1] - 2), min(int(v), texture.shape[0] - 2)
            right, low = u - np.float32(left), v - np.float32(top)
            for k in range(3):
                upper = texture[top, left, k] * (1 - right) + texture[top, left + 1, k] * right
                lower = texture[top + 1, left, k] * (1 - right) + texture[top + 1, left + 1, k] * right
                picture[y, x, k] = upper * (1 - low) + lower * low


@kernel
def _median_ratios(image: Floats, predicted: Floats, inside: Bools, gains: Floats) -> None:
    """Fill in each channel's median ratio of picture and prediction, to a 256th of what is believed."""
    low, step = np.float32(_GAINS[0]), np.float32((_GAINS[1] - _GAINS[0]) / _STEPS)
    counts = np.zeros((3, _STEPS + 1), np.int32)
    height, width = inside.shape
    for y in range(height):
        for x in range(width):
            if inside[y, x]:
                for k in range(3):
                    ratio = (image[y, x, k] + 8) / (predicted[y, x, k] + 8)
                    counts[k, min(max(int((ratio - low) / step + 0.5), 0), _STEPS)] += 1
    for k in range(3):
        place, left = 0, counts[k].sum() // 2
        while counts[k, place] <= left:
            left -= counts[k, place]
            place += 1
        gains[k] = low + step * place


@kernel
def _gather(image: Floats, predicted: Floats, inside: Bools, gains: Floats, sums: Floats) -> None:
    """Add up, cell by cell, the picture and the prediction where they look alike, and how often they do."""
    height, width = inside.shape
    for y in range(height):
        for x in range(width):
            if not inside[y, x]:
                continue
            apart = np.float32(0)
            for k in range(3):
                apart = max(apart, abs(image[y, x, k] - predicted[y, x, k] * gains[k]))
            if apart >= _ODD:
                continue
            row, column = y // _COARSE, x // _COARSE
            sums[row, column, 6] += 1
            for k in range(3):
                sums[row, column, k] += image[y, x, k]
                sums[row, column, 3 + k] += predicted[y, x, k] * gains[k]


@kernel
def _score(  # noqa: PLR0917 - kernels take arguments by place
    image: Floats,
    light: Floats,
    seen: Floats,
    predicted: Floats,
    bounds: Floats,
    labels: Labels,
    ranges: Floats,
    score: Floats,
    doubtful: Bools,
) -> None:
    height, width = score.shape
    for y in range(height):
        for x in range(width):
            if seen[y, x, 0] < 0:
                continue
            u = min(int(seen[y, x, 0] + 0.5), labels.shape[1] - 1)
            v = min(int(seen[y, x, 1] + 0.5), labels.shape[0] - 1)
            near, least, most = np.float32(0), np.float32(10), np.float32(0)
            for k in range(3):
                value, lit = image[y, x, k], light[y, x, k]
                near = max(near, value - bounds[v, u, 3 + k] * lit, bounds[v, u, k] * lit - value)
                predicted[y, x, k] *= lit
                part = (value + 4) / (predicted[y, x, k] + 4)
                least, most = min(least, part), max(most, part)
            same = _SAME + _SPREAD * bounds[v, u, 6]
            unlike = min(near / same - 0.5, 1.0)
            if unlike <= 0:
                continue
            if labels[v, u]:
                doubtful[y, x] = unlike > _DOUBTED
                score[y, x] = min(unlike, _beyond(image, light, y, x, ranges, labels[v, u], same))
            elif least < SHADED or most > 1 + SAME_TINT or most - least > SAME_TINT:
                score[y, x] = unlike


@kernel
def _beyond(  # noqa: PLR0917 - kernels take arguments by place
    image: Floats, light: Floats, y: int, x: int, ranges: Floats, label: int, same: float
) -> float:
    """Return how far a pixel is beyond all colours and all tints that a feature has, from 0 on."""
    apart, other, total = np.float32(0), np.float32(0), np.float32(0)
    for k in range(3):
        value, lit = image[y, x, k], light[y, x, k]
        apart = max(apart, value - ranges[label, 1, k] * lit, ranges[label, 0, k] * lit - value)
        total += value / lit
    for k in range(3):
        share = 1000 * (image[y, x, k] / light[y, x, k] - total / 3) / (total + DARK)
        other = max(other, share - ranges[label, 3, k], ranges[label, 2, k] - share)
    return float(max(apart / same, other / _TINTED, np.float32(0.5))) - 0.5
