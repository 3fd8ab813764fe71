"""What ``batch`` and ``run`` with several videos share: rows are checked together, done, and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from headswap_cli.commands import options as o
from headswap_cli.context import STDOUT
from headswap_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from headswap_cli.config import Preferences
    from headswap_cli.context import AppContext
    from headswap_cli.services.batch import Order, RowEnd
    from headswap_cli.services.manifest import Problems
    from headswap_cli.services.rows import BatchRow


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
    from headswap_cli.services.run import request_for

    if cells["output"] == STDOUT:
        raise InputError("Several videos can't go to stdout.", hint="-o FOLDER/")
    options = o.swap_options(
        preferences,
        resolution=cells["resolution"],
        mode=cells["mode"],
        tone=cells["tone"],
        any_length=cells["any-length"],
        no_sound=cells["no-sound"],
        model=cells["model"],
        webhook_url=cells["webhook-url"],
    )
    output = cells["output"] or preferences.output
    request = request_for(cells["video"], cells["face"], options, output, detach=detach, row=number)
    return BatchRow(number, line, request, cells["timeout"], app.patience_s(cells["timeout"]))


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

    profile = app.survey().profile
    with app.journal() as journal:
        lineup = line_up(rows, problems, journal=journal, profile=profile, force=force)
    problems.check()
    app.view.notices(lineup.notices)
    board = app.view.board()
    ends: list[RowEnd] = []

    def on_end(end: RowEnd) -> None:
        ends.append(end)
        board.ended(end)
        if as_stream:
            app.view.row(lambda: shown.row_json(end), shown.row_bare(end))

    with app.open(announce=True, shown_by=board) as deps:
        check_backend(deps, lineup, problems)
        problems.check()
        summary = run_batch(deps, lineup, order, board, on_end)
    if not as_stream:
        app.view.show(shown.several(sorted(ends, key=lambda end: end.row.number)))
    app.view.summary(shown.summary(summary))
    raise typer.Exit(summary.exit_code)
