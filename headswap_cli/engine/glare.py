"""Tell skin in hard light from a thing before the face: it shines, and the light on it ends softly."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.kernel import kernel

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Labels = NDArray[np.int16]
Counts = NDArray[np.int32]

# What light was added: skin's own colour, or a lamp's.
_WARMER, _WHITER = 1, 2

# Of linear light so much more at least, of white, and of what skin sends back of red: no pale thing has more.
_MORE, _REDDER = np.float32(0.02), np.float32(0.32)
# What light adds to skin lies between skin's own colour and a lamp's, which is so many times as blue as red
# at most: lamps are cool, and red ends at 255 first. From such a part of the way to white on it is no other
# skin, a hand's, and of what shines so much is: of highlights .68 to 1, of hands with a microphone to .66.
_COOL, _WHITE, _MOSTLY = np.float32(1.5), np.float32(0.4), 0.67
# So far beside it, pixels, it fades into skin's own colour; a hand that touches it goes on further.
_RIM = 2
# How far around what shines it may end, pixels of a face as wide as ``front`` has it; of what it adds in the
# mean what shines wholly has so much at least, what shines partly so much.
_AROUND, _ALL, _PARTLY = 4, 0.8, 0.25
# How wide what shines partly is, pixels, the first left out, in which all ends: hard light on a stage .27 to
# .6, a made spotlight .8 to 1.8; white words, bars, microphones to .17. Where all that shines has more than
# this light is hard, and what has more by itself is that.
_SOFT = 0.22
# So long an edge tells how soft light is, pixels.
_TELLING = 12
# What lies so much where something shone in the frame before is that.
_STAYS = 0.5
_INERTIA = 0.85


class Glare:
    """Follows how hard the light on one face is from frame to frame, or that which usually is on it."""

    def __init__(self) -> None:
        self._seen: NDArray[np.float64] | None = None
        self._before: Bytes | None = None

    def reset(self) -> None:
        """Forget the frame before."""
        self._seen = self._before = None

    @property
    def _softness(self) -> float:
        """How wide the edges of all that shone of late are, pixels; 0 where too little did."""
        return 0.0 if self._seen is None or self._seen[1] < _TELLING else float(self._seen[0] / self._seen[1])

    def find(self, image: Floats, usual: Floats, inside: Bools, found: Bools) -> Bools:
        """Return where skin shines, (height, width).

        Args:
            image: The face's part of a frame, (height, width, 3), BGR.
            usual: What it usually looks like; the other way round for what usually shines and does not.
            inside: Where the face is.
            found: Where it looks otherwise.

        Source: what a surface sends back is its own colour and the lamp's, added up as light: Shafer, Using
            color to separate reflection components, Color Research and Application 10(4), 1985; light taken
            for the square of its code.
        """
        kinds = np.zeros(found.shape, np.uint8)
        _added(image, usual, found, kinds)
        shines = _mostly_white(kinds)
        before, self._before = self._before, None
        if np.count_nonzero(shines) < _TELLING:
            return np.zeros_like(shines)
        count, labels = cv2.connectedComponents(shines.view(np.uint8), connectivity=8)
        ramp, edge = np.zeros((2, count), np.int32)
        around, rim = np.ones((2 * _AROUND + 1,) * 2, np.uint8), np.ones((5, 5), np.uint8)
        near = np.asarray(cv2.dilate(labels.astype(np.int16), around), np.int16)
        # Beyond the face's own edge nobody knows how light goes on.
        inner = np.asarray(cv2.erode(inside.view(np.uint8), rim, borderValue=0), np.uint8)
        _survey(image, usual, np.asarray(labels, np.int32), near, inside, inner, ramp, edge)
        seen = np.array([ramp.sum(), edge.sum()], np.float64)
        self._seen = seen if self._seen is None else _INERTIA * self._seen + (1 - _INERTIA) * seen
        if self._softness < _SOFT:
            return np.zeros_like(shines)
        soft = ramp >= _SOFT * edge
        if before is not None:
            # Blurred by less motion it ends sharply in some frames.
            there = cv2.dilate(cv2.resize(before, shines.shape[::-1]), rim) > 0
            stays = np.bincount(labels[there], minlength=count)
            soft |= stays > _STAYS * np.bincount(labels.ravel(), minlength=count)
        shines &= soft[labels]
        self._before = shines.view(np.uint8)
        return shines


def _mostly_white(kinds: Bytes) -> Bools:
    """Return what hangs together of added light where most of that is white, and little around it."""
    count, labels = cv2.connectedComponents(kinds, connectivity=8)
    is_white = kinds == _WHITER
    every, white = (np.bincount(labels[one], minlength=count) for one in (kinds > 0, is_white))
    rim = cv2.dilate(is_white.view(np.uint8), np.ones((2 * _RIM + 1,) * 2, np.uint8))
    return np.asarray((white > _MOSTLY * every)[labels] & (rim > 0) & (kinds > 0), np.bool_)


@kernel
def _added(image: Floats, usual: Floats, found: Bools, kinds: Bytes) -> None:
    """Tell where what was found is skin with light added, by its colour, and where that light is white."""
    height, width = found.shape
    scale = np.float32(1 / 255**2)
    for y in range(height):
        for x in range(width):
            if not found[y, x]:
                continue
            bluish, reddish = usual[y, x, 0] * usual[y, x, 0] * scale, usual[y, x, 2] * usual[y, x, 2] * scale
            blue = image[y, x, 0] * image[y, x, 0] * scale - bluish
            green = (image[y, x, 1] * image[y, x, 1] - usual[y, x, 1] * usual[y, x, 1]) * scale
            red = image[y, x, 2] * image[y, x, 2] * scale - reddish
            if min(blue, green, red) > _MORE and red > _REDDER * reddish and blue < _COOL * red:
                own = min(bluish / max(reddish, np.float32(1e-4)), np.float32(1))
                is_white = blue > red * (own + (1 - own) * _WHITE)
                kinds[y, x] = _WHITER if is_white else _WARMER


@kernel
def _survey(  # noqa: PLR0917 - kernels take arguments by place
    image: Floats,
    usual: Floats,
    labels: NDArray[np.int32],
    near: Labels,
    inside: Bools,
    inner: Bytes,
    ramp: Counts,
    edge: Counts,
) -> None:
    """Count around each of what shines how many pixels shine partly, and how long the edge of the rest is."""
    height, width = labels.shape
    bright, change = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    sums = np.zeros((len(ramp), 3), np.float32)
    _add_up(image, usual, labels, bright, change, sums)
    for y in range(height):
        for x in range(width):
            label = near[y, x]
            added = sums[label, 1] / sums[label, 2]
            if label == 0 or change[y, x] >= _ALL * added:
                continue
            if _touches(change, near, y, x, _ALL * added):
                edge[label] += inner[y, x]
            # A thing is of one colour, and adds the less to skin the brighter that is.
            elif inside[y, x] and change[y, x] > _PARTLY * added:
                ramp[label] += sums[label, 0] / sums[label, 2] - bright[y, x] > (1 - _ALL) * added


@kernel
def _add_up(  # noqa: PLR0917 - kernels take arguments by place
    image: Floats, usual: Floats, labels: NDArray[np.int32], bright: Floats, change: Floats, sums: Floats
) -> None:
    """Fill in light and what is added to it, and their sums and the number of pixels of each that shines."""
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            for k in range(3):
                bright[y, x] += image[y, x, k]
                change[y, x] += image[y, x, k] - usual[y, x, k]
            sums[labels[y, x], 0] += bright[y, x]
            sums[labels[y, x], 1] += change[y, x]
            sums[labels[y, x], 2] += 1


@kernel
def _touches(change: Floats, near: Labels, y: int, x: int, least: float) -> bool:
    """Whether a pixel beside one has so much added to it."""
    height, width = change.shape
    for v in range(max(0, y - 1), min(height, y + 2)):
        for u in range(max(0, x - 1), min(width, x + 2)):
            if near[v, u] and change[v, u] >= least:
                return True
    return False
