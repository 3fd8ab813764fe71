"""``headswap status``: what became of an analysis, a task or a run."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from headswap_cli.commands import options as o
from headswap_cli.commands.telling import with_news
from headswap_cli.context import AppContext, guessing
from headswap_cli.errors import worst_code

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from headswap_cli.services.deps import Deadline, Deps
    from headswap_cli.services.status import StatusResult


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
    from headswap_cli.services.status import faults_of, look_at_each

    app = AppContext(profile=profile, as_json=as_json, quiet=quiet, verbose=verbose)
    deadline = app.deadline(timeout) if wait else None

    def _on_change(result: StatusResult) -> None:
        app.view.json_line(views.status_json(result))

    if deadline is not None and len(ids) > 1:
        results = _watched(app, ids, deadline, _on_change)
    else:
        results = look_at_each(ids, lambda identifier: _looked_at(app, identifier, deadline, _on_change))
    for lost in results if wait else ():
        if lost.fault is not None:
            _on_change(lost)
    shown = views.states(results)
    news = with_news(app, shown)
    if wait:
        app.view.show_last(news)
    else:
        # Who looks without waiting has asked for it, however often.
        app.view.show(shown)
    errors = faults_of(results, judged=wait)
    if len(ids) == 1 and errors:
        raise errors[0]
    app.view.mishaps(errors)
    raise typer.Exit(worst_code(errors))


def _looked_at(
    app: AppContext, identifier: str, deadline: Deadline | None, tell: Callable[[StatusResult], None]
) -> StatusResult:
    """Look at one id; with a deadline wait for its verdict."""
    from headswap_cli.services.status import recall, status

    with app.journal() as journal:
        remembered = recall(journal, identifier, is_waited_for=deadline is not None)
    if remembered is not None:
        if deadline is not None:
            tell(remembered)
        return remembered
    with app.open(about=identifier) as deps:
        return status(deps, identifier, deadline=deadline, on_change=tell)


def _watched(
    app: AppContext, ids: Sequence[str], deadline: Deadline, tell: Callable[[StatusResult], None]
) -> list[StatusResult]:
    """Wait for all ids at once and show them together; each is asked of the profile that made it."""
    from headswap_cli.services.status import recall, status_steps
    from headswap_cli.services.vigil import watch_each

    known: dict[str, StatusResult] = {}
    with ExitStack() as stack:
        board = stack.enter_context(app.view.states_board(ids))
        connections: dict[str | None, Deps] = {}

        def _on_change(result: StatusResult) -> None:
            known[result.identifier] = result
            board.changed(result)
            tell(result)

        def _steps(identifier: str) -> Generator[float, None, StatusResult]:
            with app.journal() as journal:
                run, remembered = journal.find(identifier), recall(journal, identifier, is_waited_for=True)
            if remembered is not None:
                _on_change(remembered)
                return remembered
            profile = run.profile if run else None
            if profile not in connections:
                connections[profile] = stack.enter_context(app.open(about=identifier, shown_by=board))
            deps = replace(connections[profile], report=board.only(identifier))
            with guessing(deps.journal, identifier):
                return (yield from status_steps(deps, identifier, deadline=deadline, on_change=_on_change))

        waits = {identifier: _steps(identifier) for identifier in ids}
        return watch_each(waits, known, sleep=time.sleep, clock=time.monotonic)
