"""Create a head-swap task, once, and wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headswap_cli.errors import FailedError, InputError
from headswap_cli.models import Backend, MappedFace, Status
from headswap_cli.services.casting import cast
from headswap_cli.services.mapping import check_single_photos, match_people
from headswap_cli.services.money import budgeted_balance, check_budget, paying, settle
from headswap_cli.services.record import recording
from headswap_cli.services.timed import state_report, watch_timed
from headswap_cli.services.undisturbed import undisturbed
from headswap_cli.wire import MAX_PHOTOS

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from headswap_cli.models import Analysis, FaceMapping, SwapOptions, Task
    from headswap_cli.services.deps import Deadline, Deps


@dataclass(frozen=True, slots=True)
class Submission:
    """A task that was paid for just now, and the balance before it, None where that is not known."""

    task: Task
    options: SwapOptions
    balance_before: float | None


@dataclass(frozen=True, slots=True)
class SwapResult:
    """A created task and what it was made from."""

    run_id: str
    analysis_id: str
    task: Task
    mappings: tuple[MappedFace, ...]
    held: float | None
    credits_charged: float | None


def swap_steps(
    deps: Deps,
    analysis_id: str,
    faces: Sequence[FaceMapping],
    options: SwapOptions,
    *,
    deadline: Deadline | None,
    max_credits: float | None = None,
) -> Generator[float, None, SwapResult]:
    """Create a task from a finished analysis; wait for its verdict if there is a ``deadline``.

    Raises:
        InputError: the analysis is not completed, or a mapping does not fit it; nothing was paid.
        CreditsError: the balance does not cover ``max_credits``; nothing was paid.
        OutcomeUnknownError: the task may or may not exist.
    """
    deps.check_sources(*(face.image for face in faces))
    check_options(deps, options, faces)
    check_budget(deps, max_credits)
    warn_of_plain_webhook(deps, options)
    analysis, run_id = adopt(deps, analysis_id, parameters={"command": "swap"})
    with recording(deps, run_id):
        mapped = publish_faces(deps, run_id, cast(deps, faces, analysis), analysis)
        submission = submit(deps, run_id, analysis.video_url, mapped, options, max_credits=max_credits)
        task, credits_charged = submission.task, None
        if deadline is not None:
            task, credits_charged = yield from see_through(
                deps, run_id, submission, deadline=deadline, max_credits=max_credits
            )
    return SwapResult(
        run_id=run_id,
        analysis_id=analysis_id,
        task=task,
        mappings=tuple(mapped),
        held=submission.task.held,
        credits_charged=credits_charged,
    )


def adopt(deps: Deps, analysis_id: str, *, parameters: dict[str, object]) -> tuple[Analysis, str]:
    """Return a completed analysis, and the id of a run that begins with it.

    Raises:
        InputError: it is not completed.
    """
    analysis = deps.dialect.fetch_analysis(deps.client, analysis_id)
    if analysis.status is not Status.COMPLETED:
        raise InputError(
            f"The analysis {analysis_id} is {analysis.status}, not completed.",
            hint=f"headswap status {analysis_id} --wait",
            analysis_id=analysis_id,
        )
    earlier = deps.journal.find(analysis_id)
    run_id = deps.journal.begin(
        profile=deps.settings.profile,
        backend=deps.settings.backend,
        source=earlier.source if earlier else analysis.video_url,
        parameters=parameters,
    )
    with recording(deps, run_id):
        deps.journal.submitted(run_id, analysis_id)
        deps.journal.analysed(run_id, analysis)
    return analysis, run_id


def warn_of_plain_webhook(deps: Deps, options: SwapOptions) -> None:
    """Say that anybody on the way can read what is told to a webhook over plain http."""
    if options.webhook_url is not None and options.webhook_url.lower().startswith("http://"):
        deps.report.notice("warning: the webhook is plain http; anybody on the way can read what it is told")


def publish_faces(
    deps: Deps, run_id: str, faces: Sequence[FaceMapping], analysis: Analysis
) -> list[MappedFace]:
    """Match the faces to people first, then give each photo a URL."""
    most = MAX_PHOTOS if deps.settings.backend is Backend.LOCAL else 1
    matched = match_people(faces, analysis.people, analysis.analysis_id, most=most)
    return [
        MappedFace(
            person=person.person,
            obj_id=person.obj_id,
            face=face.image,
            img_url=deps.publish(run_id, face.image, f"face of person {person.person}"),
        )
        for person, face in matched
    ]


def check_options(deps: Deps, options: SwapOptions, faces: Sequence[FaceMapping]) -> None:
    """Check that the backend knows the options, and takes as many photos a person as were given.

    Raises:
        InputError: something speaks to the local engine, and this is another service.
    """
    if deps.settings.backend is Backend.LOCAL:
        return
    check_single_photos(faces, deps.settings.profile)
    asked = {
        "--mode": options.mode is not None,
        "--tone": options.tone is not None,
        "--any-length": options.any_length,
    }
    for flag, is_set in asked.items():
        if is_set:
            raise InputError(
                f"{flag} is an option of the local engine; the profile {deps.settings.profile!r} has none.",
                hint="Leave it out, or work on this machine: --profile local",
            )


def submit(
    deps: Deps,
    run_id: str,
    video_url: str,
    faces: Sequence[MappedFace],
    options: SwapOptions,
    *,
    max_credits: float | None = None,
) -> Submission:
    """Send the one request that costs: its exact body is durable before, its answer right after.

    Raises:
        CreditsError: the balance does not cover ``max_credits`` any more; nothing was sent.
        OutcomeUnknownError: the task may or may not exist.
    """
    body = deps.dialect.create_body(video_url, faces, options)
    balance = budgeted_balance(deps, max_credits)
    with paying(deps), undisturbed():
        deps.journal.intend(run_id, body)
        task = deps.dialect.create_task(deps.client, body)
        deps.journal.created(run_id, task.task_id, task.held)
    return Submission(task, options, balance)


def see_through(
    deps: Deps,
    run_id: str,
    submission: Submission,
    *,
    deadline: Deadline,
    max_credits: float | None = None,
) -> Generator[float, None, tuple[Task, float | None]]:
    """Wait for a task; return it completed, with its output's URL, and what it cost, None if unsure.

    Raises:
        FailedError: the service ended it as failed; the message says what it cost if that is known.
    """
    task = yield from _await_task(deps, run_id, submission, deadline=deadline)
    is_failed = task.status is Status.FAILED
    # Of a failed task the error tells the cost.
    credits_charged = settle(deps, run_id, submission.balance_before, max_credits, tell=not is_failed)
    if is_failed:
        cost = "" if credits_charged is None else f" (the balance fell by {credits_charged:g} credits)"
        raise FailedError(
            f"The task failed: {task.error or 'the service gave no reason'}{cost}",
            code=task.error_code,
            task_id=task.task_id,
        )
    return task, credits_charged


def _await_task(
    deps: Deps, run_id: str, submission: Submission, *, deadline: Deadline
) -> Generator[float, None, Task]:
    submitted, options, tell = submission.task, submission.options, state_report(deps)

    def on_state(task: Task) -> None:
        deps.journal.state(run_id, task.status, task.progress)
        tell(task)

    return watch_timed(
        deps,
        submitted,
        lambda: deps.dialect.fetch_task(deps.client, submitted.task_id),
        on_state=on_state,
        deadline=deadline,
        like_jobs=f"{options.model} {options.resolution}",
        length_s=submitted.duration_s,
    )
