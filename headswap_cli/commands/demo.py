"""``headswap demo``: the main job on a sample, with a sheet to look at."""

from __future__ import annotations

from typing import Annotated

import typer

from headswap_cli.commands import options as o
from headswap_cli.commands.telling import with_news
from headswap_cli.context import STDOUT, AppContext
from headswap_cli.errors import InputError
from headswap_cli.extras import require_engine, require_images

DemoOutputOpt = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="PATH", help="A folder, or a file for the video; the sheet goes beside it."
    ),
]


def demo_command(
    *,
    output: DemoOutputOpt = None,
    force: o.ForceOpt = False,
    timeout: o.TimeoutOpt = o.DEFAULT_TIMEOUT,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
) -> None:
    """Fetch a sample clip and a portrait, swap the head on this machine, and draw before and after.

    Example: headswap demo
    """
    from headswap_cli.compare.sheet import contact_sheet
    from headswap_cli.models import FaceMapping, SwapOptions
    from headswap_cli.render import views
    from headswap_cli.samples import fetch_samples
    from headswap_cli.services.output import check_target, default_name, target_path
    from headswap_cli.services.run import RunRequest, check, run_steps
    from headswap_cli.services.wait import drive

    app = AppContext(profile="local", as_json=as_json, quiet=quiet, verbose=verbose)
    if output == STDOUT:
        raise InputError("The demo saves two files, so it cannot write to stdout.", hint="-o FOLDER")
    deadline = app.deadline(timeout)
    require_engine()
    require_images()
    with app.progress() as progress:
        samples = fetch_samples(app.folders.cache / "samples", on_progress=progress.transfer)
    target = target_path(output, default_name(str(samples.video)))
    sheet = target.with_suffix(".png")
    request = RunRequest(
        str(samples.video),
        (FaceMapping(str(samples.portrait)),),
        SwapOptions(),
        target,
        force=force,
        is_new=True,
        is_aimed=True,
    )
    if sheet == target:
        raise InputError(f"The output {str(target)!r} is a picture's name.", hint="-o demo.mp4")
    check(request)
    check_target(sheet, force=force)
    with app.open(announce=True) as deps:
        result = drive(run_steps(deps, request, deadline=deadline), deps.sleep)
        contact_sheet(samples.video, target, sheet)
        deps.report.notice(f"before and after: {views.short_path(sheet)}")
        deps.report.notice(f"to look closer: headswap compare {result.run_id} --open")
    app.view.show(with_news(app, views.demo(result, sheet)))
