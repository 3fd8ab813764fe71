"""Encoding: frames become an H.264 mp4 that keeps the source's times, colours and sound."""

from __future__ import annotations

import errno
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import lcm
from typing import TYPE_CHECKING, cast

import av
from av.codec.context import Flags
from av.video.reformatter import VideoReformatter

from headswap_cli import media, wire
from headswap_cli.engine.types import MediaFault
from headswap_cli.folders import DISK_FULL
from headswap_cli.media import provenance
from headswap_cli.media.colourspace import ColourTags, from_bgr
from headswap_cli.media.sound import Sound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from pathlib import Path

    from av.container import InputContainer, OutputContainer

    from headswap_cli.engine.types import Frame

_THREADS = 2
# What FFmpeg may say that is no fault of the video.
_OURS = {*DISK_FULL, errno.EIO, errno.ENOMEM}
_SILENCE = " Try it without the sound (--no-sound)."
_MAX_TIMESCALE = 2**24
_X264 = {"crf": "18", "preset": "veryfast", "profile": "high", "threads": str(_THREADS)}


@dataclass(frozen=True, slots=True)
class Picture:
    """What the result's picture is to be: size in even pixels, and the source's clock and colours."""

    width: int
    height: int
    time_base: Fraction
    frame_rate: Fraction
    colour: ColourTags
    pixel_aspect: Fraction | None
    origin_s: Fraction


class VideoWriter:
    """Takes frames in order of display; made by ``open_writer``."""

    def __init__(self, container: OutputContainer, picture: Picture, sound: Sound | None) -> None:
        self._container = container
        self._picture = picture
        self._sound = sound
        self._stream = _video_stream(container, picture)
        self._reformatter = VideoReformatter()
        self._origin = round(picture.origin_s / picture.time_base)
        self._last_pts: int | None = None

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about sound that could not be carried over as it was."""
        return tuple(self._sound.notices) if self._sound else ()

    def write(self, image: Frame, pts: int | None, duration: int = 0) -> None:
        """Encode a frame and the sound up to it.

        Args:
            image: (height, width, 3) as ``Picture`` says, BGR.
            pts: Time in ticks of the source's clock; ``None`` where the file knows none.
            duration: Ticks that the frame is shown, 0 if unknown.
        """
        frame = from_bgr(image, self._picture.colour, self._reformatter)
        frame.pts = self._in_order(pts)
        frame.duration = duration
        frame.time_base = self._picture.time_base
        if self._sound:
            self._sound.advance((frame.pts + self._origin) * self._picture.time_base)
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Encode what is still on its way, and the rest of the sound."""
        self._container.mux(self._stream.encode(None))
        if self._sound:
            self._sound.advance(None)

    def _in_order(self, pts: int | None) -> int:
        last = self._last_pts
        if pts is not None:
            pts -= self._origin
            self._last_pts = pts if last is None else max(pts, last + 1)
        elif last is None:
            self._last_pts = 0
        else:
            self._last_pts = last + max(1, round(1 / (self._picture.frame_rate * self._picture.time_base)))
        return self._last_pts


@contextmanager
def open_writer(target: Path, picture: Picture, *, sound_of: Path | None) -> Iterator[VideoWriter]:
    """Open ``target`` for writing; it appears under its name only when all went well.

    Args:
        target: An mp4 file, replaced if it is there; readable by its owner alone.
        picture: What the frames will be.
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
            writer = VideoWriter(container, picture, sound)
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


def _movie_timescale(picture: Picture, source: InputContainer | None) -> int:
    """Return a clock on which the streams' late starts are exact; FFmpeg's own counts milliseconds."""
    voices = source.streams.audio if source else ()
    contexts = [getattr(stream, "codec_context", None) for stream in voices]
    rates = [context.sample_rate for context in contexts if context is not None and context.sample_rate > 0]
    ticks = picture.time_base.denominator
    exact = lcm(ticks, *rates)
    return exact if exact <= _MAX_TIMESCALE else max(rates, default=ticks)


def _video_stream(container: OutputContainer, picture: Picture) -> av.VideoStream:
    stream = container.add_stream(
        "libx264", rate=picture.frame_rate, options=_X264, time_base=picture.time_base
    )
    context = stream.codec_context
    context.width, context.height = picture.width, picture.height
    context.pix_fmt = "yuv420p"
    context.time_base = picture.time_base
    context.flags |= Flags.frame_duration
    context.color_range = picture.colour.value_range
    context.color_primaries = picture.colour.primaries
    context.color_trc = picture.colour.transfer
    context.colorspace = picture.colour.matrix
    if picture.pixel_aspect:
        context.sample_aspect_ratio = picture.pixel_aspect
    return stream
