"""Moving files over HTTP: down through a ``.part`` that becomes the target only when it is whole, and up."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import stat
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from headswap_cli.envelope import Reply
from headswap_cli.errors import InputError, NetworkError, NotFoundError, TransferError
from headswap_cli.models import Saved
from headswap_cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

OnBytes = Callable[[int, int | None], None]
"""Is told the bytes done and the bytes there are, None where the server doesn't say; every chunk."""

CHUNK_BYTES = 1 << 20
MAX_REDIRECTS = 5
MAX_REPLY_BYTES = 8 << 20
MAX_RESULT_BYTES = 4 << 30
REPLY_TIMEOUT_S = 120.0
# Slower than this over a stall timeout counts as stalled: a byte now and then never times out.
MIN_BYTES_PER_S = 1024


def bare_http(timeout_s: float = 60.0) -> httpx.Client:
    """Return a client for media: no key, up to five redirects, and bytes as they lie on the server."""
    quiet_logs()
    return httpx.Client(
        headers={"Accept-Encoding": "identity"},
        timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 10.0)),
        follow_redirects=True,
    )


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file of any size, in lower-case hex.

    Raises:
        InputError: it can't be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be read: {error.strerror}.") from error


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
    with _translated(url), _opened(http, url, stall_timeout_s) as response:
        total = _promised_bytes(response, url)
        chunks = _bounded(_steady(response.iter_raw(), stall_timeout_s, clock), total, max_bytes)
        file, mode = _create(part, stall_timeout_s)
        try:
            size_bytes, sha256 = _write(file, part, chunks, lambda done: on_bytes and on_bytes(done, total))
            _check_length(size_bytes, total)
            verify(part)
            with _writing(target):
                part.chmod(mode)
                part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    _sync_folder(target.parent)
    return Saved(target, size_bytes, sha256)


def upload(
    http: httpx.Client,
    url: str,
    path: Path,
    *,
    headers: Mapping[str, str] | None = None,
    on_bytes: OnBytes | None = None,
) -> Reply:
    """PUT a file at ``url`` with its length declared, and return the answer, whatever its status.

    Raises:
        InputError: the file can't be read, or changes while it is being sent.
        NetworkError: the server can't be reached or breaks off.
    """
    try:
        size_bytes = path.stat().st_size
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be read: {error.strerror}.") from error
    with _translated(url):
        request = http.build_request(
            "PUT",
            url,
            content=_read(path, size_bytes, on_bytes),
            headers={**(headers or {}), "Content-Length": str(size_bytes)},
        )
        response = http.send(request, stream=True)
        try:
            return read_reply(response)
        finally:
            response.close()


def read_reply(response: httpx.Response, *, clock: Callable[[], float] = time.monotonic) -> Reply:
    """Read a streamed answer of a few kilobytes, as it was sent; what is far too long is cut off.

    Raises:
        httpx.ReadTimeout: it comes in drips that would never end.
    """
    give_up = clock() + REPLY_TIMEOUT_S
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            break
        if clock() > give_up:
            raise httpx.ReadTimeout("the answer did not end", request=response.request)
    headers = response.headers
    return Reply(response.status_code, bytes(body), headers.get("retry-after"), headers.get("location"))


def without_query(url: str) -> str:
    """Return a URL that may be shown: without password, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a malformed URL"
    return printable(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


class _NoQueries(logging.Filter):
    """Takes the queries out of what httpx and httpcore log: they print presigned URLs whole."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place and let it pass."""
        record.msg = re.sub(r"\?[^\s\"'<>]+", "?...", record.getMessage())
        record.args = None
        return True


_NO_QUERIES = _NoQueries()


def quiet_logs() -> None:
    """Keep signatures out of the log records of the HTTP library; doing it twice changes nothing."""
    for name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
        logging.getLogger(name).addFilter(_NO_QUERIES)


@contextmanager
def _translated(url: str) -> Iterator[None]:
    shown = without_query(url)
    try:
        yield
    except httpx.InvalidURL as error:
        raise TransferError(f"{shown} is not a URL.") from error
    except httpx.TimeoutException as error:
        raise NetworkError(f"{shown} stalled: nothing came in time.") from error
    except httpx.RequestError as error:
        reason = printable(str(error), 160) or type(error).__name__
        raise NetworkError(f"{shown} could not be transferred: {reason}") from error


@contextmanager
def _opened(http: httpx.Client, url: str, stall_timeout_s: float) -> Iterator[httpx.Response]:
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


def _steady(chunks: Iterator[bytes], stall_timeout_s: float, clock: Callable[[], float]) -> Iterator[bytes]:
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


def _create(part: Path, stall_timeout_s: float, now: Callable[[], float] = time.time) -> tuple[BinaryIO, int]:
    """Create ``part`` for the owner alone; return it open, and the mode a new file has here by default.

    One that nobody has written to for a whole stall timeout was left by a killed process and is replaced.
    """
    try:
        if part.is_symlink() or (part.exists() and now() - part.stat().st_mtime > stall_timeout_s):
            part.unlink()
        file = part.open("xb")
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        part.chmod(0o600)
    except FileExistsError as error:
        raise InputError(
            f"Another download seems to be writing {str(part)!r}.", hint=f"If none is: rm {str(part)!r}"
        ) from error
    except OSError as error:
        raise InputError(f"{str(part)!r} can't be created: {error.strerror}.", hint="Use -o FILE") from error
    return file, mode


def _write(
    file: BinaryIO, part: Path, chunks: Iterator[bytes], on_size: Callable[[int], object]
) -> tuple[int, str]:
    """Write all chunks down to the disk; return their length and SHA-256."""
    size_bytes, digest = 0, hashlib.sha256()
    with file:
        for chunk in chunks:
            with _writing(part):
                file.write(chunk)
            digest.update(chunk)
            size_bytes += len(chunk)
            on_size(size_bytes)
        with _writing(part):
            file.flush()
            os.fsync(file.fileno())
    return size_bytes, digest.hexdigest()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TransferError(
            f"{str(path)!r} can't be written: {error.strerror}.", hint="Make room, or save elsewhere: -o FILE"
        ) from error


def _sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` outlive a power cut, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, size_bytes: int, on_bytes: OnBytes | None) -> Iterator[bytes]:
    """Yield exactly ``size_bytes`` of a file in chunks of 1 MiB."""
    done = 0
    with path.open("rb") as file:
        while done < size_bytes:
            chunk = file.read(min(CHUNK_BYTES, size_bytes - done))
            if not chunk:
                raise InputError(f"{str(path)!r} became shorter while it was being sent.")
            yield chunk
            done += len(chunk)
            if on_bytes is not None:
                on_bytes(done, size_bytes)
