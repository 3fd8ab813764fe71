"""``headswap status``: what became of an analysis, a task or a run."""

from __future__ import annotations

import typer

from headswap_cli.commands import options as o
from headswap_cli.context import AppContext
from headswap_cli.errors import worst_code


def status_command(
    ids: o.IdsArg,
    *,
    wait: o.WaitOpt = False,
    timeout: o.TimeoutOpt = o.DEFAULT_TIMEOUT,
    profile: o.ProfileOpt = None,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
) -> None:
    """Show the state of analyses, tasks or runs by their ids.

    Of several ids all are looked at, and the exit code is that of the worst. With --wait and --json every
    change is one line of JSON.

    Example: headswap status 64f0c2... --wait
    """
    from headswap_cli.render import views
    from headswap_cli.services.status import StatusResult, faults_of, look_at_each, recall, status

    app = AppContext(profile=profile, as_json=as_json, quiet=quiet, verbose=verbose)
    deadline = app.deadline(timeout) if wait else None

    def _look(identifier: str) -> StatusResult:
        if remembered := recall(app.recall(identifier), identifier):
            if wait:
                _on_change(remembered)
            return remembered
        with app.open(about=identifier) as deps:
            return status(deps, identifier, deadline=deadline, on_change=_on_change)

    def _on_change(result: StatusResult) -> None:
        app.view.json_line(views.status_json(result))

    results = look_at_each(ids, _look)
    if wait:
        for lost in (result for result in results if result.fault):
            _on_change(lost)
        app.view.show_last(views.states(results))
    else:
        app.view.show(views.states(results))
    errors = faults_of(results, judged=wait)
    if len(ids) == 1 and errors:
        raise errors[0]
    app.view.mishaps(errors)
    raise typer.Exit(worst_code(errors))
