"""The main job: from a video and photos to a saved result."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError
from headswap_cli.media import is_url
from headswap_cli.models import Backend, FaceMapping, MappedFace, Person, Saved, Status, SwapOptions
from headswap_cli.services.analyze import find_people
from headswap_cli.services.casting import cast_steps
from headswap_cli.services.deps import absolute
from headswap_cli.services.download import save
from headswap_cli.services.money import check_budget
from headswap_cli.services.output import (
    LATER,
    check_target,
    default_name,
    mapped_people,
    target_path,
    with_task_id,
)
from headswap_cli.services.preflight import check_sources
from headswap_cli.services.record import recording
from headswap_cli.services.swap import (
    check_options,
    publish_faces,
    see_through,
    submit,
    warn_of_plain_webhook,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from headswap_cli.models import Analysis, Task
    from headswap_cli.services.deps import Deadline, Deps


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the user asked for; with ``detach`` nothing is saved yet, and ``target`` is where it is to go."""

    video: str
    faces: tuple[FaceMapping, ...]
    options: SwapOptions
    target: Path
    max_credits: float | None = None
    detach: bool = False


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to; ``saved`` is None where it was left to go on by itself."""

    run_id: str
    profile: str
    backend: Backend
    analysis_id: str
    task: Task
    people: tuple[Person, ...]
    mappings: tuple[MappedFace, ...]
    saved: Saved | None
    held: float | None
    credits_charged: float | None

    @property
    def status(self) -> Status:
        """The task's state."""
        return self.task.status


def request_for(
    video: str,
    faces: Sequence[FaceMapping],
    options: SwapOptions,
    output: str | None,
    *,
    detach: bool,
    max_credits: float | None = None,
    row: int | None = None,
) -> RunRequest:
    """Return the request with its output settled; ``row`` is its number where there are several."""
    target = target_path(output, default_name(video), task_id=LATER, person=mapped_people(faces), row=row)
    return RunRequest(video, tuple(faces), options, target, max_credits, detach)


def check(request: RunRequest, *, force: bool, known_photos: set[str] | None = None) -> list[str]:
    """Check all that this machine can check, before any engine starts and any byte is sent.

    Args:
        request: What is asked for.
        force: Whether an existing output may be replaced.
        known_photos: As ``check_sources`` takes it.

    Returns: what the user should know and need not act on.
    Raises: InputError: names the thing, the value and the limit.
    """
    notices = check_sources(
        request.video,
        request.faces,
        any_length=request.options.any_length,
        known_photos=known_photos,
    )
    if not request.detach:
        check_target(request.target, force=force)
        _check_inputs_survive(request, request.target)
    return notices


def _check_inputs_survive(request: RunRequest, target: Path) -> None:
    for source in (request.video, *(face.image for face in request.faces)):
        if not is_url(source) and target.exists() and absolute(source).samefile(target):
            raise InputError(
                f"The output {str(target)!r} is one of the inputs.", hint="Name another file: -o FILE"
            )


def run_steps(deps: Deps, request: RunRequest, *, deadline: Deadline) -> Generator[float, None, RunResult]:
    """Publish, analyse, create, wait, download and verify.

    Raises:
        CreditsError: the balance does not cover the budget; nothing was paid.
        HeadswapError: any of the errors of the steps; what was submitted is in the journal.
    """
    request = yield from cast_run(deps, request, deadline=deadline)
    run_id = begin_run(deps, request)
    with recording(deps, run_id):
        analysis, mapped = yield from prepare(deps, run_id, request, deadline=deadline)
        submission = submit(
            deps, run_id, analysis.video_url, mapped, request.options, max_credits=request.max_credits
        )
        task, saved, credits_charged = submission.task, None, None
        if not request.detach:
            task, credits_charged = yield from see_through(
                deps, run_id, submission, deadline=deadline, max_credits=request.max_credits
            )
            for notice in task.notices:
                deps.report.notice(notice)
            saved = save(deps, task, with_task_id(request.target, task.task_id))
            deps.journal.done(run_id, saved)
            deps.clean_up(request.video, *(face.image for face in request.faces))
    return RunResult(
        run_id=run_id,
        profile=deps.settings.profile,
        backend=deps.settings.backend,
        analysis_id=analysis.analysis_id,
        task=task,
        people=analysis.people,
        mappings=tuple(mapped),
        saved=saved,
        held=submission.task.held,
        credits_charged=credits_charged,
    )


def cast_run(deps: Deps, request: RunRequest, *, deadline: Deadline) -> Generator[float, None, RunRequest]:
    """Return the request with everybody named by a number; the video is analysed first if need be.

    Raises:
        InputError: a place or a photo means nobody, or two people; nothing was paid.
    """
    any_length = request.options.any_length
    faces = yield from cast_steps(
        deps, request.video, request.faces, any_length=any_length, deadline=deadline
    )
    return replace(request, faces=faces)


def begin_run(deps: Deps, request: RunRequest, *, dry_run: bool = False) -> str:
    """Check where files can go, hold the budget against the balance, and write down that a run begins.

    Returns: its id.
    Raises: CreditsError: the balance does not cover the budget; nothing was sent.
    """
    deps.check_sources(request.video, *(face.image for face in request.faces))
    check_options(deps, request.options, request.faces)
    check_budget(deps, request.max_credits)
    warn_of_plain_webhook(deps, request.options)
    run_id = deps.journal.begin(
        profile=deps.settings.profile,
        backend=deps.settings.backend,
        source=request.video,
        target=str(request.target),
        parameters={"command": "run", **({"dry_run": True} if dry_run else {}), **asdict(request.options)},
    )
    deps.report.notice(f"run {run_id}")
    return run_id


def prepare(
    deps: Deps, run_id: str, request: RunRequest, *, deadline: Deadline
) -> Generator[float, None, tuple[Analysis, list[MappedFace]]]:
    """Do all that comes before the request that costs: publish, analyse, match people, publish the photos.

    Returns: the analysis with the URL that was submitted, and who gets which face.
    """
    video_url = deps.publish(run_id, request.video, "video")
    any_length = request.options.any_length
    found = yield from find_people(deps, run_id, video_url, any_length=any_length, deadline=deadline)
    # The service may say the URL in another spelling; it joins analysis and task by the string it was given.
    analysis = replace(found, video_url=video_url)
    deps.journal.analysed(run_id, analysis)
    return analysis, publish_faces(deps, run_id, request.faces, analysis)
