"""Videos made on the spot whose every property is chosen: times, rotation, colours, sound."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

RATE = 48_000
_PIX_FMTS = {"libx264": "yuv444p", "prores_ks": "yuv422p10le"}
# Top left, top right, bottom left, bottom right; BGR.
CORNERS = ((40, 40, 200), (40, 190, 40), (200, 60, 60), (190, 190, 190))


def corners(width: int = 128, height: int = 96) -> NDArray[np.uint8]:
    """Return a BGR picture whose four quarters differ, so that every turn of it shows."""
    picture = np.empty((height, width, 3), np.uint8)
    middle_y, middle_x = height // 2, width // 2
    picture[:middle_y, :middle_x], picture[:middle_y, middle_x:] = CORNERS[0], CORNERS[1]
    picture[middle_y:, :middle_x], picture[middle_y:, middle_x:] = CORNERS[2], CORNERS[3]
    return picture


def corner_colours(picture: NDArray[np.uint8]) -> list[int]:
    """Return which of ``CORNERS`` is seen at the picture's top left, top right, bottom left, bottom right."""
    height, width = picture.shape[:2]
    seen = [
        picture[y, x].astype(int)
        for y in (height // 4, 3 * height // 4)
        for x in (width // 4, 3 * width // 4)
    ]
    return [
        int(np.argmin([np.abs(colour - corner).sum() for corner in np.array(CORNERS)])) for colour in seen
    ]


def write_video(
    path: Path,
    pictures: Sequence[NDArray[np.uint8]],
    *,
    times: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 600),
    codec: str = "libx264",
    tags: tuple[int, int] = (0, 2),
    quarter_turns: int = 0,
    mirrored: bool = False,
    sound: NDArray[np.float32] | None = None,
    sound_codec: str = "aac",
    fast_start: bool = False,
    keys_every: int | None = None,
    interlaced: bool = False,
) -> Path:
    """Write BGR pictures, 20 ticks apart unless ``times`` says else, and mono sound at ``RATE``.

    Args:
        path: Where to; the name's ending chooses the container.
        pictures: All of one size.
        times: One a picture, in ``time_base``.
        time_base: The clock of the picture.
        codec: FFmpeg's name of an encoder.
        tags: Colour range and matrix, numbers of ITU-T H.273; the pixels are converted accordingly.
        quarter_turns: How often the player is told to turn it, clockwise.
        mirrored: Whether the player is told to mirror it first.
        sound: Samples, -1 to 1.
        sound_codec: FFmpeg's name of an encoder.
        fast_start: Whether the index stands before the data.
        keys_every: How many pictures lead from one key frame to the next at most; the encoder's own if None.
        interlaced: Whether libx264 takes the lines of each picture for two moments.
    """
    options = {"movflags": "+faststart"} if fast_start else {}
    with av.open(str(path), "w", options=options) as container:
        stream = _picture_stream(container, codec, time_base, tags)
        if keys_every is not None:
            stream.codec_context.gop_size = keys_every
        if interlaced:
            stream.options = {"x264-params": "tff=1"}
        stream.height, stream.width = pictures[0].shape[:2]
        if quarter_turns or mirrored:
            stream.set_display_rotation(-90 * quarter_turns, hflip=mirrored)
        voice = None if sound is None else container.add_stream(sound_codec, rate=RATE, layout="mono")
        clock = [index * 20 for index in range(len(pictures))] if times is None else times
        for picture, pts in zip(pictures, clock, strict=True):
            frame = _coded(picture, stream.pix_fmt, tags)
            frame.pts, frame.time_base = pts, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            for packets in _heard(sound, voice):
                container.mux(packets)
    return path


def beep(seconds: float, *, at_s: float) -> NDArray[np.float32]:
    """Return silence with a tenth of a second of tone in it."""
    times = np.arange(round(seconds * RATE), dtype=np.float32) / RATE
    tone = 0.5 * np.sin(2 * np.pi * 1000 * times)
    return np.where((times >= at_s) & (times < at_s + 0.1), tone, 0).astype(np.float32)


def noise(seconds: float) -> NDArray[np.float32]:
    """Return sound whose encoded packets all differ."""
    return (np.random.default_rng(7).standard_normal(round(seconds * RATE)) * 0.1).astype(np.float32)


def heard_at_s(path: Path) -> float:
    """Return when the first loud sample of a file plays, in seconds."""
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = np.abs(frame.to_ndarray().astype(np.float64).mean(axis=0))
            loud = np.flatnonzero(samples > 0.2 * (1 if frame.format.name.startswith("flt") else 32768))
            if loud.size and frame.time is not None:
                return frame.time + float(loud[0]) / frame.sample_rate
    raise AssertionError("nothing is heard")


def sound_packets(path: Path) -> list[tuple[bytes, Fraction]]:
    """Return the packets of the first audio stream, each with the time it starts at; none if it is silent."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return []
        packets = container.demux(container.streams.audio[0])
        return [(bytes(p), p.pts * p.time_base) for p in packets if p.dts is not None and p.pts is not None]


def picture_times(path: Path) -> list[Fraction]:
    """Return when each decoded frame is shown, in seconds."""
    with av.open(str(path)) as container:
        frames = container.decode(container.streams.video[0])
        return [frame.pts * frame.time_base for frame in frames if frame.pts is not None and frame.time_base]


def _picture_stream(container: Any, codec: str, time_base: Fraction, tags: tuple[int, int]) -> Any:
    is_h264 = codec == "libx264"
    options = {"crf": "8", "preset": "veryfast"} if is_h264 else {}
    stream = container.add_stream(codec, rate=30, time_base=time_base, options=options)
    stream.pix_fmt = _PIX_FMTS.get(codec, "yuv420p")
    stream.codec_context.time_base = time_base
    stream.codec_context.color_range, stream.codec_context.colorspace = tags
    return stream


def _coded(picture: NDArray[np.uint8], pix_fmt: str, tags: tuple[int, int]) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")
    value_range, matrix = tags
    return VideoReformatter().reformat(
        frame,
        format=pix_fmt,
        src_color_range=ColorRange.JPEG,
        dst_colorspace=1 if matrix == 1 else 5,
        dst_color_range=value_range or ColorRange.MPEG,
    )


def _heard(sound: NDArray[np.float32], voice: Any) -> Iterable[Any]:
    for start in range(0, len(sound), 1024):
        frame = av.AudioFrame.from_ndarray(sound[None, start : start + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        yield voice.encode(frame)
    yield voice.encode(None)
