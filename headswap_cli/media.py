"""What a video or a photo on disk is, and what is wrong with it, told before anything is sent or paid.

PyAV comes with an extra, so it is imported inside functions; without it only a file's presence and size are
checked, and ``probe`` answers ``None``.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from headswap_cli import wire
from headswap_cli.errors import InputError, TransferError
from headswap_cli.models import VideoInfo

if TYPE_CHECKING:
    from pathlib import Path

    import av
    from av.container import InputContainer
    from av.sidedata.sidedata import SideData
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Containers that hold one medium. Playlists are left out: they make FFmpeg open whatever they name.
_CONTAINERS = (
    "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,gif,mxf,ivf,h264,hevc,mp3,wav,aac,flac"
)
_PICTURES = "image2,jpeg_pipe,png_pipe,webp_pipe,bmp_pipe,tiff_pipe,gif,mov,mp4"
_CUT_OFF_S = 0.5


class UnusableMediaError(Exception):
    """Why a file is no video that can be worked on.

    Args:
        reason: What follows the name of the file in a sentence: "is empty (0 bytes)".
        codec: Whether the container could be read, but not what is in it.
    """

    def __init__(self, reason: str, *, codec: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.codec = codec


@dataclass(frozen=True, slots=True)
class Orientation:
    """How stored pixels become displayed ones: first transposed, then mirrored along x, then along y."""

    transposed: bool = False
    mirrored_x: bool = False
    mirrored_y: bool = False


def is_url(source: str) -> bool:
    """Whether ``source`` is an http(s) URL, to be passed on byte for byte."""
    return source.lower().startswith(("http://", "https://"))


def probe(path: Path) -> VideoInfo | None:
    """Say what the video at ``path`` is, as displayed and as long as it truly plays.

    Returns: ``None`` where PyAV is not installed and only presence and size could be checked.
    Raises: InputError: there is no such file, or it is no video that can be decoded.
    """
    _check_present(path, "video")
    if not _can_decode():
        return None
    try:
        return examine(path)
    except UnusableMediaError as error:
        hint = "convert it to H.264 in mp4" if error.codec else "give a video file, such as an mp4 or a mov"
        raise InputError(f"{path} {error.reason}", hint=hint) from error


def check_video(path: Path, *, any_length: bool = False) -> VideoInfo | None:
    """Probe ``path`` and hold its length against the service's limits.

    Args:
        path: The source video.
        any_length: Let any length pass; only the local engine takes it.

    Raises: InputError: as ``probe``, or the video is shorter or longer than the service takes.
    """
    info = probe(path)
    if info is None or any_length or wire.MIN_DURATION_S <= info.duration_s <= wire.MAX_DURATION_S:
        return info
    shown = f"{info.duration_s:.1f}"
    if float(shown) in {wire.MIN_DURATION_S, wire.MAX_DURATION_S}:
        shown = f"{info.duration_s:.2f}"
    limits = f"{wire.MIN_DURATION_S:g}-{wire.MAX_DURATION_S:g} s"
    raise InputError(
        f"{path} is {shown} s long; the limits are {limits}",
        hint=f"cut it to {limits}, or give --any-length with the local engine",
    )


def check_photo(path: Path) -> None:
    """Make sure that ``path`` is a picture that can be decoded.

    Raises: InputError: there is no such file, or it is no picture.
    """
    _check_present(path, "photo")
    if not _can_decode():
        return
    import av

    try:
        with _open(path, _PICTURES) as container:
            if next(container.decode(video=0), None) is not None:
                return
    except (av.FFmpegError, IndexError) as error:
        reason = error.strerror if isinstance(error, av.FFmpegError) else "no picture in it"
        raise _not_a_photo(path, reason) from error
    raise _not_a_photo(path, "no picture in it")


def verify_playable(path: Path) -> float:
    """Decode the video at ``path`` to its end and return its length in seconds.

    Raises: TransferError: it is no video, or breaks off before its end.
    """
    if not _can_decode():
        raise TransferError(
            f"whether {path} plays to its end cannot be checked without PyAV",
            hint="pip install 'headswap-cli[local]'",
        )
    import av

    try:
        info = examine(path)
        with open_container(path) as container:
            decoded = sum(1 for _ in container.decode(picture_stream(container)))
    except UnusableMediaError as error:
        raise TransferError(f"{path} {error.reason}") from error
    except av.FFmpegError as error:
        raise TransferError(f"{path} breaks off: {error.strerror}") from error
    if info.frame_count is not None and decoded < info.frame_count:
        raise TransferError(f"{path} breaks off after {decoded} of {info.frame_count} frames")
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
        raise _unreadable(error) from error


def open_container(path: Path) -> InputContainer:
    """Open a video for reading; neither URLs nor playlists are followed.

    Raises: av.FFmpegError: it cannot be read as a video.
    """
    return _open(path, _CONTAINERS)


def picture_stream(container: InputContainer) -> VideoStream:
    """Return the stream that a player would show; cover pictures of songs are none.

    Raises: UnusableMediaError: there is none, or no decoder for it.
    """
    from av.stream import Disposition

    for stream in container.streams.video:
        if stream.disposition & Disposition.attached_pic:
            continue
        if getattr(stream, "codec_context", None) is None:
            raise UnusableMediaError("is encoded in a way that cannot be decoded here", codec=True)
        return stream
    if container.streams.audio:
        raise UnusableMediaError("holds sound only, no picture")
    raise UnusableMediaError("holds no video")


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
    timeline = _Timeline()
    for packet in container.demux(stream):
        timeline.add(packet)
    first = timeline.first_frame
    if first is None:
        raise UnusableMediaError("holds no picture that can be decoded", codec=timeline.shown > 0)
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    duration_s = timeline.seconds(stream.time_base) or float(timeline.shown / rate)
    _check_complete(container, stream, duration_s)
    width, height = first.width, first.height
    if orientation_of(first).transposed:
        width, height = height, width
    return VideoInfo(duration_s, width, height, rate, timeline.shown or None, bool(container.streams.audio))


class _Timeline:
    """What the packets of a video tell together: the first picture, how many are shown, from when to when."""

    def __init__(self) -> None:
        self.first_frame: VideoFrame | None = None
        self.shown = 0
        self._starts: int | None = None
        self._ends = 0

    def add(self, packet: av.Packet[VideoStream]) -> None:
        if self.first_frame is None:
            self.first_frame = _decoded(packet)
        # A packet that is only there to decode those behind it: cut off by an edit list.
        if packet.pts is None or packet.is_discard:
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


def _check_complete(container: InputContainer, stream: VideoStream, duration_s: float) -> None:
    if stream.duration and stream.time_base:
        declared_s = float(stream.duration * stream.time_base)
    elif container.duration and not container.streams.audio:
        declared_s = container.duration / 1_000_000
    else:
        return
    if declared_s - duration_s > _CUT_OFF_S:
        raise UnusableMediaError(f"is cut off: {duration_s:.1f} s are left of {declared_s:.1f} s")


def _unreadable(error: av.FFmpegError) -> UnusableMediaError:
    import av

    if isinstance(error, av.error.LookupError):
        return UnusableMediaError("is encoded in a way that cannot be decoded here", codec=True)
    return UnusableMediaError(f"is not a video, or is cut off ({error.strerror})")


def _not_a_photo(path: Path, reason: str | None) -> InputError:
    return InputError(f"{path} is not a picture that can be read ({reason})", hint="give a JPEG or PNG photo")


def _open(path: Path, formats: str) -> InputContainer:
    import av

    options = {"format_whitelist": formats, "protocol_whitelist": "file"}
    return av.open(f"file:{os.fspath(path)}", mode="r", container_options=options)


def _can_decode() -> bool:
    return find_spec("av") is not None


def _check_present(path: Path, kind: str) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a {kind}", hint=f"name the {kind} file in it")
    if not path.exists():
        raise InputError(f"no such file: {path}", hint=f"check the path of the {kind}")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes)", hint=f"copy or download the {kind} again")
