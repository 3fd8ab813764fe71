"""What a place for local files must offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.transfer import OnBytes


class Host(Protocol):
    """Gives a local file a URL that the backend can read for as long as a task may take."""

    def publish(self, path: Path, *, on_bytes: OnBytes | None = None) -> str:
        """Make the file readable and return its URL; the same content always gets the same URL.

        Args:
            path: A readable file of any size.
            on_bytes: Is told the bytes sent; not called if the file is there already.

        Raises:
            InputError: the file can't be read.
            HeadswapError: the place refuses it or can't be reached.
        """
