"""Files that somebody hostile, careless or unlucky might hand in, the same every time."""

from __future__ import annotations

import random
import shutil
import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from av.stream import Disposition

from tests import footage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

# Boxes of an mp4 and fields in them: offset from the box's name, struct format, what they say falsely.
_LIES: dict[str, tuple[bytes, int, str, int]] = {
    "huge_width": (b"avc1", 28, ">H", 65535),
    "no_width": (b"avc1", 28, ">H", 0),
    "no_clock": (b"mdhd", 16, ">I", 0),
    "fast_clock": (b"mdhd", 16, ">I", 2**31 - 1),
    "years_long": (b"stts", 16, ">I", 2**31 - 1),
    "no_time_between": (b"stts", 16, ">I", 0),
    "many_times": (b"stts", 12, ">I", 2**31 - 1),
    "many_sizes": (b"stsz", 12, ">I", 2**31 - 1),
    "huge_samples": (b"stsz", 8, ">I", 2**30),
    "no_chunks": (b"stco", 8, ">I", 0),
    "far_chunks": (b"stco", 12, ">I", 2**32 - 1),
    "huge_box": (b"stbl", -4, ">I", 2**31 - 1),
    "tiny_box": (b"trak", -4, ">I", 1),
    "long_film": (b"mvhd", 20, ">I", 2**32 - 1),
    "strange_codec": (b"avc1", 0, ">4s", 0),
    "strange_brand": (b"ftyp", 4, ">4s", 0),
}


def pictures(count: int, width: int = 128, height: int = 96) -> list[Picture]:
    """Return pictures in which something moves."""
    still = footage.corners(width, height)
    return [np.roll(still, 3 * index, axis=1) for index in range(count)]


