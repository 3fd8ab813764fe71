"""Follow a camera that moves: where each frame lies in the picture of the background."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.geometry import Matrix, transform
from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.types import Frame, Plate

Floats = NDArray[np.float32]

# How much room beside the first frame, and above and below it, there is for others, parts of its size.
ROOM = (0.25, 0.125)
# Grey levels: from so steep a slope on a pixel tells of motion, and what differs by more is something else.
_STEEP, _UNLIKE = 3.0, 10.0
# Pictures are made smaller by so much, and by twice as much until the background is no wider than this: a
# camera may move by as much of a large frame as of a small one.
_STEPS, _COARSEST = (4, 2, 1), 64
# So many rounds each is looked at, and so many for a camera that stands still; one that moves nothing by more
# than this, pixels, is the last.
_ROUNDS, _ROUNDS_STILL, _SETTLED = {1: 5, 2: 6}, 2, 0.02
_ROUNDS_COARSE = 8
# So many such pixels must be seen, and so much of them must be where the background has them.
_LEAST, _AGREE = 24, 0.45
# That it stands still is believed if it fits worse by no more than this; narrower pictures tell nothing.
_AS_WELL, _NARROWEST = 0.05, 80
# By how much a frame's corners may lie beyond the background's picture, parts of its width.
_BEYOND = 0.02
_ALL = 255


@dataclass(frozen=True, slots=True)
class _Slopes:
    """The pixels of a picture, ``size`` (width, height), that tell of motion; it is ``step`` times smaller.

    ``pixels`` (n, 5) are their columns and rows, the slopes across and down there, and their grey levels.
    """

    step: int
    pixels: Floats
    size: tuple[int, int]


class Camera:
    """Finds frames in a background that grows from frame to frame."""

    def __init__(self) -> None:
        self._levels: list[_Slopes] = []
        self._origin = np.zeros(2)
        self._last, self._speed, self._seen_at = still(), np.zeros((2, 3)), 0

    def learn(self, background: Frame, known: NDArray[np.bool_], origin: tuple[int, int]) -> None:
        """Take note of the background as far as it is known.

        Args:
            background: (height, width, 3), small.
            known: (height, width).
            origin: Where (x, y) in it the pixel (0, 0) of a frame is when the camera is where it began.
        """
        whole = _softened(background)
        # Beside what is not known a slope is one of the mask.
        inner = cv2.erode(known.astype(np.uint8), np.ones((5, 5), np.uint8))
        self._levels = []
        for step in _steps(known.shape[1]):
            size = (max(3, known.shape[1] // step), max(3, known.shape[0] // step))
            sure = cv2.resize(inner * _ALL, size, interpolation=cv2.INTER_AREA) == _ALL
            self._levels.append(_slopes(step, _resized(whole, size), np.asarray(sure, np.bool_)))
        self._origin = np.array(origin, np.float64)

    def look(self, age: int, frame: Frame) -> Matrix | None:
        """Return the way from a small frame's pixels to the first one's, (2, 3); None if it is not found.

        Args:
            age: So many frames came before it.
            frame: (height, width, 3), small.

        Source: Baker, Matthews, Lucas-Kanade 20 years on, IJCV 56(3), 2004, section 3.2 (inverse
            compositional); each pixel counts as far as it fits.
        """
        if not self._levels:
            return None
        if frame.shape[1] < _NARROWEST:
            return still()
        whole = _softened(frame)
        way, agree = self._search(age, whole)
        full, rest = self._levels[-1], still()
        rest[:, 2] -= self._origin
        if _settle(full, whole, rest, _ROUNDS_STILL, is_fixed=True) >= max(agree - _AS_WELL, _AGREE):
            matrix = still()
        else:
            way[:, 2] += way[:, :2] @ self._origin
            matrix = _inverse(way)
            if agree < _AGREE or not self._shows(matrix, frame.shape):
                return None
        self._speed = (matrix - self._last) / max(1, age - self._seen_at)
        self._last, self._seen_at = matrix, age
        return matrix

    def _search(self, age: int, whole: Floats) -> tuple[Matrix, float]:
        """Return the way from the background's pixels to a softened frame's, and how much agrees there."""
        # A camera goes on as it moved, or it stopped.
        starts = (self._last + self._speed * (age - self._seen_at), self._last)
        ways = [_inverse(start) for start in starts]
        for way in ways:
            way[:, 2] -= way[:, :2] @ self._origin
        agree, full = 0.0, self._levels[-1].size
        for level in self._levels:
            rounds = _ROUNDS.get(level.step, _ROUNDS_COARSE)
            size = (max(1, whole.shape[1] // level.step), max(1, whole.shape[0] // level.step))
            before = level.size[0] / full[0], level.size[1] / full[1]
            after = size[0] / whole.shape[1], size[1] / whole.shape[0]
            picture = _resized(whole, size)
            found = [rescaled(way, before, after) for way in ways]
            agreed = [_settle(level, picture, way, rounds) for way in found]
            agree = max(agreed)
            best = found[agreed.index(agree)]
            ways = [rescaled(best, (1 / before[0], 1 / before[1]), (1 / after[0], 1 / after[1]))]
        return ways[0], agree

    def _shows(self, matrix: Matrix, shape: tuple[int, ...]) -> bool:
        """Tell whether the background's picture has room for a frame, or will have."""
        corners = _corners(matrix, shape) + self._origin
        size = np.array(self._levels[-1].size, np.float64)
        if not self._origin.any():
            room = np.array(ROOM) * shape[1::-1]
            corners, size = corners + room, size + 2 * room
        return bool(max(-corners.min(), (corners - size).max()) <= _BEYOND * shape[1])


