"""Landmarks of one frame after the other, packed: a fifth of what they would take, and in memory alone."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, overload

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import DTypeLike, NDArray

    from headswap_cli.engine.types import Landmarks

# Pixels: half of it is the most by which a packed place is wrong; landmarks tremble by ten times that.
_STEP = 1 / 64
_BLOCK = 64


class Trail:
    """Landmarks (478, 3) of consecutive frames; the last of them are as they came until all are packed.

    Of a block of frames it keeps whole steps of 1/64 pixel, as they depart from an even motion: small
    numbers, whose upper bytes are zero, and deflated side by side.
    """

    def __init__(self, landmarks: Iterable[Landmarks] = ()) -> None:
        self._blocks: list[bytes] = []
        self._packed = 0
        self._last: list[Landmarks] = []
        self._open: tuple[int, NDArray[np.float32]] | None = None
        for one in landmarks:
            self.append(one)

    def append(self, landmarks: Landmarks) -> None:
        """Add a frame's landmarks, (478, 3), at the end.

        Raises: ValueError: the trail is packed.
        """
        if self._packed % _BLOCK:
            raise ValueError("these landmarks are packed: no frame can follow")
        self._last.append(landmarks)
        if len(self._last) == 2 * _BLOCK:
            self._pack(_BLOCK)

    def precede(self, landmarks: Landmarks) -> None:
        """Add a frame's landmarks, (478, 3), before the first.

        Raises: ValueError: some of the trail is packed.
        """
        if self._packed:
            raise ValueError("some of these landmarks are packed: no frame can be before them")
        self._last.insert(0, landmarks)

    def pop(self) -> Landmarks:
        """Take the last frame's landmarks, (478, 3), away from a trail that is not packed."""
        return self._last.pop()

    def packed(self) -> Trail:
        """Return this trail when all of it is packed: no frame will follow."""
        while self._last:
            self._pack(min(_BLOCK, len(self._last)))
        return self

    def __len__(self) -> int:
        """Return how many frames there are."""
        return self._packed + len(self._last)

    @overload
    def __getitem__(self, place: int) -> Landmarks: ...

    @overload
    def __getitem__(self, place: slice) -> NDArray[np.float32]: ...

    def __getitem__(self, place: int | slice) -> NDArray[np.float32]:
        """Return a frame's landmarks, or those of several, (n, 478, 3)."""
        if isinstance(place, slice):
            chosen = [self[step] for step in range(*place.indices(len(self)))]
            return np.stack(chosen) if chosen else np.empty((0, 478, 3), np.float32)
        step = range(len(self))[place]
        if step >= self._packed:
            return self._last[step - self._packed]
        block, at = divmod(step, _BLOCK)
        if self._open is None or self._open[0] != block:
            self._open = block, _unpacked(self._blocks[block])
        landmarks: Landmarks = self._open[1][at]
        return landmarks

    def __iter__(self) -> Iterator[Landmarks]:
        """Return the frames one by one."""
        return (self[step] for step in range(len(self)))

    def __array__(self, dtype: DTypeLike | None = None, *, copy: bool | None = None) -> NDArray[np.float32]:
        """Return all, (n, 478, 3)."""
        return self[:].astype(dtype or np.float32, copy=False)

    def __getstate__(self) -> tuple[list[bytes], int, list[Landmarks]]:
        """Leave what is unpacked for the moment out of what another process gets."""
        return self._blocks, self._packed, self._last

    def __setstate__(self, state: tuple[list[bytes], int, list[Landmarks]]) -> None:
        """Take what another process sent."""
        self._blocks, self._packed, self._last = state
        self._open = None

    def _pack(self, count: int) -> None:
        self._blocks.append(_deflated(np.stack(self._last[:count])))
        self._packed += count
        del self._last[:count]


def _deflated(block: NDArray[np.float32]) -> bytes:
    steps = np.rint(block / _STEP).astype(np.int32)
    for _ in range(2):
        steps[1:] = np.diff(steps, axis=0)
    # Small negative numbers have zeros above them, too.
    small = (steps << 1) ^ (steps >> 31)
    return zlib.compress(small.view(np.uint8).reshape(-1, 4).T.tobytes(), 1)


def _unpacked(content: bytes) -> NDArray[np.float32]:
    split = np.frombuffer(zlib.decompress(content), np.uint8).reshape(4, -1)
    small = np.ascontiguousarray(split.T).view(np.uint32).reshape(-1, 478, 3)
    steps = (small >> 1).astype(np.int32) ^ -(small & 1).astype(np.int32)
    for _ in range(2):
        steps[:] = np.cumsum(steps, axis=0)
    return np.asarray(steps * np.float32(_STEP), np.float32)
