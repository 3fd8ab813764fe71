"""Find black bars that are part of every frame of a video: there its picture ends before the frame does."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from headswap_cli.engine.decode import open_known
from headswap_cli.engine.types import NO_BARS, Bars, MediaFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from headswap_cli.engine.types import Frame, VideoProperties

    Bytes = NDArray[np.uint8]
    Floats = NDArray[np.float32]

# Grey levels of the brightest channel. A bar has one colour, at most that of black taken for full range (16)
# and what coding adds; whatever is lighter by so much than the darkest edge of the first frame is picture.
_BLACK, _FLAT, _LIGHTER = 24, 8, 14
# Of a bar's row so much may be lit at once, as by subtitles or a logo, of what is lit of the picture's rows
# at most; and so much of a bar may ever be of another colour, as by one subtitle after the other.
_ON_BAR, _NOT_FLAT = 0.4, 0.5
# How many of the columns are lit at any time in the last rows of a bar, and behind it: hardly anything in a
# dark picture ends along all of its width.
_CLEAN, _SURE = 0.15, 0.7
# A bar mostly has its like across: two prove one another, and across from one that is sure one that is as
# deep, or blacker than what a camera sees, needs less, as below dark clothes. One alone has to be as black.
_LIKELY, _ALIKE, _BLACKER = 0.3, 0.1, 2
# Where coding or scaling blurred a bar's end, over so many rows at most, those with less of the picture's
# light than this are its own: with more, what is left there of an old head shows as a line along the bar.
_MIXED, _BLURRED = 0.5, 8
# Less than this part of a frame's height or width is no picture.
_LEAST_PICTURE = 0.2
# Frames that need no other are quickly had, and begin most shots: about so many of a long video, of a short
# one all. Where these are too few others are looked at, so many seconds apart.
_MOST, _ENOUGH, _APART_S = 500, 16, 0.3
# After so many frames, one of them with so much of a row and of a column lit, bars would have been seen.
_TELLING, _SHOWN = 4, 0.7


def find_bars(source: Path, video: VideoProperties, first: Frame, pulse: Callable[[], None]) -> Bars:
    """Look for bars all over a video.

    Args:
        source: The video.
        video: Its properties.
        first: Its first frame, BGR: most videos have something to be seen at its edges, and no bars.
        pulse: Is called again and again; what it raises ends the search.
    """
    finder = BarFinder()
    finder.add(first)
    apart_s = max(_APART_S, video.duration_s / _MOST)
    for keys in (True, False):
        if finder.rules_out or finder.count > _ENOUGH:
            break
        # There may be no frame that needs no other.
        with suppress(MediaFault), open_known(source, video) as again:
            _look(finder, again.glimpses(apart_s, keys=keys), pulse, is_patient=keys)
    return finder.bars()


def _look(
    finder: BarFinder, glimpses: Iterator[Frame], pulse: Callable[[], None], *, is_patient: bool
) -> None:
    """Show frames until there can be no bars, or, impatiently, until there seem to be none."""
    for glimpse in glimpses:
        pulse()
        finder.add(glimpse)
        if finder.rules_out or not (is_patient or finder.is_hopeful):
            return


class BarFinder:
    """Is shown frames of a video, all of one size, and tells which rows and columns were bars in all of them.

    A picture that is dark at its edge is told from a bar by where it ends: a bar does so along one row or
    column, sharply, and it has one colour.
    """

    def __init__(self) -> None:
        self.count = 0
        # What is lighter is lit.
        self._dark = 0
        self._brightest: Bytes = np.zeros((0, 0), np.uint8)
        # Rows, then columns: how much of each was ever lit at once, and the sum of its means.
        self._lit: list[Floats] = []
        self._light: list[Floats] = []

    @property
    def rules_out(self) -> bool:
        """Whether all four edges have shown picture."""
        image = self._brightest
        edges = image[0], image[-1], image[:, 0], image[:, -1]
        return not any(_may_be_bar(edge, self._dark) for edge in edges)

    @property
    def is_hopeful(self) -> bool:
        """Whether there are bars, or there may be because too little picture was seen to tell."""
        has_seen = self.count > _TELLING and all(lit.max() >= _SHOWN for lit in self._lit)
        return not has_seen or self.bars() != NO_BARS

    def add(self, frame: Frame) -> None:
        """Look at a frame, (height, width, 3), BGR."""
        blue, green, red = cv2.split(frame)
        brightness = np.asarray(cv2.max(cv2.max(blue, green), red), np.uint8)
        if not self.count:
            edges = brightness[0], brightness[-1], brightness[:, 0], brightness[:, -1]
            self._dark = round(min(float(np.median(edge)) for edge in edges)) + _LIGHTER
        lit = np.asarray(brightness > self._dark, np.uint8)
        lits, lights = ([_means(image, axis) for axis in (1, 0)] for image in (lit, brightness))
        if not self.count:
            self._brightest, self._lit, self._light = brightness, lits, lights
        else:
            cv2.max(self._brightest, brightness, dst=self._brightest)
            self._lit = [np.maximum(one, other) for one, other in zip(self._lit, lits, strict=True)]
            self._light = [one + other for one, other in zip(self._light, lights, strict=True)]
        self.count += 1

    def bars(self) -> Bars:
        """Return what were bars in all frames."""
        rows, columns = (_inside(lit) for lit in self._lit)
        # A bar's end is looked at where there is picture behind it.
        parts = self._brightest[:, columns], self._brightest[rows].T
        (top, bottom), (left, right) = (
            _bars_along(_Seen(part, part > self._dark, lit, light))
            for part, lit, light in zip(parts, self._lit, self._light, strict=True)
        )
        found, shape = Bars(top, bottom, left, right), self._brightest.shape
        picture = self._brightest[found.inside(shape)].shape
        return found if (np.array(picture) >= _LEAST_PICTURE * np.array(shape)).all() else NO_BARS


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen from one edge to the opposite one.

    ``brightest`` (rows, columns) is how bright each pixel ever was, ``ever`` (rows, columns) whether it was
    lit at any time, ``lit`` (rows,) how much of a row was lit at once at most, ``light`` (rows,) the sum of
    its means.
    """

    brightest: Bytes
    ever: NDArray[np.bool_]
    lit: Floats
    light: Floats

    def reversed(self) -> _Seen:
        """Return the same from the opposite edge."""
        return _Seen(self.brightest[::-1], self.ever[::-1], self.lit[::-1], self.light[::-1])


