"""``--dry-run``: everything up to the request that costs, and that request as it would be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headswap_cli.models import Backend, MappedFace, Person
from headswap_cli.services.casting import cast
from headswap_cli.services.content import content_of, hashes_of
from headswap_cli.services.money import budgeted_balance, check_budget
from headswap_cli.services.photos import check_photos
from headswap_cli.services.record import recording
from headswap_cli.services.run import begin_run, check_run, prepare
from headswap_cli.services.swap import begin_swap, check_swap, fetch_completed, match, publish_faces
from headswap_cli.wire import CREATE_PATH

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from headswap_cli.models import Analysis, SwapOptions
    from headswap_cli.services.deps import Deadline, Deps
    from headswap_cli.services.run import RunRequest
    from headswap_cli.services.swap import SwapRequest
    from headswap_cli.wire import JsonObject


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would be sent, to which address; ``balance`` is None where there is none or it can't be had."""

    run_id: str
    profile: str
    backend: Backend
    analysis_id: str
    people: tuple[Person, ...]
    mappings: tuple[MappedFace, ...]
    url: str
    body: JsonObject
    balance: float | None


def rehearse_run_steps(
    deps: Deps, request: RunRequest, *, deadline: Deadline
) -> Generator[float, None, Rehearsal]:
    """Publish, analyse and match people; stop before the task is created.

    Raises:
        HeadswapError: what a run would end in before it pays.
    """
    check_run(deps, request)
    check_budget(deps, request.max_credits)
    content = content_of(deps.settings.profile, request.video, request.faces, request.options)
    run_id = begin_run(deps, request, content, dry_run=True)
    deps.report.notice(f"run {run_id}")
    with deps.journal.held(run_id), recording(deps, run_id):
        analysis, mapped = yield from prepare(deps, run_id, request, content, deadline=deadline)
        return _rehearsed(
            deps, run_id, analysis, mapped, options=request.options, max_credits=request.max_credits
        )


def rehearse_swap_steps(
    deps: Deps, request: SwapRequest, *, deadline: Deadline | None
) -> Generator[float, None, Rehearsal]:
    """Match people of a finished analysis, judge and publish the photos; stop before the task is created.

    Raises:
        HeadswapError: what a swap would end in before it pays.
    """
    check_swap(deps, request)
    check_budget(deps, request.max_credits)
    analysis = fetch_completed(deps, request.analysis_id)
    run_id = begin_swap(deps, request, analysis, dry_run=True)
    with deps.journal.held(run_id), recording(deps, run_id):
        deps.journal.submitted(run_id, request.analysis_id, analysis.video_url)
        matched = match(deps, cast(deps, request.faces, analysis), analysis)
        hashes = hashes_of(face.image for face in request.faces)
        yield from check_photos(deps, run_id, request.faces, hashes, deadline=deadline)
        mapped = publish_faces(deps, run_id, matched, hashes)
        return _rehearsed(
            deps, run_id, analysis, mapped, options=request.options, max_credits=request.max_credits
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
