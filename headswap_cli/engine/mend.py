"""Mend a hole in a background with pieces of what is around it, so that its structure goes on."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.grow import HALF, grown, pieces_in
from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.seam import evened
from headswap_cli.engine.types import Frame

Floats = NDArray[np.float32]
Area = NDArray[np.uint8]
Places = NDArray[np.int32]

# Pieces are matched where the picture's longer side has at most so many pixels, and first where it has half.
_FINEST = 352
# What is wider than this is no detail but light: a Gaussian's sigma, pixels, in so small a picture. Books on
# a shelf are narrower: their colours belong to their pieces.
_TONE, _COARSE = 20.0, 64
# A step deeper into the hole a piece is worth so much less.
_DEEPER = 0.77
# So many times the usual cost is as bad as any more: where no piece is better, the weights must not vanish.
_HOPELESS = 20.0
# Less of the picture than this is nothing to take pieces from.
_LEAST_KNOWN = 0.1
# Pictures whose longer side has more pixels are mended smaller.
_LARGEST = 2048
_SEED = 12345


def mended(image: Frame, known: NDArray[np.bool_]) -> Frame:
    """Return ``image`` with a guess where it is not known; nothing else is changed.

    Args:
        image: (height, width, 3), BGR.
        known: (height, width).

    Source: Wexler, Shechtman, Irani, Space-time completion of video, IEEE TPAMI 29(3), 2007, section 3;
        pieces first grown, see ``grow``, then found as in Barnes et al., PatchMatch, ACM Transactions on
        Graphics 28(3), 2009, section 3.
    """
    if known.all():
        return image
    if max(known.shape) > _LARGEST:
        return _mended_smaller(image, known)
    tones = _tones(image, known)
    detail = (image - tones) * known[..., np.newaxis]
    step = max(1, math.ceil(max(known.shape) / _FINEST))
    levels = _levels(detail, known, step)
    if known.mean() >= _LEAST_KNOWN and pieces_in(levels[-1][1]).any():
        small, places = _matched(levels)
        copied = _copied(detail, known, small, places, step)
        detail = evened(copied, known, levels[0][1], places, step)
    return np.where(known[..., np.newaxis], image, np.clip(tones + detail + 0.5, 0, 255)).astype(np.uint8)


def _mended_smaller(image: Frame, known: NDArray[np.bool_]) -> Frame:
    """Mend a picture of half the size: all of a large one's would take gigabytes."""
    size = ((known.shape[1] + 1) // 2, (known.shape[0] + 1) // 2)
    sure = cv2.resize(known * np.uint8(255), size, interpolation=cv2.INTER_AREA) == 255
    half = mended(np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8), sure)
    wide = cv2.resize(half, known.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(known[..., np.newaxis], image, wide)


def _tones(image: Frame, known: NDArray[np.bool_]) -> Floats:
    """Return the picture without its details, all over: so no piece brings the wrong light along."""
    step = max(1, round(max(known.shape) / _COARSE))
    size = (-(-known.shape[1] // step), -(-known.shape[0] // step))
    colours, _ = _shrunk(image.astype(np.float32), known.astype(np.float32), size)
    share = np.asarray(cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
    sums = cv2.GaussianBlur(colours * share[..., np.newaxis], (0, 0), _TONE)
    trust = np.asarray(cv2.GaussianBlur(share, (0, 0), _TONE), np.float32)
    blurred = np.asarray(sums / np.maximum(trust, 1e-6)[..., np.newaxis], np.float32)
    smooth = push_pull(blurred, np.minimum(2 * share, 1))
    return np.asarray(cv2.resize(smooth, known.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _levels(image: Floats, known: NDArray[np.bool_], step: int) -> list[tuple[Floats, Area]]:
    """Return pictures and what is known of them, the largest first, each half the size of the one before."""
    height, width = -(-known.shape[0] // step), -(-known.shape[1] // step)
    pad = ((0, height * step - known.shape[0]), (0, width * step - known.shape[1]))
    picture = np.pad(image, (*pad, (0, 0)), "edge").astype(np.float32)
    free = np.pad(known, pad, "edge").astype(np.float32)
    levels = [_shrunk(picture, free, (width, height))]
    picture, mask = levels[0]
    half = _shrunk(picture, mask.astype(np.float32), ((width + 1) // 2, (height + 1) // 2))
    if pieces_in(half[1]).any():
        levels.append(half)
    return levels


def _shrunk(picture: Floats, free: Floats, size: tuple[int, int]) -> tuple[Floats, Area]:
    share = np.asarray(cv2.resize(free, size, interpolation=cv2.INTER_AREA), np.float32)
    sums = cv2.resize(picture * free[..., np.newaxis], size, interpolation=cv2.INTER_AREA)
    colours = np.asarray(sums / np.maximum(share, 1e-6)[..., np.newaxis], np.float32)
    return colours, (share > 0.999).astype(np.uint8)


def _matched(levels: list[tuple[Floats, Area]]) -> tuple[Floats, Places]:
    """Return the mended picture of the first level, and where each of its pixels has its piece from."""
    picture, places = grown(*levels[-1])
    for colours, free in reversed(levels[:-1]):
        centres, hole = pieces_in(free), np.asarray(1 - free, np.uint8)
        places = _enlarged(places, centres)
        wide = cv2.resize(picture, free.shape[::-1], interpolation=cv2.INTER_LINEAR)
        picture = np.ascontiguousarray(np.where(free[..., np.newaxis] > 0, colours, wide), np.float32)
        depth = cv2.distanceTransform(hole, cv2.DIST_L2, 3)
        worth = np.power(_DEEPER, depth).astype(np.float32)
        asked = np.asarray(cv2.dilate(hole, np.ones((2 * HALF + 1, 2 * HALF + 1), np.uint8)), np.uint8)
        cost = np.zeros(free.shape, np.float32)
        for scan in range(2):
            _search(picture, asked, centres, places, cost, scan)
        typical = float(np.percentile(cost[asked > 0], 75)) + 1
        _vote(picture, hole, asked, places, worth, cost, typical)
    return picture, places


def _enlarged(places: Places, centres: Area) -> Places:
    """Return the places of a picture twice as large; where no whole piece lies there, the nearest."""
    height, width = centres.shape
    rows, columns = np.indices((height, width), dtype=np.int32)
    near = places[rows // 2, columns // 2] * 2 + np.stack([rows % 2, columns % 2], axis=-1)
    near = np.clip(near, 0, (height - 1, width - 1)).astype(np.int32)
    _, labels = cv2.distanceTransformWithLabels(1 - centres, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    nearest = np.zeros((int(labels.max()) + 1, 2), np.int32)
    whole = centres > 0
    nearest[labels[whole]] = np.argwhere(whole)
    return np.ascontiguousarray(nearest[labels[near[..., 0], near[..., 1]]])


@kernel
def _search(  # noqa: PLR0917 - kernels take arguments by place
    picture: Floats, asked: Area, centres: Area, places: Places, cost: Floats, scan: int
) -> None:
    """Look for better pieces: those beside the neighbours' ones, and some by chance, ever nearer."""
    height, width = asked.shape
    state = np.uint32(_SEED + 131 * scan)
    way = 1 if scan == 0 else -1
    for step in range(height * width):
        at = step if scan == 0 else height * width - 1 - step
        y, x = at // width, at % width
        if asked[y, x] == 0:
            continue
        cost[y, x] = _apart(picture, y, x, places[y, x, 0], places[y, x, 1], np.float32(1e30))
        for down, across in ((way, 0), (0, way)):
            row, column = min(max(y - down, 0), height - 1), min(max(x - across, 0), width - 1)
            if asked[row, column] > 0:
                other_y, other_x = places[row, column, 0] + y - row, places[row, column, 1] + x - column
                _try(picture, centres, places, cost, (y, x, other_y, other_x))
        reach = max(height, width)
        while reach >= 1:
            state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
            other_y = places[y, x, 0] + int(state >> np.uint32(8)) % (2 * reach + 1) - reach
            state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
            other_x = places[y, x, 1] + int(state >> np.uint32(8)) % (2 * reach + 1) - reach
            _try(picture, centres, places, cost, (y, x, other_y, other_x))
            reach //= 2


@kernel
def _try(
    picture: Floats, centres: Area, places: Places, cost: Floats, pair: tuple[int, int, int, int]
) -> None:
    """Take another piece if there is one and it is more alike."""
    y, x, other_y, other_x = pair
    height, width = centres.shape
    if other_y < 0 or other_x < 0 or other_y >= height or other_x >= width or centres[other_y, other_x] == 0:
        return
    apart = _apart(picture, y, x, other_y, other_x, cost[y, x])
    if apart < cost[y, x]:
        cost[y, x] = apart
        places[y, x, 0], places[y, x, 1] = other_y, other_x


@kernel
def _apart(  # noqa: PLR0917 - kernels take arguments by place
    picture: Floats, y: int, x: int, other_y: int, other_x: int, enough: np.float32
) -> np.float32:
    """Return the mean squared difference of two pieces, as far as it is less than ``enough``."""
    height, width, _ = picture.shape
    top, bottom = max(-HALF, -y), min(HALF, height - 1 - y)
    left, right = max(-HALF, -x), min(HALF, width - 1 - x)
    count = np.float32((bottom - top + 1) * (right - left + 1))
    limit = enough * count
    total = np.float32(0)
    for down in range(top, bottom + 1):
        for across in range(left, right + 1):
            for k in range(3):
                off = picture[y + down, x + across, k] - picture[other_y + down, other_x + across, k]
                total += off * off
        if total >= limit:
            return enough
    return total / count


@kernel
def _vote(  # noqa: PLR0917 - kernels take arguments by place
    picture: Floats, hole: Area, asked: Area, places: Places, worth: Floats, cost: Floats, typical: float
) -> None:
    """Write into each pixel of the hole the mean of what the pieces that cover it say."""
    height, width = hole.shape
    before = picture.copy()
    sums = np.zeros(3, np.float32)
    for y in range(height):
        for x in range(width):
            if hole[y, x] == 0:
                continue
            total = np.float32(0)
            sums[:] = 0
            for row in range(max(y - HALF, 0), min(y + HALF + 1, height)):
                for column in range(max(x - HALF, 0), min(x + HALF + 1, width)):
                    if asked[row, column] > 0:
                        unlike = min(cost[row, column] / typical, _HOPELESS)
                        weight = worth[row, column] * np.float32(math.exp(-unlike))
                        total += weight
                        from_y, from_x = places[row, column, 0] + y - row, places[row, column, 1] + x - column
                        for k in range(3):
                            sums[k] += weight * before[from_y, from_x, k]
            if total > 0:
                for k in range(3):
                    picture[y, x, k] = sums[k] / total


def _copied(whole: Floats, known: NDArray[np.bool_], small: Floats, places: Places, step: int) -> Floats:
    """Copy the pieces at full size, and give them the small picture's tones."""
    copied = whole.copy()
    _copy(whole, np.asarray(known, np.uint8), places, step, copied)
    height, width = small.shape[:2]
    pad = ((0, height * step - len(whole)), (0, width * step - whole.shape[1]), (0, 0))
    coarse = cv2.resize(np.pad(copied, pad, "edge"), (width, height), interpolation=cv2.INTER_AREA)
    tones = cv2.resize(small - coarse, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
    return np.asarray(copied + tones[: len(whole), : whole.shape[1]], np.float32)


@kernel
def _copy(whole: Floats, known: Area, places: Places, step: int, copied: Floats) -> None:
    """Write into each unknown pixel what the four nearest pieces have there, the nearer the more."""
    height, width = known.shape
    sums = np.zeros(3, np.float32)
    for y in range(height):
        for x in range(width):
            if known[y, x] > 0:
                continue
            down, across = (y + 0.5) / step - 0.5, (x + 0.5) / step - 0.5
            total = np.float32(0)
            sums[:] = 0
            for side in range(4):
                row, column = math.floor(down) + side // 2, math.floor(across) + side % 2
                weight = np.float32((1 - abs(down - row)) * (1 - abs(across - column)))
                row = min(max(row, 0), places.shape[0] - 1)
                column = min(max(column, 0), places.shape[1] - 1)
                from_y = min(max(y + (places[row, column, 0] - row) * step, 0), height - 1)
                from_x = min(max(x + (places[row, column, 1] - column) * step, 0), width - 1)
                if known[from_y, from_x] > 0:
                    total += weight
                    for k in range(3):
                        sums[k] += weight * whole[from_y, from_x, k]
            if total > 0:
                for k in range(3):
                    copied[y, x, k] = sums[k] / total
