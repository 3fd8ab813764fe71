"""Sending a file, and knowing it by its hash."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError
from headswap_cli.transfer.http import read_reply, translated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import httpx

    from headswap_cli.envelope import Reply
    from headswap_cli.transfer.http import OnBytes

CHUNK_BYTES = 1 << 20


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


def upload(
    http: httpx.Client,
    url: str,
    path: Path,
    *,
    headers: Mapping[str, str] | None = None,
    on_bytes: OnBytes | None = None,
) -> Reply:
    """PUT a file at ``url`` with its length declared, and return the answer, whatever its status.

    No redirect is followed: a file goes where it was meant to go.

    Raises:
        InputError: the file can't be read, or changes while it is being sent.
        NetworkError: the server can't be reached or breaks off.
    """
    try:
        size_bytes = path.stat().st_size
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be read: {error.strerror}.") from error
    with translated(url):
        request = http.build_request(
            "PUT",
            url,
            content=_read(path, size_bytes, on_bytes),
            headers={**(headers or {}), "Content-Length": str(size_bytes)},
        )
        response = http.send(request, stream=True, follow_redirects=False)
        try:
            return read_reply(response)
        finally:
            response.close()


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
