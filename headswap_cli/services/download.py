"""Save a finished task's result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from headswap_cli.errors import (
    DeadlineError,
    FailedError,
    HeadswapError,
    InputError,
    JobCancelledError,
    NotFoundError,
    RefusedError,
    TransferError,
)
from headswap_cli.journal import TO_STDOUT
from headswap_cli.media import verify_playable
from headswap_cli.models import Status
from headswap_cli.services.likely import is_analysis
from headswap_cli.services.output import (
    SUFFIX,
    check_target,
    default_name,
    mapped_in,
    target_path,
    with_task_id,
)
from headswap_cli.text import file_stem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from headswap_cli.journal import Journal
    from headswap_cli.models import Saved, Task
    from headswap_cli.services.deps import Deps
    from headswap_cli.transfer import OnBytes


@dataclass(frozen=True, slots=True)
class DownloadResult:
    """A task's result on disk; ``notices`` are as in ``Task``."""

    task_id: str
    run_id: str | None
    saved: Saved
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """Which task's result is to be saved where; ``run_id`` is None where the journal doesn't know it.

    ``there`` is what an earlier command has saved there, where that is still so.
    ``force`` replaces what has that name by then, ``to_stdout`` says that no path leads to it afterwards.
    """

    task_id: str
    run_id: str | None
    target: Path
    there: Saved | None = None
    force: bool = False
    to_stdout: bool = False


def settle(
    journal: Journal,
    identifiers: Sequence[str],
    output: str | None,
    *,
    force: bool,
    to_stdout: bool = False,
) -> dict[str, Order]:
    """Settle where the results of tasks, or of the runs with those ids, go, before anything is fetched.

    Of several those that are there already, to the byte, are not fetched again: the same command goes on
    where it was stopped.

    Returns: an order for each id.

    Raises:
        NotFoundError: a run has no task, or it is an analysis.
        InputError: two would get one name, or a target can't be written.
    """
    orders = {
        identifier: replace(_order(journal, identifier, output), force=force, to_stdout=to_stdout)
        for identifier in identifiers
    }
    targets = {order.target for order in orders.values()}
    if len(targets) < len(orders):
        raise InputError(
            f"{len(orders)} results cannot be saved as {', '.join(sorted(path.name for path in targets))}.",
            hint="-o FOLDER/, or if their videos have one name: -o {task_id}.mp4",
        )
    if len(orders) > 1 and not force:
        orders = {one: replace(order, there=_there(journal, order)) for one, order in orders.items()}
    for order in orders.values():
        if order.there is None:
            check_target(order.target, force=force)
    return orders


def _there(journal: Journal, order: Order) -> Saved | None:
    """Return what the journal says that lies at the target, if it does."""
    if order.run_id is None or not order.target.is_file():
        return None
    from headswap_cli.transfer import hash_file

    size_bytes = order.target.stat().st_size
    for saved in journal.saved(order.run_id):
        is_as_long = (saved.path, saved.size_bytes) == (order.target, size_bytes)
        if is_as_long and hash_file(order.target) == saved.sha256:
            return saved
    return None


def download_each(
    orders: Mapping[str, Order], fetch: Callable[[str, Order], DownloadResult]
) -> tuple[list[DownloadResult], dict[str, HeadswapError]]:
    """Save one result after the other, whatever becomes of the others.

    Returns: what was saved, and the errors by id; what goes wrong with a single one is raised.
    """
    saved: list[DownloadResult] = []
    errors: dict[str, HeadswapError] = {}
    for identifier, order in orders.items():
        try:
            saved.append(
                fetch(identifier, order)
                if order.there is None
                else DownloadResult(order.task_id, order.run_id, order.there)
            )
        except HeadswapError as error:
            if len(orders) == 1:
                raise
            errors[identifier] = error
    return saved, errors


def _order(journal: Journal, identifier: str, output: str | None) -> Order:
    run = journal.find(identifier)
    task_id = run.task_id if run is not None and run.run_id == identifier else identifier
    if task_id is None:
        raise NotFoundError(
            f"The run {identifier} has created no task.",
            hint=f"headswap status {identifier}",
            run_id=identifier,
        )
    if run is not None and identifier == run.analysis_id:
        raise _no_result(run.task_id, identifier)
    if run is None:
        return Order(task_id, None, target_path(output, file_stem(task_id) + SUFFIX, task_id=task_id))
    person = mapped_in(journal.steps(run.run_id))
    target = target_path(output, default_name(run.source), task_id=task_id, person=person)
    # Where the run was to save it; the folder of `run -o -` is long gone.
    if output is None and run.target and Path(run.target).parent.is_dir():
        target = with_task_id(Path(run.target), task_id)
    return Order(task_id, run.run_id, target)


