"""``--dry-run``: everything up to the request that costs, and that request as it would be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headswap_cli.models import Backend, MappedFace, Person
from headswap_cli.services.casting import cast
from headswap_cli.services.money import budgeted_balance, check_budget
from headswap_cli.services.record import recording
from headswap_cli.services.run import begin_run, cast_run, prepare
from headswap_cli.services.swap import adopt, check_options, publish_faces, warn_of_plain_webhook
from headswap_cli.wire import CREATE_PATH

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from headswap_cli.models import Analysis, FaceMapping, SwapOptions
    from headswap_cli.services.deps import Deadline, Deps
    from headswap_cli.services.run import RunRequest
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
    request = yield from cast_run(deps, request, deadline=deadline)
    run_id = begin_run(deps, request, dry_run=True)
    with recording(deps, run_id):
        analysis, mapped = yield from prepare(deps, run_id, request, deadline=deadline)
        return _rehearsed(
            deps, run_id, analysis, mapped, options=request.options, max_credits=request.max_credits
        )


def rehearse_swap(
    deps: Deps,
    analysis_id: str,
    faces: Sequence[FaceMapping],
    options: SwapOptions,
    *,
    max_credits: float | None = None,
) -> Rehearsal:
    """Match people of a finished analysis and publish the photos; stop before the task is created.

    Raises:
        HeadswapError: what a swap would end in before it pays.
    """
    deps.check_sources(*(face.image for face in faces))
    check_options(deps, options, faces)
    check_budget(deps, max_credits)
    warn_of_plain_webhook(deps, options)
    analysis, run_id = adopt(deps, analysis_id, parameters={"command": "swap", "dry_run": True})
    with recording(deps, run_id):
        mapped = publish_faces(deps, run_id, cast(deps, faces, analysis), analysis)
        return _rehearsed(deps, run_id, analysis, mapped, options=options, max_credits=max_credits)


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
