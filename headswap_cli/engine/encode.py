"""Encoding: frames become an H.264 mp4 that keeps the source's times, colours and sound."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from math import lcm, log2
from typing import TYPE_CHECKING, Any, cast

import av
import cv2
from av.codec.context import Flags
from av.video.reformatter import VideoReformatter

from headswap_cli import media, wire
from headswap_cli.engine.types import MediaFault
from headswap_cli.folders import DISK_FULL
from headswap_cli.media import provenance
from headswap_cli.media.colourspace import ColourTags, from_bgr
from headswap_cli.media.sound import Sound
from headswap_cli.models import Quality

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction
    from pathlib import Path

    from av.container import InputContainer, OutputContainer

    from headswap_cli.engine.types import Frame, Timeline

# What FFmpeg may say that is no fault of the video.
_OURS = {*DISK_FULL, errno.EIO, errno.ENOMEM}
_SILENCE = " Try it without the sound (--no-sound)."
_MAX_TIMESCALE = 2**24
# Each frame that is looked ahead at takes some 4 MB at 1280x720; ten, as usual, do hardly better.
_X264 = {"profile": "high", "threads": "1", "rc-lookahead": "7"}
# The constant rate factor, and the preset.
_QUALITIES = {
    Quality.LOW: (26.0, "veryfast"),
    Quality.STANDARD: (17.7, "veryfast"),
    Quality.HIGH: (12.0, "fast"),
}
# A small picture is looked at enlarged, and what a mouth of ten pixels says is lost first: the factor is less
# by so much for each time that the picture is half of this many pixels, and by the last at most.
_LARGE, _FINER, _FINEST = 640 * 360, 2.5, 5.0
# Of the same pictures x264 made another file in 16 of 107 runs beside other load, without AVX-512 in none of
# 110. OpenCV's number of what it asks for, interface.h.
_WITHOUT_AVX512, _AVX512 = {"x264-params": "asm=avx2"}, 256
# x264's reach with three bidirectional frames in a pyramid, as all of these presets have it.
_REORDERED = 2


@dataclass(frozen=True, slots=True)
class Picture:
    """What the result's picture is to be: even size in pixels, the source's clock and colours, how fine."""

    width: int
    height: int
    time_base: Fraction
    frame_rate: Fraction
    colour: ColourTags
    pixel_aspect: Fraction | None
    origin_s: Fraction
    quality: Quality = Quality.STANDARD


@dataclass(frozen=True, slots=True)
class CodedFrame:
    """A frame as H.264; ``time`` and ``duration`` in ticks of the picture's clock, in order of coding."""

    content: bytes
    time: int
    duration: int
    is_key: bool


class PictureEncoder:
    """Encodes frames that need none from before the first, and that none needs which comes after the last."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._context = av.CodecContext.create("libx264", "w")
        self._context.flags |= Flags.global_header
        _configure(self._context, picture)
        self._reformatter = VideoReformatter()

    def encode(self, image: Frame, time: int, duration: int = 0) -> list[CodedFrame]:
        """Take a frame; return those that are through.

        Args:
            image: (height, width, 3) as ``Picture`` says, BGR.
            time: In ticks; grows from call to call.
            duration: Ticks that the frame is shown, 0 if unknown.

        Raises: MediaFault: the encoder refuses.
        """
        frame = from_bgr(image, self._picture.colour, self._reformatter)
        frame.pts, frame.duration, frame.time_base = time, duration, self._picture.time_base
        with _translated(hint=""):
            return [_coded(packet) for packet in self._context.encode(frame)]

    def finish(self) -> list[CodedFrame]:
        """Return the frames that are still on their way."""
        with _translated(hint=""):
            return [_coded(packet) for packet in self._context.encode(None)]


class VideoWriter:
    """Takes coded frames; made by ``open_writer``."""

    def __init__(
        self, container: OutputContainer, picture: Picture, times: Sequence[int], sound: Sound | None
    ) -> None:
        self._container = container
        self._picture = picture
        self._sound = sound
        self._stream = _video_stream(container, picture)
        self._origin = round(picture.origin_s / picture.time_base)
        step = times[1] - times[0] if len(times) > 1 else 1
        first = times[0] if times else 0
        early = (first - step * ahead for ahead in range(_REORDERED, 0, -1))
        self._decoding_times = chain(early, times)

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about sound that could not be carried over as it was."""
        return tuple(self._sound.notices) if self._sound else ()

    def write(self, coded: CodedFrame) -> None:
        """Write a frame and the sound up to it."""
        packet = av.Packet(coded.content)
        packet.pts, packet.duration, packet.is_keyframe = coded.time, coded.duration, coded.is_key
        # As the encoder would over the whole video: frames are sent out of order by so many at most.
        packet.dts = next(self._decoding_times)
        packet.time_base = self._picture.time_base
        packet.stream = self._stream
        if self._sound:
            self._sound.advance((coded.time + self._origin) * self._picture.time_base)
        self._container.mux(packet)

    def finish(self) -> None:
        """Write the rest of the sound."""
        if self._sound:
            self._sound.advance(None)


