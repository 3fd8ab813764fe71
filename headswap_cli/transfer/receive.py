"""Receiving a file that is checked at every step, for neither server nor line is trusted."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from headswap_cli.errors import NetworkError, NotFoundError, TransferError
from headswap_cli.models import Saved
from headswap_cli.text import printable
from headswap_cli.transfer.http import translated, without_query
from headswap_cli.transfer.part import create_part, sync_folder, write_chunks, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from headswap_cli.transfer.http import OnBytes

MAX_REDIRECTS = 5
MAX_RESULT_BYTES = 4 << 30
# Slower than this over a stall timeout counts as stalled: a byte now and then never times out.
MIN_BYTES_PER_S = 1024


def download(
    http: httpx.Client,
    url: str,
    target: Path,
    *,
    verify: Callable[[Path], object],
    on_bytes: OnBytes | None = None,
    stall_timeout_s: float = 60.0,
    max_bytes: int = MAX_RESULT_BYTES,
    clock: Callable[[], float] = time.monotonic,
) -> Saved:
    """Save what is at ``url`` as ``target``, which is replaced only by a whole and verified file.

    Redirects are followed if ``http`` follows them. No message holds the query of a URL, which may be a
    signature.

    Args:
        http: Must hold no key unless ``url`` is its own server's.
        url: Where the file is.
        target: Its folder must exist; ``.part`` is added to the name while it is under way.
        verify: Is given the whole file before it gets its name, and raises if it is not what it should be.
        on_bytes: Is told of every chunk.
        stall_timeout_s: How long nothing, or next to nothing, may come.
        max_bytes: More than that is not a result.
        clock: Seconds of a clock that never goes back.

    Raises:
        NotFoundError: the link has expired.
        InputError: the target's folder can't be written to, or another download is at it.
        TransferError: what came is not what was promised, or it can't be written.
        NetworkError: the server can't be reached, breaks off, stalls or fails.
    """
    part = target.with_name(target.name + ".part")
    with translated(url), opened(http, url, stall_timeout_s) as response:
        total = _promised_bytes(response, url)
        chunks = _bounded(steady(response.iter_raw(), stall_timeout_s, clock), total, max_bytes)
        file, mode = create_part(part, stall_timeout_s)
        try:
            size_bytes, sha256 = write_chunks(
                file, part, chunks, lambda done: on_bytes and on_bytes(done, total)
            )
            _check_length(size_bytes, total)
            verify(part)
            with writing(target):
                part.chmod(mode)
                part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    sync_folder(target.parent)
    return Saved(target, size_bytes, sha256)


@contextmanager
def opened(http: httpx.Client, url: str, stall_timeout_s: float) -> Iterator[httpx.Response]:
    """GET ``url`` and yield the answer to the last redirect, its body unread.

    Raises: TransferError: the redirects are too many, or lead from https to http.
    """
    timeout = httpx.Timeout(stall_timeout_s, connect=min(stall_timeout_s, 10.0))
    headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
    request = http.build_request("GET", url, headers=headers, timeout=timeout)
    for _ in range(MAX_REDIRECTS + 1):
        # Followed here: httpx would read the whole body of a redirect, however long, and unpack it.
        response = http.send(request, stream=True, follow_redirects=False)
        try:
            following = response.next_request if http.follow_redirects else None
            if following is None:
                yield response
                return
        finally:
            response.close()
        if request.url.scheme == "https" and following.url.scheme != "https":
            raise TransferError(f"{without_query(url)} redirects from https to plain {following.url.scheme}.")
        request = following
    raise TransferError(f"{without_query(url)} redirects more than {MAX_REDIRECTS} times.")


def _promised_bytes(response: httpx.Response, url: str) -> int | None:
    """Check the head of a response and return the length that it declares, None if it declares none."""
    shown, status = without_query(url), response.status_code
    if status in {403, 404, 410}:
        raise NotFoundError(
            f"The result link has expired or the result is gone (HTTP {status}): {shown}",
            hint="Ask for a new link: headswap download TASK_ID",
        )
    if status == 429 or status >= 500:
        raise NetworkError(f"{shown} answered HTTP {status}.", hint="Try again: headswap download TASK_ID")
    if status != 200:
        raise TransferError(f"{shown} answered HTTP {status} where 200 was due.")
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise TransferError(f"{shown} came packed as {printable(encoding, 40)}, which no video is.")
    declared = response.headers.get("content-length")
    total = int(declared) if declared is not None and re.fullmatch(r"[0-9]{1,18}", declared) else None
    _check_range(response.headers.get("content-range"), total)
    return total


def _check_range(content_range: str | None, total: int | None) -> None:
    """Check that a whole answer doesn't say that it is a piece of something."""
    if content_range is None:
        return
    found = re.fullmatch(r"bytes 0-([0-9]{1,18})/([0-9]{1,18})", content_range.strip())
    if found is None or not int(found[1]) + 1 == int(found[2]) == (
        total if total is not None else int(found[2])
    ):
        raise TransferError(f"Only a part of the file came: {printable(content_range, 60)}")


def _check_length(size_bytes: int, total: int | None) -> None:
    if total is not None and size_bytes != total:
        raise TransferError(f"{size_bytes} bytes came where {total} were promised.")


def steady(chunks: Iterator[bytes], stall_timeout_s: float, clock: Callable[[], float]) -> Iterator[bytes]:
    """Hand chunks on while they come fast enough.

    Raises: NetworkError: next to nothing came for a whole stall timeout.
    """
    since, received = clock(), 0
    for chunk in chunks:
        received += len(chunk)
        if clock() - since >= stall_timeout_s:
            if received < MIN_BYTES_PER_S * stall_timeout_s:
                raise NetworkError(f"The transfer stalled: {received} bytes came in {stall_timeout_s:g} s.")
            since, received = clock(), 0
        yield chunk


def _bounded(chunks: Iterator[bytes], total: int | None, max_bytes: int) -> Iterator[bytes]:
    received = total or 0
    if received <= max_bytes:
        received = 0
        for chunk in chunks:
            received += len(chunk)
            if received > max_bytes:
                break
            yield chunk
    if received > max_bytes:
        raise TransferError(f"The file is longer than {max_bytes} bytes, which no result is.")
