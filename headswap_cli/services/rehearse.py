"""``--dry-run``: everything up to the request that costs, and that request as it would be sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headswap_cli.models import Backend, MappedFace, Person
from headswap_cli.services.content import content_of
from headswap_cli.services.money import budgeted_balance, check_budget
from headswap_cli.services.output import with_task_id
from headswap_cli.services.paid import check_answered, fetch_bought, task_failed
from headswap_cli.services.photos import check_photos
from headswap_cli.services.record import recording
from headswap_cli.services.remember import mapped_faces, people_in
from headswap_cli.services.repeat import check_place
from headswap_cli.services.run import begin_run, check_run, prepare, purchase_of
from headswap_cli.services.swap import begin_swap, check_swap, offer_of, publish_faces
from headswap_cli.wire import CREATE_PATH

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from headswap_cli.journal import Run
    from headswap_cli.models import Analysis, SwapOptions, Task
    from headswap_cli.services.deps import Deadline, Deps
    from headswap_cli.services.run import RunRequest
    from headswap_cli.services.swap import SwapRequest
    from headswap_cli.wire import JsonObject


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would be sent, to which address; ``balance`` is None where there is none or it can't be had.

    Where the run has its ``task`` already, nothing would: ``body`` is None, and ``target`` is the file that
    its result would be saved as, None where it would not be. ``notices`` is what photos are warned of, or
    what there is to know of that task's result.
    """

    run_id: str
    profile: str
    backend: Backend
    analysis_id: str
    people: tuple[Person, ...]
    mappings: tuple[MappedFace, ...]
    url: str
    body: JsonObject | None
    balance: float | None = None
    task: Task | None = None
    target: Path | None = None
    notices: tuple[str, ...] = ()


def rehearse_run_steps(
    deps: Deps, request: RunRequest, *, deadline: Deadline
) -> Generator[float, None, Rehearsal]:
    """Publish, analyse and match people; stop before the task is created, or gone on with.

    Raises:
        DoneError: the same run is completed and its file is there.
        OutcomeUnknownError: a create of the same run was not answered.
        HeadswapError: what a run would end in before it pays, or as its task has.
    """
    check_run(deps, request)
    content = content_of(deps.settings.profile, request.video, request.faces, request.options)
    known = None if request.is_new else deps.journal.find_content(content.key)
    check_place(deps.journal, known, request)
    if known is not None and known.is_bought:
        return _gone_on_with(deps, known, request)
    check_budget(deps, request.max_credits)
    if known is not None:
        deps.report.notice(f"without --dry-run the run {known.run_id} is gone on with")
    run_id = begin_run(deps, request, content, dry_run=True)
    deps.report.notice(f"run {run_id}")
    with deps.journal.held(run_id), recording(deps, run_id):
        analysis, mapped, warnings = yield from prepare(deps, run_id, request, content, deadline=deadline)
        purchase = purchase_of(deps, request, content, analysis, mapped)
        bought = None if request.is_new else deps.journal.find_content(purchase)
        if bought is None or not bought.is_bought:
            rehearsed = _rehearsed(
                deps, run_id, analysis, mapped, options=request.options, max_credits=request.max_credits
            )
            return replace(rehearsed, notices=tuple(warnings))
        deps.journal.forget(run_id)
    deps.report.notice(f"the run {bought.run_id} has asked for the same task")
    check_place(deps.journal, bought, request)
    return _gone_on_with(deps, bought, request)


def rehearse_swap_steps(
    deps: Deps, request: SwapRequest, *, deadline: Deadline | None
) -> Generator[float, None, Rehearsal]:
    """Match people of a finished analysis, judge and publish the photos; stop before the task is created.

    Raises:
        OutcomeUnknownError: a create of the same task was not answered.
        HeadswapError: what a swap would end in before it pays, or as its task has.
    """
    check_swap(deps, request)
    offer = offer_of(deps, request)
    known = None if request.is_new else deps.journal.find_content(offer.purchase)
    if known is not None and known.is_bought:
        return _gone_on_with(deps, known, None)
    check_budget(deps, request.max_credits)
    run_id = begin_swap(deps, request, offer.analysis, dry_run=True)
    with deps.journal.held(run_id), recording(deps, run_id):
        deps.journal.submitted(run_id, request.analysis_id, offer.analysis.video_url)
        warnings = yield from check_photos(
            deps, run_id, request.faces, offer.hashes, request.options.mode, deadline=deadline
        )
        mapped = publish_faces(deps, run_id, offer.matched, offer.hashes)
        rehearsed = _rehearsed(
            deps, run_id, offer.analysis, mapped, options=request.options, max_credits=request.max_credits
        )
        return replace(rehearsed, notices=tuple(warnings))


def _gone_on_with(deps: Deps, run: Run, request: RunRequest | None) -> Rehearsal:
    """Return what the same command would find of a task that exists, and where its result would be saved."""
    check_answered(deps.journal, run)
    task = fetch_bought(deps, run, run.task_id or "")
    if task.status.has_failed:
        raise task_failed(deps, task)
    is_saved = request is not None and not (request.detach or request.to_stdout)
    steps = deps.journal.steps(run.run_id)
    return Rehearsal(
        run_id=run.run_id,
        profile=run.profile,
        backend=deps.settings.backend,
        analysis_id=run.analysis_id or "",
        people=people_in(steps),
        mappings=mapped_faces(run, steps),
        url=deps.settings.base_url + CREATE_PATH,
        body=None,
        task=task,
        target=with_task_id(request.target, task.task_id) if request is not None and is_saved else None,
        notices=task.notices,
    )


def _rehearsed(
    deps: Deps,
    run_id: str,
    analysis: Analysis,
    mapped: Sequence[MappedFace],
    *,
    options: SwapOptions,
    max_credits: float | None,
) -> Rehearsal:
    body = deps.dialect.create_body(analysis.video_url, mapped, options)
    balance = budgeted_balance(deps, max_credits)
    deps.journal.analysed(run_id, analysis, is_last=True)
    return Rehearsal(
        run_id=run_id,
        profile=deps.settings.profile,
        backend=deps.settings.backend,
        analysis_id=analysis.analysis_id,
        people=analysis.people,
        mappings=tuple(mapped),
        url=deps.settings.base_url + CREATE_PATH,
        body=body,
        balance=balance,
    )
