"""Looking at the journal, and taking runs out of it."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from headswap_cli.errors import BusyError, InputError, NotFoundError
from headswap_cli.journal import TO_STDOUT
from headswap_cli.models import Backend, Status
from headswap_cli.services.likely import likely
from headswap_cli.services.remember import notices_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from headswap_cli.journal import Journal, Run, Step
    from headswap_cli.local.jobs import JobState

    Look = Callable[[list[str]], Mapping[str, JobState]]

_AGE = re.compile(r"(\d{1,6})([dh])")
_SECONDS = {"d": 86400, "h": 3600}


def find_run(journal: Journal, identifier: str) -> Run:
    """Return the newest run with that id of its own, of its task or of its analysis.

    Raises:
        NotFoundError: the journal has none.
    """
    run = journal.find(identifier)
    if run is None:
        hint = likely(journal, identifier) or "headswap runs"
        raise NotFoundError(f"The journal knows no run {identifier}.", hint=hint)
    return run


def latest(journal: Journal, look: Look, limit: int, status: Status | None) -> tuple[list[Run], int]:
    """Return the newest runs, newest first, as ``as_they_are``, and how many there are.

    Of one state, if any is given.
    """
    if status is None:
        return as_they_are(journal.runs(limit), look), journal.count()
    known = [run for run in as_they_are(journal.runs(None), look) if run.state is status]
    return known[:limit], len(known)


def as_they_are(runs: Sequence[Run], look: Look) -> list[Run]:
    """Return those that wait for the local engine as it has them, all others as they were last seen.

    Of the latter ``seen_at`` tells when.

    Args:
        runs: As they are written down, which they stay.
        look: Returns how jobs of the local engine stand, by their ids.
    """
    jobs = {run.run_id: job_id for run in runs if (job_id := _job_at_work(run)) is not None}
    states = look(list(jobs.values())) if jobs else {}
    return [_as_it_is(run, states.get(jobs.get(run.run_id, ""))) for run in runs]


def _job_at_work(run: Run) -> str | None:
    """Return the job of the local engine that a run waits for, as far as the journal knows."""
    if run.backend != Backend.LOCAL or run.state not in {Status.QUEUED, Status.PROCESSING}:
        return None
    return run.task_id or run.analysis_id


def _as_it_is(run: Run, job: JobState | None) -> Run:
    if job is None:
        return run
    is_between = run.task_id is None and run.command != "analyze" and job.status is Status.COMPLETED
    # Analysed, and its task is yet to be created.
    status, progress = (Status.PROCESSING, 0.0) if is_between else (job.status, job.progress)
    # It is so now, whenever anything was written down of it.
    return replace(run, status=status, progress=progress, error=job.error, seen_at=None)


def at_work_on(journal: Journal, runs: Iterable[Run]) -> set[str]:
    """Return the ids of those that have no task yet and that another command is bringing to one just now."""
    return {run.run_id for run in runs if run.is_before_its_task and journal.is_held(run.run_id)}


def notices_of(run: Run, steps: Sequence[Step], look: Look) -> tuple[str, ...]:
    """Return what there is to know of a run's result: as it was saved, or as the local engine has it."""
    saved = notices_in(steps)
    if saved or run.backend != Backend.LOCAL or run.task_id is None:
        return saved
    job = look([run.task_id]).get(run.task_id)
    return job.notices if job is not None else ()


def forget(journal: Journal, run_ids: Sequence[str], *, force: bool) -> list[str]:
    """Take runs out, all of them or none; return their ids.

    Raises:
        NotFoundError: one is not there.
        BusyError: one is worked on.
        InputError: one is open, or may have been paid for.
    """
    # A run may be named by its task's id, too.
    runs = {run.run_id: run for run in (find_run(journal, run_id) for run_id in run_ids)}
    open_ids = {run.run_id for run in journal.open_runs()}
    for run in () if force else runs.values():
        if run.run_id in open_ids or run.is_unanswered:
            raise InputError(
                f"The run {run.run_id} {_why_kept(run)}; nothing was forgotten.",
                hint=f"headswap resume {run.run_id}, or headswap runs forget {run.run_id} --force",
                run_id=run.run_id,
            )
    with ExitStack() as all_held:
        for run in runs.values():
            _hold(journal, run, all_held)
        for run_id in runs:
            journal.forget(run_id)
    return list(runs)


def _hold(journal: Journal, run: Run, all_held: ExitStack) -> None:
    try:
        all_held.enter_context(journal.held(run.run_id))
    except BusyError as error:
        raise BusyError(
            f"Another headswap is at work on the run {run.run_id}; nothing was forgotten.",
            hint="Ctrl-C in that terminal ends or detaches it.",
            run_id=run.run_id,
        ) from error


def _why_kept(run: Run) -> str:
    if run.state is not Status.UNKNOWN:
        return "is not over"
    return "may have made a task" if run.backend == Backend.LOCAL else "may have paid for a task"


def old_runs(journal: Journal, older: str, *, now: Callable[[], float] = time.time) -> list[str]:
    """Return the ids of what was begun longer ago than ``older`` (``30d``, ``12h``) and is over.

    Raises:
        InputError: that is no age.
    """
    match = _AGE.fullmatch(older)
    if match is None:
        raise InputError(f"{older!r} is no age.", hint="headswap runs prune --older 30d")
    moment = now() - int(match[1]) * _SECONDS[match[2]]
    return [run.run_id for run in journal.finished_before(moment)]


def result_of(journal: Journal, run: Run) -> Path:
    """Return where a run's result lies: of several files that are there the newest.

    Raises:
        NotFoundError: it has none, or the file is gone.
    """
    if run.output is None:
        raise NotFoundError(
            f"The run {run.run_id} has saved nothing; its status: {run.state}.",
            hint=f"headswap resume {run.run_id}",
            run_id=run.run_id,
        )
    path = next((saved.path for saved in journal.saved(run.run_id) if saved.path.is_file()), None)
    if path is None:
        where = "went to stdout" if run.output == TO_STDOUT else f"is not at {run.output!r} any more"
        raise NotFoundError(
            f"The result of the run {run.run_id} {where}.",
            hint=f"Free of charge: headswap download {run.run_id} -o FILE",
            run_id=run.run_id,
        )
    return path
