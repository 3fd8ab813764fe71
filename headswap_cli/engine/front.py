"""Find what stands before a face, whatever it is: where the face does not look as the person's does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.channels import largest
from headswap_cli.engine.geometry import bounding_box
from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.raster import rasterise
from headswap_cli.engine.types import Frame, Mask

if TYPE_CHECKING:
    from headswap_cli.engine.appearance import Appearance
    from headswap_cli.engine.piece import Piece
    from headswap_cli.engine.types import Landmarks

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# The face's width, pixels, at which it is compared.
_WORKED_ON = 64.0
# Grey levels that always count as the same, and standard deviations of the person's own.
_SAME, _SPREAD = 22.0, 2.5
# How far a feature may lie from where it is predicted, face widths.
_SLACK = 0.022
# Light changes slowly over a face: its reach, face widths, how much is believed, how coarse it is seen.
_LIGHT, _GAINS, _COARSE = 0.22, (0.5, 1.8), 4
# What differs by more than this, in grey levels, tells nothing of the light.
_ODD = 40.0
# Every so manieth pixel is enough to tell the light of all.
_EACH = 5
# Of the face that must look like itself to tell anything, and parts of it that are too small to be a thing.
_LIKE_ITSELF, _SPECK = 0.35, 0.003
_SEED, _GROWN = 0.65, 0.25
_CLOSE = 0.05
# Face widths from its edge: hair begins there and reaches in so far; what reaches further may go on beyond.
_AT_EDGE, _HAIR, _THING = 0.025, 0.1, 0.13
# Beyond the mesh a thing goes on as far as its colour, in grey levels, and no further than this.
_ALIKE, _REACH = 24.0, 0.4
_INERTIA = 0.35


class Front:
    """Watches one face from frame to frame.

    Args:
        appearance: How it looks when nothing stands before it.
        triangles: Of the face mesh, (n, 3); eyes and mouth open.
        hair_stays: Whether hair that hangs into the face is a thing before it, or goes with the old head.
    """

    def __init__(self, appearance: Appearance, triangles: NDArray[np.int32], *, hair_stays: bool) -> None:
        self._layout = appearance.layout
        self._usual = np.dstack([appearance.colours, appearance.spread])
        self._triangles = triangles
        self._hair_stays = hair_stays
        self._before: Mask | None = None

    def reset(self) -> None:
        """Forget the frame before."""
        self._before = None

    def find(self, piece: Piece, landmarks: Landmarks) -> Mask | None:
        """Return how much of each pixel of the piece something covers, 0 to 1; None where nothing does.

        Args:
            piece: The part of the frame that is worked on.
            landmarks: The person's, in pixels of the frame.
        """
        points = piece.full(landmarks)[: topology.MESH_POINTS]
        box = bounding_box(points)
        x0, y0 = (int(value) for value in np.maximum(np.floor(box[:2]), 0))
        x1, y1 = (int(value) for value in np.minimum(np.ceil(box[2:]) + 1, (piece.width, piece.height)))
        if min(x1 - x0, y1 - y0) < 12:
            return None
        shrink = min(1.0, _WORKED_ON / piece.pixels)
        size = (max(8, round((x1 - x0) * shrink)), max(8, round((y1 - y0) * shrink)))
        image = cv2.resize(piece.image[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
        points[:, :2] = (points[:, :2] - (x0, y0) + 0.5) * size / (x1 - x0, y1 - y0) - 0.5
        found, goes_on = self._compare(np.asarray(image, np.float32), points, piece.pixels * shrink)
        found = self._steadied(found)
        if not found.any():
            return None
        mask = np.zeros((piece.height, piece.width), np.float32)
        mask[y0:y1, x0:x1] = cv2.resize(found, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        return self._gone_on(piece, mask, points=piece.reduced(landmarks)) if goes_on else mask

    def _compare(self, image: Floats, points: Floats, width: float) -> tuple[Mask, bool]:
        """Return what does not look like the face, and whether any of it may reach beyond."""
        height, across = image.shape[:2]
        seen = rasterise(points, self._layout, self._triangles, across, height)
        inside = seen[..., 0] >= 0
        predicted = cv2.remap(
            self._usual, seen[..., 0], seen[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        lit = _lit(image, np.asarray(predicted, np.float32), inside, width)
        score = np.zeros((height, across), np.float32)
        if lit is None:
            return score, False
        reach = 2 * max(1, round(_SLACK * width)) + 1
        element = np.ones((reach, reach), np.uint8)
        lowest = np.asarray(cv2.erode(lit, element), np.float32)
        highest = np.asarray(cv2.dilate(lit, element), np.float32)
        _score(image, lowest, highest, np.ascontiguousarray(predicted[..., 3]), inside, score)
        return _things(score, inside, width, hair_stays=self._hair_stays)

    def _steadied(self, found: Mask) -> Mask:
        if self._before is not None:
            before = cv2.resize(self._before, found.shape[1::-1], interpolation=cv2.INTER_LINEAR)
            found = np.asarray((1 - _INERTIA) * found + _INERTIA * before, np.float32)
            found[found < 0.1] = 0
        self._before = found
        return found

    def _gone_on(self, piece: Piece, mask: Mask, points: Floats) -> Mask:
        """Let things go on over eyes, mouth and beyond the face, where nothing was predicted."""
        small = np.asarray(
            cv2.resize(mask, piece.small.shape[1::-1], interpolation=cv2.INTER_AREA), np.float32
        )
        inside = np.zeros(small.shape, np.uint8)
        cv2.fillPoly(inside, [points[topology.OVAL, :2].round().astype(np.int32)], (1,))
        for hole in (topology.RIGHT_EYE, topology.LEFT_EYE, topology.INNER_LIPS):
            cv2.fillPoly(inside, [points[hole, :2].round().astype(np.int32)], (0,))
        grown = _grown(piece.small, small, inside == 0, piece.pixels * piece.factor[0])
        return np.asarray(np.maximum(mask, piece.enlarged(grown)), np.float32)


@kernel
def _score(  # noqa: PLR0917 - kernels take arguments by place
    image: Floats, lowest: Floats, highest: Floats, spread: Mask, inside: Bools, score: Mask
) -> None:
    """Tell how far each pixel is beyond what its surroundings in the prediction hold, 0 to 1."""
    height, width = score.shape
    for y in range(height):
        for x in range(width):
            if inside[y, x]:
                apart = 0.0
                for k in range(3):
                    apart = max(apart, image[y, x, k] - highest[y, x, k], lowest[y, x, k] - image[y, x, k])
                score[y, x] = min(max(apart / (_SAME + _SPREAD * spread[y, x]) - 0.5, 0.0), 1.0)


@kernel
def _align(  # noqa: PLR0917 - kernels take arguments by place
    image: Floats, predicted: Floats, gains: Floats, inside: Bools, even: Floats, like: Mask
) -> None:
    """Apply gains to a prediction, and tell where it then looks like the picture."""
    height, width = like.shape
    for y in range(height):
        for x in range(width):
            apart = 0.0
            for k in range(3):
                even[y, x, k] = predicted[y, x, k] * gains[k]
                apart = max(apart, abs(image[y, x, k] - even[y, x, k]))
            like[y, x] = 1.0 if inside[y, x] and apart < _ODD else 0.0


def _lit(image: Floats, predicted: Floats, inside: Bools, width: float) -> Floats | None:
    """Return the prediction in this frame's light, None where too little of the face looks like it."""
    if not inside.any():
        return None
    some = np.flatnonzero(inside)[::_EACH]
    ratios = (image.reshape(-1, 3)[some] + 8) / (predicted.reshape(-1, 4)[some, :3] + 8)
    gains = np.clip(np.median(ratios, axis=0), *_GAINS).astype(np.float32)
    even, like = np.empty_like(image), np.empty(inside.shape, np.float32)
    _align(image, predicted, gains, inside, even, like)
    if like.sum() < _LIKE_ITSELF * inside.sum():
        return None
    size = image.shape[1::-1]
    less = (max(2, size[0] // _COARSE), max(2, size[1] // _COARSE))

    def _smooth(values: Floats) -> Floats:
        small = cv2.resize(values, less, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.GaussianBlur(small, (0, 0), max(1.0, _LIGHT * width / _COARSE)), np.float32)

    believed = like[..., np.newaxis]
    floor = 4 * _smooth(believed)[..., np.newaxis] + 1e-3
    ratio = (_smooth(image * believed) + floor) / (_smooth(even * believed) + floor)
    light = cv2.resize(np.clip(ratio, *_GAINS), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(even * light, np.float32)


def _things(score: Mask, inside: Bools, width: float, *, hair_stays: bool) -> tuple[Mask, bool]:
    """Keep what hangs together, is sure somewhere and large enough; tell whether any lies deep inside."""
    nothing = np.zeros(score.shape, np.float32)
    soft = cv2.GaussianBlur(score, (0, 0), 0.8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (soft > _GROWN).astype(np.uint8), connectivity=8
    )
    least = _SPECK * float(inside.sum())
    large = [label for label in range(1, count) if stats[label, cv2.CC_STAT_AREA] >= least]
    if not large:
        return nothing, False
    depth = _depth(inside, width)
    kept, is_deep = np.zeros(score.shape, np.uint8), False
    for label in large:
        area = labels == label
        nearest, deepest = float(depth[area].min()), float(depth[area].max())
        is_hair = nearest < _AT_EDGE and deepest <= _HAIR
        if float(soft[area].max()) > _SEED and (hair_stays or not is_hair):
            kept[area] = 1
            is_deep = is_deep or deepest > _THING
    side = 2 * max(1, round(_CLOSE * width / 2)) + 1
    closed = cv2.morphologyEx(kept, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    grown = cv2.dilate(closed, np.ones((3, 3), np.uint8)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(grown, (0, 0), 0.8), np.float32), is_deep


def _depth(inside: Bools, width: float) -> Mask:
    """Return how far each pixel lies from the outer edge of the face, in face widths."""
    outlines, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = cv2.drawContours(np.zeros(inside.shape, np.uint8), outlines, -1, (1,), cv2.FILLED)
    padded = cv2.copyMakeBorder(whole, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0,))
    far = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_3)[1:-1, 1:-1]
    return np.asarray(far / width, np.float32)


def _grown(image: Frame, mask: Mask, free: Bools, width: float) -> Mask:
    """Let each thing go on over ``free`` pixels of its own colour that hang together with it."""
    core = mask > 0.6
    _, labels = cv2.connectedComponents(core.astype(np.uint8), connectivity=8)
    side = 2 * max(1, round(_REACH * width)) + 1
    found = np.zeros(mask.shape, np.float32)
    for label in range(1, int(labels.max()) + 1):
        area = labels == label
        near = cv2.dilate(area.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
        colour = np.median(image[area], axis=0)
        alike = (largest(np.abs(image - colour)) < _ALIKE) & free & near
        _, parts = cv2.connectedComponents((area | alike).astype(np.uint8), connectivity=8)
        found[np.isin(parts, np.unique(parts[area]))] = 1
    return np.asarray(cv2.GaussianBlur(found, (0, 0), 0.7), np.float32)
