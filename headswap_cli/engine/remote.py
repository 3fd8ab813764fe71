"""Fetching what a job names by a URL: by the worker, so that the server waits for nobody else's server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headswap_cli.engine.storage import UPLOAD_LIMIT_BYTES
from headswap_cli.wire import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headswap_cli.transfer.fetch import Bounds

_BYTES = ("application/octet-stream", "binary/octet-stream")
_PHOTO_LIMIT_BYTES = 64 * 1024**2
_PHOTO_TIMEOUT_S = 120.0


class Fetcher:
    """Fetches sources and photos within bounds.

    Args:
        public_only: Fetch from public addresses alone: strangers give this engine its orders.
        pulse: Is called as bytes arrive.
    """

    def __init__(self, *, public_only: bool, pulse: Callable[[], None] = lambda: None) -> None:
        self._public_only = public_only
        self._pulse = pulse

    def video(self, url: str, target: Path) -> None:
        """Save the source video at ``url``.

        Raises: MediaFault: it cannot be had.
        """
        from headswap_cli.transfer.fetch import Bounds

        types = ("video/", "image/gif", "application/mp4", "application/mxf", *_BYTES)
        self._fetch("video", url, target, Bounds(UPLOAD_LIMIT_BYTES, types))

    def photo(self, url: str, target: Path) -> None:
        """Save the reference photo at ``url``.

        Raises: MediaFault: it cannot be had.
        """
        from headswap_cli.transfer.fetch import Bounds

        self._fetch("photo", url, target, Bounds(_PHOTO_LIMIT_BYTES, ("image/", *_BYTES), _PHOTO_TIMEOUT_S))

    def _fetch(self, what: str, url: str, target: Path, bounds: Bounds) -> None:
        from headswap_cli.engine.types import MediaFault
        from headswap_cli.errors import HeadswapError
        from headswap_cli.transfer import bare_http
        from headswap_cli.transfer.fetch import fetch, public_http

        # Whoever may use an engine of this machine alone may use this machine, its proxy too.
        with public_http() if self._public_only else bare_http() as http, target.open("xb") as file:
            try:
                fetch(http, url, file, bounds, on_bytes=lambda done, total: self._pulse())
            except HeadswapError as error:
                raise MediaFault(UNREADABLE, f"The {what} could not be fetched: {error}") from error
