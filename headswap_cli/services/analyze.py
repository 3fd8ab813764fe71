"""Submit a video for person analysis and wait for the people in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headswap_cli.errors import FailedError
from headswap_cli.models import Analysis, Backend, Status
from headswap_cli.services.record import recording
from headswap_cli.services.timed import state_report, watch_timed

if TYPE_CHECKING:
    from collections.abc import Generator

    from headswap_cli.services.deps import Deadline, Deps


@dataclass(frozen=True, slots=True)
class AnalyzeResult:
    """A finished analysis and the run that it belongs to."""

    run_id: str
    profile: str
    backend: Backend
    source: str
    analysis: Analysis


def analyze_steps(
    deps: Deps, source: str, *, any_length: bool, deadline: Deadline
) -> Generator[float, None, AnalyzeResult]:
    """Find the people in ``source``, a path or a URL.

    Raises:
        InputError: there is no way to give the video a URL; nothing was sent.
        FailedError: the service could not analyse the video.
        DeadlineError: the time is over; the analysis goes on.
    """
    settings = deps.settings
    deps.check_sources(source)
    run_id = deps.journal.begin(
        profile=settings.profile,
        backend=settings.backend,
        source=source,
        parameters={"command": "analyze", "any_length": any_length},
    )
    with recording(deps, run_id):
        video_url = deps.publish(run_id, source, "video")
        analysis = yield from find_people(deps, run_id, video_url, any_length=any_length, deadline=deadline)
        deps.journal.analysed(run_id, analysis, is_last=True)
    return AnalyzeResult(run_id, settings.profile, settings.backend, source, analysis)


def find_people(
    deps: Deps, run_id: str, video_url: str, *, any_length: bool, deadline: Deadline
) -> Generator[float, None, Analysis]:
    """Submit the analysis of a published video and wait until it is completed; the caller writes it down."""
    submitted = deps.dialect.submit_analysis(deps.client, video_url, any_length=any_length)
    deps.journal.submitted(run_id, submitted.analysis_id)
    return (yield from _await_analysis(deps, submitted, deadline=deadline))


def _await_analysis(
    deps: Deps, submitted: Analysis, *, deadline: Deadline
) -> Generator[float, None, Analysis]:
    """Wait for an analysis and return it completed.

    Raises:
        FailedError: the service ended it as failed.
    """
    analysis_id = submitted.analysis_id
    analysis = yield from watch_timed(
        deps,
        submitted,
        lambda: deps.dialect.fetch_analysis(deps.client, analysis_id),
        on_state=state_report(deps),
        deadline=deadline,
        like_jobs="",
    )
    if analysis.status is Status.FAILED:
        raise FailedError(
            f"The analysis failed: {analysis.error or 'the service gave no reason'}",
            code=analysis.error_code,
            analysis_id=analysis_id,
        )
    return analysis
