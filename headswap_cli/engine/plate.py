"""Gather a shot's background from what people leave visible, wherever the camera points."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass
from io import SEEK_END
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING

import cv2
import numpy as np

from headswap_cli.engine.camera import ROOM, Camera, between, is_still, rescaled, shift, still
from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.mend import mended
from headswap_cli.engine.types import Plate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from headswap_cli.engine.geometry import Matrix
    from headswap_cli.engine.types import Frame, Mask

Window = tuple[float, float, float]  # x0, y0, side

# So often must a pixel have been seen to be known: an edge of hair once in a while is not.
SEEN = 3
# Less than this much of a person counts as background.
_BACKGROUND = 0.1
# Median change of the background, grey levels, beyond which it is not the same.
_STILL = 4.0
_TRIALS = 4
_LEAST_PIXELS = 30
# Around people, in pixels of the mask: the matte is soft and coarse there.
_MARGIN = np.ones((7, 7), np.uint8)
# Once the camera moves every other frame is looked at; what moves in a smaller share of them stands still.
_FOLLOW_EVERY, _MOSTLY = 2, 0.1
# So long every other frame is looked at anyway.
_AT_FIRST = 25
# A camera that moves by less, pixels of a quarter of the size, stands still.
_REST = 0.3
# Found elsewhere so many times in a row it is on its way: once it may be something else that moves.
_ON_ITS_WAY = 2
_ALL = 255
# Numbers of so many rows at once: those of a whole large background would fill the memory.
_ROWS = 64
_SHELF_BYTES = 64 * 1024**2
_QUICKLY = (cv2.IMWRITE_PNG_COMPRESSION, 1)


class PlateShelf:
    """Keeps plates packed, without loss: in memory while they are few, else in a file without a name.

    A film of hundreds of shots would fill the memory with backgrounds, each needed for some seconds.

    Args:
        memory_bytes: How much may be in memory.
    """

    def __init__(self, memory_bytes: int = _SHELF_BYTES) -> None:
        self._lock = threading.Lock()
        self._file = SpooledTemporaryFile(max_size=memory_bytes)  # noqa: SIM115 - lives as long as its plates
        weakref.finalize(self, self._file.close)

    def put(self, plate: Plate) -> PackedPlate:
        """Put a plate away."""
        parts = [cv2.imencode(".png", part, _QUICKLY)[1].tobytes() for part in (plate.image, plate.seen)]
        with self._lock:
            start = self._file.seek(0, SEEK_END)
            self._file.write(b"".join(parts))
        return PackedPlate(self, start, len(parts[0]), len(parts[1]))

    def read(self, start: int, size_bytes: int) -> bytes:
        """Return bytes that were put away; for several threads at once."""
        with self._lock:
            self._file.seek(start)
            return self._file.read(size_bytes)


@dataclass(frozen=True, slots=True)
class PackedPlate:
    """Where a plate is on its shelf, and how large its two parts are there."""

    shelf: PlateShelf
    start: int
    image_bytes: int
    seen_bytes: int

    def unpack(self) -> Plate:
        """Return the plate."""
        return self._loose().unpack()

    def __reduce__(self) -> tuple[type[LoosePlate], tuple[bytes, bytes]]:
        """Let another process have the plate itself, not the shelf."""
        loose = self._loose()
        return LoosePlate, (loose.image, loose.seen)

    def _loose(self) -> LoosePlate:
        image = self.shelf.read(self.start, self.image_bytes)
        return LoosePlate(image, self.shelf.read(self.start + self.image_bytes, self.seen_bytes))


@dataclass(frozen=True, slots=True)
class LoosePlate:
    """A packed plate's two parts, PNG."""

    image: bytes
    seen: bytes

    def unpack(self) -> Plate:
        """Return the plate."""
        image, seen = (np.frombuffer(part, np.uint8) for part in (self.image, self.seen))
        return Plate(
            np.asarray(cv2.imdecode(image, cv2.IMREAD_COLOR), np.uint8),
            np.asarray(cv2.imdecode(seen, cv2.IMREAD_GRAYSCALE), np.uint8),
        )


