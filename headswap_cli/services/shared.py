"""One place for local files that many workflows use at once."""

from __future__ import annotations

import threading
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from headswap_cli.hosting.host import Host
    from headswap_cli.transfer import OnBytes


class OnceHost:
    """Publishes each file once, however many threads ask for it, and keeps all of them until all are done.

    Args:
        host: The place; told of one content by one thread at a time.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    @classmethod
    def opener(cls, open_host: Callable[[], Host]) -> Callable[[], OnceHost]:
        """Return what opens the place at its first call, for every thread the same."""
        lock = threading.Lock()
        opened = cache(lambda: cls(open_host()))

        def open_once() -> OnceHost:
            with lock:
                return opened()

        return open_once

    def publish(self, path: Path, *, on_bytes: OnBytes | None = None) -> str:
        """Return the file's URL, as the place does; while another thread sends the same content, wait.

        Raises:
            HeadswapError: as the place.
        """
        from headswap_cli.transfer import hash_file

        sha256 = hash_file(path)
        with self._lock:
            lock = self._locks[sha256]
        with lock:
            return self._host.publish(path, on_bytes=on_bytes)

    @property
    def is_cleaned(self) -> bool:
        """Whether ``clean_up`` removes anything."""
        return self._host.is_cleaned

    def clean_up(self, links: Sequence[str]) -> None:
        """Remove what one run has put there, as the place does; of a place that is cleaned nothing is shared.

        Raises:
            HeadswapError: as the place.
        """
        self._host.clean_up(links)
