"""Videos as every browser plays them, small enough to be carried inside a page.

Pictures and sound are carried apart: two silent players run on one clock and stay together, while a player
with a sound waits for its loudspeaker.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av

from headswap_cli import media
from headswap_cli.compare.film import open_film
from headswap_cli.compare.pairs import frames, origin_s, painter
from headswap_cli.errors import InputError
from headswap_cli.media import provenance
from headswap_cli.media.sound import Sound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

    from headswap_cli.models import VideoInfo

    Packet = av.Packet[VideoStream]

# Browsers take a page of three times this size on a phone.
MAX_BYTES = 32_000_000
# With less a picture is not worth comparing.
_LEAST_BITS_PER_S = 400_000
_MOST_BITS_PER_S = 12_000_000
MAX_LENGTH_S = MAX_BYTES * 8 / _LEAST_BITS_PER_S
_SHORT_SIDE = 720
_PIXELS = {"yuv420p", "yuvj420p"}


@dataclass(frozen=True, slots=True)
class Embedded:
    """A silent video for a page; ``times_s`` are its frames', ``is_original`` tells of unchanged pictures."""

    content: bytes
    times_s: tuple[float, ...]
    is_original: bool


def data_url(content: bytes, kind: str) -> str:
    """Return a file of a media type as a ``data:`` URL."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def check_length(length_s: float) -> None:
    """Check that a clip is short enough for a page, before any work.

    Raises: InputError: it is not.
    """
    if length_s > MAX_LENGTH_S:
        raise InputError(
            f"The clip is {length_s / 60:.0f} min long; a page holds at most {MAX_LENGTH_S / 60:.0f} min.",
            hint="Make the others: --sheet sheet.png --video video.mp4",
        )


def embedded(
    path: Path,
    info: VideoInfo,
    scratch: Path,
    on_progress: Callable[[float], None],
    *,
    is_synthetic: bool,
    limit_bytes: int = MAX_BYTES,
) -> Embedded:
    """Return a video's pictures as they are where browsers play them, else encoded anew as H.264.

    Args:
        path: The video.
        info: What it is.
        scratch: A folder for what is made on the way.
        on_progress: Told the part that is done, 0 to 100.
        is_synthetic: Whether it is to say so of itself, should somebody take it out of the page.
        limit_bytes: How large it may be.

    Raises: InputError: it cannot be made to fit.
    """
    target = scratch / f"{len(list(scratch.iterdir()))}.mp4"
    if (times_s := _copied(path, target, limit_bytes)) is not None:
        if is_synthetic:
            provenance.append_xmp(target)
        return Embedded(target.read_bytes(), times_s, is_original=True)
    most = min(round(limit_bytes * 8 / max(info.duration_s, 1) * 0.8), _MOST_BITS_PER_S)
    options = {"crf": "20", "maxrate": str(most), "bufsize": str(most // 2)}
    paint, size = painter(), None
    with open_film(target, None, options, is_synthetic=is_synthetic) as film:
        for shown in frames(path):
            size = size or _bounded(*shown.size())
            film.write(paint(shown, size), shown)
            on_progress(min(100.0, 100 * float(shown.time_s) / max(info.duration_s, 1e-6)))
        film.finish(None)
    if not target.exists() or target.stat().st_size > limit_bytes:
        raise InputError(
            f"{path} cannot be made to fit into a page: {limit_bytes / 1e6:g} MB a video is the limit.",
            hint="Make the others: --sheet sheet.png --video video.mp4",
        )
    return Embedded(target.read_bytes(), _times(target), is_original=False)


def voice_of(path: Path, scratch: Path) -> bytes | None:
    """Return a video's sound as an mp4 of its own, copied where mp4 can hold it; None if it is silent."""
    target = scratch / "voice.mp4"
    with media.open_container(path) as source:
        if not source.streams.audio:
            return None
        with av.open(f"file:{target}", mode="w", format="mp4") as container:
            sound = Sound(source, container, origin_s(source))
            if not container.streams.audio:
                return None
            sound.advance(None)
    return target.read_bytes()


def _copied(path: Path, target: Path, limit_bytes: int) -> tuple[float, ...] | None:
    """Copy the pictures' packets and return their times; None if browsers would not play all of them so."""
    if path.stat().st_size > 2 * limit_bytes:
        return None
    with media.open_container(path) as source:
        stream = media.picture_stream(source)
        packets = [packet for packet in media.packets(source, [stream]) if packet.dts is not None]
        if not (_is_common(stream.codec_context) and _is_plain(packets) and _muxed(stream, packets, target)):
            return None
    times_s = _times(target)
    fits = target.stat().st_size <= limit_bytes and len(times_s) == len(packets)
    return times_s if fits else None


def _is_common(context: VideoCodecContext) -> bool:
    return context.name == "h264" and context.pix_fmt in _PIXELS


def _is_plain(packets: Sequence[Packet]) -> bool:
    """Whether a plain copy means the same: no edit list, no clock that starts anywhere."""
    starts = [packet.pts for packet in packets if packet.pts is not None]
    return min(starts, default=None) == 0 and not any(packet.is_discard for packet in packets)


def _muxed(stream: VideoStream, packets: Sequence[Packet], target: Path) -> bool:
    try:
        with av.open(f"file:{target}", mode="w", format="mp4") as container:
            copy = container.add_stream_from_template(stream)
            for packet in packets:
                packet.stream = copy
                container.mux(packet)
    except av.FFmpegError:
        return False
    return True


def _times(path: Path) -> tuple[float, ...]:
    with media.open_container(path) as container:
        stream = media.picture_stream(container)
        origin, base = origin_s(container), stream.time_base or 0
        shown = [
            packet.pts * base - origin
            for packet in media.packets(container, [stream])
            if packet.pts is not None and not packet.is_discard
        ]
    return tuple(round(float(time_s), 5) for time_s in sorted(shown) if time_s >= 0)


def _bounded(width: int, height: int) -> tuple[int, int]:
    factor = min(1.0, _SHORT_SIDE / min(width, height))
    return max(2, round(width * factor / 2) * 2), max(2, round(height * factor / 2) * 2)