def plain(folder: Path, name: str = "plain.mp4", **chosen: Any) -> Path:
    """Write three seconds at 20 frames a second with sound."""
    times = np.arange(3 * footage.RATE) / footage.RATE
    tone = (0.2 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
    chosen = {"sound": tone, "time_base": Fraction(1, 400), "fast_start": name.endswith(".mp4"), **chosen}
    return footage.write_video(folder / name, chosen.pop("frames", None) or pictures(60), **chosen)


def encoded(
    path: Path,
    frames: Sequence[Picture],
    codec: str,
    pixels: str,
    *,
    rate: Fraction | int = 20,
    options: dict[str, str] | None = None,
    prepare: Callable[[av.VideoStream], None] = lambda _: None,
) -> Path:
    """Write frames with any codec and pixel format; ``prepare`` changes the stream before it is opened."""
    with av.open(str(path), "w") as container:
        stream = cast("av.VideoStream", container.add_stream(codec, rate=rate, options=options or {}))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        prepare(stream)
        for index, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = index, 1 / Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def truncated(folder: Path, places: int) -> Iterator[Path]:
    """Cut a file whose index stands in front, and one that is a chain of clusters, at so many places."""
    for source in (plain(folder), plain(folder, "plain.mkv")):
        content = source.read_bytes()
        for place in range(places):
            path = folder / f"cut_{place:02}{source.suffix}"
            path.write_bytes(content[: len(content) * place // places])
            yield path


def flipped(folder: Path, seeds: range) -> Iterator[Path]:
    """Flip 1 to 64 bits of files of several kinds, half of the time in the first kilobyte."""
    sources = [plain(folder, f"plain.{kind}") for kind in ("mp4", "mkv", "avi", "ts", "mov")]
    for seed in seeds:
        chance = random.Random(seed)
        source = sources[seed % len(sources)]
        content = bytearray(source.read_bytes())
        reach = len(content) if seed % 2 else min(len(content), 1024)
        for _ in range(chance.choice((1, 4, 16, 64))):
            content[chance.randrange(reach)] ^= 1 << chance.randrange(8)
        path = folder / f"flip_{seed:05}{source.suffix}"
        path.write_bytes(content)
        yield path


def lying(folder: Path) -> Iterator[Path]:
    """Write files whose headers say what is not so."""
    content = plain(folder).read_bytes()
    for name, (box, offset, form, value) in _LIES.items():
        place = content.index(box) + offset
        said = struct.pack(form, b"zzzz" if form.endswith("s") else value)
        path = folder / f"lie_{name}.mp4"
        path.write_bytes(content[:place] + said + content[place + len(said) :])
        yield path


def unusual(folder: Path) -> Iterator[Path]:
    """Write files that are sound but rare."""
    some = pictures(60)
    yield encoded(folder / "one_fps.mp4", pictures(4), "libx264", "yuv420p", rate=1)
    yield encoded(folder / "thousand_fps.mp4", pictures(3000, 64, 48), "libx264", "yuv420p", rate=1000)
    yield encoded(folder / "ten_bit.mp4", some, "libx264", "yuv420p10le")
    yield encoded(
        folder / "ten_bit_hevc.mp4", some, "libx265", "yuv420p10le", options={"x265-params": "log-level=none"}
    )
    yield encoded(folder / "full_chroma.mp4", some, "libx264", "yuv444p")
    yield encoded(folder / "alpha.mov", some, "qtrle", "argb")
    yield encoded(folder / "alpha.webm", some, "libvpx-vp9", "yuva420p", options={"cpu-used": "8"})
    yield encoded(folder / "webm.webm", some, "libvpx", "yuv420p", options={"cpu-used": "8"})
    yield encoded(folder / "gif.gif", some, "gif", "rgb8")
    yield encoded(folder / "grey.avi", some, "rawvideo", "gray")
    yield encoded(
        folder / "interlaced.mp4",
        some,
        "libx264",
        "yuv420p",
        options={"flags": "+ildct+ilme", "x264opts": "tff=1"},
    )
    yield encoded(
        folder / "wide_pixels.mp4",
        some,
        "libx264",
        "yuv420p",
        prepare=lambda s: _set_aspect(s, Fraction(64, 45)),
    )
    yield encoded(
        folder / "absurd_pixels.mkv",
        some,
        "mpeg4",
        "yuv420p",
        prepare=lambda s: _set_aspect(s, Fraction(1, 255)),
    )
    yield encoded(folder / "no_timestamps.h264", some, "libx264", "yuv420p")
    yield encoded(folder / "one_frame.mp4", pictures(1), "libx264", "yuv420p")
    yield encoded(folder / "image.mp4", pictures(1), "png", "rgb24")
    yield encoded(folder / "odd.mkv", pictures(60, 127, 95), "ffv1", "yuv444p")
    for side in (1, 2, 15, 16):
        yield encoded(folder / f"{side}x{side}.mkv", pictures(60, side, side), "ffv1", "yuv444p")
    yield encoded(folder / "ribbon.mkv", pictures(60, 1024, 16), "ffv1", "yuv444p")
    for turns in (1, 2, 3):
        yield plain(folder, f"turned_{turns}.mp4", quarter_turns=turns)
    yield plain(folder, "mirrored.mp4", mirrored=True)
    yield plain(folder, "negative_times.mkv", frames=some, times=[20 * (i - 10) for i in range(60)])
    yield plain(folder, "pcm.mov", sound_codec="pcm_s16le")
    yield several_streams(folder / "two_videos.mp4", videos=2, sounds=0)
    yield several_streams(folder / "thirty_sounds.mkv", videos=1, sounds=30)
    yield cover_art(folder / "cover.mp4")
    yield changing_size(folder / "changing.ts", folder)
    yield changing_size(folder / "changing.h264", folder)


def impostors(folder: Path) -> Iterator[Path]:
    """Write files that are no videos, or name other files."""
    texts = {
        "page.mp4": b"<!doctype html><title>404</title>" * 50,
        "noise.mp4": random.Random(0).randbytes(50_000),
        "zeros.mp4": bytes(100_000),
        "short.mp4": b"\0",
        "list.m3u8": b"#EXTM3U\n#EXTINF:4,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "list.mp4": b"#EXTM3U\n#EXTINF:4,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n",
        "concat.mp4": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "session.sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
        "picture.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    }
    for name, content in texts.items():
        (folder / name).write_bytes(content)
        yield folder / name
    (folder / "empty.mp4").touch()
    yield folder / "empty.mp4"


def bombs(folder: Path) -> Iterator[Path]:
    """Write small files that unpack to much more than they seem."""
    yield gif_canvas(folder / "canvas.gif")
    yield repeated(folder / "endless.ts", plain(folder, "plain.ts"), times=100)
    yield zipped_track(folder / "bomb.mkv")


def several_streams(path: Path, *, videos: int, sounds: int) -> Path:
    """Write a file with several pictures and sounds, each different."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=20) for _ in range(videos)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        voices = [container.add_stream("aac", rate=8000, layout="mono") for _ in range(sounds)]
        for picture in pictures(60):
            for index, stream in enumerate(streams):
                frame = av.VideoFrame.from_ndarray(np.roll(picture, 9 * index, 0), format="bgr24")
                container.mux(stream.encode(frame))
        for start in range(0, 24_000, 1024):
            for voice in voices:
                block = av.AudioFrame.from_ndarray(
                    np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
                )
                block.sample_rate, block.pts, block.time_base = 8000, start, Fraction(1, 8000)
                container.mux(voice.encode(block))
        for stream in streams:
            container.mux(stream.encode(None))
        for voice in voices:
            container.mux(voice.encode(None))
    return path


def cover_art(path: Path) -> Path:
    """Write a video whose first stream is a picture for the cover."""
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 128, 96, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        stream = container.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for index, picture in enumerate(pictures(60)):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            container.mux(stream.encode(frame))
            if not index:
                container.mux(cover.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        for each in (cover, stream):
            container.mux(each.encode(None))
    return path


def changing_size(path: Path, folder: Path) -> Path:
    """Write a stream whose pictures grow in the middle."""
    parts = [
        encoded(folder / f"part_{width}{path.suffix}", pictures(40, width, height), "libx264", "yuv420p")
        for width, height in ((128, 96), (320, 176))
    ]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def gif_canvas(path: Path) -> Path:
    """Write a GIF of a few bytes that claims 65535 x 65535 pixels."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    head = b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6)
    path.write_bytes(head + frame * 60 + b"\x3b")
    return path


def repeated(path: Path, source: Path, *, times: int) -> Path:
    """Write a stream that begins again and again."""
    with path.open("wb") as file:
        for _ in range(times):
            with source.open("rb") as part:
                shutil.copyfileobj(part, file)
    return path


def zipped_track(path: Path) -> Path:
    """Write a Matroska file whose only picture is 64 MB of zeros, packed by zlib (ContentCompAlgo 0)."""
    import zlib

    def element(number: str, content: bytes) -> bytes:
        return bytes.fromhex(number) + struct.pack(">Q", len(content) | 1 << 56) + content

    packed = zlib.compress(bytes(64 << 20), 9)
    encoding = element("6D80", element("6240", element("5034", element("4254", b"\0"))))
    size = element("E0", element("B0", b"\x40") + element("BA", b"\x40"))
    track = element(
        "AE", element("D7", b"\1") + element("83", b"\1") + element("86", b"V_MJPEG") + encoding + size
    )
    cluster = element("1F43B675", element("E7", b"\0") + element("A3", b"\x81\0\0\x80" + packed))
    head = element("1A45DFA3", element("4282", b"matroska"))
    path.write_bytes(head + element("18538067", element("1654AE6B", track) + cluster))
    return path


def large(path: Path, width: int, height: int, *, count: int = 3) -> Path:
    """Write a few black pictures of any size as PNG in a mov; they pack to almost nothing."""
    return encoded(path, [np.zeros((height, width, 3), np.uint8)] * count, "png", "gray", rate=1)


def long(path: Path, *, seconds: int, rate: int = 10) -> Path:
    """Write so many seconds of a tiny picture."""
    return encoded(
        path,
        pictures(40, 64, 48) * (seconds * rate // 40),
        "libx264",
        "yuv420p",
        rate=rate,
        options={"preset": "ultrafast"},
    )


def _set_aspect(stream: av.VideoStream, aspect: Fraction) -> None:
    stream.codec_context.sample_aspect_ratio = aspect
