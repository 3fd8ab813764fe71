"""Decoding: a video file becomes frames as displayed, each with its own time."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from headswap_cli import media, wire
from headswap_cli.engine.types import MediaFault, VideoProperties

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from pathlib import Path

    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from headswap_cli.engine.types import Frame

_THREADS = 2
# Without these two swscale truncates, and every pass darkens the picture by one and a half levels of luma.
_EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
# AVColorSpace, the number in a stream's tag, to the matrix that swscale is asked for.
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
_HD_HEIGHT = 720


@dataclass(frozen=True, slots=True)
class ColourTags:
    """A stream's colour description, in FFmpeg's numbers (ITU-T H.273)."""

    colour_range: int
    primaries: int
    transfer: int
    space: int


@dataclass(frozen=True, slots=True)
class TimedFrame:
    """A decoded frame; ``pts`` and ``duration`` count ``time_base`` seconds; 0 is an unknown duration."""

    frame_index: int
    pts: int | None
    time_base: Fraction
    image: Frame
    duration: int = 0


class VideoSource:
    """An open video; ``properties`` hold for the frames as they are handed out, rotation applied.

    ``pixel_aspect`` is the width of a displayed pixel over its height, ``None`` where the file does not say.
    """

    def __init__(self, container: InputContainer, properties: VideoProperties) -> None:
        self._container = container
        self._stream: VideoStream = media.picture_stream(container)
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = _THREADS
        self.properties = properties
        self.time_base = self._stream.time_base
        self.pixel_aspect = self._pixel_aspect()
        context = self._stream.codec_context
        self.colour = ColourTags(
            context.color_range, context.color_primaries, context.color_trc, context.colorspace
        )

    def frames(self) -> Iterator[TimedFrame]:
        """Decode from the beginning; to be called once.

        A packet that cannot be decoded is passed over, as players do, the same at every pass.
        """
        reformatter = VideoReformatter()
        frame_index = 0
        for packet in self._container.demux(self._stream):
            for frame in _decoded(packet):
                image = to_bgr(frame, reformatter)
                time_base = frame.time_base or packet.time_base
                yield TimedFrame(frame_index, frame.pts, time_base, image, int(frame.duration or 0))
                frame_index += 1

    def _pixel_aspect(self) -> Fraction | None:
        aspect = self._stream.sample_aspect_ratio
        if not aspect:
            return None
        stored = self._stream.codec_context
        is_turned = (stored.width > stored.height) != (self.properties.width > self.properties.height)
        return 1 / aspect if is_turned else aspect


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


def matrix_for(space: int, height: int) -> Colorspace:
    """Return a colour tag's matrix; without a tag, that which players assume for pictures of ``height``."""
    untagged = Colorspace.ITU709 if height >= _HD_HEIGHT else Colorspace.ITU601
    return _MATRICES.get(space, untagged)


def to_bgr(frame: VideoFrame, reformatter: VideoReformatter) -> Frame:
    """Convert a decoded frame to BGR and turn it as it is displayed."""
    options = {}
    if not frame.format.is_rgb:
        matrix = matrix_for(frame.colorspace, frame.height)
        full_range = frame.color_range == ColorRange.JPEG
        options = {
            "src_colorspace": matrix,
            "src_color_range": ColorRange.JPEG if full_range else ColorRange.MPEG,
            "dst_color_range": ColorRange.JPEG,
        }
    converted = reformatter.reformat(frame, format="bgr24", interpolation=_EXACT, threads=1, **options)
    return _turned(cast("Frame", converted.to_ndarray()), media.orientation_of(frame))


def _turned(image: Frame, orientation: media.Orientation) -> Frame:
    if orientation.transposed:
        image = image.transpose(1, 0, 2)
    if orientation.mirrored_x:
        image = image[:, ::-1]
    if orientation.mirrored_y:
        image = image[::-1]
    return np.ascontiguousarray(image)


def _decoded(packet: av.Packet[VideoStream]) -> list[VideoFrame]:
    try:
        return packet.decode()
    except av.InvalidDataError:
        return []
