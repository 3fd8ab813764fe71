"""``headswap batch``: many runs from a file, a row each."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from headswap_cli.commands import options as o
from headswap_cli.commands import values
from headswap_cli.commands.rows import do_rows, row_for
from headswap_cli.context import AppContext

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from headswap_cli.models import FaceMapping
    from headswap_cli.services.columns import Columns
    from headswap_cli.services.manifest import Problems
    from headswap_cli.services.rows import BatchRow


def batch_command(
    manifest: o.ManifestArg,
    *,
    face: o.FaceOpt = None,
    mapping: o.MappingOpt = None,
    output: o.RowOutputOpt = None,
    force: o.ForceOpt = False,
    resolution: o.ResolutionOpt = None,
    mode: o.ModeOpt = None,
    tone: o.ToneOpt = None,
    quality: o.QualityOpt = None,
    any_length: o.AnyLengthOpt = False,
    no_sound: o.NoSoundOpt = False,
    model: o.ModelOpt = None,
    webhook_url: o.WebhookOpt = None,
    timeout: o.RowTimeoutOpt = o.DEFAULT_TIMEOUT,
    detach: o.DetachOpt = False,
    dry_run: o.DryRunOpt = False,
    max_credits: o.BatchCreditsOpt = None,
    parallel: o.ParallelOpt = None,
    fail_fast: o.FailFastOpt = False,
    retry_failed: o.RetryFailedOpt = False,
    profile: o.ProfileOpt = None,
    as_json: o.RowJsonOpt = False,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
) -> None:
    """Do many runs, a row each; the columns are the flags of `run`.

    The columns: video, face (1=a.jpg;2=b.jpg, or columns face.1, face.2), mapping, output, resolution, mode,
    tone, quality, any-length, no-sound, model, webhook-url, timeout. A flag given here holds for the rows
    that don't say it.
    Stopped or killed, the same command goes on: what is done is skipped, nothing is paid for twice.

    Example: headswap batch jobs.csv --face 1=me.jpg -o 'out/{stem}.mp4'
    """
    from headswap_cli.services.batch import Order

    app = AppContext(profile=profile, as_json=as_json, quiet=quiet, verbose=verbose)
    usual = {
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
    rows, problems = _rows(app, manifest, usual, detach=detach)
    order = Order(
        parallel,
        fail_fast=fail_fast,
        dry_run=dry_run,
        max_credits=max_credits,
        retry_flag="--retry-failed",
        retry_failed=retry_failed,
    )
    do_rows(app, rows, problems, order, force=force)


def _rows(
    app: AppContext, manifest: str, usual: Mapping[str, Any], *, detach: bool
) -> tuple[list[BatchRow], Problems]:
    """Return the rows of the file as runs, and what is wrong with others."""
    from headswap_cli.models import Backend
    from headswap_cli.services.manifest import Problems, load, read_rows
    from headswap_cli.services.rows import note_sources

    problems, preferences = Problems(), app.preferences()
    content, folder = load(manifest, sys.stdin)
    rows: list[BatchRow] = []
    photos: set[str] = set()
    for row in read_rows(content, columns(folder), problems):
        cells = {**usual, **row.values}
        if "mapping" in row.values:
            cells["face"] = (*row.values.get("face", ()), *row.values["mapping"])
        if row.number not in problems.bad:
            with problems.noting(row.number, row.line):
                rows.append(row_for(app, preferences, row.number, row.line, cells, detach=detach))
                continue
        # It is no run, but what it names is looked at all the same.
        note_sources(
            problems,
            row.number,
            row.line,
            video=cells.get("video"),
            faces=cells["face"],
            any_length=cells["any-length"],
            is_local=app.survey().backend == Backend.LOCAL,
            known_photos=photos,
        )
    return rows, problems


def columns(folder: Path) -> Columns:
    """Return the columns that a file in ``folder`` may have: the flags of ``run``."""
    from headswap_cli.services.columns import Columns, placed

    def face(text: str) -> FaceMapping:
        mapping = values.parse_face(text)
        like = placed(mapping.like, folder) if mapping.like else None
        return replace(mapping, image=placed(mapping.image, folder), like=like)

    return Columns(
        {
            "video": lambda text: placed(text, folder),
            "face": face,
            "mapping": lambda text: values.parse_faces(None, Path(placed(text, folder))),
            "output": lambda text: placed(text, folder),
            "resolution": values.parse_resolution,
            "mode": values.parse_mode,
            "tone": values.parse_tone,
            "quality": values.parse_quality,
            "model": str,
            "webhook-url": values.parse_webhook,
            "timeout": values.parse_timeout,
        },
        switches=frozenset({"any-length", "no-sound"}),
        whole=frozenset({"force", "detach", "dry-run", "max-credits", "profile", "json", "quiet", "verbose"}),
        alone=frozenset({"new", "images", "save-mapping"}),
    )
