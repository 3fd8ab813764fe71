"""Create a head-swap task, once, and wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headswap_cli.errors import FailedError, InputError
from headswap_cli.models import MappedFace, Status
from headswap_cli.services.analyze import pace_of
from headswap_cli.services.mapping import match_people
from headswap_cli.services.record import recording
from headswap_cli.services.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.models import Analysis, FaceMapping, SwapOptions, Task
    from headswap_cli.services.deps import Deadline, Deps


@dataclass(frozen=True, slots=True)
class SwapResult:
    """A created task and what it was made from."""

    run_id: str
    analysis_id: str
    task: Task
    mappings: tuple[MappedFace, ...]


def swap(
    deps: Deps,
    analysis_id: str,
    faces: Sequence[FaceMapping],
    options: SwapOptions,
    *,
    deadline: Deadline | None,
) -> SwapResult:
    """Create a task from a finished analysis; wait for its verdict if there is a ``deadline``.

    Raises:
        InputError: the analysis is not completed, or a mapping does not fit it; nothing was paid.
        OutcomeUnknownError: the task may or may not exist.
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
        parameters={"command": "swap"},
    )
    with recording(deps, run_id):
        deps.journal.submitted(run_id, analysis_id)
        deps.journal.analysed(run_id, analysis)
        mapped = publish_faces(deps, run_id, faces, analysis)
        task = submit(deps, run_id, analysis.video_url, mapped, options)
        if deadline is not None:
            task = await_task(deps, run_id, task.task_id, deadline=deadline)
    return SwapResult(run_id, analysis_id, task, tuple(mapped))


def publish_faces(
    deps: Deps, run_id: str, faces: Sequence[FaceMapping], analysis: Analysis
) -> list[MappedFace]:
    """Match the faces to people first, then give each photo a URL."""
    matched = match_people(faces, analysis.people, analysis.analysis_id)
    return [
        MappedFace(
            person=person.person,
            obj_id=person.obj_id,
            face=face.image,
            img_url=deps.publish(run_id, face.image, f"face of person {person.person}"),
        )
        for person, face in matched
    ]


def submit(
    deps: Deps, run_id: str, video_url: str, faces: Sequence[MappedFace], options: SwapOptions
) -> Task:
    """Send the one request that costs: its exact body is durable before, its answer right after."""
    body = deps.dialect.create_body(video_url, faces, options)
    deps.journal.intend(run_id, body)
    task = deps.dialect.create_task(deps.client, body)
    deps.journal.created(run_id, task.task_id)
    return task


def await_task(deps: Deps, run_id: str | None, task_id: str, *, deadline: Deadline) -> Task:
    """Wait for a task and return it completed, with its output's URL.

    Raises:
        FailedError: the service ended it as failed.
    """

    def on_state(task: Task) -> None:
        if run_id is not None:
            deps.journal.state(run_id, task.status, task.progress)
        deps.report.state("task", task.status, task.progress)

    task = wait_for(
        lambda: deps.dialect.fetch_task(deps.client, task_id),
        on_state=on_state,
        deadline=deadline,
        pace=pace_of(deps),
        sleep=deps.sleep,
        clock=deps.clock,
    )
    if task.status is Status.FAILED:
        raise FailedError(
            f"The task failed: {task.error or 'the service gave no reason'}",
            code=task.error_code,
            task_id=task_id,
        )
    return task