@dataclass(frozen=True, slots=True)
class _End:
    """A bar as it seems: its rows, its grey level, and how much beyond it was ever lit, 0 to 1."""

    depth: int = 0
    colour: float = 0.0
    lit: float = 0.0

    def is_bar(self, across: _End) -> bool:
        """Whether it is one, by what is at the opposite edge."""
        is_black = self.colour <= _BLACKER
        if self.lit >= _SURE:
            return is_black or across.lit >= _LIKELY
        is_like = abs(self.depth - across.depth) <= _ALIKE * across.depth
        return self.lit >= _LIKELY and across.lit >= _SURE and (is_black or is_like)


def _may_be_bar(edge: Bytes, dark: int) -> bool:
    """Whether an outermost row or column, (pixels,) at their brightest, may be a bar's."""
    return bool(np.median(edge) <= _BLACK and (edge > dark).mean() <= _CLEAN)


def _means(image: Bytes, axis: int) -> Floats:
    return np.asarray(cv2.reduce(image, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel(), np.float32)


def _inside(lit: Floats) -> slice:
    """Return the rows within those at both ends that were never lit, but for what may be on a bar; or all."""
    shown = np.flatnonzero(lit > _ON_BAR * lit.max())
    return slice(int(shown[0]), int(shown[-1]) + 1) if len(shown) else slice(None)


def _bars_along(seen: _Seen) -> tuple[int, int]:
    """Return of how many rows the bars at the beginning and at the end are, 0 where there is none."""
    one, other = _seeming(seen), _seeming(seen.reversed())
    return one.depth * one.is_bar(other), other.depth * other.is_bar(one)


def _seeming(seen: _Seen) -> _End:
    """Return what seems to be the bar at the beginning."""
    shown = np.flatnonzero(seen.lit > _ON_BAR * seen.lit.max())
    ever = np.asarray(seen.ever.mean(axis=1))
    clean = np.flatnonzero(ever[: shown[0] if len(shown) else 0] <= _CLEAN)
    if not len(clean) or ever[0] > _CLEAN or clean[-1] + _BLURRED + 1 >= len(ever):
        return _End()
    dark = int(clean[-1]) + 1
    bar = seen.brightest[:dark]
    colour = float(np.median(bar))
    if colour > _BLACK or (np.abs(bar - colour) > _FLAT).mean() > _NOT_FLAT:
        return _End()
    depth = _end(seen.light, dark)
    return _End(depth, colour, float(ever[depth + 1]))


def _end(light: Floats, dark: int) -> int:
    """Return the first row that is picture, one of some after the last that is clearly a bar's."""
    base, blurred = float(np.median(light[:dark])), light[dark : dark + _BLURRED]
    return dark + int(np.argmax(blurred - base >= _MIXED * (blurred.max() - base)))
