"""Videos and pictures as PyAV reads them. It comes with an extra, so it is imported inside functions."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeVar, cast

from headswap_cli.models import VideoInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import av
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.sidedata.sidedata import SideData
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    Stream = TypeVar("Stream", VideoStream, AudioStream)

# Containers that hold one medium. Playlists are left out: they make FFmpeg open whatever they name.
CONTAINERS = (
    "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,gif,mxf,ivf,h264,hevc,mp3,wav,aac,flac"
)
PICTURES = "image2,jpeg_pipe,png_pipe,apng,webp_pipe,bmp_pipe,tiff_pipe,gif,mov,mp4"
_CUT_OFF_S = 0.5
# 8K, 16 pixels, half an hour at 30 frames a second: beyond them one file could eat a machine.
MAX_FRAME_PIXELS = 7680 * 4320
MIN_SIDE = 16
MAX_FRAMES = 54_000
_DECODER = {"max_pixels": str(MAX_FRAME_PIXELS)}
# Pictures that decode need fewer packets; a stream may begin in the middle of a group.
_TRIED_PACKETS = 600


class UnusableMediaError(Exception):
    """Why a file is no video or picture that can be worked on.

    Args:
        reason: What follows the name of the file in a sentence: "is empty (0 bytes)".
        codec: Whether the container could be read, but not what is in it.
        cut: Whether a part of it is surely missing.
    """

    def __init__(self, reason: str, *, codec: bool = False, cut: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.codec = codec
        self.cut = cut


@dataclass(frozen=True, slots=True)
class Orientation:
    """How stored pixels become displayed ones: first transposed, then mirrored along x, then along y."""

    transposed: bool = False
    mirrored_x: bool = False
    mirrored_y: bool = False


def picture_opens(path: Path) -> None:
    """Decode the picture at ``path``.

    Raises: UnusableMediaError: it is no picture.
    """
    import av

    try:
        with _open(path, PICTURES, {}) as container:
            if next(container.decode(video=0), None) is not None:
                return
    except (av.FFmpegError, IndexError) as error:
        reason = error.strerror if isinstance(error, av.FFmpegError) else "no picture in it"
        raise UnusableMediaError(f"is not a picture that can be read ({reason})") from error
    raise UnusableMediaError("is not a picture that can be read (no picture in it)")


def play(path: Path) -> float:
    """Decode the video at ``path`` to its end and return its length in seconds.

    Raises: UnusableMediaError: it is no video, or breaks off before its end.
    """
    import av

    info = examine(path)
    try:
        with open_container(path) as container:
            stream = picture_stream(container)
            decoded = sum(len(packet.decode()) for packet in packets(container, [stream]))
    except av.FFmpegError as error:
        raise UnusableMediaError(f"breaks off: {error.strerror}") from error
    if info.frame_count is not None and decoded < info.frame_count:
        raise UnusableMediaError(f"breaks off after {decoded} of {info.frame_count} frames")
    return info.duration_s


def examine(path: Path) -> VideoInfo:
    """Read the video's index and its first picture.

    Returns: ``frame_count`` and ``duration_s`` counted from the packets that are shown, not from the header.
    Raises: UnusableMediaError: it is no video that can be decoded.
    """
    import av

    if path.stat().st_size == 0:
        raise UnusableMediaError("is empty (0 bytes)")
    try:
        with open_container(path) as container:
            return _describe(container, picture_stream(container))
    except av.FFmpegError as error:
        _check_declared_size(path)
        raise _unreadable(error) from error


def open_container(path: Path) -> InputContainer:
    """Open a video for reading; neither URLs nor playlists are followed.

    Raises: av.FFmpegError: it cannot be read as a video.
    """
    return _open(path, CONTAINERS, _DECODER)


def picture_stream(container: InputContainer) -> VideoStream:
    """Return the stream that a player would show; cover pictures of songs are none.

    Raises: UnusableMediaError: there is none, or no decoder for it.
    """
    for stream in container.streams.video:
        if _is_cover(stream):
            continue
        if getattr(stream, "codec_context", None) is None:
            raise UnusableMediaError("is encoded in a way that cannot be decoded here", codec=True)
        stream.codec_context.options.update(_DECODER)
        return stream
    if container.streams.audio:
        raise UnusableMediaError("holds sound only, no picture")
    raise UnusableMediaError("holds no video")


def _is_cover(stream: VideoStream) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def packets(container: InputContainer, streams: Sequence[Stream]) -> Iterator[av.Packet[Stream]]:
    """Read the packets of some streams; those of streams that come up later in the file are passed over."""
    while True:
        try:
            yield from cast("Iterator[av.Packet[Stream]]", container.demux(list(streams)))
            return
        except IndexError:
            # What PyAV makes of a packet of a stream that was not there when it began to read.
            continue


def orientation_of(frame: VideoFrame) -> Orientation:
    """Read how a decoded frame is to be turned for display; by quarters of a turn and mirrored or not."""
    side_data = cast("SideData | None", frame.side_data.get("DISPLAYMATRIX"))
    if side_data is None:
        return Orientation()
    # https://ffmpeg.org/doxygen/trunk/group__lavu__video__display.html
    a, b, _, c, d = struct.unpack("=9i", bytes(side_data)[:36])[:5]
    if abs(a) < abs(b):
        return Orientation(transposed=True, mirrored_x=c < 0, mirrored_y=b < 0)
    return Orientation(mirrored_x=a < 0, mirrored_y=d < 0)


def _describe(container: InputContainer, stream: VideoStream) -> VideoInfo:
    _check_size(stream.codec_context.width, stream.codec_context.height)
    # The user's own process does this too: no thread and no memory for more than one picture.
    stream.codec_context.thread_count = 1
    timeline = _Timeline()
    for packet in packets(container, [stream]):
        timeline.add(packet)
    first = timeline.first_frame
    if first is None:
        raise UnusableMediaError("holds no picture that can be decoded", codec=timeline.shown > 0)
    _check_size(first.width, first.height)
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    shown = timeline.shown or timeline.unclocked
    duration_s = timeline.seconds(stream.time_base) or float(shown / rate)
    _check_complete(container, stream, duration_s)
    width, height = first.width, first.height
    if orientation_of(first).transposed:
        width, height = height, width
    return VideoInfo(
        duration_s=duration_s,
        width=width,
        height=height,
        frame_rate=rate,
        frame_count=timeline.shown or None,
        has_audio=bool(container.streams.audio),
        codec=stream.codec_context.name,
        video_streams=sum(1 for other in container.streams.video if not _is_cover(other)),
    )


class _Timeline:
    """What the packets of a video tell together: the first picture, how many are shown, from when to when."""

    def __init__(self) -> None:
        self.first_frame: VideoFrame | None = None
        self.shown = 0
        self.unclocked = 0
        self._read = 0
        self._starts: int | None = None
        self._ends = 0

    def add(self, packet: av.Packet[VideoStream]) -> None:
        self._read += 1
        if self._read > MAX_FRAMES:
            raise UnusableMediaError(f"holds more than {MAX_FRAMES} frames, which is the limit")
        if self.first_frame is None and self._read <= _TRIED_PACKETS:
            self.first_frame = _decoded(packet)
        # A packet that is only there to decode those behind it: cut off by an edit list.
        if packet.pts is None or packet.is_discard:
            self.unclocked += packet.size > 0 and not packet.is_discard
            return
        self.shown += 1
        self._starts = packet.pts if self._starts is None else min(self._starts, packet.pts)
        self._ends = max(self._ends, packet.pts + (packet.duration or 0))

    def seconds(self, time_base: Fraction | None) -> float:
        return float((self._ends - (self._starts or 0)) * (time_base or 0))


def _decoded(packet: av.Packet[VideoStream]) -> VideoFrame | None:
    import av

    try:
        return next(iter(packet.decode()), None)
    except av.InvalidDataError:
        return None


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_FRAME_PIXELS:
        limit = f"the limit is {MAX_FRAME_PIXELS} pixels (7680 x 4320)"
        raise UnusableMediaError(f"has pictures of {width} x {height} pixels; {limit}")
    # Some containers leave the size to the first picture.
    if 0 < min(width, height) < MIN_SIDE:
        limit = f"at least {MIN_SIDE} x {MIN_SIDE} are needed"
        raise UnusableMediaError(f"has pictures of {width} x {height} pixels; {limit}")


def _check_declared_size(path: Path) -> None:
    """Read the size again without any decoder: one that is asked for too many pixels forgets how many."""
    import av

    with suppress(av.FFmpegError), _open(path, CONTAINERS, {"codec_whitelist": "none"}) as container:
        for stream in container.streams.video:
            context = getattr(stream, "codec_context", None)
            if context is not None:
                _check_size(context.width, context.height)


def _check_complete(container: InputContainer, stream: VideoStream, duration_s: float) -> None:
    if stream.duration and stream.time_base:
        declared_s = float(stream.duration * stream.time_base)
    elif container.duration and not container.streams.audio:
        declared_s = container.duration / 1_000_000
    else:
        return
    if declared_s - duration_s > _CUT_OFF_S:
        raise UnusableMediaError(f"is cut off: {duration_s:.1f} s are left of {declared_s:.1f} s", cut=True)


def _unreadable(error: av.FFmpegError) -> UnusableMediaError:
    import av

    if isinstance(error, av.error.LookupError):
        return UnusableMediaError("is encoded in a way that cannot be decoded here", codec=True)
    return UnusableMediaError(f"is not a video, or is cut off ({error.strerror})")


def _open(path: Path, formats: str, decoder: dict[str, str]) -> InputContainer:
    import av

    options = {"format_whitelist": formats, "protocol_whitelist": "file"}
    return av.open(
        f"file:{os.fspath(path)}",
        container_options=options,
        options=decoder,
        # Titles and the like are in whatever encoding somebody's camera had.
        metadata_errors="replace",
    )
