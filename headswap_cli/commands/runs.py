"""``headswap runs``: what was run, what came of it, and what of that is to be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from headswap_cli.commands import options as o
from headswap_cli.commands.later import Later, group
from headswap_cli.context import AppContext
from headswap_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from headswap_cli.models import Status

DEFAULT_AGE = "30d"

RunIdArg = Annotated[str, typer.Argument(metavar="ID", help="The id of a run, a task or an analysis.")]
RunIdsArg = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of runs.")]
LimitOpt = Annotated[
    int,
    typer.Option("--limit", "-n", min=1, max=1_000_000, metavar="N", help="Show so many at most."),
]
OlderOpt = Annotated[str, typer.Option("--older", metavar="AGE", help="As 30d or 12h.")]
OpenToo = Annotated[bool, typer.Option("--force", "-f", help="Even what is open, or may have been paid for.")]

YesOpt = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]


def parse_status(value: str) -> Status:
    """Return the state of that name.

    Raises:
        InputError: there is none.
    """
    from headswap_cli.models import Status

    try:
        return Status(value)
    except ValueError as error:
        raise InputError(f"No run is ever {value!r}; they are: {', '.join(Status)}.") from error


StatusOpt = Annotated[
    str | None,
    typer.Option(
        "--status",
        parser=parse_status,
        metavar="STATE",
        help="Only those that are unsent, queued, processing, completed, failed, cancelled or unknown.",
    ),
]


def runs_group(markup: Literal["markdown"] | None) -> Later:
    """Return the group of commands."""
    commands: dict[str, Callable[..., None]] = {
        "show": show_command,
        "forget": forget_command,
        "prune": prune_command,
        "open": open_command,
    }
    return group("runs", list_command, commands, markup)


def list_command(
    context: typer.Context,
    *,
    limit: LimitOpt = 20,
    status: StatusOpt = None,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
) -> None:
    """Show the runs of this machine, newest first, or take some out of the journal.

    Those that the local engine still knows are shown as they are; the cloud service is not asked, and what
    was last written down of it is told with its time.

    Example: headswap runs --status unknown
    """
    if context.invoked_subcommand is not None:
        return
    from headswap_cli.render import runs
    from headswap_cli.services.runs import at_work_on, latest

    app = AppContext(as_json=as_json, quiet=quiet)
    with app.journal() as journal:
        known, there = latest(journal, app.jobs_here, limit, status)  # type: ignore[arg-type]
        app.view.show(runs.listed(known, at_work_on(journal, known)))
    app.view.notices(runs.more(len(known), there, status))  # type: ignore[arg-type]


def show_command(run: RunIdArg, *, as_json: o.JsonOpt = False, quiet: o.QuietOpt = False) -> None:
    """Show all that happened to a run; signatures in links are left out.

    Example: headswap runs show run-k3q7c2mx5a
    """
    from headswap_cli.render import runs
    from headswap_cli.services.runs import as_they_are, at_work_on, find_run, notices_of

    app = AppContext(as_json=as_json, quiet=quiet)
    with app.journal() as journal:
        (known,) = as_they_are([find_run(journal, run)], app.jobs_here)
        steps, at_work = journal.steps(known.run_id), at_work_on(journal, [known])
    notices = notices_of(known, steps, app.jobs_here)
    app.view.show(runs.shown(known, steps, notices, is_at_work=bool(at_work)))


def forget_command(
    ids: RunIdsArg, *, force: OpenToo = False, as_json: o.JsonOpt = False, quiet: o.QuietOpt = False
) -> None:
    """Take runs out of the journal; the files that they have saved stay.

    Example: headswap runs forget run-k3q7c2mx5a
    """
    from headswap_cli.render import runs
    from headswap_cli.services.runs import forget

    app = AppContext(as_json=as_json, quiet=quiet)
    with app.journal() as journal:
        app.view.show(runs.gone(forget(journal, ids, force=force), "forgot"))


def prune_command(
    *,
    older: OlderOpt = DEFAULT_AGE,
    yes: YesOpt = False,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
) -> None:
    """Take old runs that are over out of the journal; what is open or in question stays.

    Files that were saved stay, too. It asks first; where there is no terminal to ask on, it needs --yes.

    Example: headswap runs prune --older 90d
    """
    from headswap_cli.render import runs
    from headswap_cli.services.runs import forget, old_runs

    app = AppContext(as_json=as_json, quiet=quiet)
    with app.journal() as journal:
        found = old_runs(journal, older)
        if found and not yes and not app.view.agreed(*runs.prune_question(len(found), older)):
            app.view.notices(["Nothing was forgotten."])
            return
        app.view.show(runs.gone(forget(journal, found, force=False), "forgot"))


def open_command(run: RunIdArg, *, as_json: o.JsonOpt = False, quiet: o.QuietOpt = False) -> None:
    """Open a run's result in the program that shows videos here.

    Example: headswap runs open run-k3q7c2mx5a
    """
    from headswap_cli.render import views
    from headswap_cli.services.runs import find_run, result_of
    from headswap_cli.viewer import open_files

    app = AppContext(as_json=as_json, quiet=quiet)
    with app.journal() as journal:
        known = find_run(journal, run)
        path = result_of(journal, known)
    open_files([path], again=f"headswap runs open {known.run_id}")
    app.view.show(views.message(str(path), run_id=known.run_id, output=str(path)))
