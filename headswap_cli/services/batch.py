"""Many runs in one process: some under way at once, each paid for once, none stopped by another."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from headswap_cli.errors import (
    AuthError,
    BusyError,
    CreditsError,
    EngineError,
    ExitCode,
    FailedError,
    HeadswapError,
    JobCancelledError,
    MachineError,
    Stopped,
    machine_error,
    worst_code,
)
from headswap_cli.models import Backend
from headswap_cli.services.crew import Crew, Ended, Job
from headswap_cli.services.deps import Deadline
from headswap_cli.services.output import with_task_id
from headswap_cli.services.photos import OTHER_PHOTO
from headswap_cli.services.purse import Purse
from headswap_cli.services.rehearse import rehearse_run_steps
from headswap_cli.services.repeat import DoneError
from headswap_cli.services.rows import recalled
from headswap_cli.services.run import RunResult, go_on, run_steps
from headswap_cli.services.shared import OnceHost
from headswap_cli.services.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from headswap_cli.models import Front, Status
    from headswap_cli.services.deps import Deps
    from headswap_cli.services.rehearse import Rehearsal
    from headswap_cli.services.rows import BatchRow, Lineup
    from headswap_cli.services.run import RunRequest

# The engine works on one task at a time; a second row is published and analysed meanwhile.
AT_ONCE = {Backend.AKOOL: 8, Backend.LOCAL: 2}
# How long the service is left alone once it has throttled a request for longer than it is repeated.
THROTTLED_S = 60.0
# What befalls one row and would befall every other: no more are begun.
HOPELESS = (AuthError, CreditsError, MachineError, EngineError)


@dataclass(frozen=True, slots=True)
class Order:
    """How a batch is to be done: rows under way at once, None for as many as suit the backend.

    With ``fail_fast`` one failure is enough; ``dry_run`` stops before what costs. ``retry_failed`` pays again
    for rows whose task has failed, which ``retry_flag`` is what the user says for.
    """

    at_once: int | None = None
    fail_fast: bool = False
    dry_run: bool = False
    max_credits: float | None = None
    retry_flag: str = "--new"
    retry_failed: bool = False


@dataclass(frozen=True, slots=True)
class RowEnd:
    """What a row came to: exactly one of the four is set; ``before`` is what it came to earlier."""

    row: BatchRow
    result: RunResult | None = None
    rehearsal: Rehearsal | None = None
    before: RunResult | None = None
    error: HeadswapError | None = None

    @property
    def is_elsewhere(self) -> bool:
        """Whether it was done before and its result lies elsewhere than where it was to go."""
        if self.before is None or self.before.saved is None:
            return False
        return self.before.saved.path != with_task_id(self.row.request.target, self.before.task.task_id)


@dataclass(slots=True)
class Summary:
    """What a batch came to; those ``not_done`` were not begun, or let go of before they were paid for.

    In a rehearsal so many of the ``completed`` are ``existing``: have their task or file already.
    """

    total: int
    skipped: int = 0
    completed: int = 0
    failed: list[RowEnd] = field(default_factory=list)
    spent: float | None = None
    elapsed_s: float = 0.0
    is_rehearsal: bool = False
    existing: int = 0
    is_free: bool = False
    unit: str = "row"

    @property
    def not_done(self) -> int:
        """How many rows wait for the same command again."""
        return self.total - self.skipped - self.completed - len(self.failed)

    @property
    def exit_code(self) -> ExitCode:
        """The code of the worst row."""
        return worst_code(end.error for end in self.failed if end.error is not None)


class Board(Protocol):
    """Shows the batch while it runs."""

    def show(self, tally: Tally) -> None:
        """Show where the rows are from now on."""

    def refresh(self) -> None:
        """Time has passed."""

    def notice(self, text: str) -> None:
        """Something the user should know, and need not act on."""


def run_batch(
    deps: Deps, lineup: Lineup, order: Order, board: Board, on_end: Callable[[RowEnd], None]
) -> Summary:
    """Do all rows, at most ``order.at_once`` of them under way; a row that fails stops no other.

    Args:
        deps: The backend and the journal.
        lineup: What is to be done, all of it checked.
        order: How.
        board: Shows where the rows are.
        on_end: Is told what each row came to, those that were done before first.

    Raises:
        CreditsError: the balance does not cover the budget; nothing was sent.
        Stopped: a signal came; its hint tells how to go on.
    """
    batch = _Batch(deps, lineup, order, board, on_end)
    batch.purse.begin(deps)
    board.show(batch.tally)
    for row, before in lineup.done:
        on_end(RowEnd(row, before=before))
    with closing(batch.crew.run()) as ends:
        try:
            for ended in ends:
                batch.take(ended)
        except Stopped as stopped:
            stopped.hint = batch.way_on()
            raise
    batch.summary.spent = batch.purse.look(deps, at_once=True)
    batch.summary.elapsed_s = batch.tally.count().elapsed_s
    return batch.summary


class _Batch:
    """One batch under way."""

    def __init__(
        self, deps: Deps, lineup: Lineup, order: Order, board: Board, on_end: Callable[[RowEnd], None]
    ) -> None:
        self._order, self._board, self._on_end = order, board, on_end
        self.tally = Tally(lineup.to_do, len(lineup.done), deps.clock)
        self.purse = Purse(order.max_credits, self.tally.spend)
        rows = [*lineup.to_do, *(row for row, _ in lineup.done)]
        self.summary = Summary(
            len(rows),
            skipped=len(lineup.done),
            is_rehearsal=order.dry_run,
            is_free=deps.is_free,
            unit=next((row.unit for row in rows), "row"),
        )
        self.crew: Crew[BatchRow, RowEnd] = Crew(
            (Job(row, self._steps(row)) for row in lineup.to_do),
            at_once=order.at_once or AT_ONCE[deps.settings.backend],
            on_stop=lambda: board.notice(
                "stopping: what is being sent comes to its end first (Ctrl-C again leaves)"
            ),
            clock=deps.clock,
        )
        self._deps = replace(
            deps,
            client=deps.client.telling(self._on_retry(deps)).resting(self.crew.sleep),
            open_host=None if deps.open_host is None else OnceHost.opener(deps.open_host),
            sleep=self.crew.sleep,
            purse=self.purse,
        )

    def take(self, ended: Ended[BatchRow, RowEnd] | None) -> None:
        """Take note of what a row came to, and show it.

        Raises:
            BaseException: what was no error of that row's, but a mistake in this program.
        """
        if ended is None:
            self._board.refresh()
            return
        if isinstance(ended.error, Stopped):
            self.tally.let_go([ended.key])
            return
        if ended.error is not None or ended.value is None:
            raise ended.error or AssertionError("a row ended in nothing")
        end = ended.value
        is_skipped = end.before is not None and not self._order.dry_run
        self._count(end, is_skipped=is_skipped)
        self.tally.end(end.row, is_failed=end.error is not None, is_skipped=is_skipped)
        self._on_end(end)

    def _count(self, end: RowEnd, *, is_skipped: bool) -> None:
        if is_skipped:
            self.summary.skipped += 1
        elif end.error is None:
            self.summary.completed += 1
            has_task = end.rehearsal is not None and end.rehearsal.task is not None
            self.summary.existing += has_task or end.before is not None
        else:
            self.summary.failed.append(end)

    def way_on(self) -> str:
        """Say what is where, and how to go on."""
        count = self.tally.count()
        at_service = count.queued + count.processing
        done = f"{count.completed + count.skipped} of {count.total} {count.unit}s are completed"
        there, again = "at the service", ": nothing is paid for twice"
        if self._deps.is_free:
            there = "in the local engine"
            again = ", which goes on; to end one for good: headswap cancel RUN"
        return f"{done}, {at_service} are at work {there} and go on there. Run the same command again{again}."

    def _steps(self, row: BatchRow) -> Generator[float, None, RowEnd]:
        self.tally.begin(row)
        try:
            return (yield from self._row_steps(row))
        except OSError as error:
            return self._failed(row, machine_error(error))
        except HeadswapError as error:
            return self._failed(row, error)

    def _failed(self, row: BatchRow, error: HeadswapError) -> RowEnd:
        """Return how a row failed; where that is enough, the others stop before it is told."""
        is_kept = isinstance(error, JobCancelledError) or error.hint == OTHER_PHOTO
        if isinstance(error, FailedError) and "task_id" in error.ids and not is_kept:
            way = "To try again" if self._deps.is_free else "To pay again"
            error.hint = f"It is not tried again by itself. {way}: {self._order.retry_flag}"
        if isinstance(error, HOPELESS) or self._order.fail_fast:
            self.purse.close()
            self.tally.let_go(self.crew.halt(lambda other: not self.tally.is_paid(other)))
        return RowEnd(row, error=error)

    def _row_steps(self, row: BatchRow) -> Generator[float, None, RowEnd]:
        deps = replace(self._deps, report=_RowReport(row, self.tally, self._board, self.crew.move))
        deadline = Deadline(deps.clock() + row.timeout_s, row.timeout)
        try:
            if self._order.dry_run:
                rehearsal = yield from rehearse_run_steps(deps, row.request, deadline=deadline)
                return RowEnd(row, rehearsal=rehearsal)
            result = yield from patient_steps(deps, row.request, deadline=deadline)
        except DoneError as done:
            return RowEnd(row, before=recalled(deps.journal, done))
        self.purse.look(deps)
        return RowEnd(row, result=result)

    def _on_retry(self, deps: Deps) -> Callable[[HeadswapError, float], None]:
        def told(error: HeadswapError, pause_s: float) -> None:
            if error.is_throttled:
                self.crew.hold(pause_s)
            deps.report.notice(f"trying again in {max(1, round(pause_s))} s: {error.message}")

        return told


def patient_steps(
    deps: Deps, request: RunRequest, *, deadline: Deadline
) -> Generator[float, None, RunResult]:
    """Do a run once the service has time for it, and nobody else is at the same: another row, or command.

    Raises:
        HeadswapError: as ``run_steps``.
    """
    steps = run_steps(deps, request, deadline=deadline)
    while True:
        try:
            return (yield from steps)
        except HeadswapError as error:
            pause_s, begun = pause_after(error), error.ids.get("run_id")
            if pause_s is None or deps.clock() >= deadline.at:
                raise
            deps.report.notice(f"waiting: {error.message}")
        yield pause_s
        if request.is_new and begun is not None:
            # By now it may be paid for again, as it was to be: from the beginning it would be once more.
            steps = go_on(deps, str(begun), request, None, deadline=deadline)
        else:
            steps = run_steps(deps, request, deadline=deadline)


def pause_after(error: HeadswapError) -> float | None:
    """Return after how long a row may be tried again that met an error; None if it failed."""
    if isinstance(error, BusyError):
        return 1.0
    return THROTTLED_S if error.is_throttled else None


class _RowReport:
    """Hands what a workflow reports to the tally, and what the user should know to the display."""

    def __init__(self, row: BatchRow, tally: Tally, board: Board, on_move: Callable[[], None]) -> None:
        self._row, self._tally, self._board, self._on_move = row, tally, board, on_move

    def state(self, what: str, status: Status, progress: float) -> None:
        """Note the state of the row's analysis or task."""
        self._tally.note(self._row, what, status, progress)

    def waits(self, what: str, front: Front, ahead: int) -> None:
        """Say nothing: what it waits for is one of the others, or told once."""

    def transfer(self, what: str, done: int, total: int | None) -> None:
        """Note bytes sent or received, and let another thread look after the others meanwhile.

        Raises:
            Stopped: everything is to end.
        """
        self._on_move()
        self._tally.note(self._row, what, None, 100.0 * done / total if total else 0.0)

    def notice(self, text: str) -> None:
        """Tell the user; the names of runs are many, and in the journal."""
        if not text.startswith("run run-"):
            self._board.notice(f"{self._row.name}: {text}")