class PlateGatherer:
    """Averages the background of sampled frames of one shot, wherever the camera points."""

    def __init__(self) -> None:
        self._whole: _Average | None = None
        self._coarse: _Average | None = None
        self._changes: list[float] = []
        # So many samples were not found where a camera that moves points.
        self._missed = 0
        self._camera = Camera()
        # Where frames lie, by their age; None where that is not known.
        self._places: dict[int, Matrix | None] = {}
        self._moves = False
        # So many times in a row it was found away from where it began.
        self._travelled = 0

    @property
    def is_lost(self) -> bool:
        """Whether the background is known not to be found: more samples are pointless."""
        changes = [*self._changes, *[np.inf] * self._missed]
        return len(changes) >= _TRIALS and float(np.median(changes)) > _STILL

    def follow(self, age: int, frame: Frame) -> None:
        """Take note of where the camera points in a frame, BGR, so many frames after the shot's first one."""
        if (self._moves or age < _AT_FIRST) and age % _FOLLOW_EVERY == 0 and not self.is_lost:
            small = _quarter(frame)
            looked = self._look(age, small)
            self._places[age] = self._rest(small) if looked is None else looked

    def add(self, age: int, frame: Frame, people: Mask, heads: Sequence[tuple[Mask, Window]] = ()) -> None:
        """Take a sample, BGR.

        Args:
            age: How many frames after the shot's first one.
            frame: The frame.
            people: The matte of its ``window``, square, of any size.
            heads: Mattes of some heads, that are finer, and their windows: there they are believed.
        """
        visible = _background(frame, people, heads)
        # Noise is no motion: it goes when pixels are averaged, and time is saved.
        small = _quarter(frame)
        clear = cv2.resize(visible * 255, small.shape[1::-1], interpolation=cv2.INTER_AREA) == 255
        clear = np.asarray(clear, np.uint8)
        if self._whole is None or self._coarse is None:
            self._whole, self._coarse = _Average(frame.shape), _Average(small.shape)
            place = still()
        else:
            looked = self._places[age] if age in self._places else self._look(age, small)
            if looked is None and self._moves:
                self._places[age] = None
                self._missed += 1
                return
            place = still() if looked is None or not self._moves else looked
            self._changes.append(self._coarse.median_change(small, clear, place))
            if self._changes[-1] > _STILL:
                self._places[age] = None
                return
        self._places[age] = place
        sizes = (frame.shape[1] / small.shape[1], frame.shape[0] / small.shape[0])
        self._whole.add(frame, visible, place if is_still(place) else rescaled(place, sizes, sizes))
        self._coarse.add(small, clear, place)
        self._camera.learn(*self._coarse.picture(), self._coarse.origin)

    def _rest(self, small: Frame) -> Matrix | None:
        """Take a camera that is not found for one that stands still where most of the picture is the same.

        Not one that was seen on its way: to it a bare wall is the same wherever it points.
        """
        if self._travelled >= _ON_ITS_WAY:
            return None
        whole = np.ones(small.shape[:2], np.uint8)
        is_same = self._coarse is not None and self._coarse.median_change(small, whole, still()) <= _STILL
        return still() if is_same else None

    def _look(self, age: int, small: Frame) -> Matrix | None:
        place = self._camera.look(age, small)
        if place is not None:
            self._travelled = self._travelled + 1 if shift(place, small.shape) > _REST else 0
        self._moves = self._moves or self._travelled > 0
        return place

    def plate(self) -> Plate | None:
        """Return the background; None where it was not found or there were too few samples."""
        if self._whole is None or not self._changes or float(np.median(self._changes)) > _STILL:
            return None
        return self._whole.plate()

    def motion(self, frames: int) -> NDArray[np.float32] | None:
        """Return the maps from the shot's frames to the plate, (frames, 2, 3), NaN where that is not known.

        None if the camera stands still.
        """
        if self._whole is None or self._coarse is None or not self._is_moving(self._coarse.shape):
            return None
        sizes = self._whole.times(self._coarse)
        unknown = np.full((2, 3), np.nan)
        ages, places = (list(part) for part in zip(*sorted(self._places.items()), strict=True))
        known = [unknown if place is None else rescaled(place, sizes, sizes) for place in places]
        if len(ages) > 1 and ages[-1] < frames - 1:
            # The last frames go on as those before them.
            steps = (frames - 1 - ages[-1]) / (ages[-1] - ages[-2])
            known.append(known[-1] + (known[-1] - known[-2]) * steps)
            ages.append(frames - 1)
        motion = between(np.array(ages), np.array(known), frames)
        rows, columns = self._whole.part()
        motion[..., 2] += np.array(self._whole.origin) - (columns.start, rows.start)
        return motion.astype(np.float32)

    def _is_moving(self, shape: tuple[int, ...]) -> bool:
        """Tell whether the camera moves in more than a few frames."""
        moving = [place is None or shift(place, shape) > _REST for place in self._places.values()]
        return self._moves and float(np.mean(moving)) >= _MOSTLY


