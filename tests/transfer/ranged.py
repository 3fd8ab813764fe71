"""A media host that serves ranges, well or in every wrong way that is known, and can hang in the middle."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.origin import Origin

if TYPE_CHECKING:
    from tests.origin import Connection, Fault, Recorded


class Quirk(StrEnum):
    """What it does wrong."""

    IGNORES_IF_RANGE = "serves a range of the new object to whoever asked for the old one's"
    IGNORES_BOTH = "the same, and doesn't tell its tag"
    NO_RANGES = "always sends all"
    SHIFTED = "starts a byte late"
    OTHER_TOTAL = "tells another length with the range"
    UNKNOWN_TOTAL = "tells no length with the range"
    NO_CONTENT_RANGE = "doesn't say which range it is"
    OTHER_LENGTH = "says that less comes than the range holds"
    NEVER_SATISFIED = "finds no range satisfiable"
    SLICES = "sends a few bytes of what was asked for"
    WEAK = "has weak tags"
    NO_TAG = "has no tags"
    NO_LENGTH = "tells no length"
    TOO_MUCH = "sends more than it said"
    PACKED = "packs what nobody wants packed"
    BUSY = "is busy"


@dataclass
class Ranged:
    """One object as a server has it; ``cut`` is how many bytes of a body it sends before it breaks off.

    With ``hangs`` it falls silent there instead.
    """

    content: bytes
    etag: str = '"v0"'
    quirk: Quirk | None = None
    cut: int | None = None
    hangs: bool = False
    sent_bytes: int = 0

    def __call__(self, connection: Connection) -> None:
        """Answer one request."""
        status, head, body = self._answer(connection.headers.get("Range"), connection.headers.get("If-Range"))
        lines = [f"HTTP/1.1 {status} So", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        body = body[: self.cut]
        # Counted first: whoever has read it all may look at once.
        self.sent_bytes += len(body)
        connection.wfile.write("\r\n".join(lines).encode())
        connection.wfile.write(body)
        if self.hangs:
            connection.origin.closing.wait()
        connection.close_connection = True

    def _answer(self, asked: str | None, if_range: str | None) -> tuple[int, dict[str, str], bytes]:
        size = len(self.content)
        head = self._tag()
        start = int(found[1]) if asked and (found := re.fullmatch(r"bytes=([0-9]+)-", asked)) else None
        is_blind = self.quirk in {Quirk.IGNORES_IF_RANGE, Quirk.IGNORES_BOTH, Quirk.NEVER_SATISFIED}
        if self.quirk is Quirk.BUSY:
            return 503, {"Content-Length": "0"}, b""
        if start is None or self.quirk is Quirk.NO_RANGES or not (is_blind or if_range == head.get("ETag")):
            return 200, head | self._length(size), self._body(self.content)
        if start >= size or self.quirk is Quirk.NEVER_SATISFIED:
            return 416, {"Content-Range": f"bytes */{size}", "Content-Length": "0"}, b""
        start += self.quirk is Quirk.SHIFTED
        stop = min(size, start + 7) if self.quirk is Quirk.SLICES else size
        total = {Quirk.OTHER_TOTAL: f"{size + 1}", Quirk.UNKNOWN_TOTAL: "*"}.get(
            self.quirk or Quirk.WEAK, f"{size}"
        )
        if self.quirk is not Quirk.NO_CONTENT_RANGE:
            head |= {"Content-Range": f"bytes {start}-{stop - 1}/{total}"}
        return 206, head | self._length(stop - start), self._body(self.content[start:stop])

    def _tag(self) -> dict[str, str]:
        if self.quirk in {Quirk.NO_TAG, Quirk.IGNORES_BOTH}:
            return {}
        head = {"ETag": f"W/{self.etag}" if self.quirk is Quirk.WEAK else self.etag}
        return head | ({"Content-Encoding": "gzip"} if self.quirk is Quirk.PACKED else {})

    def _length(self, size_bytes: int) -> dict[str, str]:
        if self.quirk in {Quirk.NO_LENGTH, Quirk.TOO_MUCH}:
            return {}
        return {"Content-Length": str(max(size_bytes - (self.quirk is Quirk.OTHER_LENGTH), 0))}

    def _body(self, body: bytes) -> bytes:
        return body + b"more" if self.quirk is Quirk.TOO_MUCH else body


class RangedOrigin(Origin):
    """Serves one object under every path."""

    def __init__(self, ranged: Ranged) -> None:
        super().__init__()
        self.ranged = ranged

    def act_on(self, request: Recorded) -> Fault:
        """Record a request; the object answers."""
        self.requests.append(request)
        return self.ranged
