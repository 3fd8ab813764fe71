"""What a place for local files must offer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from headswap_cli.transfer import OnBytes


class Host(Protocol):
    """Gives a local file a URL that the backend can read for as long as a task may take.

    ``is_cleaned`` tells that what is put there is taken away again, so that no other run may count on it.
    """

    @property
    def is_cleaned(self) -> bool:
        """Whether ``clean_up`` removes anything."""

    def publish(self, path: Path, *, on_bytes: OnBytes | None = None) -> str:
        """Make the file readable and return its URL, one for each content for as long as this host is open.

        A place that is cleaned gives each call a URL of its own.

        Args:
            path: A readable file of any size.
            on_bytes: Is told the bytes sent; not called if the file is there already.

        Raises:
            InputError: the file can't be read.
            HeadswapError: the place refuses it or can't be reached.
        """

    def clean_up(self, links: Sequence[str]) -> None:
        """Remove what lies there under these URLs, if its user asked for that; nobody reads it any more."""


def content_name(stem: str, path: Path) -> str:
    """Return ``stem`` with the suffix of ``path``, if it is one that means the same everywhere."""
    return stem + path.suffix.lower() if re.fullmatch(r"\.[A-Za-z0-9]{1,8}", path.suffix) else stem