def _steps(width: int) -> tuple[int, ...]:
    """Return by how much a background is made smaller, the most first."""
    steps: tuple[int, ...] = _STEPS
    while width > _COARSEST * steps[0]:
        steps = (2 * steps[0], *steps)
    return steps


def _slopes(step: int, picture: Floats, known: NDArray[np.bool_]) -> _Slopes:
    across, down = (cv2.Sobel(picture, cv2.CV_32F, *way, ksize=1, scale=0.5) for way in ((1, 0), (0, 1)))
    steep = known & (across * across + down * down >= _STEEP * _STEEP)
    rows, columns = np.nonzero(steep)
    pixels = np.stack([columns, rows, across[steep], down[steep], picture[steep]], axis=1)
    return _Slopes(step, np.asarray(pixels, np.float32), (picture.shape[1], picture.shape[0]))


@kernel
def _sums(  # noqa: PLR0917 - kernels take arguments by place
    pixels: Floats,
    picture: Floats,
    way: NDArray[np.float64],
    about: tuple[float, float, float],
    brighter: float,
    system: NDArray[np.float64],
) -> None:
    """Fill ``system`` (5, 7): equations of scale, turn, shift and brightness, their right side, and a count.

    That is of how many pixels were seen, and how many of them fit; ``about`` is the point that is turned
    about, and a length. Source: as ``Camera.look``.
    """
    rows, columns = picture.shape
    slopes = np.ones(5)
    system[:] = 0
    for place in range(len(pixels)):
        x, y, across, down, value = pixels[place]
        u = way[0, 0] * x + way[0, 1] * y + way[0, 2]
        v = way[1, 0] * x + way[1, 1] * y + way[1, 2]
        left, top = int(np.floor(u)), int(np.floor(v))
        if left < 0 or top < 0 or left + 1 >= columns or top + 1 >= rows:
            continue
        u, v = u - left, v - top
        upper = picture[top, left] * (1 - u) + picture[top, left + 1] * u
        lower = picture[top + 1, left] * (1 - u) + picture[top + 1, left + 1] * u
        off = upper * (1 - v) + lower * v - value - brighter
        fits = 1 / (1 + (off / _UNLIKE) ** 2)
        weight = fits * fits
        right, below = (x - about[0]) / about[2], (y - about[1]) / about[2]
        slopes[0], slopes[1] = across * right + down * below, down * right - across * below
        slopes[2], slopes[3] = across, down
        for i in range(5):
            for j in range(5):
                system[i, j] += weight * slopes[i] * slopes[j]
            system[i, 5] += weight * slopes[i] * off
        system[0, 6] += 1
        system[1, 6] += weight


def _settle(level: _Slopes, picture: Floats, way: Matrix, rounds: int, *, is_fixed: bool = False) -> float:
    """Improve ``way``, from the background's pixels to the picture's; return how much agrees, 0 to 1.

    Where it ``is_fixed`` the brightness alone is.
    """
    system = np.zeros((5, 7))
    middle, scale = np.array(level.size) / 2, max(level.size) / 2
    brighter = 0.0
    for last in range(rounds, -1, -1):
        _sums(level.pixels, picture, way, (float(middle[0]), float(middle[1]), scale), brighter, system)
        if system[0, 6] < _LEAST:
            return 0.0
        if not last:
            break
        step = np.linalg.solve(system[:, :5] + np.eye(5), system[:, 5])
        brighter += float(step[4])
        if is_fixed:
            continue
        grown, turned = step[0] / scale, step[1] / scale
        linear = np.array([[1 + grown, -turned], [turned, 1 + grown]])
        back = _inverse(np.column_stack([linear, step[2:4] + middle - linear @ middle]))
        way[:, 2] += way[:, :2] @ back[:, 2]
        way[:, :2] = way[:, :2] @ back[:, :2]
        if np.abs(step[:4]).max() < _SETTLED:
            break
    return float(system[1, 6] / system[0, 6])


