"""Whether an answer goes on with what is on the disk, replaces it, or can't be trusted with either.

After RFC 9110: sections 13.1.5 (If-Range), 14.4 (Content-Range), 15.3.7 (206) and 15.5.17 (416).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from headswap_cli.errors import TransferError
from headswap_cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]{1,256}"')
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_UNSATISFIED = re.compile(r"bytes \*/([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Held:
    """What is on the disk of an object: its first bytes.

    ``etag`` is None where the server gave no strong one, ``total`` None where it told no length.
    """

    size_bytes: int = 0
    etag: str | None = None
    total: int | None = None

    @property
    def is_resumable(self) -> bool:
        """Whether the rest can be asked for without risk: a weak validator lets two files be spliced."""
        is_within = self.total is None or self.size_bytes <= self.total
        return self.etag is not None and self.size_bytes > 0 and is_within

    def request_headers(self) -> dict[str, str]:
        """Return what asks for the rest, and for all if the object is another by now."""
        if not self.is_resumable or self.etag is None:
            return {}
        return {"Range": f"bytes={self.size_bytes}-", "If-Range": self.etag}


class Verdict(StrEnum):
    """What to do with an answer."""

    APPEND = "append"
    REPLACE = "replace"
    WHOLE = "whole"
    ASK_WHOLE = "ask_whole"


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict, and what the body is to bring.

    ``stop`` is the position after its last byte, ``total`` the length of the object, ``etag`` its strong tag;
    each None where the server doesn't tell.
    """

    verdict: Verdict
    stop: int | None = None
    total: int | None = None
    etag: str | None = None


_ASK_WHOLE = Ruling(Verdict.ASK_WHOLE)


def judge(status: int, headers: Mapping[str, str], held: Held) -> Ruling:
    """Judge an answer to a request with ``held.request_headers()``; ``headers`` by names in lower case.

    Raises:
        TransferError: the request was for all, and all is not what came.
    """
    if status == 200:
        return _judge_all(headers)
    if not held.is_resumable:
        if status == 206:
            shown = printable(headers.get("content-range", ""), 60)
            raise TransferError(f"Only a part of the file came: {shown or 'HTTP 206'}")
        raise TransferError(f"The server answered HTTP {status} where 200 was due.")
    if status == 206:
        return _judge_rest(headers, held)
    if status == 416:
        return _judge_nothing_left(headers, held)
    raise TransferError(f"The server answered HTTP {status} where 206 was due.")


def strong_etag(headers: Mapping[str, str]) -> str | None:
    """Return the entity tag that tells two versions apart byte for byte, None if there is none."""
    etag = headers.get("etag", "").strip()
    return etag if _STRONG_ETAG.fullmatch(etag) else None


def declared_length(headers: Mapping[str, str]) -> int | None:
    """Return the Content-Length if it is one."""
    declared = headers.get("content-length")
    return int(declared) if declared is not None and re.fullmatch(r"[0-9]{1,18}", declared) else None


def _judge_all(headers: Mapping[str, str]) -> Ruling:
    total, told = declared_length(headers), headers.get("content-range")
    if told is not None:
        found = _RANGE.fullmatch(told.strip())
        length = str(total) if total is not None else found and found[3]
        if not found or not (found[1] == "0" and found[3] == length == str(int(found[2]) + 1)):
            raise TransferError(f"Only a part of the file came: {printable(told, 60)}")
    return Ruling(Verdict.REPLACE, total, total, strong_etag(headers))


def _judge_rest(headers: Mapping[str, str], held: Held) -> Ruling:
    found = _RANGE.fullmatch(headers.get("content-range", "").strip())
    # A server that ignores If-Range sends the rest of the new object: only its tag gives it away.
    if found is None or strong_etag(headers) != held.etag:
        return _ASK_WHOLE
    start, stop = int(found[1]), int(found[2]) + 1
    total = held.total if found[3] == "*" else int(found[3])
    fits = start == held.size_bytes < stop <= (stop if total is None else total)
    same_length = held.total in {None, total} and declared_length(headers) in {None, stop - start}
    return Ruling(Verdict.APPEND, stop, total, held.etag) if fits and same_length else _ASK_WHOLE


def _judge_nothing_left(headers: Mapping[str, str], held: Held) -> Ruling:
    found = _UNSATISFIED.fullmatch(headers.get("content-range", "").strip())
    is_end = found is not None and int(found[1]) == held.size_bytes == (held.total or held.size_bytes)
    # Without a tag it could be another object; that is no matter where all of ours is here already.
    is_ours = strong_etag(headers) == held.etag if held.total is None else "etag" not in headers
    if not is_end or not (is_ours or strong_etag(headers) == held.etag):
        return _ASK_WHOLE
    return Ruling(Verdict.WHOLE, held.size_bytes, held.size_bytes, held.etag)
