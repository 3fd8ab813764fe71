"""Receiving a file that is checked at every step, for neither server nor line is trusted."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from headswap_cli.errors import DeadlineError, NetworkError, NotFoundError, TransferError
from headswap_cli.text import printable
from headswap_cli.transfer.http import translated, without_query
from headswap_cli.transfer.part import open_part
from headswap_cli.transfer.ranges import Held, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from headswap_cli.models import Saved
    from headswap_cli.transfer.http import OnBytes
    from headswap_cli.transfer.part import Part
    from headswap_cli.transfer.ranges import Ruling

MAX_REDIRECTS = 5
MAX_RESULT_BYTES = 4 << 30
# Slower than this over a stall timeout counts as stalled: a byte now and then never times out.
MIN_BYTES_PER_S = 1024
# A line that broke is taken up again at once if it brought at least this, so that it can't go on for ever.
MIN_PROGRESS_BYTES = 256 << 10
_KEPT = "What came is kept: the same command again fetches the rest."


@dataclass(frozen=True, slots=True)
class _Order:
    """What is fetched, and what is borne of the server."""

    http: httpx.Client
    url: str
    on_bytes: OnBytes | None
    stall_timeout_s: float
    give_up: float
    max_bytes: int
    clock: Callable[[], float]


def download(
    http: httpx.Client,
    url: str,
    target: Path,
    *,
    verify: Callable[[Path], object],
    on_bytes: OnBytes | None = None,
    on_whole: Callable[[str], None] = lambda sha256: None,
    force: bool = True,
    stall_timeout_s: float = 60.0,
    timeout_s: float = 7200.0,
    max_bytes: int = MAX_RESULT_BYTES,
    clock: Callable[[], float] = time.monotonic,
) -> Saved:
    """Save what is at ``url`` as ``target``, which is replaced only by a whole and verified file.

    What an earlier call left of the same object in ``.part`` is gone on with, if the server can prove by a
    strong ETag that it is still that object; a line that breaks is taken up again as long as each attempt
    gets somewhere. Redirects are followed if ``http`` follows them. No message holds the query of a URL,
    which may be a signature.

    Args:
        http: Must hold no key unless ``url`` is its own server's.
        url: Where the file is.
        target: Its folder must exist; ``.part`` is added to the name while it is under way.
        verify: Is given the whole file before it gets its name, and raises if it is not what it should be.
        on_bytes: Is told of every chunk, what was there before included.
        on_whole: Is told the hash of the whole and verified file just before that gets its name.
        force: Whether it may take the place of a file that has the name by then.
        stall_timeout_s: How long nothing, or next to nothing, may come.
        timeout_s: How long all of it may take.
        max_bytes: More than that is not a result.
        clock: Seconds of a clock that never goes back.

    Raises:
        NotFoundError: the link has expired.
        InputError: the target's folder can't be written to, another download is at it, or the name is taken
            and ``force`` is off; the file is kept as ``.part`` then.
        TransferError: what came is not what was promised, or it can't be written.
        NetworkError: the server can't be reached, breaks off, stalls or fails.
        DeadlineError: it took too long.
    """
    order = _Order(http, url, on_bytes, stall_timeout_s, clock() + timeout_s, max_bytes, clock)
    finish = _Finish(verify, on_whole, force)
    try:
        return _save(order, target, finish)
    except _PiecesError:
        return _save(order, target, finish)


@dataclass(frozen=True, slots=True)
class _Finish:
    """What is done with the whole file."""

    verify: Callable[[Path], object]
    on_whole: Callable[[str], None]
    force: bool


class _PiecesError(TransferError):
    """A file that came in pieces doesn't verify: it may have been damaged between them."""


def _save(order: _Order, target: Path, finish: _Finish) -> Saved:
    with open_part(target, _identity(order.url)) as part:
        is_pieced = _receive(order, part)
        try:
            finish.verify(part.path)
        except TransferError as error:
            part.discard()
            if is_pieced:
                raise _PiecesError(error.message, hint=error.hint) from error
            raise
        finish.on_whole(part.sha256())
        return part.become_target(force=finish.force)


def is_there(http: httpx.Client, url: str, *, stall_timeout_s: float = 10.0) -> bool:
    """Whether something can be read at ``url`` now; one byte of it is asked for."""
    try:
        with translated(url), opened(http, url, stall_timeout_s, {"Range": "bytes=0-0"}) as response:
            return response.status_code in {200, 206}
    except (NetworkError, TransferError):
        return False


