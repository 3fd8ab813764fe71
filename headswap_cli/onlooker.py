"""What a comparison needs from around it: videos from the web, the engine's eyes, the user's browser."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING

from headswap_cli.compare.observed import observe
from headswap_cli.engine import weights
from headswap_cli.errors import EngineError, InputError, NotFoundError
from headswap_cli.extras import has_engine
from headswap_cli.media import verify_playable
from headswap_cli.models import Status
from headswap_cli.packages import FETCH_COMMAND
from headswap_cli.services.output import SUFFIX, default_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headswap_cli.compare.observed import Observed
    from headswap_cli.compare.subject import Subject
    from headswap_cli.compare.works import Reporter
    from headswap_cli.render.progress import Progress


def look(subject: Subject, cache: Path, report: Reporter) -> tuple[Observed, ...]:
    """Let the engine look at the people of a comparison; where it cannot, say what is left out.

    Args:
        subject: The two videos.
        cache: The folder in which the engine's weights lie.
        report: Told how far it is.
    """
    if not has_engine():
        return _left_out(report, "the local engine is not installed: pip install 'headswap-cli[local]'")
    if weights.missing(cache / "weights"):
        return _left_out(report, f"the engine's weights are not here: {FETCH_COMMAND}")
    photos = subject.story.photos() if subject.story else {}

    def _tell(part: float) -> None:
        report.state("faces", Status.COMPLETED if part >= 100 else Status.PROCESSING, part)

    try:
        return observe(cache, subject.before, subject.after, photos, _tell)
    except EngineError as error:
        return _left_out(report, error.message)


def fetcher(folder: Path, progress: Progress) -> Callable[[str], Path]:
    """Return what saves a video from the web in a folder of its own below ``folder``, without any key."""

    def _fetch(url: str) -> Path:
        from headswap_cli.transfer import bare_http, download, without_query

        place = folder / str(len(list(folder.iterdir())))
        place.mkdir()
        target = place / default_name(url).replace(SUFFIX, ".mp4")
        try:
            with bare_http() as http:
                download(
                    http,
                    url,
                    target,
                    verify=verify_playable,
                    on_bytes=lambda done, total: progress.transfer("video from the web", done, total),
                )
        except NotFoundError as error:
            # What is fetched for a task is a result, whose link can be asked for anew; this is any address.
            raise NotFoundError(
                f"There is no video to be had at {without_query(url)}.", hint="check the URL in a browser"
            ) from error
        return target

    return _fetch


def open_page(page: Path) -> None:
    """Open a page in the user's browser.

    Raises: InputError: there is none.
    """
    if not webbrowser.open(page.as_uri()):
        raise InputError(f"No browser was found to open {page}.", hint="Name one: BROWSER=firefox")


def _left_out(report: Reporter, why: str) -> tuple[Observed, ...]:
    report.notice(f"people and curves are left out; {why}")
    return ()
