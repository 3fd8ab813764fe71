"""The rows of a batch as runs, checked together before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError
from headswap_cli.models import Status
from headswap_cli.services.content import content_of
from headswap_cli.services.output import LATER, with_task_id
from headswap_cli.services.run import check
from headswap_cli.services.swap import check_options

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from pathlib import Path

    from headswap_cli.journal import Journal, Run
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


@dataclass(slots=True)
class Lineup:
    """What is left to do, in order, and what was done before: each with the run that the journal knows."""

    to_do: list[BatchRow] = field(default_factory=list)
    done: list[tuple[BatchRow, Run]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def line_up(
    rows: Iterable[BatchRow],
    problems: Problems,
    *,
    journal: Journal,
    profile: str,
    force: bool,
) -> Lineup:
    """Check every row, and part those that were done before from those that are to be done.

    Args:
        rows: In order.
        problems: Is told what is wrong; nothing is raised.
        journal: Where earlier runs are written down.
        profile: Whose runs.
        force: Whether existing files may be replaced.
    """
    lineup, seen, photos = Lineup(), _Seen(problems), set[str]()
    notices: dict[str, None] = {}

    def _recall(request: RunRequest) -> Run | None:
        content = content_of(profile, request.video, request.faces, request.options)
        return journal.find_content(content.key)

    for asked in rows:
        row = replace(asked, request=replace(asked.request, force=force))
        with problems.noting(row.number, row.line):
            seen.check(row)
            run = done_before(row.request, _recall)
            if run is not None:
                lineup.done.append((row, run))
                continue
            if not row.request.faces:
                raise InputError("no face was given: a column face, or --face for all rows.")
            told = check(row.request, journal=journal, profile=profile, known_photos=photos)
            notices.update(dict.fromkeys(told))
            lineup.to_do.append(row)
    lineup.notices.extend(notices)
    return lineup


def done_before(request: RunRequest, recall: Callable[[RunRequest], Run | None]) -> Run | None:
    """Return the completed run whose result lies where the request wants it, None if there is none.

    Files are read only where something lies there already.
    """
    if LATER not in request.target.name and not request.target.exists():
        return None
    run = recall(request)
    if run is None or run.status is not Status.COMPLETED or run.task_id is None or run.output is None:
        return None
    target = with_task_id(request.target, run.task_id)
    is_there = str(target) == run.output and target.is_file() and target.stat().st_size == run.size_bytes
    return run if is_there else None


class _Seen:
    """Knows which row asked for what, so that no two ask for the same, or for the same place."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._wishes: dict[Hashable, int] = {}
        self._targets: dict[Path, int] = {}

    def check(self, row: BatchRow) -> None:
        """Check that no row before asked for this.

        Raises:
            InputError: one did.
        """
        request = row.request
        wish = (request.video, frozenset(request.faces), request.options)
        if (earlier := self._wishes.setdefault(wish, row.number)) != row.number:
            raise InputError(f"row {earlier} asks for the same; it would be paid for once.")
        if LATER in request.target.name:
            return
        if (earlier := self._targets.setdefault(request.target, row.number)) != row.number:
            raise InputError(
                f"row {earlier} has the output {str(request.target)!r}, too: "
                "give a column output, or -o '{row}-{stem}.mp4'."
            )


def check_backend(deps: Deps, lineup: Lineup, problems: Problems) -> None:
    """Check that the backend takes what the rows ask for; what is wrong goes to ``problems``."""
    for row in lineup.to_do:
        request = row.request
        with problems.noting(row.number, row.line):
            check_options(deps, request.options, request.faces)
            deps.check_sources(request.video, *(face.image for face in request.faces))