def _identity(url: str) -> str:
    """Return what stays the same of a link when it is signed anew."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"


def _receive(order: _Order, part: Part) -> bool:
    """Bring the part to its end, in as many requests as it takes; return whether it came in pieces."""
    is_pieced, ask_whole = False, False
    while True:
        before = part.held.size_bytes
        try:
            with translated(order.url):
                ruling = _ask(order, part, Held() if ask_whole else part.held)
        except NetworkError as error:
            _check_progress(part, before, error)
            is_pieced, ask_whole = True, False
            continue
        ask_whole = ruling.verdict is Verdict.ASK_WHOLE
        is_pieced = ruling.verdict is not Verdict.REPLACE and (is_pieced or before > 0)
        if not ask_whole and not (ruling.verdict is Verdict.APPEND and ruling.stop != ruling.total):
            part.sync()
            return is_pieced


def _check_progress(part: Part, before: int, error: NetworkError) -> None:
    """Let a broken line pass if it brought enough to be worth another try."""
    if not part.held.is_resumable:
        raise error
    if part.held.size_bytes - before < MIN_PROGRESS_BYTES:
        error.hint = _KEPT
        raise error


def _check_time(order: _Order) -> None:
    if order.clock() > order.give_up:
        raise DeadlineError("The download was not over in time.", hint=_KEPT)


def _ask(order: _Order, part: Part, held: Held) -> Ruling:
    """Send one request and put what it brings where it belongs."""
    _check_time(order)
    with opened(order.http, order.url, order.stall_timeout_s, held.request_headers()) as response:
        _check_head(response, order.url)
        ruling = judge(response.status_code, response.headers, held)
        if max(ruling.total or 0, ruling.stop or 0) > order.max_bytes:
            raise _too_long(part, f"{order.max_bytes} bytes, which no result is")
        if ruling.verdict is Verdict.REPLACE:
            part.replace(ruling)
        elif ruling.verdict is Verdict.APPEND:
            part.resume(ruling)
        else:
            return ruling
        _fill(order, part, ruling, response)
    return ruling


def _fill(order: _Order, part: Part, ruling: Ruling, response: httpx.Response) -> None:
    """Append a body that must end where it was said to."""
    size_bytes = part.held.size_bytes
    for chunk in steady(response.iter_raw(), order.stall_timeout_s, order.clock):
        _check_time(order)
        size_bytes += len(chunk)
        if ruling.stop is not None and size_bytes > ruling.stop:
            raise _too_long(part, f"the {ruling.stop} bytes that were promised")
        if size_bytes > order.max_bytes:
            raise _too_long(part, f"{order.max_bytes} bytes, which no result is")
        part.append(chunk)
        if order.on_bytes is not None:
            order.on_bytes(size_bytes, ruling.total)
    if ruling.stop is not None and size_bytes != ruling.stop:
        raise TransferError(f"{size_bytes} bytes came where {ruling.stop} were promised.")


def _too_long(part: Part, limit: str) -> TransferError:
    part.discard()
    return TransferError(f"The file is longer than {limit}.")


@contextmanager
def opened(
    http: httpx.Client, url: str, stall_timeout_s: float, more_headers: Mapping[str, str] | None = None
) -> Iterator[httpx.Response]:
    """GET ``url`` and yield the answer to the last redirect, its body unread.

    Raises: TransferError: the redirects are too many, or lead from https to http.
    """
    timeout = httpx.Timeout(stall_timeout_s, connect=min(stall_timeout_s, 10.0))
    headers = {"Accept": "*/*", "Accept-Encoding": "identity", **(more_headers or {})}
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


def _check_head(response: httpx.Response, url: str) -> None:
    shown, status = without_query(url), response.status_code
    if status in {403, 404, 410}:
        raise NotFoundError(
            f"The result link has expired or the result is gone (HTTP {status}): {shown}",
            hint="Ask for a new link: headswap download TASK_ID",
        )
    if status == 429 or status >= 500:
        raise NetworkError(f"{shown} answered HTTP {status}.", hint="Try again: headswap download TASK_ID")
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise TransferError(f"{shown} came packed as {printable(encoding, 40)}, which no video is.")


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
