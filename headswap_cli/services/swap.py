"""Create a head-swap task from a finished analysis, once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError, NotFoundError, RefusedError
from headswap_cli.journal import BoughtError
from headswap_cli.models import Backend, MappedFace, Status
from headswap_cli.services.casting import cast
from headswap_cli.services.content import hashes_of, purchase_key
from headswap_cli.services.hosted import hosted
from headswap_cli.services.likely import is_task
from headswap_cli.services.mapping import check_single_photos, match_people
from headswap_cli.services.money import check_budget
from headswap_cli.services.paid import check_answered, see_through, submit, take_up, task_failed
from headswap_cli.services.photos import check_photos
from headswap_cli.services.record import recording
from headswap_cli.services.remember import mapped_faces, wish
from headswap_cli.services.repeat import check_same
from headswap_cli.wire import MAX_PHOTOS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from headswap_cli.journal import Run
    from headswap_cli.models import Analysis, FaceMapping, Person, SwapOptions, Task
    from headswap_cli.services.deps import Deadline, Deps
    from headswap_cli.services.paid import Submission

# With a smaller part of the video swapped, the result is mostly the source.
_RARE = 0.5


@dataclass(frozen=True, slots=True)
class SwapRequest:
    """What the user asked for; ``is_new`` pays again on purpose."""

    analysis_id: str
    faces: tuple[FaceMapping, ...]
    options: SwapOptions
    max_credits: float | None = None
    is_new: bool = False


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
    deps: Deps, request: SwapRequest, *, deadline: Deadline | None
) -> Generator[float, None, SwapResult]:
    """Create a task from a finished analysis; wait for its verdict if there is a ``deadline``.

    The task that was made of the same analysis, faces and options before is returned instead of a second.

    Raises:
        InputError: the analysis is not completed, or a mapping does not fit it; nothing was paid.
        CreditsError: the balance does not cover the budget; nothing was paid.
        OutcomeUnknownError: the task may or may not exist.
    """
    check_swap(deps, request)
    offer = offer_of(deps, request)
    known = None if request.is_new else deps.journal.find_content(offer.purchase)
    if known is None or not known.is_bought:
        check_budget(deps, request.max_credits)
    run_id = begin_swap(deps, request, offer.analysis, content=offer.purchase)
    return (yield from go_on_swapping(deps, deps.journal.run(run_id), request, offer, deadline=deadline))


def go_on_swapping(
    deps: Deps, run: Run, request: SwapRequest, offer: Offer | None = None, *, deadline: Deadline | None
) -> Generator[float, None, SwapResult]:
    """Bring a run that buys a task to its end from where it is, alone at it.

    Args:
        deps: The backend and the journal.
        run: The run.
        request: What it is to come to.
        offer: What would be bought; None if that is yet to be found out.
        deadline: When to give up; None if only the submission is waited for.

    Raises:
        HeadswapError: as ``swap_steps``.
    """
    run_id = run.run_id
    with deps.journal.held(run_id):
        # Read again: another command may have gone on with it until just now.
        run = deps.journal.run(run_id)
        check_answered(deps.journal, run)
        if offer is None and run.task_id is None:
            offer = offer_of(deps, request)
            check_same(run, offer.purchase)
        try:
            with recording(deps, run_id):
                if run.task_id is not None or offer is None:
                    submission = take_up(deps, run, run.task_id or "", request.options)
                else:
                    submission = yield from _submit(deps, run, request, offer, deadline=deadline)
                return (yield from _followed(deps, run_id, request, submission, deadline))
        except BoughtError as bought:
            other = bought.run_id
            deps.journal.forget(run_id)
    deps.report.notice(f"the run {other} has asked for the same task; going on with that")
    return (yield from go_on_swapping(deps, deps.journal.run(other), request, offer, deadline=deadline))


@dataclass(frozen=True, slots=True)
class Offer:
    """What would be bought: who gets which face, by what each is known, and by what all of it is."""

    analysis: Analysis
    matched: Sequence[tuple[Person, FaceMapping]]
    hashes: Mapping[str, str | None]
    purchase: str


def offer_of(deps: Deps, request: SwapRequest) -> Offer:
    """Return what a swap would buy.

    Raises:
        HeadswapError: the analysis is not to be had, or a mapping does not fit it.
    """
    analysis = fetch_completed(deps, request.analysis_id)
    matched = match(deps, cast(deps, request.faces, analysis), analysis)
    hashes = hashes_of(face.image for face in request.faces)
    profile = deps.settings.profile
    given = [(person.obj_id, face.image) for person, face in matched]
    purchase = purchase_key(profile, request.analysis_id, given, hashes, request.options)
    return Offer(analysis, matched, hashes, purchase)


def _submit(
    deps: Deps, run: Run, request: SwapRequest, offer: Offer, *, deadline: Deadline | None
) -> Generator[float, None, Submission]:
    if run.analysis_id is None:
        deps.journal.submitted(run.run_id, request.analysis_id, offer.analysis.video_url)
        deps.journal.analysed(run.run_id, offer.analysis)
    faces = [face for _, face in offer.matched]
    yield from check_photos(deps, run.run_id, faces, offer.hashes, request.options.mode, deadline=deadline)
    return submit(
        deps,
        run.run_id,
        offer.analysis.video_url,
        publish_faces(deps, run.run_id, offer.matched, offer.hashes),
        request.options,
        purchase=offer.purchase,
        is_new=bool(request.is_new or run.parameters.get("is_new")),
        max_credits=request.max_credits,
    )


def _followed(
    deps: Deps, run_id: str, request: SwapRequest, submission: Submission, deadline: Deadline | None
) -> Generator[float, None, SwapResult]:
    """Return what a submission came to, waited for if there is a deadline."""
    task, credits_charged = submission.task, None
    if deadline is not None:
        task, credits_charged = yield from see_through(
            deps, run_id, submission, deadline=deadline, max_credits=request.max_credits
        )
    elif task.status.has_failed:
        raise task_failed(deps, task)
    run = deps.journal.run(run_id)
    return SwapResult(
        run_id=run_id,
        analysis_id=request.analysis_id,
        task=task,
        mappings=mapped_faces(run, deps.journal.steps(run_id)),
        held=submission.task.held,
        credits_charged=credits_charged if credits_charged is not None else run.credits_charged,
    )


def check_swap(deps: Deps, request: SwapRequest) -> None:
    """Check where photos can go and what the backend takes.

    Raises:
        InputError: names what does not go.
    """
    deps.check_sources(*(face.image for face in request.faces))
    check_options(deps, request.options, request.faces)
    warn_of_plain_webhook(deps, request.options)


def fetch_completed(deps: Deps, analysis_id: str) -> Analysis:
    """Return a completed analysis with the URL that it was asked for by.

    Raises:
        InputError: it is not completed, or no analysis.
        NotFoundError: nobody knows it.
    """
    earlier = deps.journal.find(analysis_id)
    if earlier is not None and earlier.analysis_id != analysis_id:
        kind = "run" if earlier.run_id == analysis_id else "task"
        raise _no_analysis(kind, analysis_id, earlier.analysis_id)
    try:
        analysis = deps.dialect.fetch_analysis(deps.client, analysis_id)
    except (NotFoundError, RefusedError) as error:
        if earlier is None and is_task(deps, analysis_id):
            raise _no_analysis("task", analysis_id, None) from error
        raise
    if analysis.status is not Status.COMPLETED:
        raise InputError(
            f"The analysis {analysis_id} is {analysis.status}, not completed.",
            hint=f"headswap status {analysis_id} --wait",
            analysis_id=analysis_id,
        )
    # The service may say the URL in another spelling; it joins analysis and task by the string it was given.
    asked_by = earlier.video_url if earlier is not None else None
    return replace(analysis, video_url=asked_by or analysis.video_url)


def _no_analysis(kind: str, identifier: str, analysis_id: str | None) -> InputError:
    way_on = f"swap {analysis_id} --face 1=IMAGE" if analysis_id else "analyze VIDEO"
    return InputError(
        f"{identifier} is a {kind}, and a task is made from an analysis.", hint=f"headswap {way_on}"
    )


def begin_swap(
    deps: Deps, request: SwapRequest, analysis: Analysis, *, content: str | None = None, dry_run: bool = False
) -> str:
    """Return the id of the run that is to buy this: an earlier one, or a new one."""
    earlier = deps.journal.find(request.analysis_id)
    return deps.journal.begin(
        profile=deps.settings.profile,
        backend=deps.settings.backend,
        source=earlier.source if earlier else analysis.video_url,
        content=content,
        is_new=request.is_new or content is None,
        parameters={
            "command": "swap",
            **({"dry_run": True} if dry_run else {}),
            "is_new": request.is_new,
            "analysis_id": request.analysis_id,
            **wish(request.faces, request.options),
        },
    )


def warn_of_plain_webhook(deps: Deps, options: SwapOptions) -> None:
    """Say that anybody on the way can read what is told to a webhook over plain http."""
    if options.webhook_url is not None and options.webhook_url.lower().startswith("http://"):
        deps.report.notice("warning: the webhook is plain http; anybody on the way can read what it is told")


def match(
    deps: Deps, faces: Sequence[FaceMapping], analysis: Analysis, *, video: str | None = None
) -> list[tuple[Person, FaceMapping]]:
    """Return each face with the person it is for; ``video`` as for ``match_people``.

    Raises:
        InputError: as ``match_people``.
    """
    most = MAX_PHOTOS if deps.settings.backend is Backend.LOCAL else 1
    matched = match_people(faces, analysis.people, analysis.analysis_id, most=most, video=video)
    _tell_of_the_rarely_seen(deps, {person.person: person for person, _ in matched}.values())
    return matched


def _tell_of_the_rarely_seen(deps: Deps, people: Iterable[Person]) -> None:
    """Say beforehand of whom most of the video shows no face: all of that stays as it is."""
    for person in people:
        share = person.screen_share
        if share is not None and share < _RARE:
            seen = f"{100 * share:.0f} %" if share >= 0.01 else "less than 1 %"
            deps.report.notice(
                f"person {person.person}: there is a face to follow in {seen} of the video, which is all that"
                " can be swapped"
            )


def publish_faces(
    deps: Deps,
    run_id: str,
    matched: Sequence[tuple[Person, FaceMapping]],
    hashes: Mapping[str, str | None],
) -> list[MappedFace]:
    """Give each photo a URL; ``hashes`` is what each is known by."""
    return [
        MappedFace(
            person=person.person,
            obj_id=person.obj_id,
            face=face.image,
            img_url=hosted(deps, run_id, face.image, f"face of person {person.person}", hashes[face.image]),
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
        "--quality": options.quality is not None,
        "--any-length": options.any_length,
    }
    flags = [flag for flag, is_set in asked.items() if is_set]
    if flags:
        what = "is an option" if len(flags) == 1 else "are options"
        raise InputError(
            f"{', '.join(flags)} {what} of the local engine; the profile {deps.settings.profile!r} has none.",
            hint=f"Leave {'it' if len(flags) == 1 else 'them'} out, or work on this machine: --profile local",
        )