@dataclass(frozen=True, slots=True)
class Placed:
    """A plate as a frame of a camera that moves shows it.

    ``matrix`` (2, 3) maps the frame's pixels to the plate's.
    """

    plate: Plate
    matrix: Matrix

    def part(self, where: tuple[slice, slice]) -> Plate:
        """Return what the plate has of a part of the frame."""
        rows, columns = where
        size = (columns.stop - columns.start, rows.stop - rows.start)
        matrix = self.matrix.copy()
        matrix[:, 2] += self.matrix[:, :2] @ (columns.start, rows.start)
        image = cv2.warpAffine(
            self.plate.image,
            matrix,
            size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        seen = cv2.warpAffine(self.plate.seen, matrix, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
        return Plate(np.asarray(image, np.uint8), np.asarray(seen, np.uint8), is_mended=False)


def between(ages: NDArray[np.integer], places: Matrix, frames: int) -> Matrix:
    """Return the maps of all frames, (frames, 2, 3), given those of some.

    Args:
        ages: Of which frames, ascending, (n,); the first and the last are among them.
        places: Their maps, (n, 2, 3), NaN where one is not known: so are those of the frames beside it.
        frames: How many there are.

    Source: Catmull, Rom, A class of local interpolating splines, Computer Aided Geometric Design, 1974;
        straight lines beside what is not known.
    """
    every = np.arange(frames)
    columns = np.reshape(places, (len(ages), 6)).T
    straight = np.stack([np.interp(every, ages, column) for column in columns], axis=1).reshape(-1, 2, 3)
    if len(ages) < 2:
        return straight
    left = np.clip(np.searchsorted(ages, every, side="right") - 1, 0, len(ages) - 2)
    steps = np.diff(ages)[left]
    part = ((every - ages[left]) / steps)[:, np.newaxis, np.newaxis]
    speeds, way = np.gradient(places, ages, axis=0), np.diff(places, axis=0)[left]
    leave, arrive = (speeds[at] * steps[:, np.newaxis, np.newaxis] - way for at in (left, left + 1))
    bend = part * (1 - part) * ((1 - part) * leave - part * arrive)
    return straight + np.where(np.isfinite(bend), bend, 0)


def still() -> Matrix:
    """Return the map that moves nothing, (2, 3)."""
    return np.eye(2, 3)


def is_still(matrix: Matrix) -> bool:
    """Whether a map, (2, 3), moves nothing at all."""
    return bool((matrix == still()).all())


def shift(matrix: Matrix, shape: tuple[int, ...]) -> float:
    """Return how far a map, (2, 3), moves the corner of a frame that it moves most, pixels.

    Args:
        matrix: Of pixels of one frame to those of another.
        shape: Of the frame, (height, width, ...).
    """
    return float(np.linalg.norm(_corners(matrix, shape) - _corners(still(), shape), axis=1).max())


def rescaled(matrix: Matrix, first: tuple[float, float], second: tuple[float, float]) -> Matrix:
    """Return a map between two pictures for pixels of other sizes; their middles are at whole numbers.

    Args:
        matrix: (2, 3).
        first: How much larger, across and down, the picture gets that it maps from.
        second: Likewise the one that it maps to.
    """
    before, after = np.array(first), np.array(second)
    linear = after[:, np.newaxis] * matrix[:, :2] / before
    half = np.full(2, 0.5)
    shift = after * (matrix[:, 2] + half - matrix[:, :2] @ half) - half + linear @ half
    return np.column_stack([linear, shift])


def shifted(matrix: Matrix, corner: tuple[float, float]) -> Matrix:
    """Return a map, (2, 3), for pixels (x, y) that are counted from another corner of the first picture."""
    return np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ np.array(corner)])


def _corners(matrix: Matrix, shape: tuple[int, ...]) -> NDArray[np.float64]:
    height, width = shape[:2]
    return transform(matrix, np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64))


def _softened(image: Frame) -> Floats:
    """Return a picture's grey levels, smooth enough to be followed by its slopes."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(grey, (5, 5), 1.0), np.float32)


def _resized(image: Floats, size: tuple[int, int]) -> Floats:
    if size == image.shape[1::-1]:
        return image
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)
