"""What ``batch`` and ``run`` with several videos share: rows are checked together, done, and shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from headswap_cli.commands import values
from headswap_cli.commands.telling import news
from headswap_cli.context import STDOUT
from headswap_cli.errors import InputError
from headswap_cli.extras import require_likeness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from headswap_cli.config import Preferences
    from headswap_cli.context import AppContext
    from headswap_cli.services.batch import Order, RowEnd
    from headswap_cli.services.manifest import Problems
    from headswap_cli.services.rows import BatchRow
    from headswap_cli.services.run import RunRequest


def row_for(
    app: AppContext,
    preferences: Preferences,
    number: int,
    line: int,
    cells: Mapping[str, Any],
    *,
    detach: bool,
) -> BatchRow:
    """Return the run that a row asks for; ``cells`` are by the names of the flags, all of them there.

    Raises:
        InputError: a value that doesn't exist, or an output that can't be.
    """
    from headswap_cli.services.rows import BatchRow

    if cells["output"] == STDOUT:
        raise InputError("Several videos can't go to stdout.", hint="-o FOLDER/")
    given = {**cells, "output": cells["output"] or preferences.output}
    request = replace(request_of(preferences, given, row=number), detach=detach)
    return BatchRow(number, line, request, cells["timeout"], app.patience_s(cells["timeout"]))


def request_of(preferences: Preferences, cells: Mapping[str, Any], *, row: int | None = None) -> RunRequest:
    """Return the run that the values of flags, by their names, ask for.

    Raises:
        InputError: a value that doesn't exist, or an output that can't be.
    """
    from headswap_cli.services.run import request_for

    options = values.swap_options(
        preferences,
        resolution=cells["resolution"],
        mode=cells["mode"],
        tone=cells["tone"],
        quality=cells["quality"],
        any_length=cells["any-length"],
        no_sound=cells["no-sound"],
        model=cells["model"],
        webhook_url=cells["webhook-url"],
    )
    return request_for(cells["video"], cells["face"], options, cells["output"], row=row)


def do_videos(
    app: AppContext,
    videos: Sequence[str],
    cells: Mapping[str, Any],
    order: Order,
    *,
    detach: bool,
    force: bool,
    is_new: bool,
) -> None:
    """Do the same for several videos, as a batch does its rows, and show all of them at the end.

    Args:
        app: What the command works in.
        videos: Paths or URLs.
        cells: What holds for each, by the names of the flags.
        order: How to do them.
        detach: Whether the submission is enough.
        force: Whether existing outputs may be replaced.
        is_new: Whether to pay for what was paid for before.

    Raises:
        RowsError: some of them can't be done; nothing was sent.
        typer.Exit: one failed.
    """
    from headswap_cli.services.manifest import Problems

    problems, preferences, rows = Problems(rows=len(videos)), app.preferences(), []
    for number, video in enumerate(videos, start=1):
        with problems.noting(number, 0):
            row = row_for(app, preferences, number, 0, {**cells, "video": video}, detach=detach)
            rows.append(replace(row, request=replace(row.request, is_new=is_new)))
    do_rows(app, rows, problems, order, force=force, as_stream=False)


def do_rows(
    app: AppContext,
    rows: Sequence[BatchRow],
    problems: Problems,
    order: Order,
    *,
    force: bool,
    as_stream: bool = True,
) -> None:
    """Do the rows and show what they came to; end with the code of the worst.

    Args:
        app: What the command works in.
        rows: Those that can be read.
        problems: What is wrong with others; with any, nothing is done.
        order: How to do them.
        force: Whether existing outputs may be replaced.
        as_stream: Whether each row is shown as it ends, or all of them at the end.

    Raises:
        RowsError: rows are wrong; nothing was sent.
        typer.Exit: a row failed.
    """
    from headswap_cli.render import rows as shown
    from headswap_cli.services.batch import run_batch
    from headswap_cli.services.rows import check_backend, line_up

    require_likeness([face for row in rows for face in row.request.faces])
    profile = app.survey().profile
    with app.journal() as journal:
        lineup = line_up(
            rows, problems, journal=journal, profile=profile, force=force, retry_failed=order.retry_failed
        )
    problems.check()
    app.view.notices(lineup.notices)
    board = app.view.board()
    ends: list[RowEnd] = []

    def on_end(end: RowEnd) -> None:
        ends.append(end)
        told = {} if end.result is None else {end.result.run_id: end.result.task.notices}
        board.ended(end, [notice for texts in news(app, told).values() for notice in texts])
        if as_stream:
            app.view.row(lambda: shown.row_json(end), shown.row_bare(end))

    with app.open(announce=True, shown_by=board) as deps:
        check_backend(deps, lineup, problems)
        problems.check()
        summary = run_batch(deps, lineup, order, board, on_end)
    if not as_stream:
        app.view.show(shown.several(sorted(ends, key=lambda end: end.row.number)))
    app.view.summary(shown.counts(summary), shown.failures(summary), on_stdout=as_stream)
    raise typer.Exit(summary.exit_code)
