"""Clips in which one fault of a scene shows, made of real ones, each of 72 frames and the same every time."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import cv2
import numpy as np

from headswap_cli.engine.geometry import face_box, face_width
from headswap_cli.engine.types import Bars
from tests import media
from tests.engine import heads
from tests.engine.overlays import OVERLAYS, eyes, face_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from headswap_cli.engine.types import Frame, Landmarks

FRAMES = 72
CALM = "single_face.mp4"
_PAN_WAYS = 2
_EXPOSURES = 8
_SHUTTER = 0.5
_GRAIN = 9.0
_BARS = Bars(72, 72)
_WHOLLY = 0.98
# Such a part of an eye is covered by what lies over it; rims around it cover none of it.
_BLIND = 0.25


def overlaid(name: str) -> Callable[[Path], Path]:
    """Return what makes a clip in which one of ``overlays.OVERLAYS`` is before the face."""

    def make(folder: Path) -> Path:
        drawn = (OVERLAYS[name](frame, place)[0] for frame, place in _followed())
        return media.written(folder / f"{name}.mp4", drawn)

    return make


def covered(name: str) -> list[NDArray[np.bool_]]:
    """Return which pixels of the face one of ``overlays.OVERLAYS`` is before, frame by frame."""
    return [OVERLAYS[name](frame, place)[1] & face_mask(frame.shape, place) for frame, place in _followed()]


def blindfolded(name: str) -> list[bool]:
    """Return in which frames one of ``overlays.OVERLAYS`` is before an eye, frame by frame.

    There a mesh guesses: under the words it tells lids as it does in the clip without them to r = 0.39, and
    gaze to -0.53. A mouth that a microphone half covers is told by the jaw, to 0.98.
    """
    return [
        any(OVERLAYS[name](frame, place)[1][eye].mean() > _BLIND for eye in eyes(frame.shape, place))
        for frame, place in _followed()
    ]


def panned(folder: Path) -> Path:
    """Return a clip whose camera swings to and fro, its shutter open for half the time."""
    return media.written(folder / "panned.mp4", _panned())


def grainy(folder: Path) -> Path:
    """Return a clip shot with too little light: noise, anew in each frame."""
    chance = np.random.default_rng(1)
    noisy = (
        np.asarray(np.clip(frame + chance.normal(0, _GRAIN, frame.shape), 0, 255), np.uint8)
        for frame, _ in _followed()
    )
    return media.written(folder / "grainy.mp4", noisy)


def beheaded(folder: Path) -> Path:
    """Return a clip whose picture ends within the forehead."""
    top = _within_the_forehead()
    return media.written(folder / "beheaded.mp4", (frame[top:] for frame, _ in _followed()))


def letterboxed(folder: Path) -> Path:
    """Return a clip with black bars, of which the upper one ends within the forehead."""
    top = _within_the_forehead()
    frames = (boxed(frame[top:], _BARS) for frame, _ in _followed())
    return media.written(folder / "letterboxed.mp4", frames)


def boxed(frame: Frame, bars: Bars, level: int = 0) -> Frame:
    """Return a larger frame, with bars of a grey level around it."""
    edges = bars.top, bars.bottom, bars.left, bars.right
    larger = cv2.copyMakeBorder(frame, *edges, cv2.BORDER_CONSTANT, value=(level,) * 3)
    return np.asarray(larger, np.uint8)


def crossing(folder: Path) -> Path:
    """Return a clip in which one person passes before another."""
    return media.written(folder / "crossing.mp4", _crossing())


def passing() -> list[NDArray[np.bool_]]:
    """Return which pixels of ``crossing`` are whose who passes, frame by frame."""
    return [alpha[..., 0] > _WHOLLY for _, alpha in _passing()]


def _followed() -> Iterator[tuple[Frame, Landmarks]]:
    """Return the frames of a calm clip with the landmarks of its face."""
    return zip(*heads.scene(CALM, 0, FRAMES), strict=True)


def _within_the_forehead() -> int:
    """Return the row that all frames show within the forehead."""
    tops = (face_box(place)[1] + 0.15 * face_width(place) for _, place in _followed())
    return max(0, round(float(min(tops))))


def _panned() -> Iterator[Frame]:
    for index, (frame, _) in enumerate(_followed()):
        height, width = frame.shape[:2]
        margin = width // 4
        wide = cv2.copyMakeBorder(frame, 0, 0, margin, margin, cv2.BORDER_REFLECT).astype(np.float32)
        moments = index + ((np.arange(_EXPOSURES) + 0.5) / _EXPOSURES - 0.5) * _SHUTTER
        turns = 2 * np.pi * _PAN_WAYS * moments / FRAMES
        seen = [
            cv2.warpAffine(wide, np.array([[1, 0, shift], [0, 1, 0]]), (width, height))
            for shift in margin * (0.8 * np.sin(turns) - 1)
        ]
        yield np.asarray(np.mean(seen, axis=0) + 0.5, np.uint8)


def _crossing() -> Iterator[Frame]:
    """Cut a person out by where their matte is, and move them over another's picture."""
    behind = islice(media.frames_of(media.clip("WolfgangLanger_Pexels.mp4"), start=200), FRAMES)
    for frame, (other, alpha) in zip(behind, _passing(), strict=True):
        yield np.asarray(frame * (1 - alpha) + other * alpha, np.uint8)


def _passing() -> Iterator[tuple[Frame, NDArray[np.float32]]]:
    for index, (frame, _) in enumerate(_followed()):
        shift = (index / (FRAMES - 1) - 0.5) * 1.2 * frame.shape[1]
        matrix = np.array([[1, 0, shift], [0, 1, 0]])
        size = frame.shape[1::-1]
        alpha = cv2.warpAffine(_matte(frame), matrix, size)[..., np.newaxis]
        yield np.asarray(cv2.warpAffine(frame, matrix, size), np.uint8), np.asarray(alpha, np.float32)


def _matte(frame: Frame) -> NDArray[np.float32]:
    """Return where a person is in a whole frame, (height, width, 1)."""
    height, width = frame.shape[:2]
    square = cv2.resize(heads.matte()(frame, 0, (height - width) / 2, width), (width, width))
    top = (width - height) // 2
    return np.asarray(square[top : top + height, :, np.newaxis], np.float32)
