"""How large a picture is, read from its head: before anything makes room for its pixels."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable

# 108 megapixels is what large telephones take.
MAX_PICTURE_PIXELS = 128_000_000
_HEAD_BYTES = 65_536
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
# HEIF (ISO/IEC 23008-12) and AVIF; whatever else begins with a box of type ``ftyp`` is a video or a song.
_PICTURE_BRANDS = frozenset({b"mif1", b"msf1", b"heic", b"heix", b"hevc", b"avif", b"avis", b"miaf"})


def size_of(file: BinaryIO) -> tuple[int, int] | None:
    """Return the width and height that a picture declares, before it is turned.

    Args:
        file: At its beginning; anywhere afterwards.

    Returns: ``None`` where it is no JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF, or is cut off too early.
    """
    head = file.read(_HEAD_BYTES)
    for magic, read in _READERS.items():
        if head.startswith(magic):
            try:
                return _jpeg(file) if read is None else read(head)
            except (struct.error, IndexError):
                return None
    return _avif(head) if head[4:8] == b"ftyp" else None


def is_video(head: bytes) -> bool:
    """Whether what begins so is an mp4 or a mov that holds no still picture.

    Args:
        head: The first 12 bytes, or more.
    """
    return head[4:8] == b"ftyp" and head[8:12] not in _PICTURE_BRANDS


def excess(size: tuple[int, int] | None) -> str | None:
    """Say in a clause that a picture of this size is not to be decoded; ``None`` where it may be."""
    width, height = size or (0, 0)
    if width * height <= MAX_PICTURE_PIXELS:
        return None
    return f"has {width} x {height} pixels; the limit is {MAX_PICTURE_PIXELS // 10**6} million"


def _png(head: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", head, 16)
    return width, height


def _gif(head: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", head, 6)
    return width, height


def _bmp(head: bytes) -> tuple[int, int]:
    if struct.unpack_from("<I", head, 14)[0] == 12:
        width, height = struct.unpack_from("<HH", head, 18)
    else:
        width, height = struct.unpack_from("<ii", head, 18)
    return abs(width), abs(height)


def _webp(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X" and len(head) >= 30:
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    return None


def _tiff(head: bytes) -> tuple[int, int] | None:
    order = "<" if head.startswith(b"II") else ">"
    (first,) = struct.unpack_from(f"{order}I", head, 4)
    (count,) = struct.unpack_from(f"{order}H", head, first)
    said: dict[int, int] = {}
    for index in range(count):
        tag, kind = struct.unpack_from(f"{order}HH", head, first + 2 + 12 * index)
        (said[tag],) = struct.unpack_from(
            f"{order}{'H' if kind == 3 else 'I'}", head, first + 10 + 12 * index
        )
    width, height = said.get(_TIFF_WIDTH), said.get(_TIFF_HEIGHT)
    return (width, height) if width and height else None


def _avif(head: bytes) -> tuple[int, int] | None:
    """Return the largest picture of an ISO file; its thumbnails and tiles have sizes too."""
    sizes: list[tuple[int, int]] = []
    place = head.find(b"ispe")
    while place >= 0 and place + 16 <= len(head):
        width, height = struct.unpack_from(">II", head, place + 8)
        sizes.append((width, height))
        place = head.find(b"ispe", place + 4)
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def _jpeg(file: BinaryIO) -> tuple[int, int] | None:
    """Go from segment to segment to the frame header; a preview in the EXIF block has one of its own."""
    file.seek(2)
    before = b""
    while after := file.read(1):
        # Between segments there may be padding, and decoders bear rubbish too.
        is_marker, before = before == b"\xff" and after not in b"\0\xff", after
        if not is_marker:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        # Start of frame: 0xC0 to 0xCF but for tables (C4, C8, CC). ITU-T T.81, table B.1.
        if 0xC0 <= after[0] <= 0xCF and after[0] not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">xHH", file.read(5))
            return width, height
        file.seek(max(0, length - 2), io.SEEK_CUR)
    return None


_READERS: dict[bytes, Callable[[bytes], tuple[int, int] | None] | None] = {
    b"\xff\xd8\xff": None,
    b"\x89PNG\r\n\x1a\n": _png,
    b"GIF8": _gif,
    b"BM": _bmp,
    b"RIFF": _webp,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
}
