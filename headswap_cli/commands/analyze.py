"""``headswap analyze``: who is in a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headswap_cli.commands import options as o
from headswap_cli.context import AppContext

PreviewsOpt = Annotated[
    Path | None, typer.Option("--previews", metavar="DIR", help="Save each person's picture there.")
]


def analyze_command(
    video: o.VideoArg,
    *,
    previews: PreviewsOpt = None,
    any_length: o.AnyLengthOpt = False,
    timeout: o.TimeoutOpt = o.DEFAULT_TIMEOUT,
    profile: o.ProfileOpt = None,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
) -> None:
    """Find the people in a video; free of charge.

    Example: headswap analyze clip.mp4 --previews people
    """
    from headswap_cli.render import views
    from headswap_cli.services.analyze import analyze_steps
    from headswap_cli.services.preflight import check_sources
    from headswap_cli.services.previews import check_folder, save_previews
    from headswap_cli.services.wait import drive

    app = AppContext(profile=profile, as_json=as_json, quiet=quiet, verbose=verbose)
    deadline = app.deadline(timeout)
    app.view.notices(check_sources(video, (), any_length=any_length))
    folder = previews.expanduser().absolute() if previews else None
    if folder is not None:
        check_folder(folder)
    with app.open() as deps:
        steps = analyze_steps(deps, video, any_length=any_length, deadline=deadline)
        result = drive(steps, deps.sleep)
        saved = save_previews(deps, result, folder) if folder else {}
    app.view.show(views.analysis(result, saved))
