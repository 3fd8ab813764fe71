"""Videos as every browser plays them, small enough to be carried inside a page."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headswap_cli import media
from headswap_cli.compare.film import open_film
from headswap_cli.compare.pairs import frames, origin_s, painter
from headswap_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headswap_cli.models import VideoInfo

# Browsers take a page of twice this size on a phone.
MAX_BYTES = 32_000_000
# With less a picture is not worth comparing.
_LEAST_BITS_PER_S = 400_000
MAX_LENGTH_S = MAX_BYTES * 8 / _LEAST_BITS_PER_S
_SHORT_SIDE = 720
_PIXELS = {"yuv420p", "yuvj420p"}
_SOUNDS = {"aac", "mp3"}


@dataclass(frozen=True, slots=True)
class Embedded:
    """A video for a page; ``times_s`` are its frames', ``is_original`` tells of unchanged bytes."""

    content: bytes
    times_s: tuple[float, ...]
    is_original: bool

    def url(self) -> str:
        """Return the video as a ``data:`` URL."""
        return f"data:video/mp4;base64,{base64.b64encode(self.content).decode('ascii')}"


def check_length(length_s: float) -> None:
    """Check that a clip is short enough for a page, before any work.

    Raises: InputError: it is not.
    """
    if length_s > MAX_LENGTH_S:
        raise InputError(
            f"The clip is {length_s / 60:.0f} min long; a page holds at most {MAX_LENGTH_S / 60:.0f} min.",
            hint="Make the others: --sheet sheet.png --video video.mp4",
        )


def embedded(path: Path, info: VideoInfo, scratch: Path, on_progress: Callable[[float], None]) -> Embedded:
    """Return a video as it is where browsers play it, else encoded anew as H.264, with the sound copied.

    Args:
        path: The video.
        info: What it is.
        scratch: A folder for what is encoded.
        on_progress: Told the part that is done, 0 to 100.

    Raises: InputError: it cannot be made to fit.
    """
    if _plays_everywhere(path):
        return Embedded(path.read_bytes(), _times(path), is_original=True)
    target = scratch / f"{len(list(scratch.iterdir()))}.mp4"
    bits = round(MAX_BYTES * 8 / max(info.duration_s, 1) * 0.8)
    options = {"crf": "20", "maxrate": str(min(bits, 12_000_000)), "bufsize": str(min(bits, 12_000_000))}
    paint, size = painter(), None
    with open_film(target, path, options) as film:
        for shown in frames(path):
            size = size or _bounded(*shown.size())
            film.write(paint(shown, size), shown)
            on_progress(min(100.0, 100 * float(shown.time_s) / max(info.duration_s, 1e-6)))
        film.finish(None)
    if not target.exists() or target.stat().st_size > MAX_BYTES:
        raise InputError(
            f"{path} cannot be made to fit into a page: {MAX_BYTES // 1_000_000} MB a video is the limit.",
            hint="Make the others: --sheet sheet.png --video video.mp4",
        )
    return Embedded(target.read_bytes(), _times(target), is_original=False)


def _plays_everywhere(path: Path) -> bool:
    """Whether a file is an mp4 of 8-bit H.264 with a sound that browsers know, and not too large."""
    if path.stat().st_size > MAX_BYTES:
        return False
    with path.open("rb") as file:
        start = file.read(12)
    # QuickTime's own brand is for QuickTime.
    if start[4:8] != b"ftyp" or start[8:12] == b"qt  ":
        return False
    with media.open_container(path) as container:
        context = media.picture_stream(container).codec_context
        voices = [getattr(stream, "codec_context", None) for stream in container.streams.audio]
        return (
            context.name == "h264"
            and context.pix_fmt in _PIXELS
            and all(voice is not None and voice.name in _SOUNDS for voice in voices)
        )


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
