"""What the workflows work with, handed in by whoever runs them."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from headswap_cli.errors import HeadswapError, InputError
from headswap_cli.journal import StepKind
from headswap_cli.media import is_url
from headswap_cli.models import Backend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from headswap_cli.api.client import ApiClient
    from headswap_cli.api.dialect import Dialect
    from headswap_cli.config import Settings
    from headswap_cli.hosting.host import Host
    from headswap_cli.journal import Journal
    from headswap_cli.models import Front, Status
    from headswap_cli.services.casting import Likeness
    from headswap_cli.services.purse import Purse


class Reporter(Protocol):
    """Is told what goes on while a workflow runs; shows it or not."""

    def state(self, what: str, status: Status, progress: float) -> None:
        """``what`` (analysis, task) is in this state; ``progress`` is 0 to 100."""

    def waits(self, what: str, front: Front, ahead: int) -> None:
        """``what`` has ``ahead`` jobs before it, the first of them being ``front``; told again and again."""

    def transfer(self, what: str, done: int, total: int | None) -> None:
        """``done`` bytes of ``total`` of a file were sent or received."""

    def notice(self, text: str) -> None:
        """Something the user should know, and need not act on."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a monotonic clock, kept with the words the user gave it in."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Deps:
    """An open connection to a backend, the journal, and ways to speak to the user.

    ``keyed`` carries the key. ``open_bare`` opens a client without one at its first call: few commands need
    it, and the certificates that it loads take longer than a request. ``open_host`` opens the place for local
    files at its first call; None where the profile has none. ``open_likeness`` loads what compares faces.
    ``purse`` is what several runs spend from. ``clock`` never goes back, ``now`` is seconds since the epoch.
    ``is_quiet`` tells that the user hears nothing of what is reported.
    """

    settings: Settings
    client: ApiClient
    dialect: Dialect
    keyed: httpx.Client
    open_bare: Callable[[], httpx.Client]
    open_host: Callable[[], Host] | None
    open_likeness: Callable[[], Likeness]
    journal: Journal
    report: Reporter
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    purse: Purse | None = None
    now: Callable[[], float] = time.time
    is_quiet: bool = False

    @property
    def is_free(self) -> bool:
        """Whether nothing costs anything there."""
        return self.settings.backend is Backend.LOCAL

    @property
    def nothing_done(self) -> str:
        """How a message ends that stops a run before the request which may cost."""
        return "nothing was made" if self.is_free else "nothing was paid"

    def media_client(self, url: str) -> httpx.Client:
        """Return the client to fetch ``url`` with: the local engine wants its token for its own media.

        No other host that serves media is ever sent a key.
        """
        if self.settings.profile != "local":
            return self.open_bare()
        import httpx

        try:
            asked, own = httpx.URL(url), self.keyed.base_url
        except httpx.InvalidURL:
            return self.open_bare()
        same = (asked.scheme, asked.host, asked.port) == (own.scheme, own.host, own.port)
        return self.keyed if same else self.open_bare()

    def publish(self, run_id: str, source: str, what: str, *, sha256: str | None = None) -> str:
        """Return a URL under which the backend can read ``source``; a URL is passed on byte for byte.

        Args:
            run_id: The run that it is for; the journal keeps the URL.
            source: A path or an http(s) URL.
            what: What the user is told it is.
            sha256: What its content was known by; None if nobody has read it yet.

        Raises:
            InputError: as ``host_for``, or the file has changed meanwhile.
        """
        host = self.host_for(source)
        if host is None:
            return source
        from headswap_cli.transfer import hash_file

        path = absolute(source)
        url = host.publish(path, on_bytes=lambda done, total: self.report.transfer(what, done, total))
        sent = hash_file(path)
        if sha256 is not None and sent != sha256:
            raise InputError(
                f"{source!r} changed while it was worked with; {self.nothing_done}.",
                hint="The same command again, once nobody writes it any more.",
            )
        self.journal.published(run_id, str(path), sent, url)
        return url

    def host_for(self, source: str) -> Host | None:
        """Return the place that gives ``source`` a URL, None if it is one that the backend reads itself.

        Raises:
            InputError: a local file and no place for it.
        """
        if is_url(source):
            return None
        if self.open_host is None:
            profile = self.settings.profile
            raise InputError(
                f"The cloud service reads http(s) URLs, {source!r} is a local file, and the profile "
                f"{profile!r} names no place to put it.",
                hint=f"headswap profile set {profile} hosting=s3://BUCKET/PREFIX, or give the URL of a copy "
                "on the web, or work on this machine: --profile local",
            )
        return self.open_host()

    def check_sources(self, *sources: str) -> None:
        """Check that each source can get its URL, before anything is sent.

        Raises:
            InputError: as ``host_for``, or the place can't be used.
        """
        for source in sources:
            self.host_for(source)

    def clean_up(self, run_id: str) -> None:
        """Let the place remove what was put there for a run; nobody reads it any more.

        A result is there by now, so that a place that fails to do so is news and no error.
        """
        steps = self.journal.steps(run_id)
        links = [step.detail["url"] for step in steps if step.kind is StepKind.PUBLISHED]
        if self.open_host is None or not links:
            return
        try:
            self.open_host().clean_up(links)
        except HeadswapError as error:
            self.report.notice(f"The uploaded files are still in their place: {error.message}")


def absolute(source: str) -> Path:
    """Return the path of a local source, with ``~`` expanded where it names a home."""
    from pathlib import Path

    path = Path(source)
    with suppress(RuntimeError):
        path = path.expanduser()
    return path.absolute()


def lasting(source: str) -> str:
    """Return a source as it is found from any folder: a path becomes absolute, a URL stays as it is."""
    return source if is_url(source) else str(absolute(source))
