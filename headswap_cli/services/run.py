"""The main job: from a video and photos to a saved result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError, NotFoundError
from headswap_cli.journal import TO_STDOUT, BoughtError
from headswap_cli.media import is_url
from headswap_cli.models import Backend, FaceMapping, MappedFace, Person, Saved, Status, SwapOptions, Task
from headswap_cli.services.analyze import find_people
from headswap_cli.services.casting import cast
from headswap_cli.services.content import content_of, purchase_key
from headswap_cli.services.deps import absolute, lasting
from headswap_cli.services.download import save
from headswap_cli.services.hosted import is_ending
from headswap_cli.services.money import check_budget
from headswap_cli.services.output import (
    LATER,
    default_name,
    mapped_people,
    target_path,
    with_task_id,
)
from headswap_cli.services.paid import check_answered, see_through, submit, take_up, task_failed
from headswap_cli.services.photos import check_photos
from headswap_cli.services.preflight import check_sources
from headswap_cli.services.record import recording
from headswap_cli.services.remember import mapped_faces, people_in, wish
from headswap_cli.services.repeat import arrived, check_place, check_same
from headswap_cli.services.swap import check_options, match, publish_faces, warn_of_plain_webhook

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from headswap_cli.journal import Journal, Run
    from headswap_cli.models import Analysis
    from headswap_cli.services.content import Content
    from headswap_cli.services.deps import Deadline, Deps
    from headswap_cli.services.paid import Submission


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the user asked for; with ``detach`` nothing is saved yet, and ``target`` is where it is to go.

    ``force`` replaces what has that name, ``is_new`` pays again on purpose. ``is_aimed`` tells that the user
    chose the target, ``to_stdout`` that it is a file on its way to stdout.
    """

    video: str
    faces: tuple[FaceMapping, ...]
    options: SwapOptions
    target: Path
    max_credits: float | None = None
    detach: bool = False
    force: bool = False
    is_new: bool = False
    is_aimed: bool = False
    to_stdout: bool = False

    def check_inputs_survive(self, target: Path) -> None:
        """Check that saving there would not replace what is worked from.

        Raises:
            InputError: it would.
        """
        for source in (self.video, *(face.image for face in self.faces)):
            path = None if is_url(source) else absolute(source)
            if path is not None and path.exists() and target.exists() and path.samefile(target):
                raise InputError(
                    f"The output {str(target)!r} is one of the inputs.", hint="Name another file: -o FILE"
                )


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
    detach: bool = False,
    max_credits: float | None = None,
    force: bool = False,
    is_new: bool = False,
    to_stdout: bool = False,
    row: int | None = None,
) -> RunRequest:
    """Return the request with its output settled; ``row`` is its number where there are several."""
    target = target_path(output, default_name(video), task_id=LATER, person=mapped_people(faces), row=row)
    return RunRequest(
        video=video,
        faces=tuple(faces),
        options=options,
        target=target,
        max_credits=max_credits,
        detach=detach,
        force=force,
        is_new=is_new,
        is_aimed=output is not None,
        to_stdout=to_stdout,
    )


def check(request: RunRequest, *, journal: Journal | None = None, profile: str = "") -> list[str]:
    """Check all that this machine can check, before any engine starts and any byte is sent.

    Args:
        request: What is asked for.
        journal: Where earlier runs are written down.
        profile: Whose runs.

    Returns: what the user should know and need not act on.

    Raises:
        DoneError: the same run is completed and its file is there.
        InputError: names the thing, the value and the limit.
    """
    notices = check_sources(
        request.video,
        request.faces,
        any_length=request.options.any_length,
        is_local=profile == Backend.LOCAL,
    )
    known = None
    if journal is not None and not request.is_new:
        content = content_of(profile, request.video, request.faces, request.options)
        known = journal.find_content(content.key)
    check_place(journal, known, request)
    return notices


