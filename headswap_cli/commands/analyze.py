"""``headswap analyze``: who is in a video."""

from __future__ import annotations

from headswap_cli.commands import options as o
from headswap_cli.context import AppContext


def analyze_command(
    video: o.VideoArg,
    *,
    any_length: o.AnyLengthOpt = False,
    timeout: o.TimeoutOpt = o.DEFAULT_TIMEOUT,
    profile: o.ProfileOpt = None,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
) -> None:
    """Find the people in a video; free of charge.

    Example: headswap analyze clip.mp4
    """
    from headswap_cli.render import views
    from headswap_cli.services.analyze import analyze
    from headswap_cli.services.preflight import check_sources

    app = AppContext(profile=profile, as_json=as_json, quiet=quiet, verbose=verbose)
    deadline = app.deadline(timeout)
    app.view.notices(check_sources(video, (), any_length=any_length))
    with app.open() as deps:
        result = analyze(deps, video, any_length=any_length, deadline=deadline)
    app.view.show(views.analysis(result))
