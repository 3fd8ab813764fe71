"""``headswap cancel``: end a job of the local engine for good."""

from __future__ import annotations

import typer

from headswap_cli.commands import options as o
from headswap_cli.context import AppContext
from headswap_cli.errors import worst_code


def cancel_command(
    ids: o.IdsArg,
    *,
    profile: o.ProfileOpt = None,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
) -> None:
    """End jobs of the local engine for good, at work or waiting; what they had half made is deleted.

    The next one begins at once. The same run again begins anew. The cloud service has no such call: what was
    submitted there goes on, and is paid for.

    Example: headswap cancel 64f0c2...
    """
    from headswap_cli.models import Backend
    from headswap_cli.render import views
    from headswap_cli.services.cancel import (
        CancelResult,
        cancel,
        cancel_each,
        find_target,
        is_settled_here,
        refuse_cloud,
    )

    app = AppContext(profile=profile, as_json=as_json, quiet=quiet, verbose=verbose)

    def _cancelled(identifier: str) -> CancelResult:
        run, survey = app.recall(identifier), app.survey(about=identifier)
        with app.journal() as journal:
            if survey.backend != Backend.LOCAL and not is_settled_here(run, identifier):
                raise refuse_cloud(journal, run, identifier, survey.profile)
            target = find_target(journal, run, identifier)
        if isinstance(target, CancelResult):
            return target
        with app.open(about=identifier) as deps:
            return cancel(deps, target)

    cancelled, errors = cancel_each(ids, _cancelled)
    if cancelled or as_json:
        app.view.show(views.cancelled(cancelled, errors))
    app.view.mishaps(errors.values())
    raise typer.Exit(worst_code(errors.values()))