def run_steps(deps: Deps, request: RunRequest, *, deadline: Deadline) -> Generator[float, None, RunResult]:
    """Publish, analyse, create, wait, download and verify; what was done before is not done again.

    Raises:
        DoneError: the same run is completed and its file is there.
        OutcomeUnknownError: a create of the same run was not answered; nothing was sent now.
        CreditsError: the balance does not cover the budget; nothing was paid.
        HeadswapError: any of the errors of the steps; what was submitted is in the journal.
    """
    check_run(deps, request)
    content = content_of(deps.settings.profile, request.video, request.faces, request.options)
    known = None if request.is_new else deps.journal.find_content(content.key)
    check_place(deps.journal, known, request)
    if known is None or not known.is_bought:
        check_budget(deps, request.max_credits)
    run_id = begin_run(deps, request, content)
    deps.report.notice(f"run {run_id}")
    return (yield from go_on(deps, run_id, request, content, deadline=deadline))


def check_run(deps: Deps, request: RunRequest) -> None:
    """Check where files can go and what the backend takes.

    Raises:
        InputError: names what does not go.
    """
    deps.check_sources(request.video, *(face.image for face in request.faces))
    check_options(deps, request.options, request.faces)
    warn_of_plain_webhook(deps, request.options)


def begin_run(deps: Deps, request: RunRequest, content: Content, *, dry_run: bool = False) -> str:
    """Return the id of the run that this is: an earlier one that is the same, or a new one.

    A rehearsal is a run of its own, and none that another would go on with.
    """
    return deps.journal.begin(
        profile=deps.settings.profile,
        backend=deps.settings.backend,
        source=lasting(request.video),
        target=None if request.to_stdout else str(request.target),
        content=None if dry_run else content.key,
        source_key=content.source_key,
        is_new=request.is_new or dry_run,
        parameters={
            "command": "run",
            **({"dry_run": True} if dry_run else {}),
            "is_new": request.is_new,
            "detach": request.detach,
            "force": request.force,
            "max_credits": request.max_credits,
            **wish(request.faces, request.options),
        },
    )


def go_on(
    deps: Deps, run_id: str, request: RunRequest, content: Content | None, *, deadline: Deadline
) -> Generator[float, None, RunResult]:
    """Bring a run to its end from where it is, alone at it.

    Args:
        deps: The backend and the journal.
        run_id: The run.
        request: What it is to come to.
        content: What it is known by; None if that is yet to be read from its files.
        deadline: When to give up.

    Raises:
        HeadswapError: as ``run_steps``.
    """
    with deps.journal.held(run_id):
        # Read again: another command may have gone on with it until just now.
        run = deps.journal.run(run_id)
        check_answered(deps.journal, run)
        if run.last_step is not None:
            check_place(deps.journal, run, request)
        if content is None and run.task_id is None:
            content = content_of(run.profile, request.video, request.faces, request.options)
            check_same(run, content.key)
        if not request.to_stdout:
            deps.journal.aim(run_id, str(request.target))
        try:
            return (yield from _proceed(deps, run, request, content, deadline=deadline))
        except BoughtError as bought:
            other = bought.run_id
            deps.journal.forget(run_id)
    deps.report.notice(f"the run {other} has asked for the same task; going on with that")
    return (yield from go_on(deps, other, request, content, deadline=deadline))


def _proceed(
    deps: Deps, run: Run, request: RunRequest, content: Content | None, *, deadline: Deadline
) -> Generator[float, None, RunResult]:
    saved = None
    if run.task_id is not None and (saved := arrived(deps.journal, run, _target(request, run.task_id))):
        deps.journal.done(run.run_id, saved)
        return _result(deps, run.run_id, Task(run.task_id, Status.COMPLETED, 3, 100.0), saved, None)
    with recording(deps, run.run_id):
        if run.task_id is not None or content is None:
            submission = take_up(deps, run, run.task_id or "", request.options)
        else:
            submission = yield from _submitted(deps, run, request, content, deadline=deadline)
        task, credits_charged = submission.task, None
        if not request.detach:
            task, credits_charged = yield from see_through(
                deps, run.run_id, submission, deadline=deadline, max_credits=request.max_credits
            )
            saved = _save(deps, run.run_id, task, request)
        elif task.status.has_failed:
            raise task_failed(deps, task)
    return _result(deps, run.run_id, task, saved, credits_charged)


