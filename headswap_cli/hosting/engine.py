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
        sha256 = hash_file(path)
        address = f"{MEDIA_PATH}/{sha256}"
        if self._holds(address):
            return ENGINE_ORIGIN + address
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

    def clean_up(self) -> None:
        """Do nothing: the engine lets go of its media by itself."""

    def _holds(self, address: str) -> bool:
        try:
            return self._http.head(address).status_code == 200
        except httpx.RequestError as error:
            raise NetworkError(
                f"The local engine did not answer: {printable(str(error), 160)}",
                hint="headswap serve --status",
            ) from error
