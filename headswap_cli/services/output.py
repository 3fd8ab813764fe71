"""Where a result is saved, settled before anything is sent."""

from __future__ import annotations

import os
import re
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from headswap_cli.errors import InputError
from headswap_cli.leftovers import check_way
from headswap_cli.media import is_url
from headswap_cli.services.deps import absolute
from headswap_cli.text import file_stem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from headswap_cli.journal import Step
    from headswap_cli.models import FaceMapping

SUFFIX = ".headswap.mp4"
# Of the 255 that file systems take, for what a download adds to the name while it is under way.
MAX_NAME_BYTES = 255 - len(".part.json")
LATER = "{task_id}"
"""Stands for the id of a task that is not created yet; ``with_task_id`` puts the id in its place."""
_PLACEHOLDERS = ("stem", "task_id", "person", "date", "row")
# What would be taken for another kind of file by its name; any other ending is the user's own business.
_OTHER_KIND = re.compile(
    r"\.(png|jpe?g|gif|webp|bmp|tiff?|heic|avif|svg|pdf|webm|mkv|avi|wmv|flv|ogv|mpe?g|ts|mp3|m4a|wav|flac|ogg|opus"
    r"|aac|json|csv|txt|html|zip)",
    re.IGNORECASE,
)
_BRACES = re.compile(r"\{\{|\}\}|\{(\w*)\}")


def default_name(source: str) -> str:
    """Return ``STEM.headswap.mp4`` for a source video; of a URL only letters that every disk takes stay."""
    if not is_url(source):
        return Path(source).stem + SUFFIX
    try:
        path = urlsplit(source).path
    except ValueError as error:
        raise InputError(f"{source!r} is not a URL: {error}.") from error
    return file_stem(unquote(path)) + SUFFIX


def target_path(
    output: str | None,
    name: str,
    *,
    task_id: str | None = None,
    person: str | None = None,
    row: int | None = None,
    today: Callable[[], date] = date.today,
) -> Path:
    """Return the absolute path that ``--output`` means: a file, or ``name`` in a folder (default: here).

    Args:
        output: May hold ``{stem}`` (of the source video), ``{task_id}``, ``{person}``, ``{date}`` and
            ``{row}``; braces that are to be braces are doubled.
        name: What the result is called unless the user says else.
        task_id: Whose result it is, or ``LATER``.
        person: Who got a face, as ``mapped_people`` or ``mapped_in`` says it.
        row: The number of the row in a batch.
        today: Gives the date.

    Raises:
        InputError: there is no such placeholder, its value is not known, or the name is no video's.
    """
    if output is None:
        return Path.cwd() / name
    values = {"stem": name.removesuffix(SUFFIX), "date": today().isoformat()}
    if task_id is not None:
        values["task_id"] = task_id if task_id == LATER else file_stem(task_id)  # a service chose it
    if person is not None:
        values["person"] = person
    if row is not None:
        values["row"] = str(row)
    path = absolute(_filled(output, values))
    if path.is_dir() or output.endswith(("/", "\\")):
        return path / name
    if _OTHER_KIND.fullmatch(path.suffix):
        raise InputError(
            f"The output {output!r} is named as something else, and the result is an MP4 video.",
            hint=f"-o {path.with_suffix('.mp4').name}",
        )
    return path


def with_task_id(target: Path, task_id: str) -> Path:
    """Return a path made with ``LATER`` with the id that is known now."""
    return target.with_name(target.name.replace(LATER, file_stem(task_id)))


def mapped_people(faces: Sequence[FaceMapping]) -> str | None:
    """Return the numbers of the people who get a face, joined by ``-``.

    None if one is not named by a number from 1: only the analysis tells which one that person has.
    """
    if not faces or any(face.obj_id is not None or not face.is_cast for face in faces):
        return None
    return "-".join(dict.fromkeys(str(face.person or 1) for face in faces))


def mapped_in(steps: Sequence[Step]) -> str | None:
    """Return the same for a run in the journal, by what was analysed and what was sent; None if unknown."""
    people: dict[int, int] = {}
    sent: list[int] = []
    for step in steps:
        for found in step.detail.get("people", ()):
            people[found["obj_id"]] = found["person"]
        sent = [one["obj_id"] for one in step.detail.get("body", {}).get("mappings", ())] or sent
    if not sent or not all(obj_id in people for obj_id in sent):
        return None
    return "-".join(str(people[obj_id]) for obj_id in sent)


def _filled(output: str, values: Mapping[str, str]) -> str:
    def _value(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return match[0][0]
        if name not in values:
            why = "is not known" if name in _PLACEHOLDERS else "is none"
            known = ", ".join(f"{{{one}}}" for one in _PLACEHOLDERS if one in values)
            raise InputError(
                f"{match[0]} in the output {output!r} {why}; the placeholders are {known}.",
                hint="A brace that is to be one is doubled: {{ or }}",
            )
        return values[name]

    return _BRACES.sub(_value, output)


class TakenError(InputError):
    """The output exists already."""


def check_target(target: Path, *, force: bool) -> None:
    """Check that ``target`` may and can be written; leaves nothing behind.

    Raises:
        TakenError: it exists and ``force`` is off.
        InputError: its folder is missing, nothing can be written there, or something of somebody else's has
            the name that it gets on its way.
    """
    if target.is_dir():
        raise InputError(f"The output {str(target)!r} is a folder.", hint="Name a file: -o out.mp4")
    if target.exists() and not target.is_file():
        raise InputError(
            f"The output {str(target)!r} is a device or a pipe, which no file can take the place of.",
            hint="-o - writes the video to stdout: headswap ... -o - > " + str(target),
        )
    if target.exists() and not force:
        raise TakenError(
            f"The output {str(target)!r} exists already; nothing was done.",
            hint="Replace it with --force, or name another: -o FILE",
        )
    if not target.parent.is_dir():
        raise InputError(
            f"The output folder {str(target.parent)!r} does not exist.", hint=f"mkdir -p {target.parent}"
        )
    if len(os.fsencode(target.name)) > MAX_NAME_BYTES:
        raise InputError(
            f"The output's name is longer than {MAX_NAME_BYTES} bytes: {target.name!r}.", hint="-o out.mp4"
        )
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise InputError(
            f"Nothing can be written to the output folder {str(target.parent)!r}: {error.strerror}.",
            hint="Name another place: -o FILE",
        ) from error
    check_way(target)
