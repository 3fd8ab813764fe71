"""Taking up what was left open: from the journal alone, in any folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headswap_cli.api.account import fetch_balance
from headswap_cli.errors import (
    HeadswapError,
    InputError,
    JobCancelledError,
    OutcomeUnknownError,
)
from headswap_cli.journal import StepKind
from headswap_cli.media import is_url
from headswap_cli.models import Status
from headswap_cli.services.output import TakenError, default_name, target_path
from headswap_cli.services.paid import sent_at
from headswap_cli.services.remember import faces_of, options_of
from headswap_cli.services.repeat import DoneError
from headswap_cli.services.run import RunRequest, RunResult, go_on
from headswap_cli.services.runs import find_run
from headswap_cli.services.swap import SwapRequest, SwapResult, go_on_swapping

if TYPE_CHECKING:
    from collections.abc import Generator

    from headswap_cli.journal import Journal, Run
    from headswap_cli.services.deps import Deadline, Deps


def find_open(journal: Journal, run_id: str) -> Run:
    """Return a run that can be gone on with, by its own id or its task's.

    Raises:
        NotFoundError: the journal has no such run.
        InputError: there is nothing to go on with.
        JobCancelledError: the user had it ended.
    """
    run = find_run(journal, run_id)
    if not run.is_resumable:
        raise InputError(
            f"{run.run_id} was to {run.command} only; there is nothing to resume.",
            hint=f"headswap status {run.run_id} --wait",
            run_id=run.run_id,
        )
    if run.status is Status.CANCELLED:
        raise JobCancelledError("run", run.run_id)
    return run


def resume_steps(
    deps: Deps, run: Run, *, deadline: Deadline
) -> Generator[float, None, RunResult | SwapResult]:
    """Bring a run to its end from the exact step where it was left; a swap ends with its verdict.

    Raises:
        OutcomeUnknownError: its create was not answered; the error says all that is known.
        InputError: it is done and its file is there, or another file has taken its place.
        HeadswapError: as ``run_steps`` and ``swap_steps``.
    """
    if run.is_unanswered:
        raise _unknown(deps, run)
    budget = run.parameters.get("max_credits")
    if run.command == "swap":
        request = SwapRequest(run.analysis_id or "", faces_of(run), options_of(run), max_credits=budget)
        return (yield from go_on_swapping(deps, run, request, deadline=deadline))
    wished = RunRequest(
        video=run.source,
        faces=faces_of(run),
        options=options_of(run),
        target=Path(run.target) if run.target else target_path(None, default_name(run.source)),
        max_credits=budget,
        force=bool(run.parameters.get("force")),
        is_aimed=True,
    )
    try:
        return (yield from go_on(deps, run.run_id, wished, None, deadline=deadline))
    except DoneError as error:
        error.hint = f"To have the same again, free: headswap download {run.run_id} -o FILE"
        raise
    except TakenError as error:
        error.hint = f"Move that file away, then: headswap resume {run.run_id}"
        raise


def adopt_task(deps: Deps, run: Run, task_id: str) -> None:
    """Take a task of the account for the one that a run's unanswered create has made.

    Raises:
        InputError: the run has no unanswered create, or the task is not of the same video, or another run's.
        NotFoundError: there is no such task.
    """
    _check_unanswered(run)
    owner = deps.journal.find(task_id)
    if owner is not None:
        raise InputError(
            f"The task {task_id} belongs to the run {owner.run_id}; it can't be that of {run.run_id}, too.",
            hint=f"headswap resume {owner.run_id}",
        )
    task = deps.dialect.fetch_task(deps.client, task_id)
    sent = (run.body or {}).get("video_url")
    if task.source_video_url != sent:
        raise InputError(
            f"The task {task_id} is not of the video that the run {run.run_id} sent; nothing was changed.",
            hint=f"headswap runs show {run.run_id}",
            run_id=run.run_id,
        )
    with deps.journal.held(run.run_id):
        # Another command may have settled it meanwhile.
        _check_unanswered(deps.journal.run(run.run_id))
        deps.journal.created(run.run_id, task_id, task.held)
    deps.report.notice(f"the task {task_id} is of the same video; going on with it")


def resubmit(deps: Deps, run: Run) -> None:
    """Hold an unanswered create to have made no task, as the user does; the next one may be paid for twice.

    Raises:
        InputError: the run has no unanswered create.
    """
    _check_unanswered(run)
    facts = _facts(deps, run)
    with deps.journal.held(run.run_id):
        _check_unanswered(deps.journal.run(run.run_id))
        deps.journal.waive(run.run_id)
    deps.report.notice(f"{facts} It is sent again now.")


def _check_unanswered(run: Run) -> None:
    if not run.is_unanswered:
        has = f"has the task {run.task_id}" if run.task_id else "has sent none"
        raise InputError(
            f"No task of the run {run.run_id} is in question: it {has}.",
            hint=f"headswap resume {run.run_id}",
            run_id=run.run_id,
        )


def _unknown(deps: Deps, run: Run) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"{_facts(deps, run)} It may or may not exist; nothing was sent now.",
        hint=f"Look for it in your account. If it is there: headswap resume {run.run_id} --task ID."
        f" If it is not: headswap resume {run.run_id} --resubmit",
        run_id=run.run_id,
        analysis_id=run.analysis_id,
    )


def _facts(deps: Deps, run: Run) -> str:
    """Say when a create was sent, what it was, and what the balance was and is, as far as it can be had."""
    from headswap_cli.transfer import without_query

    body = run.body or {}
    # A link's query may be a signature.
    source = without_query(run.source) if is_url(run.source) else run.source
    people = len(body.get("mappings", ()))
    what = f"{source}, {people} {'face' if people == 1 else 'faces'}, {body.get('resolution')}"
    said = f"The run {run.run_id} sent a task{sent_at(deps.journal, run)} ({what}) and got no answer."
    if deps.is_free:
        return f"{said} The engine on this machine costs nothing."
    step = deps.journal.last(run.run_id, StepKind.INTENDED)
    before = step.detail.get("balance") if step is not None else None
    try:
        after = f"{fetch_balance(deps.client.hurried()):g}"
    except HeadswapError:
        after = "not to be had"
    known = "unknown" if before is None else format(before, "g")
    return f"{said} The balance was {known} before it and is {after} now."
