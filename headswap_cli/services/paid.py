"""The request that costs, sent once; and the task that came of it, waited for however often."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headswap_cli.errors import FailedError, JobCancelledError, NotFoundError, OutcomeUnknownError, Stopped
from headswap_cli.journal import StepKind
from headswap_cli.models import Status
from headswap_cli.services.hosted import check_life
from headswap_cli.services.money import budgeted_balance, paying, settle
from headswap_cli.services.photos import OTHER_PHOTO
from headswap_cli.services.timed import state_report, watch_again, watch_timed
from headswap_cli.services.undisturbed import undisturbed

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from headswap_cli.journal import Journal, Run
    from headswap_cli.models import MappedFace, SwapOptions, Task
    from headswap_cli.services.deps import Deadline, Deps


@dataclass(frozen=True, slots=True)
class Submission:
    """A paid task: created just now, or in an earlier command.

    ``balance_before`` is None where what the balance falls by is not known to be the price.
    """

    task: Task
    options: SwapOptions
    balance_before: float | None
    is_submitted_now: bool = True


def check_answered(journal: Journal, run: Run) -> None:
    """Check that no create of the run is without an answer.

    Raises:
        OutcomeUnknownError: one is; the error says when it was sent.
    """
    if not run.is_unanswered:
        return
    raise OutcomeUnknownError(
        f"The run {run.run_id} sent a task{sent_at(journal, run)} and got no answer: it may or may not exist."
        " Nothing was sent now.",
        hint=f"headswap resume {run.run_id}",
        run_id=run.run_id,
        analysis_id=run.analysis_id,
    )


def sent_at(journal: Journal, run: Run) -> str:
    """Return when the run's create was sent, as `` at 2026-01-31 12:00:00 UTC``."""
    step = journal.last(run.run_id, StepKind.INTENDED)
    return "" if step is None else f" at {datetime.fromtimestamp(step.at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def submit(
    deps: Deps,
    run_id: str,
    video_url: str,
    faces: Sequence[MappedFace],
    options: SwapOptions,
    *,
    purchase: str,
    is_new: bool = False,
    max_credits: float | None = None,
) -> Submission:
    """Send the one request that costs: its exact body is durable before, its answer right after.

    Args:
        deps: The backend and the journal.
        run_id: The run that it is for.
        video_url: The string that was analysed.
        faces: Who gets which face.
        options: How the task is to be made.
        purchase: What the task is known by.
        is_new: Whether it is paid for even if another run has bought the same.
        max_credits: The budget.

    Raises:
        BoughtError: another run has bought the same; nothing was sent.
        CreditsError: the balance does not cover ``max_credits`` any more; nothing was sent.
        InputError: a link would end before the service has read it; nothing was sent.
        OutcomeUnknownError: the task may or may not exist.
        Stopped: everything is to end; nothing was taken by the service.
    """
    body = deps.dialect.create_body(video_url, faces, options)
    for url, what in ((video_url, "video"), *((face.img_url, "photo") for face in faces)):
        check_life(deps, url, what)
    balance = budgeted_balance(deps, max_credits)
    with paying(deps), undisturbed():
        deps.journal.intend(run_id, body, purchase=purchase, is_new=is_new, balance=balance)
        try:
            task = deps.dialect.create_task(deps.client, body)
        except Stopped:
            # It strikes only between two tries, and there is a second one only if the first was not taken.
            deps.journal.waive(run_id)
            raise
        deps.journal.created(run_id, task.task_id, task.held)
    return Submission(task, options, balance)


def take_up(deps: Deps, run: Run, task_id: str, options: SwapOptions) -> Submission:
    """Ask for the task that a run has paid for, and say that it is gone on with.

    Raises:
        NotFoundError: the service does not know it any more.
    """
    task = fetch_bought(deps, run, task_id)
    way_on = "going on with it" if deps.is_free else "nothing is paid again"
    deps.report.notice(f"the task {task_id} exists already; {way_on}")
    return Submission(replace(task, held=run.held), options, None, is_submitted_now=False)


def fetch_bought(deps: Deps, run: Run, task_id: str) -> Task:
    """Return the task that a run has paid for, as it is now.

    Raises:
        NotFoundError: the service does not know it any more; of the local engine that is the run's end.
    """
    try:
        return deps.dialect.fetch_task(deps.client, task_id)
    except NotFoundError as error:
        if deps.is_free:
            error.message = (
                f"The local engine has no job of the run {run.run_id} any more: it deletes each after 7 days,"
                " and all of them when it is told to (headswap serve --clear)."
            )
            error.hint = f"To make it anew: headswap runs forget {run.run_id}, then ask for the same again"
            if run.output is None and run.status is not Status.FAILED:
                # Nothing brings it back: the run is over, and a bare resume leaves it alone.
                deps.journal.failed(run.run_id, Status.FAILED, error)
            raise
        error.message = (
            f"The service does not know the task {task_id} of the run {run.run_id}: {error.message}"
        )
        error.hint = (
            f"To give it up: headswap runs forget {run.run_id} --force; the same asked for after that is paid"
            " for again"
        )
        raise


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
    is_failed = task.status.has_failed
    # Of a failed task the error tells the cost.
    credits_charged = settle(deps, run_id, submission.balance_before, max_credits, tell=not is_failed)
    if is_failed:
        raise task_failed(deps, task, credits_charged)
    return task, credits_charged


def task_failed(deps: Deps, task: Task, credits_charged: float | None = None) -> FailedError:
    """Return the error of a task that the service ended as failed, or the user as cancelled."""
    if task.status is Status.CANCELLED:
        return JobCancelledError("task", task.task_id)
    reason = task.error or "the service gave no reason"
    way = "Change what the reason names; to try the same again" if deps.is_free else "To pay again"
    hint = f"It is not tried again by itself. {way}: the same command with --new"
    if deps.is_free and task.is_of_a_photo:
        hint = OTHER_PHOTO
    cost = "" if credits_charged is None else f" (the balance fell by {credits_charged:g} credits)"
    return FailedError(
        f"The task failed: {reason}{cost}",
        hint=hint,
        code=task.error_code,
        task_id=task.task_id,
    )


def _await_task(
    deps: Deps, run_id: str, submission: Submission, *, deadline: Deadline
) -> Generator[float, None, Task]:
    first, options, tell = submission.task, submission.options, state_report(deps)

    known: tuple[Status, float] | None = None

    def _on_state(task: Task) -> None:
        nonlocal known
        # Most looks see what the last one saw: not even the journal needs to be asked.
        if known != (task.status, task.progress):
            deps.journal.state(run_id, task.status, task.progress)
            known = task.status, task.progress
        tell(task)

    def _look() -> Task:
        return deps.dialect.fetch_task(deps.client, first.task_id)

    if not submission.is_submitted_now:
        return watch_again(deps, first, _look, on_state=_on_state, deadline=deadline)
    return watch_timed(
        deps,
        first,
        _look,
        on_state=_on_state,
        deadline=deadline,
        like_jobs=f"{options.model} {options.resolution}",
        length_s=first.duration_s,
    )
