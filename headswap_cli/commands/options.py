"""The arguments that commands share, and what makes values of them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headswap_cli.commands import known
from headswap_cli.errors import InputError
from headswap_cli.text import printable
from headswap_cli.wire import RESOLUTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headswap_cli.config import Preferences
    from headswap_cli.models import FaceMapping, SwapOptions

MODES = ("head", "face")
TONES = ("source", "reference", "blend")
QUALITIES = ("low", "standard", "high")
_FACE = re.compile(
    r"(?:(?P<person>\d{1,9})|obj:(?P<obj_id>\d{1,9})|(?P<place>left|right|largest|all)|like:(?P<like>[^=]+))"
    r"=(?P<image>.+)",
    re.DOTALL,
)
_URL = re.compile(r"https?://", re.IGNORECASE)
MAX_ID = 200
_FACE_HINT = (
    "--face 1=me.jpg (person 1), obj:0=me.jpg (the API's number), left=, right=, largest= or all=me.jpg, "
    "like:anna.jpg=me.jpg (who looks like anna.jpg), or me.jpg"
)


def parse_faces(values: Iterable[str] | None, mapping: Path | None = None) -> tuple[FaceMapping, ...]:
    """Return the mappings that the ``--face`` flags mean, in their order, then those of a file.

    Raises:
        InputError: one of them means nothing, or the file cannot be read.
    """
    faces = tuple(parse_face(value) for value in values or ())
    if mapping is None:
        return faces
    from headswap_cli.services.castfile import read_cast

    return faces + read_cast(mapping.expanduser().absolute())


def parse_saved_mapping(path: Path | None, *, force: bool) -> Path | None:
    """Return where a mapping is to be saved, if it can be.

    Raises:
        InputError: it cannot.
    """
    if path is None:
        return None
    from headswap_cli.services.castfile import check_writable

    target = path.expanduser().absolute()
    check_writable(target, force=force)
    return target


def parse_face(value: str) -> FaceMapping:
    """Return the mapping that one ``--face`` means.

    ``N=IMAGE``, ``obj:N=IMAGE``, ``left=``, ``right=``, ``largest=`` or ``all=IMAGE``, ``like:PHOTO=IMAGE``
    (no "=" in the name of that photo), or ``IMAGE`` alone.

    Raises:
        InputError: it is none of these.
    """
    from headswap_cli.models import FaceMapping

    if match := _FACE.fullmatch(value):
        return _named(match)
    # A slash before the first "=" makes it a path: ./a=b.jpg
    is_image = _URL.match(value) or set(value.partition("=")[0]) & {"/", os.sep}
    if not value or value.startswith("like:") or ("=" in value and not is_image):
        raise InputError(f"--face {value!r} is not of the form N=IMAGE.", hint=_FACE_HINT)
    return FaceMapping(value)


def _named(match: re.Match[str]) -> FaceMapping:
    """Return the mapping of a ``--face`` that says whom it means."""
    from headswap_cli.models import FaceMapping, Place

    image, place, like = match["image"], match["place"], match["like"]
    if match["person"]:
        person = int(match["person"])
        if person == 0:
            raise InputError("People are numbered from 1, so --face 0=... names nobody.", hint=_FACE_HINT)
        return FaceMapping(image, person=person)
    if match["obj_id"]:
        return FaceMapping(image, obj_id=int(match["obj_id"]))
    if like and _URL.match(like):
        raise InputError("Faces are compared on this machine: like: takes a file, no URL.", hint=_FACE_HINT)
    return FaceMapping(image, place=Place(place) if place else None, like=like)


def parse_resolution(value: str) -> str:
    """Return the resolution if the API has it.

    Raises:
        InputError: it has not.
    """
    if value not in RESOLUTIONS:
        raise InputError(f"The resolution {value!r} does not exist; there are: {', '.join(RESOLUTIONS)}.")
    return value


def parse_id(value: str) -> str:
    """Return an id; what it means is for the journal and the service to say.

    Raises:
        InputError: it cannot be one.
    """
    identifier = value.strip()
    if not identifier:
        raise InputError("An id is empty.", hint="headswap runs shows the ids that are known here")
    if len(identifier) > MAX_ID or not identifier.isprintable() or " " in identifier:
        raise InputError(f"{printable(value, 80)!r} is no id.")
    return identifier


# Help on a terminal shows this as the kind of value.
parse_id.__name__ = "id"


def parse_mode(value: str) -> str:
    """Return the mode if the local engine has it.

    Raises:
        InputError: it has not.
    """
    if value not in MODES:
        raise InputError(f"The mode {value!r} does not exist; there are: {', '.join(MODES)}.")
    return value


def parse_tone(value: str) -> str:
    """Return the tone if the local engine has it.

    Raises:
        InputError: it has not.
    """
    if value not in TONES:
        raise InputError(f"The tone {value!r} does not exist; there are: {', '.join(TONES)}.")
    return value


def parse_quality(value: str) -> str:
    """Return the quality if the local engine has it.

    Raises:
        InputError: it has not.
    """
    if value not in QUALITIES:
        raise InputError(f"The quality {value!r} does not exist; there are: {', '.join(QUALITIES)}.")
    return value


def parse_webhook(value: str) -> str:
    """Return the URL if it is one.

    Raises:
        InputError: it is no http(s) URL.
    """
    if not _URL.match(value):
        raise InputError(f"The webhook {value!r} is not an http(s) URL.", hint="--webhook-url https://...")
    return value


def parse_timeout(value: str) -> str:
    """Return the duration as it was written, if it is one.

    Raises:
        InputError: it is none.
    """
    from headswap_cli.config import parse_duration

    parse_duration(value)
    return value


def swap_options(
    preferences: Preferences,
    *,
    resolution: str | None,
    mode: str | None,
    tone: str | None,
    quality: str | None,
    any_length: bool,
    no_sound: bool,
    model: str | None,
    webhook_url: str | None,
) -> SwapOptions:
    """Return the options that ``run`` and ``swap`` share; ``preferences`` hold where a flag was not given.

    Raises:
        InputError: the webhook is no http(s) URL, or a text can't be sent.
    """
    from headswap_cli.models import Mode, Quality, SwapOptions, Tone
    from headswap_cli.services.preflight import check_sendable

    if webhook_url is not None:
        check_sendable(parse_webhook(webhook_url), "webhook")
    check_sendable(model or "", "model")
    return SwapOptions(
        resolution=resolution or preferences.resolution,
        model=model or preferences.model,
        keep_sound=not no_sound,
        webhook_url=webhook_url,
        mode=Mode(mode) if mode else None,
        any_length=any_length,
        tone=Tone(tone) if tone else None,
        quality=Quality(quality) if quality else None,
    )


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
        parser=parse_resolution,
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
        parser=parse_mode,
        metavar="head|face",
        autocompletion=known.choices(*MODES),
        help="Local engine: the whole head with its hair, or the face alone.",
    ),
]
ToneOpt = Annotated[
    str | None,
    typer.Option(
        "--tone",
        parser=parse_tone,
        metavar="TONE",
        autocompletion=known.choices(*TONES),
        help="Local engine: the skin tone of the video's person (source), of the photo (reference), or"
        " between them (blend).",
    ),
]
QualityOpt = Annotated[
    str | None,
    typer.Option(
        "--quality",
        parser=parse_quality,
        metavar="low|standard|high",
        autocompletion=known.choices(*QUALITIES),
        help="Local engine: how finely the result is coded, from small files to large; standard unless said.",
    ),
]
OutputOpt = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        help="A file, a folder, - for stdout, or a name with {stem}, {task_id}, {person} or {date}.",
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
        help="A folder, or a name with {stem}, {row}, {person}, {task_id} or {date}.",
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
        metavar="ID...", help="Ids of analyses, tasks or runs.", parser=parse_id, autocompletion=known.ids
    ),
]
TaskIdsArg = Annotated[
    list[str],
    typer.Argument(metavar="ID...", help="Ids of tasks or runs.", parser=parse_id, autocompletion=known.ids),
]
WaitOpt = Annotated[bool, typer.Option("--wait", help="Wait for the verdict and return its exit code.")]

DEFAULT_TIMEOUT = "30m"
