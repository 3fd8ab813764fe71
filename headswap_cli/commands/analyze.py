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
OpenOpt = Annotated[bool, typer.Option("--open", help="Show each person's picture in the system's viewer.")]


def analyze_command(
    video: o.VideoArg,
    *,
    previews: PreviewsOpt = None,
    open_them: OpenOpt = False,
    images: o.ImagesOpt = True,
    any_length: o.AnyLengthOpt = False,
    timeout: o.TimeoutOpt = o.DEFAULT_TIMEOUT,
    profile: o.ProfileOpt = None,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
) -> None:
    """Find the people in a video; free of charge.

    On a terminal that shows colours the people are drawn, by kitty's, iTerm2's or sixel graphics where it has
    them.

    Example: headswap analyze clip.mp4 --previews people
    """
    from headswap_cli.models import Backend
    from headswap_cli.render import views
    from headswap_cli.services.analyze import analyze_steps
    from headswap_cli.services.preflight import check_sources
    from headswap_cli.services.previews import check_folder, fetch_previews, save_previews, viewing_folder
    from headswap_cli.services.wait import drive
    from headswap_cli.viewer import open_files

    app = AppContext(profile=profile, as_json=as_json, quiet=quiet, verbose=verbose)
    deadline = app.deadline(timeout)
    is_local = app.survey().backend == Backend.LOCAL
    app.view.notices(check_sources(video, (), any_length=any_length, is_local=is_local))
    folder = previews.expanduser().absolute() if previews else None
    if folder is not None:
        check_folder(folder)
    terminal = app.canvas(images=images)
    with app.open() as deps:
        steps = analyze_steps(deps, video, any_length=any_length, deadline=deadline)
        result = drive(steps, deps.sleep)
        people, analysis_id = result.analysis.people, result.analysis.analysis_id
        if open_them and folder is None:
            folder = viewing_folder(app.folders.cache, analysis_id)
        contents = fetch_previews(deps, people) if terminal or folder else {}
    saved, faults = save_previews(contents, video, folder) if folder else ({}, [])
    app.view.notices(faults)
    if terminal is not None:
        app.view.people(people, contents, terminal)
    app.view.show(views.analysis(result, saved))
    if open_them:
        open_files(list(saved.values()), again="headswap analyze VIDEO --open")
