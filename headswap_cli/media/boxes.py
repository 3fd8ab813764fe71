"""Whether a file is a whole container, as far as that shows without a decoder."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from headswap_cli.media.container import UnusableMediaError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

_EBML = b"\x1a\x45\xdf\xa3"


def check_whole(path: Path) -> None:
    """Check that an mp4 has its index and all its bytes, or that a file is at least WebM or Matroska.

    Raises: UnusableMediaError: it is neither, or it breaks off.
    """
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        if start.startswith(_EBML):
            return
        if start[4:8] != b"ftyp":
            raise UnusableMediaError("is not a video")
        file.seek(0)
        kinds = set(_boxes(file, size_bytes))
    if not {b"moov", b"mdat"} <= kinds:
        raise UnusableMediaError("is cut off: the index or the pictures are missing")


def _boxes(file: BinaryIO, size_bytes: int) -> Iterator[bytes]:
    """Yield the kinds of the top-level boxes (ISO/IEC 14496-12, 4.2)."""
    at = 0
    while at < size_bytes:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8).ljust(8, b"\0"))
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))
        elif length == 0:
            length = size_bytes - at
        if length < 8 or at + length > size_bytes:
            raise UnusableMediaError(f"breaks off after {size_bytes} bytes")
        yield kind
        at += length
