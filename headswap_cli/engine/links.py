"""The URLs of stored files, as whoever asks for them can use them."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from headswap_cli.wire import ENGINE_ORIGIN, MEDIA_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SIGNATURE = "signature"


class Links:
    """Makes the URLs of stored files, and knows its own again.

    To this machine's commands a URL is the same over restarts, wherever the engine listens. To anybody else
    it names the host that was asked, and is signed like a cloud's: it opens that one file without the key.

    Args:
        token: The engine's key.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def asked_at(self, host: str) -> Callable[[str], str]:
        """Return what makes URLs of names for a client.

        Args:
            host: The Host header of its request, known to be one of the engine's.
        """
        if host == urlsplit(ENGINE_ORIGIN).netloc:
            return lambda name: f"{ENGINE_ORIGIN}{MEDIA_PATH}/{name}"
        return lambda name: f"http://{host}{MEDIA_PATH}/{name}?{SIGNATURE}={self._sign(name)}"

    def open(self, method: str, path: str, query: Mapping[str, str]) -> bool:
        """Whether a request reads a file and carries the signature of just that."""
        folder, _, name = path.rpartition("/")
        if method not in {"GET", "HEAD"} or folder != MEDIA_PATH:
            return False
        return hmac.compare_digest(query.get(SIGNATURE, "").encode(), self._sign(name).encode())

    def _sign(self, name: str) -> str:
        return hmac.new(self._token, f"GET {name}".encode(), "sha256").hexdigest()
