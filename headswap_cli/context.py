"""The one place that wires: settings to clients, host, journal and view; opens them and closes them."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from headswap_cli.errors import AuthError, HeadswapError, InputError, NotFoundError
from headswap_cli.extras import can_draw, require_engine
from headswap_cli.render.view import View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    import httpx

    from headswap_cli.api.client import ApiClient
    from headswap_cli.config import Preferences, Settings, Survey
    from headswap_cli.folders import Folders
    from headswap_cli.hosting.host import Host
    from headswap_cli.journal import Journal, Run
    from headswap_cli.local.jobs import JobState
    from headswap_cli.profiles import ProfileFile
    from headswap_cli.render.progress import Progress
    from headswap_cli.render.terminal import Terminal
    from headswap_cli.services.casting import Likeness
    from headswap_cli.services.deps import Deadline, Deps

# The engine is on this machine: if it is silent for longer, it is gone.
LOCAL_PATIENCE_S = 5.0
LOCAL_IDS = "See which ids are known here: headswap runs"
# A link must outlive the wait, the queue, and a swap that is thought over until tomorrow.
LINK_LIFE_S, LINK_MARGIN_S = 86400.0, 3600.0
STDOUT = "-"


class AppContext:
    """What a command works in: the flags that all commands share, and what they lead to.

    Args:
        profile: ``--profile``.
        as_json: ``--json``.
        quiet: ``--quiet``.
        verbose: ``--verbose``.
        env: The environment.
    """

    def __init__(
        self,
        *,
        profile: str | None = None,
        as_json: bool = False,
        quiet: bool = False,
        verbose: bool = False,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        self._profile, self._verbose, self._env = profile, verbose, env
        self._started = time.monotonic()
        self._timeout_s = 0.0
        self.view = View(as_json=as_json, quiet=quiet, env=env)
        # What draws on stderr now; a line written past it would tear its picture.
        self._drawing: Progress | None = None

    @property
    def folders(self) -> Folders:
        """Where this program keeps things."""
        from headswap_cli.folders import folders

        return folders(self._env)

    def deadline(self, timeout: str) -> Deadline:
        """Return the moment that lies a duration such as ``30m`` after the command's start."""
        from headswap_cli.services.deps import Deadline

        return Deadline(self._started + self.patience_s(timeout), timeout)

    def patience_s(self, timeout: str) -> float:
        """Return the seconds that a duration means; links are made to outlive the longest."""
        from headswap_cli import config

        seconds = config.parse_duration(timeout)
        self._timeout_s = max(self._timeout_s, seconds)
        return seconds

    def survey(self, *, about: str | None = None) -> Survey:
        """Return every setting that applies, with its source; no secret is read.

        Args:
            about: The id in question, as for ``open``.
        """
        from headswap_cli import config

        known = self.recall(about) if about else None
        return config.survey(self._profile, remembered=known.profile if known else None, env=self._env)

    def preferences(self, *, about: str | None = None) -> Preferences:
        """Return what holds where a flag was not given."""
        from headswap_cli import config

        return config.preferences(self.survey(about=about))

    def cloud_settings(self) -> Settings:
        """Return the settings of a cloud profile.

        Raises:
            InputError: the profile is the local engine's.
            AuthError: no key is known.
        """
        from headswap_cli import config
        from headswap_cli.models import Backend

        settings = config.resolve(self._profile, env=self._env)
        if settings.backend is Backend.LOCAL:
            raise InputError(
                "The local engine is free of charge and counts no credits.",
                hint="headswap credits --profile akool",
            )
        return settings

    def try_key(self, profile: str, values: Mapping[str, str], secret: str) -> float:
        """Return the balance that a key which is not kept yet opens.

        Raises:
            AuthError: it is not accepted.
            HeadswapError: the service can't be reached or fails.
        """
        from headswap_cli import config
        from headswap_cli.api.account import fetch_balance
        from headswap_cli.models import Backend

        client_id = values.get("client_id")
        settings = config.Settings(
            profile=profile,
            backend=Backend.AKOOL,
            base_url=values.get("base_url") or self._env.get("HEADSWAP_BASE_URL") or config.AKOOL_URL,
            api_key=None if client_id else secret,
            client_id=client_id,
            client_secret=secret if client_id else None,
        )
        try:
            with self.cloud(settings, keep=False) as (_, client):
                return fetch_balance(client.hurried())
        except HeadswapError as error:
            way = "" if isinstance(error, AuthError) or error.hint is None else f"{error.hint.rstrip('.')}. "
            error.hint = f"Nothing was kept. {way}To keep it untried: --no-verify"
            raise

    def canvas(self, *, images: bool, on_stderr: bool = False) -> Terminal | None:
        """Return the terminal to draw people on, as the view's; None without the extra ``images``, too."""
        return self.view.canvas(images=images and can_draw(), on_stderr=on_stderr)

    def profiles(self) -> ProfileFile:
        """Return the file of profiles."""
        from headswap_cli.profiles import ProfileFile

        return ProfileFile(self.folders.config)

    @contextmanager
    def placed(self, output: str | None) -> Iterator[str | None]:
        """Yield where a result is to be saved: where the user said, or for ``-`` a file poured to stdout.

        Raises:
            InputError: both the video and JSON are to go to stdout.
        """
        if output != STDOUT:
            yield output
            return
        import tempfile

        with tempfile.TemporaryDirectory(prefix="headswap-") as scratch:
            path = Path(scratch) / "result.mp4"
            self.view.reserve_stdout()
            yield str(path)
            if path.exists():
                self.view.pour(path)

    @contextmanager
    def progress(self, shown_by: Progress | None = None) -> Iterator[Progress]:
        """Show progress for as long as this is open."""
        progress = self._drawing = shown_by or self.view.progress()
        try:
            yield progress
        finally:
            self._drawing = None
            progress.close()

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """Open the journal alone: what can be answered without a backend."""
        from headswap_cli.journal import Journal

        with Journal(self.folders.data / "journal.sqlite3") as journal:
            yield journal

    def jobs_here(self, job_ids: Iterable[str]) -> Mapping[str, JobState]:
        """Return how jobs of the local engine stand, by their ids; it is not started for that."""
        from headswap_cli.local.jobs import job_states

        return job_states(self.folders.data, job_ids)

    def recall(self, identifier: str) -> Run | None:
        """Return what the journal knows of an id."""
        with self.journal() as journal:
            return journal.find(identifier)

    @contextmanager
    def open(
        self, *, about: str | None = None, announce: bool = False, shown_by: Progress | None = None
    ) -> Iterator[Deps]:
        """Connect to the backend; the local engine is started if none runs.

        Args:
            about: The id in question: the profile that made it is used unless the user names one.
            announce: Whether to say on stderr which backend it is.
            shown_by: What shows the progress; the view's own if None.

        Raises:
            HeadswapError: no such profile, no key, or no engine to be had.
        """
        from headswap_cli import config

        with self.journal() as journal:
            known = journal.find(about) if about else None
            settings = config.resolve(
                self._profile, remembered=known.profile if known else None, env=self._env
            )
            with self.progress(shown_by) as progress:
                if announce:
                    progress.notice(f"backend: {settings.backend} (profile {settings.profile})")
                with self._connect(settings, progress, journal) as deps, guessing(journal, about):
                    yield deps

    @contextmanager
    def _connect(self, settings: Settings, progress: Progress, journal: Journal) -> Iterator[Deps]:
        from headswap_cli.api import v4
        from headswap_cli.api.client import ApiClient
        from headswap_cli.models import Backend
        from headswap_cli.services.deps import Deps
        from headswap_cli.transfer import bare_http

        hooks = self._http_lines() if self._verbose else {}
        with ExitStack() as stack:
            if settings.backend is Backend.LOCAL:
                keyed = stack.enter_context(self._engine_http(progress))
                keyed.event_hooks = hooks
                client = ApiClient(
                    keyed, patience_s=LOCAL_PATIENCE_S, lost_hint=LOCAL_IDS, on_retry=self._on_retry
                )
            else:
                keyed, client = stack.enter_context(self.cloud(settings))

            @cache
            def _open_bare() -> httpx.Client:
                bare = stack.enter_context(bare_http())
                bare.event_hooks = hooks
                return bare

            yield Deps(
                settings=settings,
                client=client,
                dialect=v4,
                keyed=keyed,
                open_bare=_open_bare,
                open_host=self._way_to_host(settings, keyed, _open_bare),
                open_likeness=cache(lambda: self._open_likeness(progress)),
                journal=journal,
                report=progress,
                sleep=time.sleep,
                clock=time.monotonic,
                is_quiet=self.view.is_quiet,
            )

    @contextmanager
    def cloud(self, settings: Settings, *, keep: bool = True) -> Iterator[tuple[httpx.Client, ApiClient]]:
        """Connect to a cloud service, with a bearer token where there is a client id to get one for.

        Args:
            settings: Whose key and address.
            keep: Whether the token may be kept, and one that is kept be used.
        """
        from headswap_cli.api.client import ApiClient, anonymous_http, keyed_http

        hooks = self._http_lines() if self._verbose else {}
        if settings.client_id is None or settings.client_secret is None:
            keyed = keyed_http(settings.base_url, api_key=settings.api_key, token=settings.token)
            keyed.event_hooks = hooks
            with keyed:
                yield keyed, ApiClient(keyed, on_retry=self._on_retry)
            return
        from headswap_cli.api.bearer import TokenSource
        from headswap_cli.keys import TokenShelf

        with anonymous_http(settings.base_url) as anonymous:
            anonymous.event_hooks = hooks
            shelf = TokenShelf(settings.key_in, self.folders.config, settings.profile)
            source = TokenSource(
                ApiClient(anonymous, on_retry=self._on_retry),
                settings.base_url,
                settings.client_id,
                settings.client_secret,
                load=shelf.load if keep else lambda: None,
                save=shelf.save if keep else lambda _: None,
            )
            with keyed_http(settings.base_url, token=source.current()) as keyed:
                keyed.event_hooks = hooks
                yield keyed, ApiClient(keyed, renew=source.renew, on_retry=self._on_retry)

    def _on_retry(self, error: HeadswapError, pause_s: float) -> None:
        """Tell why a command that asks the service is silent for a while."""
        text = f"trying again in {max(1, round(pause_s))} s: {error.message}"
        if self._drawing is not None:
            self._drawing.notice(text)
        else:
            self.view.notices([text])

    def _way_to_host(
        self, settings: Settings, keyed: httpx.Client, open_bare: Callable[[], httpx.Client]
    ) -> Callable[[], Host] | None:
        """Return what opens the place for local files when the first one comes up; None if there is none."""
        from headswap_cli.models import Backend

        hosting, life_s = settings.hosting, max(LINK_LIFE_S, self._timeout_s + LINK_MARGIN_S)
        if settings.backend is Backend.LOCAL:
            from headswap_cli.hosting.engine import EngineHost

            host = EngineHost(keyed)
            return lambda: host
        if hosting is None:
            return None
        from headswap_cli.hosting import open_host

        return cache(lambda: open_host(hosting, open_bare, life_s=life_s, env=self._env))

    def _engine_http(self, progress: Progress) -> httpx.Client:
        from headswap_cli import local

        require_engine()
        folders = self.folders
        self._ensure_weights(progress)

        def _ensure() -> local.Endpoint:
            return local.ensure(folders.data, folders.cache)

        # Should the engine be killed under the command, its successor goes on with the jobs.
        return local.client(_ensure(), renew=_ensure)

    def _open_likeness(self, progress: Progress) -> Likeness:
        """Load what compares faces, in this process: nothing that is measured of a face leaves it."""
        require_engine()
        weights = self._ensure_weights(progress)
        from headswap_cli.engine.likeness import LikenessMeter

        return LikenessMeter(weights)

    def fetch_weights(self, *, check: bool = False) -> Path:
        """Fetch the engine's weights if they are missing; with ``check``, damaged ones are found too.

        Returns: the folder they lie in.
        """
        with self.progress() as progress:
            return self._ensure_weights(progress, check=check)

    def _ensure_weights(self, progress: Progress, *, check: bool = False) -> Path:
        from headswap_cli.engine import weights

        folder = self.folders.cache / "weights"
        if weights.missing(folder):
            progress.notice("fetching the engine's weights (136 MB, this once)")
        weights.ensure(folder, check=check, on_progress=progress.transfer)
        return folder

    def _http_lines(self) -> dict[str, list[Callable[..., Any]]]:
        def _told(response: httpx.Response) -> None:
            request = response.request
            # The query may hold a signature; the path is all that a reader of a log needs.
            where = f"{request.url.scheme}://{request.url.netloc.decode()}{request.url.path}"
            say = self._drawing.notice if self._drawing is not None else self.view.complain
            say(f"{request.method} {where} -> {response.status_code}")

        return {"request": [], "response": [_told]}


@contextmanager
def guessing(journal: Journal, about: str | None) -> Iterator[None]:
    """Let the error of an id that nobody knows say which one may have been meant."""
    try:
        yield
    except NotFoundError as error:
        from headswap_cli.services.likely import likely

        if about is not None and journal.find(about) is None:
            error.hint = likely(journal, about) or error.hint
        raise