def _no_result(task_id: str | None, analysis_id: str) -> NotFoundError:
    way_on = f"download {task_id}" if task_id else f"swap {analysis_id} --face 1=IMAGE"
    return NotFoundError(
        f"{analysis_id} is an analysis, and only tasks have results.",
        hint=f"headswap {way_on}",
        analysis_id=analysis_id,
    )


def download(deps: Deps, order: Order) -> DownloadResult:
    """Save the result of a task.

    Raises:
        DeadlineError: the task is not finished yet.
        FailedError: the task failed.
        NotFoundError: nobody knows the id, or the result is gone.
    """
    try:
        task = deps.dialect.fetch_task(deps.client, order.task_id)
    except (NotFoundError, RefusedError) as error:
        if order.run_id is None and is_analysis(deps, order.task_id):
            raise _no_result(None, order.task_id) from error
        raise
    saved = save(deps, task, order.target, force=order.force)
    if order.run_id is not None:
        output = TO_STDOUT if order.to_stdout else None
        deps.journal.done(order.run_id, saved, output=output, notices=task.notices)
    return DownloadResult(order.task_id, order.run_id, saved, task.notices)


def _check_finished(task: Task) -> None:
    if task.status is Status.CANCELLED:
        raise JobCancelledError("task", task.task_id)
    if task.status is Status.FAILED:
        reason = task.error or "the service gave no reason"
        raise FailedError(f"The task failed: {reason}", code=task.error_code, task_id=task.task_id)
    if task.status is not Status.COMPLETED:
        raise DeadlineError(
            f"The task {task.task_id} is still {task.status}; it has no result yet.",
            hint=f"headswap status {task.task_id} --wait",
            task_id=task.task_id,
        )


def save(
    deps: Deps,
    task: Task,
    target: Path,
    *,
    force: bool,
    on_whole: Callable[[str], None] = lambda sha256: None,
) -> Saved:
    """Download a completed task's output to ``target``, verified to play before it gets that name.

    A link that has expired is asked for anew, once. The rest is as for ``transfer.download``.

    Raises:
        NotFoundError: the result is gone from the service.
        HeadswapError: as ``transfer.download``, and as ``download``.
    """
    try:
        return _fetch(deps, task, target, force=force, on_whole=on_whole)
    except NotFoundError:
        deps.report.notice("result: the link is dead; asking for a new one")
    try:
        again = deps.dialect.fetch_task(deps.client, task.task_id)
        return _fetch(deps, again, target, force=force, on_whole=on_whole)
    except NotFoundError as error:
        free, pays = ("", "") if deps.is_free else (", free", ", which pays again")
        raise NotFoundError(
            f"The result of the task {task.task_id} is gone: {error.message}",
            hint=f"It may come yet; again{free}: headswap download {task.task_id}. If not, only a new task"
            f" brings it back: headswap run VIDEO --face N=IMAGE --new{pays}",
            task_id=task.task_id,
        ) from error


def _fetch(deps: Deps, task: Task, target: Path, *, force: bool, on_whole: Callable[[str], None]) -> Saved:
    from headswap_cli.transfer import download as transfer

    _check_finished(task)
    if not task.output_url:
        raise TransferError("The task is completed, and names no result.", task_id=task.task_id)

    def verify(part: Path) -> None:
        if verify_playable(part) is None:
            deps.report.notice(
                "result: whether every frame plays is unchecked, with neither PyAV nor ffprobe here"
            )

    return transfer(
        deps.media_client(task.output_url),
        task.output_url,
        target,
        on_bytes=_seldom(lambda done, total: deps.report.transfer("result", done, total), deps.clock),
        verify=verify,
        on_whole=on_whole,
        force=force,
    )


def _seldom(tell: OnBytes, clock: Callable[[], float], every_s: float = 0.1) -> OnBytes:
    """Hand on what a display can show: telling it of every chunk takes longer than receiving them."""
    due = clock()

    def told(done: int, total: int | None) -> None:
        nonlocal due
        if done == total or clock() >= due:
            due = clock() + every_s
            tell(done, total)

    return told
