"""``headswap swap``: a task from a finished analysis."""

from __future__ import annotations

from typing import Annotated

import typer

from headswap_cli.commands import known, values
from headswap_cli.commands import options as o
from headswap_cli.commands.telling import with_news
from headswap_cli.context import AppContext
from headswap_cli.extras import require_likeness

AnalysisArg = Annotated[
    str,
    typer.Argument(
        metavar="ANALYSIS",
        help="The id that `analyze` printed.",
        parser=values.parse_id,
        autocompletion=known.analyses,
    ),
]


def swap_command(
    analysis: AnalysisArg,
    *,
    face: o.FaceOpt = None,
    mapping: o.MappingOpt = None,
    wait: o.WaitOpt = False,
    resolution: o.ResolutionOpt = None,
    mode: o.ModeOpt = None,
    tone: o.ToneOpt = None,
    quality: o.QualityOpt = None,
    any_length: o.AnyLengthOpt = False,
    no_sound: o.NoSoundOpt = False,
    model: o.ModelOpt = None,
    webhook_url: o.WebhookOpt = None,
    timeout: o.TimeoutOpt = o.DEFAULT_TIMEOUT,
    dry_run: o.DryRunOpt = False,
    new: o.NewOpt = False,
    max_credits: o.MaxCreditsOpt = None,
    profile: o.ProfileOpt = None,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
) -> None:
    """Create a head-swap task from a finished analysis and print its id.

    Asked for again, the same task is printed and nothing is paid, unless --new says so.

    Example: headswap swap 64f0c2... --face 1=me.jpg --wait
    """
    from headswap_cli.render import views
    from headswap_cli.render.rehearsal import rehearsal
    from headswap_cli.services.preflight import check_sources
    from headswap_cli.services.rehearse import rehearse_swap_steps
    from headswap_cli.services.swap import SwapRequest, swap_steps
    from headswap_cli.services.wait import drive

    app = AppContext(profile=profile, as_json=as_json, quiet=quiet, verbose=verbose)
    faces = values.parse_faces(face, mapping)
    require_likeness(faces)
    deadline = app.deadline(timeout) if wait else None
    app.view.notices(check_sources(None, faces, any_length=any_length))
    options = values.swap_options(
        app.preferences(about=analysis),
        resolution=resolution,
        mode=mode,
        tone=tone,
        quality=quality,
        any_length=any_length,
        no_sound=no_sound,
        model=model,
        webhook_url=webhook_url,
    )
    request = SwapRequest(analysis, faces, options, max_credits=max_credits, is_new=new)
    with app.open(about=analysis) as deps:
        if dry_run:
            shown = rehearsal(drive(rehearse_swap_steps(deps, request, deadline=deadline), deps.sleep))
        else:
            shown = views.task(drive(swap_steps(deps, request, deadline=deadline), deps.sleep))
    app.view.show(with_news(app, shown))
