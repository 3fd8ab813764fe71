"""Decoding: a video file becomes frames as displayed, each with its own time."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from headswap_cli import media, wire
from headswap_cli.engine.types import MediaFault, VideoProperties
from headswap_cli.media.colourspace import ColourTags, to_bgr

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from av.container import InputContainer

    from headswap_cli.engine.types import Frame

_THREADS = 2
# Their clocks start anywhere; a file of any other kind means what it says.
_BROADCAST = {"mpegts", "mpeg"}


@dataclass(frozen=True, slots=True)
class TimedFrame:
    """A decoded frame; ``pts`` and ``duration`` count ``time_base`` seconds, duration 0 is unknown."""

    frame_index: int
    pts: int | None
    time_base: Fraction
    image: Frame
    duration: int = 0


class VideoSource:
    """An open video; ``properties`` hold for the frames as they are handed out, rotation applied.

    ``pixel_aspect`` is the width of a displayed pixel over its height, ``None`` where the file does not say;
    ``origin_s`` is the time that a player calls zero.
    """

    def __init__(self, container: InputContainer, properties: VideoProperties) -> None:
        self._container = container
        self._stream = media.picture_stream(container)
        self._stream.thread_type = "AUTO"
        context = self._stream.codec_context
        context.thread_count = _THREADS
        self.properties = properties
        self.time_base = self._stream.time_base or Fraction(1, 90_000)
        self.colour = ColourTags(
            context.color_range, context.color_primaries, context.color_trc, context.colorspace
        )
        aspect = self._stream.sample_aspect_ratio
        is_turned = (context.width > context.height) != (properties.width > properties.height)
        self.pixel_aspect = 1 / aspect if aspect and is_turned else aspect or None
        starts_late = container.format.name in _BROADCAST and container.start_time
        self.origin_s = Fraction(container.start_time, 1_000_000) if starts_late else Fraction(0)

    def frames(self, only: Collection[int] | None = None) -> Iterator[TimedFrame]:
        """Decode from the beginning; to be called once.

        A packet that cannot be decoded is passed over, as players do, and the same at every pass. Pictures
        that change their size in mid-video get that of the first.

        Args:
            only: The indices of the frames to hand out, all if ``None``; the others cost much less.

        Raises: MediaFault: there is none, though a look at the first had promised one.
        """
        reformatter = VideoReformatter()
        orientation: media.Orientation | None = None
        count = None if only is None else max(only, default=-1) + 1
        for frame_index, frame in enumerate(islice(self._decoded(), count)):
            if only is None or frame_index in only:
                # Once: a frame that was asked for its side data is in a cycle, and stays until a collection.
                orientation = orientation or media.orientation_of(frame)
                size = self.properties.width, self.properties.height
                stored = size[::-1] if orientation.transposed else size
                image = _turned(to_bgr(frame, reformatter, stored), orientation)
                yield TimedFrame(frame_index, frame.pts, self.time_base, image, int(frame.duration or 0))

    def _decoded(self) -> Iterator[av.VideoFrame]:
        is_empty = True
        for packet in media.packets(self._container, [self._stream]):
            try:
                for frame in packet.decode():
                    is_empty = False
                    yield frame
            except av.FFmpegError as error:
                if error.errno == errno.ENOMEM:
                    raise
        if is_empty:
            raise MediaFault(wire.UNREADABLE, "The video holds no picture that can be decoded.")


@contextmanager
def open_video(path: Path) -> Iterator[VideoSource]:
    """Open the video at ``path`` for one pass over its frames.

    Raises: MediaFault: it is no video, breaks off, or no decoder knows it.
    """
    try:
        info = media.examine(path)
        container = media.open_container(path)
    except media.UnusableMediaError as error:
        code = wire.CODEC if error.codec else wire.UNREADABLE
        raise MediaFault(code, f"The video {error.reason}.") from error
    except (av.FFmpegError, OSError) as error:
        raise MediaFault(wire.UNREADABLE, f"The video cannot be read: {error.strerror}.") from error
    count = info.frame_count or round(info.duration_s * info.frame_rate)
    with container:
        yield VideoSource(
            container, VideoProperties(info.width, info.height, info.frame_rate, count, info.duration_s)
        )


def _turned(image: Frame, orientation: media.Orientation) -> Frame:
    if orientation.transposed:
        image = image.transpose(1, 0, 2)
    if orientation.mirrored_x:
        image = image[:, ::-1]
    if orientation.mirrored_y:
        image = image[::-1]
    return np.ascontiguousarray(image)
