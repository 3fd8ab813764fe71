"""The arguments that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headswap_cli.commands import known, values
from headswap_cli.wire import RESOLUTIONS

ProfileOpt = Annotated[
    str | None,
    typer.Option(
        "--profile",
        "-p",
        help="The profile to use: see `headswap profile list`.",
        autocompletion=known.profiles,
    ),
]
JsonOpt = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout.")]
QuietOpt = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print the bare id or path; on stderr only errors.")
]
VerboseOpt = Annotated[bool, typer.Option("--verbose", "-v", help="Show HTTP requests on stderr.")]
VideoArg = Annotated[str, typer.Argument(metavar="VIDEO", help="A video file or an http(s) URL.")]
FaceOpt = Annotated[
    list[str] | None,
    typer.Option(
        "--face",
        metavar="N=IMAGE",
        help="Give person N (from 1) the head on IMAGE. For N also: left, right, largest, all, like:PHOTO, or"
        " obj:N for the API's number. Repeat it for more people, or (local engine) for more photos of one.",
    ),
]
MappingOpt = Annotated[
    Path | None,
    typer.Option("--mapping", metavar="FILE", help="Give the faces of a saved cast to who looks like them."),
]
SaveMappingOpt = Annotated[
    Path | None,
    typer.Option(
        "--save-mapping", metavar="FILE", help="Save who gets which face, with a picture of each person."
    ),
]
ImagesOpt = Annotated[
    bool, typer.Option("--images/--no-images", help="Draw the people, where the terminal can.")
]
TimeoutOpt = Annotated[
    str, typer.Option("--timeout", metavar="TIME", help="How long to wait, as 90s, 15m or 1h.")
]
AnyLengthOpt = Annotated[
    bool, typer.Option("--any-length", help="Local engine: take videos outside 3 to 20 s, too.")
]
ResolutionOpt = Annotated[
    str | None,
    typer.Option(
        "--resolution",
        parser=values.parse_resolution,
        metavar="480p|720p",
        autocompletion=known.choices(*RESOLUTIONS),
        help="Bound of the output's shorter side; nothing is enlarged. 720p unless the settings say else.",
    ),
]
VideosArg = Annotated[
    list[str], typer.Argument(metavar="VIDEO...", help="Video files or http(s) URLs; each becomes a run.")
]
ModelOpt = Annotated[
    str | None,
    typer.Option("--model", help="The service's model: akool-premium unless the settings say else."),
]
NoSoundOpt = Annotated[bool, typer.Option("--no-sound", help="Leave the sound out.")]
WebhookOpt = Annotated[
    str | None, typer.Option("--webhook-url", metavar="URL", help="Where the service reports the end.")
]
ModeOpt = Annotated[
    str | None,
    typer.Option(
        "--mode",
        parser=values.parse_mode,
        metavar="head|face",
        autocompletion=known.choices(*values.MODES),
        help="Local engine: the whole head with its hair, or the face alone.",
    ),
]
ToneOpt = Annotated[
    str | None,
    typer.Option(
        "--tone",
        parser=values.parse_tone,
        metavar="TONE",
        autocompletion=known.choices(*values.TONES),
        help="Local engine: the skin tone of the video's person (source), of the photo (reference), or"
        " between them (blend).",
    ),
]
QualityOpt = Annotated[
    str | None,
    typer.Option(
        "--quality",
        parser=values.parse_quality,
        metavar="low|standard|high",
        autocompletion=known.choices(*values.QUALITIES),
        help="Local engine: how finely the result is coded, from small files to large; standard unless said.",
    ),
]
OutputOpt = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        help="A file, an existing folder to save STEM.headswap.mp4 in, - for stdout, or a name with {stem},"
        " {task_id}, {person} or {date}.",
    ),
]
ForceOpt = Annotated[bool, typer.Option("--force", "-f", help="Replace an existing output.")]
DetachOpt = Annotated[bool, typer.Option("--detach", help="Stop after the submission and print the task id.")]
DryRunOpt = Annotated[
    bool, typer.Option("--dry-run", help="Do all that is free, and tell what else would be done, and cost.")
]
NewOpt = Annotated[
    bool, typer.Option("--new", help="Make and pay for a new task, even if the same one exists.")
]
MaxCreditsOpt = Annotated[
    float | None,
    typer.Option(
        "--max-credits",
        metavar="N",
        min=0,
        help="Refuse if the balance is zero or below N; no price is told beforehand.",
    ),
]
RowOutputOpt = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        help="An existing folder to save STEM.headswap.mp4 in, or a name with {stem}, {row}, {person},"
        " {task_id} or {date}.",
    ),
]
RowJsonOpt = Annotated[bool, typer.Option("--json", help="Print a line of JSON for each row as it ends.")]
ParallelOpt = Annotated[
    int | None,
    typer.Option(
        "--parallel",
        metavar="N",
        min=1,
        max=1000,
        help="How many rows are under way at once: 8, or 2 on the local engine, unless it is said.",
    ),
]
FailFastOpt = Annotated[
    bool, typer.Option("--fail-fast", help="After a row that fails begin no other, and pay for none.")
]
RetryFailedOpt = Annotated[
    bool, typer.Option("--retry-failed", help="Pay again for rows whose task the service ended as failed.")
]
BatchCreditsOpt = Annotated[
    float | None,
    typer.Option(
        "--max-credits",
        metavar="N",
        min=0,
        help="Pay for no more once the balance has fallen by N; no price is told beforehand.",
    ),
]
RowTimeoutOpt = Annotated[
    str,
    typer.Option("--timeout", metavar="TIME", help="How long a row may take once it begins, as 90s or 1h."),
]
ManifestArg = Annotated[
    str, typer.Argument(metavar="FILE", help="CSV with a header, or one JSON object a line; - for stdin.")
]
IdsArg = Annotated[
    list[str],
    typer.Argument(
        metavar="ID...",
        help="Ids of analyses, tasks or runs.",
        parser=values.parse_id,
        autocompletion=known.ids,
    ),
]
TaskIdsArg = Annotated[
    list[str],
    typer.Argument(
        metavar="ID...", help="Ids of tasks or runs.", parser=values.parse_id, autocompletion=known.ids
    ),
]
WaitOpt = Annotated[bool, typer.Option("--wait", help="Wait for the verdict and return its exit code.")]

DEFAULT_TIMEOUT = "30m"
