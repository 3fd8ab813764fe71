"""``headswap download``: save a finished task's result."""

from __future__ import annotations

from typing import Annotated

import typer

from headswap_cli.commands import options as o
from headswap_cli.commands.telling import with_news
from headswap_cli.context import STDOUT, AppContext
from headswap_cli.errors import worst_code

DownloadOutputOpt = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        help="A file, an existing folder to save STEM.headswap.mp4 in (TASK_ID.headswap.mp4 of a task"
        " without a run here), - for stdout, or a name with {stem}, {task_id}, {person} or {date}.",
    ),
]


def download_command(
    ids: o.TaskIdsArg,
    *,
    output: DownloadOutputOpt = None,
    force: o.ForceOpt = False,
    profile: o.ProfileOpt = None,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
) -> None:
    """Save the results of finished tasks, verified to play.

    Of several ids all are tried, those that are there already are left alone, and the exit code is the worst.

    Example: headswap download 64f0c2... -o out.mp4
    """
    from headswap_cli.render import views
    from headswap_cli.services.download import DownloadResult, Order, download, download_each, settle

    app = AppContext(profile=profile, as_json=as_json, quiet=quiet, verbose=verbose)

    def _fetch(identifier: str, order: Order) -> DownloadResult:
        with app.open(about=identifier) as deps:
            return download(deps, order)

    with app.placed(output) as place:
        with app.journal() as journal:
            orders = settle(journal, ids, place, force=force, to_stdout=output == STDOUT)
        saved, errors = download_each(orders, _fetch)
        if saved or as_json:
            app.view.show(with_news(app, views.downloads(saved, errors)))
    app.view.mishaps(errors.values())
    raise typer.Exit(worst_code(errors.values()))
