"""Gather a shot's background from what people leave visible, for a camera that stands still."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass
from io import SEEK_END
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING

import cv2
import numpy as np

from headswap_cli.engine.mend import mended
from headswap_cli.engine.types import Plate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headswap_cli.engine.types import Frame, Mask

# So often must a pixel have been seen to be known: an edge of hair once in a while is not.
SEEN = 3
# Less than this much of a person counts as background.
_BACKGROUND = 0.1
# Median change of the background, grey levels, beyond which the camera moves.
_STILL = 4.0
_TRIALS = 4
_LEAST_PIXELS = 30
# Around people, in pixels of the mask: the matte is soft and coarse there.
_MARGIN = np.ones((7, 7), np.uint8)
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
    """Averages the background of sampled frames of one shot, and notices when the camera moves."""

    def __init__(self) -> None:
        self._whole: _Average | None = None
        self._coarse: _Average | None = None
        self._changes: list[float] = []

    @property
    def is_moving(self) -> bool:
        """Whether the camera is known not to stand still: more samples are pointless."""
        return len(self._changes) >= _TRIALS and float(np.median(self._changes)) > _STILL

    def add(self, frame: Frame, people: Mask) -> None:
        """Take a sample, BGR; ``people`` is the matte of the frame's ``window``, square, of any size."""
        visible = _background(frame, people)
        # Noise is no motion: it goes when pixels are averaged, and time is saved.
        quarter = (max(1, frame.shape[1] // 4), max(1, frame.shape[0] // 4))
        small = np.asarray(cv2.resize(frame, quarter, interpolation=cv2.INTER_AREA), np.uint8)
        clear = np.asarray(cv2.resize(visible * 255, quarter, interpolation=cv2.INTER_AREA) == 255, np.uint8)
        if self._whole is None or self._coarse is None:
            self._whole, self._coarse = _Average(frame.shape), _Average(small.shape)
        else:
            self._changes.append(self._coarse.median_change(small, clear))
        self._whole.add(frame, visible)
        self._coarse.add(small, clear)

    def plate(self) -> Plate | None:
        """Return the background; None where the camera moved or there were too few samples."""
        if self._whole is None or not self._changes or float(np.median(self._changes)) > _STILL:
            return None
        return self._whole.plate()


class _Average:
    """The mean of what was visible in images of one shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._sum = np.zeros(shape, np.float32)
        self._seen = np.zeros(shape[:2], np.float32)

    def add(self, image: Frame, visible: NDArray[np.uint8]) -> None:
        cv2.accumulate(image, self._sum, visible)
        self._seen += visible

    def median_change(self, image: Frame, visible: NDArray[np.uint8]) -> float:
        """Return the median difference from the mean, grey levels; infinite where too little is known."""
        both = (visible > 0) & (self._seen > 0)
        if int(both.sum()) < _LEAST_PIXELS:
            return float("inf")
        mean = self._sum[both] / self._seen[both][:, np.newaxis]
        return float(np.median(np.abs(image[both] - mean)))

    def plate(self) -> Plate:
        mean = self._sum / np.maximum(self._seen, 1)[..., np.newaxis]
        surely = self._seen >= min(SEEN, float(self._seen.max()))
        image = mended((mean + 0.5).astype(np.uint8), surely & (self._seen > 0))
        return Plate(image, np.minimum(self._seen, 255).astype(np.uint8))


def window(frame: Frame) -> tuple[float, float, float]:
    """Return (x0, y0, side), pixels, of the square around the frame's middle that holds all of it."""
    height, width = frame.shape[:2]
    side = max(height, width)
    return (width - side) / 2, (height - side) / 2, side


def _background(frame: Frame, people: Mask) -> NDArray[np.uint8]:
    """Return where the frame shows no person, (height, width), 0 or 1."""
    x0, y0, side = window(frame)
    grown = cv2.dilate(people, _MARGIN)
    scale = people.shape[0] / side
    matrix = np.array([[scale, 0, -x0 * scale], [0, scale, -y0 * scale]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    full = cv2.warpAffine(grown, matrix, frame.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(full < _BACKGROUND, np.uint8)
