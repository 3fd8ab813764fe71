"""Writing and reading the journal. Nothing that was paid for is ever lost.

A run is a row, folded from its steps; a step is written in the same transaction, and on the disk before the
method that writes it returns.
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from headswap_cli.errors import BusyError, InputError
from headswap_cli.journal.lock import give_back, is_taken, take
from headswap_cli.journal.reader import JournalReader
from headswap_cli.journal.runs import BoughtError, Run, StepKind, check_order, loose
from headswap_cli.journal.store import make_private, open_store, unwritable
from headswap_cli.models import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Any, Self

    from headswap_cli.errors import HeadswapError
    from headswap_cli.models import Analysis, Saved
    from headswap_cli.wire import JsonObject


class Journal(JournalReader):
    """The journal in the file at ``path``, made if it isn't there; several processes may have it open.

    Several threads may use it; each step waits for the one before it.

    Args:
        path: Its folder is made for the owner alone if it doesn't exist.
        clock: Seconds since the epoch.
        random_bytes: Gives that many bytes nobody can guess.

    Raises:
        InputError: the file is no journal, is from a newer version, or can't be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.time,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._clock = clock
        self._random_bytes = random_bytes
        self._locks = path.with_name(path.name + ".lock")
        try:
            make_private(path)
            super().__init__(open_store(path))
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"The journal {str(path)!r} can't be used: {error}.",
                hint=f"Move it away, or keep another: HEADSWAP_DATA_DIR={path.parent}-new",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was written stays written."""
        with self._guard:
            self._connection.close()

    def begin(
        self,
        *,
        profile: str,
        backend: str,
        source: str,
        target: str | None = None,
        parameters: JsonObject,
        content: str | None = None,
        source_key: str | None = None,
        is_new: bool = True,
    ) -> str:
        """Write down that a run starts, and return its id: ``run-`` and ten letters or digits.

        Args:
            profile: Which settings it uses.
            backend: Who does the work.
            source: The source video, a path or a URL.
            target: Where the result is to be saved.
            parameters: What else the user chose; no key.
            content: What names the same wish when it is made again.
            source_key: What names the source video by what is in it.
            is_new: Whether a run of the same content is left alone; else it is gone on with. One that was
                begun in this way, is not paid for and nobody is at work on is gone on with in either case.
        """
        run_id = "run-" + base64.b32encode(self._random_bytes(7)).decode("ascii")[:10].lower()
        with self._transaction() as connection:
            # Under the write lock: of two that ask for the same at once, the second finds the first.
            earlier = None if content is None else self._begun(content, is_new=is_new)
            if earlier is not None:
                return earlier.run_id
            connection.execute(
                "INSERT INTO runs (run_id, created_at, profile, backend, source, target, parameters, content,"
                " source_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    run_id,
                    self._clock(),
                    profile,
                    backend,
                    loose(source),
                    loose(target),
                    json.dumps(parameters),
                    content,
                    source_key,
                ),
            )
        return run_id

    def aim(self, run_id: str, target: str | None) -> None:
        """Write down where the result is to be saved now."""
        with self._transaction() as connection:
            connection.execute("UPDATE runs SET target = ? WHERE run_id = ?", (loose(target), run_id))

    def published(self, run_id: str, source: str, sha256: str | None, url: str) -> None:
        """Write down that a local file has a URL now."""
        detail = {"source": source, "sha256": sha256, "url": url}
        # Not yet the run's URL: that is the one its analysis was asked for by.
        with self._step(run_id, StepKind.PUBLISHED, detail) as _:
            pass

    def submitted(self, run_id: str, analysis_id: str, video_url: str | None = None) -> None:
        """Write down the analysis that the run goes by, and the URL that it was asked for by."""
        detail = {"analysis_id": analysis_id, "video_url": video_url}
        with self._step(run_id, StepKind.SUBMITTED, detail) as (run, change):
            change(
                analysis_id=analysis_id,
                status=Status.PROCESSING,
                video_url=video_url or run.video_url,
                error=None,
            )

    def analysed(self, run_id: str, analysis: Analysis, *, is_last: bool = False) -> None:
        """Write down that the analysis is over, and who was found; ``is_last`` if nobody asked for more."""
        people = [asdict(person) for person in analysis.people]
        detail = {
            "analysis_id": analysis.analysis_id,
            "status": analysis.status.value,
            "video_url": analysis.video_url,
            "people": people,
        }
        with self._step(run_id, StepKind.ANALYSED, detail) as (run, change):
            change(analysis_id=analysis.analysis_id, video_url=analysis.video_url or run.video_url)
            if is_last:
                change(status=Status.COMPLETED, progress=100.0)

    def intend(
        self,
        run_id: str,
        body: JsonObject,
        *,
        purchase: str | None = None,
        is_new: bool = True,
        balance: float | None = None,
    ) -> None:
        """Write down what is about to be sent and will cost; on the disk when this returns.

        Args:
            run_id: Which run.
            body: The request, exactly.
            purchase: What names the same purchase when it is asked for again.
            is_new: Whether it is paid for even if another run has bought the same.
            balance: The credits of the account before it.

        Raises:
            StepOrderError: there is a task already, or another request may have left.
            BoughtError: another run has bought the same.
        """
        detail = {"body": body, "balance": balance}
        with self._step(run_id, StepKind.INTENDED, detail) as (_, change):
            # Under the write lock: of two that would pay for the same at once, the second finds the first.
            other = None if is_new or purchase is None else self._bought(purchase, run_id)
            if other is not None:
                raise BoughtError(other)
            change(
                body=json.dumps(body),
                status=Status.PROCESSING,
                error=None,
                video_url=body.get("video_url"),
                purchase=purchase,
            )

    def waive(self, run_id: str) -> None:
        """Write down that the user holds a request which was not answered to have made no task.

        Raises:
            StepOrderError: none is unanswered.
        """
        with self._step(run_id, StepKind.WAIVED, {}) as (_, change):
            change(body=None, status=Status.PROCESSING, error=None)

    def created(self, run_id: str, task_id: str, held: float | None = None) -> None:
        """Write down the id of the task that was paid for; on the disk when this returns.

        Args:
            run_id: Which run.
            task_id: The API's id.
            held: What the API says that it holds for it, in its own unit.

        Raises:
            StepOrderError: nothing was intended.
        """
        with self._step(run_id, StepKind.CREATED, {"task_id": task_id, "held": held}) as (_, change):
            change(task_id=task_id, status=Status.QUEUED, progress=0.0, error=None, held=held)

    def state(self, run_id: str, status: Status, progress: float) -> None:
        """Write down the task's state, if it is another than the last one."""
        run = self.run(run_id)
        if Status.CANCELLED in {status, run.status}:
            # That end has a step of its own, and there is nothing after it.
            return
        if run.last_step in {StepKind.CREATED, StepKind.STATE} and (run.status, run.progress) == (
            status,
            progress,
        ):
            return
        detail = {"status": status.value, "progress": progress}
        with self._step(run_id, StepKind.STATE, detail) as (_, change):
            change(status=status, progress=progress)

    def charged(self, run_id: str, credits: float) -> None:
        """Write down what the task has cost, as the balance tells it."""
        with self._step(run_id, StepKind.CHARGED, {"credits": credits}) as (_, change):
            change(credits_charged=credits)

    def fetching(self, run_id: str, target: str) -> None:
        """Write down that the result begins to come, to be saved there."""
        with self._step(run_id, StepKind.FETCHING, {"target": target}) as _:
            pass

    def fetched(self, run_id: str, target: str, sha256: str) -> None:
        """Write down that the whole result is here and about to get its name."""
        with self._step(run_id, StepKind.FETCHED, {"target": target, "sha256": sha256}) as _:
            pass

    def done(
        self, run_id: str, saved: Saved, *, output: str | None = None, notices: Sequence[str] = ()
    ) -> None:
        """Write down that the result is on the disk.

        Args:
            run_id: Which run.
            saved: The file.
            notices: What there is to know of it.
            output: What its place is called if no path leads to it; where the run has saved a file before,
                that stays its output.
        """
        path = output or str(saved.path)
        detail: JsonObject = {"output": path, "size_bytes": saved.size_bytes, "sha256": saved.sha256}
        detail["notices"] = list(notices)
        with self._step(run_id, StepKind.DONE, detail) as (run, change):
            change(status=Status.COMPLETED, progress=100.0, error=None)
            if output is None or run.output is None:
                change(output=path, size_bytes=saved.size_bytes, sha256=saved.sha256)

    def failed(self, run_id: str, status: Status, error: HeadswapError) -> None:
        """Write down that the run ended in an error.

        Args:
            run_id: Which run.
            status: What is known of it now: failed, or unknown where a paid request was not answered.
            error: Why.
        """
        detail = {"status": status.value, "slug": error.slug, "message": error.message, "code": error.code}
        with self._step(run_id, StepKind.FAILED, detail) as (run, change):
            # Whatever fails later on, what may have been paid for stays in question.
            if run.is_unanswered and run.last_step is not StepKind.INTENDED:
                detail["status"] = run.status.value
            change(status=detail["status"], error=error.message)

    def cancelled(self, run_id: str, error: HeadswapError) -> None:
        """Write down that the run was ended on the user's wish, once.

        Args:
            run_id: Which run.
            error: What says so.
        """
        with self._step(run_id, StepKind.CANCELLED, {"message": error.message}) as (_, change):
            change(status=Status.CANCELLED, error=error.message)

    def took(self, like_jobs: str, took_s: float, length_s: float | None = None) -> None:
        """Write down how long a job took from its submission to its verdict.

        Args:
            like_jobs: What it has in common with those that take about as long.
            took_s: Seconds.
            length_s: The length of its video, where that is known.
        """
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO durations (like_jobs, length_s, took_s) VALUES (?, ?, ?)",
                (like_jobs, length_s, took_s),
            )

    def tell(self, run_id: str, notices: Sequence[str]) -> list[str]:
        """Write down what the user is told of a run.

        Returns: what nobody has been told yet; of several commands that ask at once one alone gets it.
        """
        with self._transaction() as connection:
            known = self.told(run_id)
            news = [notice for notice in dict.fromkeys(notices) if notice not in known]
            query = "INSERT INTO told SELECT run_id, ? FROM runs WHERE run_id = ?"
            connection.executemany(query, [(notice, run_id) for notice in news])
        return news

    def forget(self, run_id: str) -> None:
        """Take a run and its steps out."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))

    @contextmanager
    def held(self, run_id: str) -> Iterator[None]:
        """Be the only one at work on a run, until the block or this process ends; the thread may change.

        Raises:
            BusyError: somebody else is at work on it, in this process or another.
        """
        number = self._number(run_id)
        if not take(self._locks, number):
            raise BusyError(
                f"Another headswap is at work on the run {run_id}; nothing was sent.",
                hint=f"headswap status {run_id}",
                run_id=run_id,
            )
        try:
            yield
        finally:
            give_back(self._locks, number)

    def is_held(self, run_id: str) -> bool:
        """Whether somebody is at work on a run, in this process or another; on one that is gone nobody is."""
        if self.find(run_id) is None:
            return False
        return is_taken(self._locks, self._number(run_id))

    def _begun(self, content: str, *, is_new: bool) -> Run | None:
        if not is_new:
            return self.find_content(content)
        run = self.find_unpaid(content)
        return None if run is None or self.is_held(run.run_id) else run

    @contextmanager
    def _transaction(self, detail: JsonObject | None = None) -> Iterator[sqlite3.Connection]:
        """Hold the only right to write; what the block did is on the disk after it, or nothing of it is."""
        connection = self._connection
        with self._guard:
            try:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise unwritable(error, detail or {}) from error

    @contextmanager
    def _step(
        self, run_id: str, kind: StepKind, detail: JsonObject
    ) -> Iterator[tuple[Run, Callable[..., None]]]:
        """Write a step, and let the block change the columns of the run that it means."""
        with self._transaction(detail) as connection:
            run = self.run(run_id)
            check_order(run, kind)
            changes: dict[str, Any] = {"last_step": kind}
            yield run, changes.update
            columns = ", ".join(f"{name} = ?" for name in changes)
            connection.execute(
                "INSERT INTO steps (run_id, kind, at, detail) VALUES (?, ?, ?, ?)",
                (run_id, kind, self._clock(), json.dumps(detail)),
            )
            # The names are the keywords above, never data.
            update = f"UPDATE runs SET {columns} WHERE run_id = ?"  # noqa: S608
            connection.execute(update, (*map(loose, changes.values()), run_id))
