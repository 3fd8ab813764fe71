"""Photos that somebody hostile, careless or unlucky might hand in, and what PNGs are made of."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a PNG chunk."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *, bits: int = 8, packed: bytes | None = None, extra: bytes = b"") -> bytes:
    """Return a black grey-level PNG of any size; its packed rows may be given, true or not."""
    if packed is None:
        packer = zlib.compressobj(9)
        row = bytes(1 + (width * bits + 7) // 8)
        packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", head) + extra + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def gradient(height: int = 60, width: int = 90) -> NDArray[np.uint8]:
    """Return a BGR picture without two equal corners."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.dstack([rows * 4 % 256, columns * 2 % 256, (rows + columns) % 256]).astype(np.uint8)


def encoded(kind: str, picture: NDArray[np.generic], *options: int) -> bytes:
    """Return a picture as a file of a kind that is named like its ending."""
    done, content = cv2.imencode(f".{kind}", np.asarray(picture), options)
    assert done
    return content.tobytes()


def sound(folder: Path) -> Iterator[Path]:
    """Write photos that are to be read."""
    picture = gradient()
    opaque = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    palette = chunk(b"PLTE", bytes(range(256)) * 3)
    contents = {
        "plain.jpg": encoded("jpg", picture),
        "progressive.jpg": encoded("jpg", picture, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        "grey.jpg": encoded("jpg", picture[..., 0]),
        "cmyk.jpg": cmyk_jpeg(picture),
        "plain.png": encoded("png", picture),
        "deep.png": encoded("png", picture.astype(np.uint16) * 257),
        "alpha.png": encoded("png", opaque),
        "deep_alpha.png": encoded("png", opaque.astype(np.uint16) * 257),
        "bilevel.png": encoded("png", picture[..., 0], cv2.IMWRITE_PNG_BILEVEL, 1),
        "palette.png": png(64, 64, extra=palette),
        "plain.webp": encoded("webp", picture),
        "alpha.webp": encoded("webp", opaque),
        "plain.bmp": encoded("bmp", picture),
        "plain.tiff": encoded("tiff", picture),
        "plain.gif": encoded("gif", picture),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        yield folder / name


def cmyk_jpeg(picture: NDArray[np.uint8]) -> bytes:
    """Return a four-colour JPEG as printers' programs write it, inverted and marked as Adobe's."""
    from io import BytesIO

    from PIL import Image

    file = BytesIO()
    Image.fromarray(picture[..., ::-1].copy()).convert("CMYK").save(file, "JPEG", quality=95)
    return file.getvalue()


def hostile(folder: Path) -> Iterator[Path]:
    """Write photos that are bombs, damaged, or none."""
    jpeg = encoded("jpg", gradient())
    contents = {
        "wide.png": png(50_000, 50_000, bits=1),
        "lying.png": png(50_000, 50_000, packed=zlib.compress(b"\0" * 100)),
        "most.png": png(2**31 - 1, 2**31 - 1, packed=b""),
        "flat.png": png(0, 0, packed=b""),
        "ribbon.png": png(1_000_000, 1, bits=1),
        "profile.png": png(8, 8, extra=chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(1 << 26), 9))),
        "text.png": png(8, 8, extra=chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(1 << 26), 9)) * 8),
        "huge.jpg": jpeg.replace(struct.pack(">HH", 60, 90), struct.pack(">HH", 65_500, 65_500), 1),
        "canvas.gif": b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0x80, 0, 0) + bytes(6) + b"\x3b",
        "huge.bmp": b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, 2**30, -(2**30), 1, 24, 0) + bytes(20),
        "huge.webp": b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff" * 6 + b"VP8 \0\0\0\0",
        "loop.tiff": b"II*\0\x08\0\0\0\xff\xff" + bytes(2000),
        "page.jpg": b"<!doctype html><title>404</title>",
        "picture.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "portrait.pdf": b"%PDF-1.7\n",
        "empty.jpg": b"",
        "short.jpg": b"\xff\xd8\xff",
        "endless.jpg": b"\xff\xd8\xff\xe0\0\0" + b"\xff\xfe\0\x02" * 50_000,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        yield folder / name


def truncated(folder: Path, places: int) -> Iterator[Path]:
    """Cut a photo of every kind at so many places."""
    for source in list(sound(folder)):
        content = source.read_bytes()
        for place in range(places):
            path = folder / f"cut_{place:02}_{source.name}"
            path.write_bytes(content[: len(content) * place // places])
            yield path


def flipped(folder: Path, seeds: range) -> Iterator[Path]:
    """Flip up to 16 bits of a photo of every kind."""
    import random

    sources = list(sound(folder))
    for seed in seeds:
        chance, source = random.Random(seed), sources[seed % len(sources)]
        content = bytearray(source.read_bytes())
        reach = len(content) if seed % 2 else min(len(content), 128)
        for _ in range(chance.choice((1, 2, 16))):
            content[chance.randrange(reach)] ^= 1 << chance.randrange(8)
        path = folder / f"flip_{seed:05}_{source.name}"
        path.write_bytes(content)
        yield path