def _submitted(
    deps: Deps, run: Run, request: RunRequest, content: Content, *, deadline: Deadline
) -> Generator[float, None, Submission]:
    """Do what is left before the request that costs, and send that."""
    analysis, mapped, _ = yield from prepare(deps, run.run_id, request, content, deadline=deadline)
    purchase = purchase_of(deps, request, content, analysis, mapped)
    return submit(
        deps,
        run.run_id,
        analysis.video_url,
        mapped,
        request.options,
        purchase=purchase,
        is_new=bool(request.is_new or run.parameters.get("is_new")),
        max_credits=request.max_credits,
    )


def purchase_of(
    deps: Deps, request: RunRequest, content: Content, analysis: Analysis, mapped: Sequence[MappedFace]
) -> str:
    """Return what the task that is to be created is known by."""
    given = [(face.obj_id, face.face) for face in mapped]
    profile = deps.settings.profile
    return purchase_key(profile, analysis.analysis_id, given, content.hashes, request.options)


def prepare(
    deps: Deps, run_id: str, request: RunRequest, content: Content, *, deadline: Deadline
) -> Generator[float, None, tuple[Analysis, list[MappedFace], list[str]]]:
    """Do all that comes before the request that costs: judge photos, publish, analyse, match people.

    A video whose link would end too soon is published and analysed again, which is free.

    Returns: the analysis with the URL that was submitted, who gets which face, and what photos are warned of.
    """
    warnings = yield from check_photos(
        deps, run_id, request.faces, content.hashes, request.options.mode, deadline=deadline
    )
    analysis, mapped = yield from _prepared(deps, run_id, request, content, deadline=deadline)
    if not is_url(request.video) and is_ending(deps, analysis.video_url):
        deps.report.notice("the link of the video is about to end; publishing and analysing it again")
        analysis, mapped = yield from _prepared(deps, run_id, request, content, deadline=deadline)
    return analysis, mapped, warnings


def _prepared(
    deps: Deps, run_id: str, request: RunRequest, content: Content, *, deadline: Deadline
) -> Generator[float, None, tuple[Analysis, list[MappedFace]]]:
    analysis = yield from find_people(
        deps,
        run_id,
        request.video,
        content,
        any_length=request.options.any_length,
        deadline=deadline,
        is_new=request.is_new,
    )
    deps.journal.analysed(run_id, analysis)
    # A URL may hold a signature, which is not shown.
    video = None if is_url(request.video) else request.video
    matched = match(deps, cast(deps, request.faces, analysis), analysis, video=video)
    return analysis, publish_faces(deps, run_id, matched, content.hashes)


def _save(deps: Deps, run_id: str, task: Task, request: RunRequest) -> Saved:
    target = _target(request, task.task_id)
    kept_as = TO_STDOUT if request.to_stdout else str(target)
    deps.journal.fetching(run_id, kept_as)
    try:
        saved = save(
            deps,
            task,
            target,
            force=request.force,
            on_whole=lambda sha256: deps.journal.fetched(run_id, kept_as, sha256),
        )
    except NotFoundError as error:
        deps.journal.failed(run_id, Status.FAILED, error)
        raise
    output = TO_STDOUT if request.to_stdout else None
    deps.journal.done(run_id, saved, output=output, notices=task.notices)
    deps.clean_up(run_id)
    return saved


def _target(request: RunRequest, task_id: str) -> Path:
    return with_task_id(request.target, task_id)


def _result(
    deps: Deps, run_id: str, task: Task, saved: Saved | None, credits_charged: float | None
) -> RunResult:
    """Return what the journal and the task tell of the run now."""
    run, steps = deps.journal.run(run_id), deps.journal.steps(run_id)
    return RunResult(
        run_id=run_id,
        profile=run.profile,
        backend=deps.settings.backend,
        analysis_id=run.analysis_id or "",
        task=task,
        people=people_in(steps),
        mappings=mapped_faces(run, steps),
        saved=saved,
        held=run.held,
        credits_charged=credits_charged if credits_charged is not None else run.credits_charged,
    )