class _Average:
    """The mean of what was visible in images of one shape; where the camera moves, of a larger one."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self._sum = np.zeros(shape, np.float32)
        self._seen = np.zeros(shape[:2], np.float32)
        self.origin = (0, 0)

    def times(self, other: _Average) -> tuple[float, float]:
        """Return how much larger images are than another average's, across and down."""
        return self.shape[1] / other.shape[1], self.shape[0] / other.shape[0]

    def add(self, image: Frame, visible: NDArray[np.uint8], place: Matrix) -> None:
        """Add an image whose pixels lie where ``place`` maps them."""
        if not is_still(place) and self.origin == (0, 0):
            self._grow()
        image, visible, where = self._laid(image, visible, place)
        cv2.accumulate(image, self._sum[where], visible)
        self._seen[where] += visible

    def median_change(self, image: Frame, visible: NDArray[np.uint8], place: Matrix) -> float:
        """Return the median difference from the mean, grey levels; infinite where too little is known."""
        image, visible, where = self._laid(image, visible, place)
        both = (visible > 0) & (self._seen[where] > 0)
        if int(both.sum()) < _LEAST_PIXELS:
            return float("inf")
        mean = self._sum[where][both] / self._seen[where][both][:, np.newaxis]
        return float(np.median(np.abs(image[both] - mean)))

    def picture(self) -> tuple[Frame, NDArray[np.bool_]]:
        """Return the mean, and where anything is known of it."""
        image = np.empty(self._sum.shape, np.uint8)
        for start in range(0, len(image), _ROWS):
            rows = np.s_[start : start + _ROWS]
            mean = self._sum[rows] / np.maximum(self._seen[rows], 1)[..., np.newaxis]
            image[rows] = mean + np.float32(0.5)
        return image, self._seen > 0

    def part(self) -> tuple[slice, slice]:
        """Return the rows and columns in which the first image lies, or anything is known."""
        (x, y), (height, width) = self.origin, self.shape[:2]
        wanted = self._seen > 0
        wanted[y : y + height, x : x + width] = True
        rows, columns = (np.flatnonzero(wanted.any(axis=axis)) for axis in (1, 0))
        return np.s_[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]

    def plate(self) -> Plate:
        """Return ``part`` of it as a plate."""
        image, known = self.picture()
        surely = known & (self._seen >= min(SEEN, float(self._seen.max())))
        part = self.part()
        # Each frame shows other pieces, and less of the hole.
        fill = _smooth if any(self.origin) else mended
        return Plate(fill(image[part], surely[part]), np.minimum(self._seen[part], 255).astype(np.uint8))

    def _grow(self) -> None:
        height, width = self.shape[:2]
        self.origin = (x, y) = (round(ROOM[0] * width), round(ROOM[1] * height))
        self._sum = np.pad(self._sum, ((y, y), (x, x), (0, 0)))
        self._seen = np.pad(self._seen, ((y, y), (x, x)))

    def _laid(
        self, image: Frame, visible: NDArray[np.uint8], place: Matrix
    ) -> tuple[Frame, NDArray[np.uint8], tuple[slice, slice]]:
        """Return an image and its mask as they lie in the mean, and in which part of it."""
        x, y = self.origin
        if is_still(place):
            return image, visible, np.s_[y : y + self.shape[0], x : x + self.shape[1]]
        matrix = place + np.array([[0, 0, x], [0, 0, y]])
        size = self._seen.shape[::-1]
        laid = cv2.warpAffine(image, matrix, size)
        mask = cv2.warpAffine(visible * np.uint8(255), matrix, size) == _ALL
        return np.asarray(laid, np.uint8), np.asarray(mask, np.uint8), np.s_[:, :]


def _smooth(image: Frame, known: NDArray[np.bool_]) -> Frame:
    """Return a picture with a soft guess where it is not known, made at a quarter of the size."""
    seen = known.view(np.uint8)
    share = np.asarray(_quarter(seen * np.uint8(_ALL)) / _ALL, np.float32)
    colours = (
        _quarter(np.asarray(cv2.copyTo(image, seen), np.uint8)) / np.maximum(share, 1 / _ALL)[..., np.newaxis]
    )
    guess = push_pull(np.asarray(colours, np.float32), share)
    filled = cv2.resize((guess + 0.5).astype(np.uint8), image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.copyTo(image, seen, filled), np.uint8)


def _quarter(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    size = (max(1, frame.shape[1] // 4), max(1, frame.shape[0] // 4))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def window(frame: Frame) -> Window:
    """Return (x0, y0, side), pixels, of the square around the frame's middle that holds all of it."""
    height, width = frame.shape[:2]
    side = max(height, width)
    return (width - side) / 2, (height - side) / 2, side


def _background(frame: Frame, people: Mask, heads: Sequence[tuple[Mask, Window]] = ()) -> NDArray[np.uint8]:
    """Return where the frame shows no person, (height, width), 0 or 1."""
    visible = _laid_out(people, window(frame), np.zeros(2), frame.shape[1::-1])
    for matte, (x0, y0, side) in heads:
        margin = 2 * side * _MARGIN.shape[0] / matte.shape[0]
        low = np.clip(np.ceil([x0 + margin, y0 + margin]), 0, frame.shape[1::-1]).astype(int)
        high = np.clip(np.floor([x0 + side - margin, y0 + side - margin]), low, frame.shape[1::-1]).astype(
            int
        )
        if (high > low).all():
            part = np.s_[low[1] : high[1], low[0] : high[0]]
            visible[part] = _laid_out(
                matte, (x0, y0, side), low, (int(high[0] - low[0]), int(high[1] - low[1]))
            )
    return visible


def _laid_out(
    matte: Mask, where: Window, low: NDArray[np.generic], size: tuple[int, int]
) -> NDArray[np.uint8]:
    x0, y0, side = where
    grown = cv2.dilate(matte, _MARGIN)
    scale = matte.shape[0] / side
    matrix = np.array([[scale, 0, (low[0] - x0) * scale], [0, scale, (low[1] - y0) * scale]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    full = cv2.warpAffine(grown, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(full < _BACKGROUND, np.uint8)
