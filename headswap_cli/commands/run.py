"""``headswap run``: the main job in one line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headswap_cli.commands import options as o
from headswap_cli.commands import values
from headswap_cli.commands.rows import do_videos, request_of
from headswap_cli.commands.telling import with_news
from headswap_cli.context import STDOUT, AppContext
from headswap_cli.errors import InputError
from headswap_cli.extras import require_likeness

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.services.run import RunRequest


def run_command(
    videos: o.VideosArg,
    *,
    face: o.FaceOpt = None,
    mapping: o.MappingOpt = None,
    save_mapping: o.SaveMappingOpt = None,
    output: o.OutputOpt = None,
    force: o.ForceOpt = False,
    resolution: o.ResolutionOpt = None,
    mode: o.ModeOpt = None,
    tone: o.ToneOpt = None,
    quality: o.QualityOpt = None,
    any_length: o.AnyLengthOpt = False,
    no_sound: o.NoSoundOpt = False,
    model: o.ModelOpt = None,
    webhook_url: o.WebhookOpt = None,
    images: o.ImagesOpt = True,
    timeout: o.TimeoutOpt = o.DEFAULT_TIMEOUT,
    detach: o.DetachOpt = False,
    dry_run: o.DryRunOpt = False,
    new: o.NewOpt = False,
    max_credits: o.MaxCreditsOpt = None,
    profile: o.ProfileOpt = None,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
) -> None:
    """Swap heads in a video and save the result; of several videos, each.

    Without --face the people in the video are shown: on a terminal you choose with the arrow keys, else they
    are listed and nothing is paid.
    The same command again goes on where it was stopped; once it is done it pays no second time, unless
    --new says so.

    Example: headswap run clip.mp4 --face 1=me.jpg -o out.mp4
    """
    from headswap_cli.services.batch import Order

    app = AppContext(profile=profile, as_json=as_json, quiet=quiet, verbose=verbose)
    cells = {
        "face": values.parse_faces(face, mapping),
        "output": output,
        "resolution": resolution,
        "mode": mode,
        "tone": tone,
        "quality": quality,
        "any-length": any_length,
        "no-sound": no_sound,
        "model": model,
        "webhook-url": webhook_url,
        "timeout": timeout,
    }
    if len(videos) > 1:
        if save_mapping is not None:
            raise InputError("--save-mapping saves the cast of one video.", hint="Run them one by one.")
        order = Order(dry_run=dry_run, max_credits=max_credits)
        do_videos(app, videos, cells, order, detach=detach, force=force, is_new=new)
    save_to = values.parse_saved_mapping(save_mapping, force=force)
    with app.placed(output or app.preferences().output) as place:
        request = replace(
            request_of(app.preferences(), {**cells, "video": videos[0], "output": place}),
            detach=detach,
            max_credits=max_credits,
            force=force,
            is_new=new,
            to_stdout=(output or app.preferences().output) == STDOUT,
        )
        _run_one(app, request, timeout, images=images, save_to=save_to, dry_run=dry_run)


def _run_one(
    app: AppContext, request: RunRequest, timeout: str, *, images: bool, save_to: Path | None, dry_run: bool
) -> None:
    """Check, ask who gets which head if nobody said, run, and show the result."""
    from headswap_cli.commands.picking import settle_faces
    from headswap_cli.render import views
    from headswap_cli.render.rehearsal import rehearsal
    from headswap_cli.services.rehearse import rehearse_run_steps
    from headswap_cli.services.run import check, run_steps
    from headswap_cli.services.wait import drive

    require_likeness(request.faces)
    deadline = app.deadline(timeout)
    if request.detach and request.to_stdout:
        raise InputError("With --detach there is no video to write to stdout yet.", hint="-o out.mp4")
    with app.journal() as journal:
        app.view.notices(check(request, journal=journal, profile=app.survey().profile))
    is_settled = (not request.faces and app.view.can_ask) or save_to is not None
    if is_settled:
        settled = settle_faces(
            app,
            request,
            images=images,
            save_to=save_to,
            deadline=deadline,
            check=lambda face: check(replace(request, faces=(face,))),
        )
        request, deadline = replace(request, faces=settled.faces), settled.deadline
    with app.open(announce=not is_settled) as deps:
        if dry_run:
            shown = rehearsal(drive(rehearse_run_steps(deps, request, deadline=deadline), deps.sleep))
        else:
            shown = views.run(drive(run_steps(deps, request, deadline=deadline), deps.sleep))
    app.view.show(with_news(app, shown))