@contextmanager
def open_writer(
    target: Path, picture: Picture, times: Sequence[int], *, sound_of: Path | None
) -> Iterator[VideoWriter]:
    """Open ``target`` for writing; it appears under its name only when all went well.

    Args:
        target: An mp4 file, replaced if it is there; readable by its owner alone.
        picture: What the frames will be.
        times: When they are shown, see ``clock``.
        sound_of: The file whose audio streams go into the result; ``None`` leaves it silent.

    Raises: MediaFault: an mp4 cannot hold what the source has.
    """
    partial = target.with_name(f".{target.name}.part")
    try:
        partial.touch(mode=0o600)
        with _translated(hint="" if sound_of is None else _SILENCE), ExitStack() as stack:
            source = stack.enter_context(media.open_container(sound_of)) if sound_of else None
            options = {
                "movflags": "+faststart",
                "movie_timescale": str(_movie_timescale(picture, source)),
            }
            container = stack.enter_context(
                av.open(f"file:{partial}", mode="w", format="mp4", options=options)
            )
            # Without it the muxer adds the time and its own name.
            container.flags |= cast("int", av.container.Flags.bitexact.value)
            container.metadata.update(provenance.tags())
            sound = Sound(source, container, picture.origin_s) if source else None
            writer = VideoWriter(container, picture, times, sound)
            container.start_encoding()
            yield writer
            writer.finish()
        provenance.append_xmp(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _translated(hint: str) -> Iterator[None]:
    # Around all of it: a muxer that refused a packet refuses to be closed, too.
    try:
        yield
    except av.FFmpegError as error:
        if error.errno in _OURS:
            raise
        reason = f"The video's sizes, times or sound do not fit into an mp4 ({error.strerror}).{hint}"
        raise MediaFault(wire.UNREADABLE, reason) from error


def bounded_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """Return the even size of the result: its smaller side at most ``short_side``, never enlarged."""
    factor = min(1.0, short_side / min(width, height))
    if factor == 1.0:
        return max(2, width // 2 * 2), max(2, height // 2 * 2)
    return max(2, round(width * factor / 2) * 2), max(2, round(height * factor / 2) * 2)


def x264_options(quality: Quality, width: int, height: int) -> dict[str, str]:
    """Return how x264 codes a picture of so many pixels: smaller ones finer."""
    factor, preset = _QUALITIES[quality]
    finer = min(max(_FINER * log2(_LARGE / (width * height)), 0.0), _FINEST)
    steady = _WITHOUT_AVX512 if cv2.checkHardwareSupport(_AVX512) else {}
    return {"crf": f"{factor - finer:.1f}", "preset": preset, **_X264, **steady}


def _movie_timescale(picture: Picture, source: InputContainer | None) -> int:
    """Return a clock on which the streams' late starts are exact; FFmpeg's own counts milliseconds."""
    voices = source.streams.audio if source else ()
    contexts = [getattr(stream, "codec_context", None) for stream in voices]
    rates = [context.sample_rate for context in contexts if context is not None and context.sample_rate > 0]
    ticks = picture.time_base.denominator
    exact = lcm(ticks, *rates)
    return exact if exact <= _MAX_TIMESCALE else max(rates, default=ticks)


def _video_stream(container: OutputContainer, picture: Picture) -> av.VideoStream:
    """Add a stream for what encoders set up alike make; one that is kept would take 13 MB at 1280x720."""
    with av.open(os.devnull, mode="w", format="null") as pattern:
        stream = pattern.add_stream("libx264", rate=picture.frame_rate, time_base=picture.time_base)
        stream.codec_context.flags |= Flags.global_header
        _configure(stream.codec_context, picture)
        pattern.start_encoding()
        return container.add_stream_from_template(stream)


def _configure(context: av.VideoCodecContext, picture: Picture) -> None:
    context.options = x264_options(picture.quality, picture.width, picture.height)
    context.width, context.height = picture.width, picture.height
    context.pix_fmt = "yuv420p"
    context.framerate = picture.frame_rate
    context.time_base = picture.time_base
    context.bit_rate = 0
    context.flags |= Flags.frame_duration
    context.color_range = picture.colour.value_range
    context.color_primaries = picture.colour.primaries
    context.color_trc = picture.colour.transfer
    context.colorspace = picture.colour.matrix
    if picture.pixel_aspect:
        context.sample_aspect_ratio = picture.pixel_aspect


def _coded(packet: av.Packet[Any]) -> CodedFrame:
    return CodedFrame(bytes(packet), packet.pts or 0, packet.duration or 0, packet.is_keyframe)


def clock(timeline: Timeline, picture: Picture) -> tuple[int, ...]:
    """Return when each frame of the result is shown, in ticks, strictly ascending, 0 being the origin.

    Frames without a time follow one another at the video's rate.
    """
    origin = round(picture.origin_s / picture.time_base)
    step = max(1, round(1 / (picture.frame_rate * picture.time_base)))
    times: list[int] = []
    for time in timeline.times:
        if time is None:
            times.append(times[-1] + step if times else 0)
        else:
            times.append(max(time - origin, times[-1] + 1) if times else time - origin)
    return tuple(times)
