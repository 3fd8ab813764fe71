"""Frames of the result, each with the source's frame shown at that time; and as pictures, as displayed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
from av.video.reformatter import VideoReformatter
from PIL import Image

from headswap_cli import media
from headswap_cli.media.colourspace import to_bgr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.video.frame import VideoFrame

    Paint = Callable[["Shown", tuple[int, int]], Image.Image]

# Times that a container rounded must still meet.
_SLACK_S = Fraction(2, 1000)
# Their clocks start anywhere; a file of any other kind means what it says.
_BROADCAST = {"mpegts", "mpeg"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A decoded frame, the time a player shows it at in seconds, and its pixels' width over their height."""

    frame: VideoFrame
    time_s: Fraction
    pixel_aspect: Fraction

    def size(self) -> tuple[int, int]:
        """Return width and height as displayed: turned, with square pixels."""
        width, height = round(self.frame.width * self.pixel_aspect), self.frame.height
        return (height, width) if media.orientation_of(self.frame).transposed else (width, height)


@dataclass(frozen=True, slots=True)
class Pair:
    """A frame of the result and the source's frame shown at that time."""

    before: Shown
    after: Shown

    @property
    def time_s(self) -> float:
        """When the result's frame is shown, seconds."""
        return float(self.after.time_s)


def pairs(before: Path, after: Path) -> Iterator[Pair]:
    """Yield the result's frames in order, paired by time, as far as both videos go."""
    sources, gap_s = frames(before), Fraction(0)
    current = following = next(sources, None)
    for result in frames(after):
        while following is not None and following.time_s <= result.time_s + _SLACK_S:
            gap_s = following.time_s - current.time_s if current and following is not current else gap_s
            current, following = following, next(sources, None)
        if current is None or (following is None and result.time_s >= current.time_s + max(gap_s, _SLACK_S)):
            return
        yield Pair(current, result)


def frames(path: Path) -> Iterator[Shown]:
    """Yield the frames of a video in order."""
    with media.open_container(path) as container:
        stream = media.picture_stream(container)
        stream.thread_type = "AUTO"
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        origin, next_s = origin_s(container), Fraction(0)
        gap_s = 1 / (stream.average_rate or stream.guessed_rate or Fraction(25))
        for packet in media.packets(container, [stream]):
            # A packet that cannot be decoded is passed over, as players do.
            with suppress(av.InvalidDataError):
                for frame in packet.decode():
                    # Some containers number their frames and do not time them.
                    if frame.pts is not None and frame.time_base is not None:
                        next_s = frame.pts * frame.time_base - origin
                    yield Shown(frame, next_s, aspect)
                    next_s += gap_s


def origin_s(container: InputContainer) -> Fraction:
    """Return the time on a file's clock that a player calls zero."""
    begins = container.start_time if container.format.name in _BROADCAST else 0
    return Fraction(begins or 0, 1_000_000)


def painter() -> Paint:
    """Return what makes a picture of a frame, as displayed, in a size (width, height)."""
    reformatter = VideoReformatter()

    def _paint(shown: Shown, size: tuple[int, int]) -> Image.Image:
        orientation = media.orientation_of(shown.frame)
        stored = size[::-1] if orientation.transposed else size
        picture = Image.fromarray(to_bgr(shown.frame, reformatter, stored)[..., ::-1])
        if orientation.transposed:
            picture = picture.transpose(Image.Transpose.TRANSPOSE)
        if orientation.mirrored_x:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if orientation.mirrored_y else picture

    return _paint
