"""The same run asked for again: what is there already, and what is left to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headswap_cli.errors import InputError
from headswap_cli.journal import StepKind
from headswap_cli.models import Backend, Saved
from headswap_cli.services.output import check_target, with_task_id

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.journal import Journal, Run
    from headswap_cli.services.run import RunRequest


class DoneError(InputError):
    """The run is completed and its file is there.

    Args:
        run: That run.
        saved: The file.
    """

    def __init__(self, run: Run, saved: Saved) -> None:
        is_free = run.backend == Backend.LOCAL
        again, another = ("", "make") if is_free else (", free", "pay for")
        output = str(saved.path)
        super().__init__(
            f"The run {run.run_id} has saved this already, as {output!r}; nothing was sent.",
            hint=f"To have the same again{again}: -o FILE, or --force. To {another} another: --new",
            run_id=run.run_id,
            task_id=run.task_id,
            output=output,
        )
        self.run, self.saved = run, saved


def check_place(journal: Journal | None, known: Run | None, request: RunRequest) -> None:
    """Check that a result can be saved where it is to go, and is not there yet.

    Args:
        journal: Where the run is written down.
        known: The earlier run of the same content, if there is one.
        request: What is asked for now.

    Raises:
        DoneError: the run is completed and its file is there.
        InputError: the target exists, is an input, or can't be written.
    """
    if request.detach:
        return
    target = request.target
    if journal is not None and known is not None:
        check_not_done(journal, known, request)
        if known.task_id is not None:
            target = with_task_id(target, known.task_id)
        if arrived(journal, known, target) is not None:
            return
    check_target(target, force=request.force)
    request.check_inputs_survive(target)


def check_not_done(journal: Journal, run: Run | None, request: RunRequest) -> None:
    """Check that what is asked for is not there yet, in any of the places that it was saved in.

    Raises:
        DoneError: the run is completed and its file is there.
    """
    if run is None or run.task_id is None or request.force:
        return
    target = with_task_id(request.target, run.task_id)
    # What lies where it is wanted comes before what lies elsewhere.
    for saved in sorted(journal.saved(run.run_id), key=lambda one: one.path != target):
        if (saved.path == target or not request.is_aimed) and _hash(saved.path) == saved.sha256:
            raise DoneError(run, saved)


def check_same(run: Run, key: str) -> None:
    """Check that what a run is to be gone on with is still what it was begun with.

    Raises:
        InputError: a file has changed.
    """
    if run.content not in {None, key}:
        raise InputError(
            f"The video or a photo of the run {run.run_id} has changed since; nothing was sent.",
            hint=f"Put the old file back, or forget the run: headswap runs forget {run.run_id} --force",
            run_id=run.run_id,
        )


def arrived(journal: Journal, run: Run, target: Path) -> Saved | None:
    """Return the result if it has got its name, but nobody has written that down: its command was killed."""
    step = journal.last(run.run_id, StepKind.FETCHED)
    if step is None or step.detail["target"] != str(target):
        return None
    if any(saved.path == target for saved in journal.saved(run.run_id)):
        return None
    from headswap_cli.transfer import clear_part

    if _hash(target) != step.detail["sha256"]:
        return None
    clear_part(target)
    return Saved(target, target.stat().st_size, step.detail["sha256"])


def _hash(path: Path) -> str | None:
    from headswap_cli.transfer import hash_file

    try:
        return hash_file(path)
    except InputError:
        return None
