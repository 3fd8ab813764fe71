"""The main job: from a video and photos to a saved result."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError
from headswap_cli.media import check_photo, check_video, is_url
from headswap_cli.models import Backend, FaceMapping, MappedFace, Person, Saved, Status, SwapOptions
from headswap_cli.services.analyze import find_people
from headswap_cli.services.deps import absolute
from headswap_cli.services.download import save
from headswap_cli.services.mapping import check_mappings
from headswap_cli.services.output import check_target, default_name, target_path
from headswap_cli.services.record import recording
from headswap_cli.services.swap import await_task, publish_faces, submit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from headswap_cli.models import Task
    from headswap_cli.services.deps import Deadline, Deps


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the user asked for; ``target`` None stops after the submission."""

    video: str
    faces: tuple[FaceMapping, ...]
    options: SwapOptions
    target: Path | None


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

    @property
    def status(self) -> Status:
        """The task's state."""
        return self.task.status


def request_for(
    video: str, faces: Sequence[FaceMapping], options: SwapOptions, output: str | None, *, detach: bool
) -> RunRequest:
    """Return the request with its output settled."""
    target = None if detach else target_path(output, default_name(video))
    return RunRequest(video, tuple(faces), options, target)


def check(request: RunRequest, *, force: bool) -> None:
    """Check all that this machine can check, before any engine starts and any byte is sent.

    Raises:
        InputError: names the thing, the value and the limit.
    """
    check_sources(request.video, request.faces, any_length=request.options.any_length)
    if request.target is not None:
        check_target(request.target, force=force)
        if not is_url(request.video) and absolute(request.video) == request.target:
            raise InputError("The output is the source video itself.", hint="Name another file: -o FILE")


def check_sources(video: str | None, faces: Sequence[FaceMapping], *, any_length: bool) -> None:
    """Check the mappings and every file that is on this machine; URLs are left to the service."""
    check_mappings(faces)
    if video is not None and not is_url(video):
        check_video(absolute(video), any_length=any_length)
    for face in faces:
        if not is_url(face.image):
            check_photo(absolute(face.image))


def run(deps: Deps, request: RunRequest, *, deadline: Deadline) -> RunResult:
    """Publish, analyse, create, wait, download and verify.

    Raises:
        HeadswapError: any of the errors of the steps; what was submitted is in the journal.
    """
    settings, options = deps.settings, request.options
    run_id = deps.journal.begin(
        profile=settings.profile,
        backend=settings.backend,
        source=request.video,
        target=str(request.target) if request.target else None,
        parameters={"command": "run", **asdict(options)},
    )
    with recording(deps, run_id):
        video_url = deps.publish(run_id, request.video, "video")
        analysis = find_people(deps, run_id, video_url, any_length=options.any_length, deadline=deadline)
        deps.journal.analysed(run_id, analysis)
        mapped = publish_faces(deps, run_id, request.faces, analysis)
        task = submit(deps, run_id, video_url, mapped, options)
        saved = None
        if request.target is not None:
            task = await_task(deps, run_id, task.task_id, deadline=deadline)
            for notice in task.notices:
                deps.report.notice(notice)
            saved = save(deps, task, request.target)
            deps.journal.done(run_id, saved)
    return RunResult(
        run_id=run_id,
        profile=settings.profile,
        backend=settings.backend,
        analysis_id=analysis.analysis_id,
        task=task,
        people=analysis.people,
        mappings=tuple(mapped),
        saved=saved,
    )
