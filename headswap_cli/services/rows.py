"""The rows of a batch as runs, checked together before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError, NotFoundError
from headswap_cli.journal import StepKind
from headswap_cli.models import Backend, Status, Task
from headswap_cli.services.content import content_of
from headswap_cli.services.output import LATER
from headswap_cli.services.preflight import source_checks
from headswap_cli.services.remember import mapped_faces, notices_in, people_in
from headswap_cli.services.repeat import DoneError, check_not_done, check_place
from headswap_cli.services.run import RunResult
from headswap_cli.services.swap import check_options

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence
    from pathlib import Path

    from headswap_cli.journal import Journal, Run
    from headswap_cli.models import FaceMapping
    from headswap_cli.services.deps import Deps
    from headswap_cli.services.manifest import Problems
    from headswap_cli.services.run import RunRequest


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A row and the run it asks for: its number from 1, its line, and how long it may take once it begins."""

    number: int
    line: int
    request: RunRequest
    timeout: str
    timeout_s: float

    @property
    def unit(self) -> str:
        """What the user calls it: a row of a file, or a video of a command."""
        return "row" if self.line else "video"

    @property
    def name(self) -> str:
        """Return what it is called in messages."""
        return f"{self.unit} {self.number}"


@dataclass(slots=True)
class Lineup:
    """What is left to do, in order, and what was done before, each with what it came to then."""

    to_do: list[BatchRow] = field(default_factory=list)
    done: list[tuple[BatchRow, RunResult]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def line_up(
    rows: Iterable[BatchRow],
    problems: Problems,
    *,
    journal: Journal,
    profile: str,
    force: bool,
    retry_failed: bool = False,
) -> Lineup:
    """Check every row, and part those that were done before from those that are to be done.

    Args:
        rows: In order.
        problems: Is told all that is wrong; nothing is raised.
        journal: Where earlier runs are written down.
        profile: Whose runs.
        force: Whether existing files may be replaced.
        retry_failed: Whether rows whose task has failed are paid for again.
    """
    lineup, seen, photos = Lineup(), _Seen(), set[str]()
    notices: dict[str, None] = {}
    for asked in rows:
        row = replace(asked, request=replace(asked.request, force=force))
        with problems.noting(row.number, row.line):
            seen.check(row)
        if not row.request.faces:
            way = "a column face, or --face for all rows" if row.line else "--face 1=IMAGE"
            problems.add(row.number, row.line, None, f"no face was given: {way}.")
        try:
            row, known = _recognised(row, journal, profile, retry_failed=retry_failed)
        except DoneError as done:
            lineup.done.append((row, recalled(journal, done)))
            continue
        wish = row.request
        told = note_sources(
            problems,
            row.number,
            row.line,
            video=wish.video,
            faces=wish.faces,
            any_length=wish.options.any_length,
            is_local=profile == Backend.LOCAL,
            known_photos=photos,
        )
        notices.update(dict.fromkeys(told))
        with problems.noting(row.number, row.line):
            check_place(journal, known, wish)
        lineup.to_do.append(row)
    lineup.notices.extend(notices)
    return lineup


def note_sources(
    problems: Problems,
    number: int,
    line: int,
    *,
    video: str | None,
    faces: Sequence[FaceMapping],
    any_length: bool,
    is_local: bool,
    known_photos: set[str],
) -> list[str]:
    """Note all that is wrong with a row's video and photos; arguments as of ``check_sources``.

    Returns: what the user should know and need not act on.
    """
    notices: list[str] = []
    for look in source_checks(
        video, faces, any_length=any_length, is_local=is_local, known_photos=known_photos
    ):
        with problems.noting(number, line):
            notices += look()
    return notices


def _has_failed(request: RunRequest, journal: Journal, profile: str) -> bool:
    known = journal.find_content(content_of(profile, request.video, request.faces, request.options).key)
    if known is None or known.task_id is None or known.status is not Status.FAILED:
        return False
    last = journal.last(known.run_id, StepKind.FAILED)
    # A task whose result could not be had is done: asking for that again is free.
    return last is None or last.detail["slug"] != NotFoundError.slug


def _recognised(
    row: BatchRow, journal: Journal, profile: str, *, retry_failed: bool
) -> tuple[BatchRow, Run | None]:
    """Return a row as it is to be done, and the earlier run of the same content.

    Files are read whole only where its result may be there; what was done elsewhere is found out when the
    row's turn comes.

    Raises:
        DoneError: its result is there, whether or not it might be replaced.
    """
    try:
        if retry_failed and _has_failed(row.request, journal, profile):
            row = replace(row, request=replace(row.request, is_new=True))
        wish = row.request
        if wish.is_new or not (LATER in wish.target.name or wish.target.exists()):
            return row, None
        content = content_of(profile, wish.video, wish.faces, wish.options)
        known = journal.find_content(content.key)
        check_not_done(journal, known, replace(wish, force=False))
    except DoneError:
        raise
    except InputError:
        # A file cannot be read: its own check says so.
        return row, None
    return row, known


def recalled(journal: Journal, done: DoneError) -> RunResult:
    """Return what a run of the journal that is done came to."""
    run = done.run
    steps = journal.steps(run.run_id)
    return RunResult(
        run_id=run.run_id,
        profile=run.profile,
        backend=Backend(run.backend),
        analysis_id=run.analysis_id or "",
        task=Task(run.task_id or "", run.status, 0, run.progress, notices=notices_in(steps)),
        people=people_in(steps),
        mappings=mapped_faces(run, steps),
        saved=done.saved,
        held=run.held,
        credits_charged=run.credits_charged,
    )


class _Seen:
    """Knows which row asked for what, so that no two ask for the same, or for the same place."""

    def __init__(self) -> None:
        self._wishes: dict[Hashable, int] = {}
        self._targets: dict[Path, int] = {}

    def check(self, row: BatchRow) -> None:
        """Check that no row before asked for this.

        Raises:
            InputError: one did.
        """
        request = row.request
        wish = (request.video, frozenset(request.faces), request.options.unsaid)
        if (earlier := self._wishes.setdefault(wish, row.number)) != row.number:
            raise InputError(f"{row.unit} {earlier} asks for the same; it would be made once.")
        if LATER in request.target.name:
            return
        if (earlier := self._targets.setdefault(request.target, row.number)) != row.number:
            raise InputError(
                f"{row.unit} {earlier} has the output {str(request.target)!r}, too: name them apart, "
                f"{'by a column output, or ' if row.line else ''}"
                "-o '{row}-{stem}.mp4'."
            )


def check_backend(deps: Deps, lineup: Lineup, problems: Problems) -> None:
    """Check that the backend takes what the rows ask for; what is wrong goes to ``problems``."""
    for row in lineup.to_do:
        request = row.request
        with problems.noting(row.number, row.line):
            check_options(deps, request.options, request.faces)
        with problems.noting(row.number, row.line):
            deps.check_sources(request.video, *(face.image for face in request.faces))
