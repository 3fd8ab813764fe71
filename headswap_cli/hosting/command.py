"""Local files for the cloud: handed to a program of the user's, which uploads them and says where."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from headswap_cli.errors import HostingError, InputError
from headswap_cli.hosting.host import content_name
from headswap_cli.text import printable
from headswap_cli.transfer import hash_file, without_query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from headswap_cli.hosting.setting import CommandSetting
    from headswap_cli.transfer import OnBytes

TIMEOUT_S = 600.0
# What the program is not told: it uploads a file and has no use for the keys of this one.
_OURS = ("HEADSWAP_API_KEY", "HEADSWAP_TOKEN", "AKOOL_API_KEY", "AKOOL_CLIENT_ID", "AKOOL_CLIENT_SECRET")


class CommandHost:
    """Runs a program once for each content, without a shell; the last line that it prints is the URL.

    Args:
        setting: The program and its arguments; ``{path}`` and ``{name}`` stand for the file's absolute path
            and for a name made of its hash.
        env: The program's environment, less this program's keys.
        timeout_s: How long it may take.
    """

    def __init__(
        self, setting: CommandSetting, *, env: Mapping[str, str] = os.environ, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._words, self._timeout_s = setting.words, timeout_s
        self._env = {name: value for name, value in env.items() if name not in _OURS}
        self._links: dict[str, str] = {}

    def publish(self, path: Path, *, on_bytes: OnBytes | None = None) -> str:
        """Run the program and return the URL that it printed.

        Raises:
            InputError: the file can't be read, or there is no such program.
            HostingError: the program fails, takes too long, or prints no http(s) URL.
        """
        sha256 = hash_file(path)
        if sha256 not in self._links:
            size_bytes = path.stat().st_size
            if on_bytes is not None:
                on_bytes(0, size_bytes)
            self._links[sha256] = self._url(self._run(path, content_name(sha256, path)))
            if on_bytes is not None:
                on_bytes(size_bytes, size_bytes)
        return self._links[sha256]

    is_cleaned = False

    def clean_up(self, links: Sequence[str]) -> None:
        """Do nothing: what the program has put somewhere is its own to delete."""

    def _run(self, path: Path, name: str) -> str:
        words = [word.replace("{name}", name).replace("{path}", str(path)) for word in self._words]
        try:
            done = subprocess.run(  # noqa: S603  the user's own setting, split into words, no shell
                words,
                env=self._env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise HostingError(
                f"The hosting command took longer than {self._timeout_s:.0f} s: {self._program}"
            ) from error
        except OSError as error:
            raise InputError(
                f"The hosting command can't be run: {self._program}: {error.strerror}.",
                hint="headswap profile set NAME hosting='command: PROGRAM {path} {name}'",
            ) from error
        if done.returncode != 0:
            raise HostingError(
                f"The hosting command {self._program} ended with {done.returncode}: "
                f"{_tail(done.stderr) or 'it said nothing on stderr'}",
                hint="Run it by hand to see more.",
            )
        return done.stdout.decode("utf-8", "replace")

    def _url(self, output: str) -> str:
        lines = output.strip().splitlines()
        url = lines[-1].strip() if lines else ""
        if not is_web_url(url):
            raise HostingError(
                f"The hosting command {self._program} printed no http(s) URL last, "
                f"but: {printable(url.partition('?')[0], 120)!r}",
                hint="The last line on its stdout must be the URL alone.",
            )
        return url

    @property
    def _program(self) -> str:
        return printable(self._words[0], 80)


def is_web_url(url: str) -> bool:
    """Tell whether a text is an http(s) URL with a host and nothing that a URL can't hold."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_clean = all("!" <= letter <= "~" for letter in url) and len(url) <= 8000
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and is_clean


def _tail(stderr: bytes) -> str:
    """Return the end of what a program complained about; URLs in it may be signed."""
    words = printable(stderr[-2000:].decode("utf-8", "replace"), 2000).split()
    shown = " ".join(without_query(word) if "://" in word else word for word in words)
    return shown[-400:]
