"""Local files for the local engine: put on its own server, known by their hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from headswap_cli.envelope import Fault, open_envelope
from headswap_cli.errors import NetworkError, ServiceError
from headswap_cli.text import printable
from headswap_cli.transfer import hash_file, upload
from headswap_cli.wire import ENGINE_ORIGIN, MEDIA_PATH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from headswap_cli.transfer import OnBytes


class EngineHost:
    """Puts files on the local engine; one that is there already is not sent again.

    Args:
        http: Knows the way to the engine and its token; stays the caller's to close.
    """

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def publish(self, path: Path, *, on_bytes: OnBytes | None = None) -> str:
        """Make the file known to the engine and return its URL there, the same over restarts.

        Raises:
            InputError: the file can't be read.
            HeadswapError: the engine refuses it or can't be reached.
        """
        address = f"{MEDIA_PATH}/{hash_file(path)}"
        if self._holds(address):
            return ENGINE_ORIGIN + address
        try:
            return self._sent(address, path, on_bytes)
        except NetworkError:
            # Killed in the middle, or ended just then. Sending costs nothing: files are known by their hash.
            if self._holds(address):
                return ENGINE_ORIGIN + address
        try:
            return self._sent(address, path, on_bytes)
        except NetworkError as error:
            raise NetworkError(
                f"The local engine broke off twice while {str(path)!r} was sent to it.",
                hint="headswap serve --status; then the same command again, which goes on",
            ) from error

    is_cleaned = False

    def clean_up(self, links: Sequence[str]) -> None:
        """Do nothing: the engine lets go of its media by itself."""

    def _sent(self, address: str, path: Path, on_bytes: OnBytes | None) -> str:
        reply = upload(
            self._http, address, path, headers={"Content-Type": "application/octet-stream"}, on_bytes=on_bytes
        )
        outcome = open_envelope(reply)
        if isinstance(outcome, Fault):
            raise outcome.error
        url = outcome.get("url")
        if not isinstance(url, str) or not url.startswith("http"):
            raise ServiceError(
                "The engine took the file and gave no URL for it.", hint="headswap serve --stop"
            )
        return url

    def _holds(self, address: str) -> bool:
        try:
            return self._http.head(address).status_code == 200
        except httpx.RequestError as error:
            raise NetworkError(
                f"The local engine did not answer: {printable(str(error), 160)}",
                hint="headswap serve --status",
            ) from error
