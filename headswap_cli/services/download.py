"""Save a finished task's result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headswap_cli.errors import DeadlineError, FailedError, InputError, NotFoundError
from headswap_cli.media import verify_playable
from headswap_cli.models import Saved, Status
from headswap_cli.services.output import SUFFIX, check_target, default_name, target_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.models import Task
    from headswap_cli.services.deps import Deps


@dataclass(frozen=True, slots=True)
class DownloadResult:
    """A task's result on disk."""

    task_id: str
    run_id: str | None
    saved: Saved


def download(deps: Deps, identifier: str, output: str | None, *, force: bool) -> DownloadResult:
    """Save the result of a task, or of the run with that id.

    Raises:
        DeadlineError: the task is not finished yet.
        FailedError: the task failed.
        NotFoundError: nobody knows the id, the run has no task, or the result is gone.
    """
    run = deps.journal.find(identifier)
    task_id = run.task_id if run is not None and run.run_id == identifier else identifier
    if task_id is None:
        raise NotFoundError(f"The run {identifier} has created no task.", run_id=identifier)
    name = default_name(run.source) if run is not None else task_id + SUFFIX
    target = target_path(output, name, task_id=task_id)
    check_target(target, force=force)
    task = deps.dialect.fetch_task(deps.client, task_id)
    _check_finished(task)
    saved = save(deps, task, target)
    if run is not None:
        deps.journal.done(run.run_id, saved)
    return DownloadResult(task_id, run.run_id if run else None, saved)


def check_several(identifiers: Sequence[str], output: str | None) -> None:
    """Check that several results do not all go into one file.

    Raises:
        InputError: they would.
    """
    if len(identifiers) < 2 or output is None or "{task_id}" in output:
        return
    if not Path(output).expanduser().is_dir():
        raise InputError(
            f"{len(identifiers)} results cannot be saved as one output, {output!r}.",
            hint="-o FOLDER/, or -o {task_id}.mp4",
        )


def _check_finished(task: Task) -> None:
    if task.status is Status.FAILED:
        reason = task.error or "the service gave no reason"
        raise FailedError(f"The task failed: {reason}", code=task.error_code, task_id=task.task_id)
    if task.status is not Status.COMPLETED:
        raise DeadlineError(
            f"The task {task.task_id} is still {task.status}; it has no result yet.",
            hint=f"headswap status {task.task_id} --wait",
            task_id=task.task_id,
        )


def save(deps: Deps, task: Task, target: Path) -> Saved:
    """Download a completed task's output to ``target``, verified to play before it gets that name."""
    from headswap_cli.transfer import download as transfer

    url = task.output_url or ""

    def verify(part: Path) -> None:
        if verify_playable(part) is None:
            deps.report.notice(
                "result: whether every frame plays is unchecked, with neither PyAV nor ffprobe here"
            )

    return transfer(
        deps.media_client(url),
        url,
        target,
        on_bytes=lambda done, total: deps.report.transfer("result", done, total),
        verify=verify,
    )
