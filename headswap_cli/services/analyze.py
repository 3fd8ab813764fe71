"""Submit a video for person analysis and wait for the people in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headswap_cli.errors import FailedError, JobCancelledError, NotFoundError, RefusedError
from headswap_cli.models import Analysis, Backend, Status
from headswap_cli.services.content import content_of
from headswap_cli.services.deps import lasting
from headswap_cli.services.hosted import hosted, is_alive
from headswap_cli.services.record import recording
from headswap_cli.services.timed import state_report, watch_again, watch_timed

if TYPE_CHECKING:
    from collections.abc import Generator

    from headswap_cli.services.content import Content
    from headswap_cli.services.deps import Deadline, Deps

# A task was refused: the analysis, or the video that it was made of, may be gone.
_REFUSALS = (RefusedError.slug, NotFoundError.slug)


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
    """Find the people in ``source``, a path or a URL; an analysis of the same video is used again.

    Raises:
        InputError: there is no way to give the video a URL; nothing was sent.
        FailedError: the service could not analyse the video.
        DeadlineError: the time is over; the analysis goes on.
    """
    settings = deps.settings
    deps.check_sources(source)
    content = content_of(settings.profile, source, ())
    run_id = deps.journal.begin(
        profile=settings.profile,
        backend=settings.backend,
        source=lasting(source),
        source_key=content.source_key,
        parameters={"command": "analyze", "any_length": any_length},
    )
    with deps.journal.held(run_id), recording(deps, run_id):
        analysis = yield from find_people(
            deps, run_id, source, content, any_length=any_length, deadline=deadline
        )
        deps.journal.analysed(run_id, analysis, is_last=True)
    return AnalyzeResult(run_id, settings.profile, settings.backend, source, analysis)


def find_people(
    deps: Deps,
    run_id: str,
    source: str,
    content: Content,
    *,
    any_length: bool,
    deadline: Deadline,
    is_new: bool = False,
) -> Generator[float, None, Analysis]:
    """Return a completed analysis of a video: one that was made of it before, or a new one.

    Its ``video_url`` is the string that it was asked for by: the service joins analysis and task by that.
    The caller writes down what was found.

    Args:
        deps: The backend and the journal.
        run_id: The run that it is for.
        source: A path or a URL.
        content: What the source is known by.
        any_length: As for ``Dialect.submit_analysis``.
        deadline: When to give up.
        is_new: Whether to ask for a new one in any case.

    Raises:
        FailedError: the service ended it as failed.
    """
    earlier = None if is_new else _earlier(deps, run_id, source, content)
    if earlier is not None:
        return (yield from _await_analysis(deps, earlier, deadline=deadline, is_submitted_now=False))
    video_url = hosted(deps, run_id, source, "video", content.hashes[source])
    submitted = deps.dialect.submit_analysis(deps.client, video_url, any_length=any_length)
    deps.journal.submitted(run_id, submitted.analysis_id, video_url)
    analysis = yield from _await_analysis(deps, submitted, deadline=deadline, is_submitted_now=True)
    return replace(analysis, video_url=video_url)


def _earlier(deps: Deps, run_id: str, source: str, content: Content) -> Analysis | None:
    """Return an analysis of the same video that the service still knows, and whose link can still be read."""
    host = deps.host_for(source)
    own_id = deps.journal.run(run_id).analysis_id
    # The local engine's own outlive a bad photo; of a service's nobody knows what a task failed for.
    is_ours = deps.settings.backend is Backend.LOCAL
    spoilt_by = _REFUSALS if is_ours else (FailedError.slug, *_REFUSALS)
    known = deps.journal.analyses(content.source_key, deps.settings.profile, spoilt_by=spoilt_by)
    for analysis_id, video_url in known:
        is_lent = host is not None and host.is_cleaned and analysis_id != own_id
        if is_lent or (host is not None and not is_alive(deps, video_url)):
            continue
        try:
            analysis = deps.dialect.fetch_analysis(deps.client, analysis_id)
        except (NotFoundError, RefusedError):
            continue
        if not analysis.status.has_failed:
            deps.report.notice(f"this video has been analysed before: {analysis_id}")
            deps.journal.submitted(run_id, analysis_id, video_url)
            return replace(analysis, video_url=video_url)
    return None


def _await_analysis(
    deps: Deps, first: Analysis, *, deadline: Deadline, is_submitted_now: bool
) -> Generator[float, None, Analysis]:
    """Wait for an analysis and return it completed.

    Raises:
        FailedError: the service ended it as failed, or the user as cancelled.
    """
    analysis_id, video_url = first.analysis_id, first.video_url

    def _look() -> Analysis:
        return replace(deps.dialect.fetch_analysis(deps.client, analysis_id), video_url=video_url)

    tell = state_report(deps)
    if is_submitted_now:
        steps = watch_timed(deps, first, _look, on_state=tell, deadline=deadline, like_jobs="")
    else:
        steps = watch_again(deps, first, _look, on_state=tell, deadline=deadline)
    analysis = yield from steps
    if analysis.status is Status.CANCELLED:
        raise JobCancelledError("analysis", analysis_id)
    if analysis.status is Status.FAILED:
        raise FailedError(
            f"The analysis failed: {analysis.error or 'the service gave no reason'}",
            code=analysis.error_code,
            analysis_id=analysis_id,
        )
    return analysis
