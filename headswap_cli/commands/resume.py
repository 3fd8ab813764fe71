"""``headswap resume``: take up what was left open."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from headswap_cli.commands import options as o
from headswap_cli.commands.telling import with_news
from headswap_cli.context import AppContext
from headswap_cli.errors import InputError, worst_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from headswap_cli.errors import HeadswapError
    from headswap_cli.render.views import Shown

RunArg = Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run's id; all open ones without.")]
TaskOpt = Annotated[
    str | None, typer.Option("--task", metavar="ID", help="The task that the run's unanswered request made.")
]
ResubmitOpt = Annotated[
    bool, typer.Option("--resubmit", help="Send an unanswered request again; it may be paid for twice.")
]


def resume_command(
    run: RunArg = None,
    *,
    task: TaskOpt = None,
    again: ResubmitOpt = False,
    timeout: o.TimeoutOpt = o.DEFAULT_TIMEOUT,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
) -> None:
    """Go on with runs that were stopped, from the exact step: upload, analysis, task, wait or download.

    Nothing is paid twice. A request that was sent and not answered is in question: look for it in your
    account, then name its task with --task, or send it again with --resubmit.

    Example: headswap resume run-k3q7c2mx5a
    """
    if (task is not None or again) and (run is None or (task is not None and again)):
        raise InputError("--task and --resubmit are for one run, one or the other.", hint="headswap runs")
    # Whatever profile is in use now, a run goes on with its own.
    opened = partial(AppContext, as_json=as_json, quiet=quiet, verbose=verbose)
    app = opened()
    if run is not None:
        app.view.show(with_news(app, _resumed(opened, run, timeout, task=task, again=again)))
    else:
        _resume_all(app, lambda run_id: _resumed(opened, run_id, timeout), as_json=as_json)


def _resumed(
    opened: partial[AppContext],
    identifier: str,
    timeout: str,
    *,
    task: str | None = None,
    again: bool = False,
) -> Shown:
    from headswap_cli.render import views
    from headswap_cli.services.resume import adopt_task, find_open, resubmit, resume_steps
    from headswap_cli.services.swap import SwapResult
    from headswap_cli.services.wait import drive

    with opened().journal() as journal:
        run = find_open(journal, identifier)
    run_id, app = run.run_id, opened(profile=run.profile)
    deadline = app.deadline(timeout)
    with app.open() as deps:
        if task is not None:
            adopt_task(deps, deps.journal.run(run_id), task)
        elif again:
            resubmit(deps, deps.journal.run(run_id))
        result = drive(resume_steps(deps, deps.journal.run(run_id), deadline=deadline), deps.sleep)
        return views.task(result) if isinstance(result, SwapResult) else views.run(result)


def _resume_all(app: AppContext, resumed: Callable[[str], Shown], *, as_json: bool) -> None:
    from headswap_cli.errors import BusyError, HeadswapError
    from headswap_cli.render import runs
    from headswap_cli.render.steps import place

    with app.journal() as journal:
        sources = {run.run_id: place(run.source) for run in journal.open_runs()}
    results: list[Shown] = []
    errors: dict[str, HeadswapError] = {}
    for run_id, source in sources.items():
        app.view.notices([f"run {run_id} ({source})"])
        try:
            results.append(resumed(run_id))
        except BusyError as error:
            app.view.notices([error.message])
        except HeadswapError as error:
            errors[run_id] = error
            if run_id not in error.message:
                error.message = f"{run_id}: {error.message}"
            app.view.mishaps([error])
    if results or as_json or not errors:
        app.view.show(with_news(app, runs.resumed(results, errors)))
    raise typer.Exit(worst_code(errors.values()))
