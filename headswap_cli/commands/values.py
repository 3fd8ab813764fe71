"""What words of the command line mean: faces, modes, durations, ids."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError
from headswap_cli.text import printable
from headswap_cli.wire import RESOLUTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    return _one_of("mode", MODES, value)


def parse_tone(value: str) -> str:
    """Return the tone if the local engine has it.

    Raises:
        InputError: it has not.
    """
    return _one_of("tone", TONES, value)


def parse_quality(value: str) -> str:
    """Return the quality if the local engine has it.

    Raises:
        InputError: it has not.
    """
    return _one_of("quality", QUALITIES, value)


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


def _one_of(name: str, known: Sequence[str], value: str) -> str:
    if value not in known:
        raise InputError(f"The {name} {value!r} does not exist; there are: {', '.join(known)}.")
    return value
