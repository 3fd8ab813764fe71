"""Get the pictures of the people that an analysis found: to draw, to compare, to keep."""

from __future__ import annotations

import hashlib
import io
import shutil
import time
from typing import TYPE_CHECKING

from headswap_cli import pictures
from headswap_cli.errors import HeadswapError, InputError
from headswap_cli.media import check_photo
from headswap_cli.services.output import SUFFIX, default_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from headswap_cli.models import Person
    from headswap_cli.services.analyze import AnalyzeResult
    from headswap_cli.services.deps import Deps

MAX_PREVIEW_BYTES = 16 * 2**20
# Of all people together: somebody sits before the terminal and waits for the table.
FETCH_TIMEOUT_S = 20.0
_STALL_S = 5.0
_KEPT_S = 7 * 86400.0
_TYPES = ("image/", "application/octet-stream", "binary/octet-stream")


def viewing_folder(cache: Path, analysis_id: str, *, now: Callable[[], float] = time.time) -> Path:
    """Return a private folder for pictures that a viewer is to show; those of a week ago go.

    Args:
        cache: Where this program keeps what it can do without.
        analysis_id: Whose pictures they are; no part of the name, for a server says it.
        now: Unix time, seconds.
    """
    shelf = cache / "previews"
    for old in shelf.glob("*/"):
        if old.stat().st_mtime < now() - _KEPT_S:
            shutil.rmtree(old, ignore_errors=True)
    folder = shelf / hashlib.sha256(analysis_id.encode()).hexdigest()[:16]
    for each in (shelf, folder):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def check_folder(folder: Path) -> None:
    """Make the folder for previews, before anything is sent.

    Raises:
        InputError: it cannot be made, or is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder for previews {str(folder)!r} cannot be made: {error.strerror}.",
            hint="--previews DIR",
        ) from error


def fetch_previews(deps: Deps, people: Sequence[Person]) -> dict[int, bytes]:
    """Return the people's pictures as they came, by number from 1; nothing is to be believed of them.

    One that cannot be had in time is told of and left out.
    """
    from headswap_cli.transfer.fetch import Bounds, fetch

    give_up = deps.clock() + FETCH_TIMEOUT_S
    found = {}
    for person in people:
        if person.preview_url is None:
            continue
        file = io.BytesIO()
        bounds = Bounds(MAX_PREVIEW_BYTES, _TYPES, max(0.0, give_up - deps.clock()), _STALL_S)
        try:
            fetch(deps.media_client(person.preview_url), person.preview_url, file, bounds, clock=deps.clock)
        except HeadswapError as error:
            deps.report.notice(f"no picture of person {person.person}: {error.message}")
        else:
            found[person.person] = file.getvalue()
    return found


def save_previews(deps: Deps, result: AnalyzeResult, folder: Path) -> dict[int, Path]:
    """Save each person's picture as ``STEM.person-N.jpg`` and return where, by number from 1.

    A picture that cannot be had is told of and left out: the analysis is worth more than they are.
    """
    from headswap_cli.transfer import download

    stem = default_name(result.source).removesuffix(SUFFIX)
    saved = {}
    for person in result.analysis.people:
        if person.preview_url is None:
            continue
        target = folder / f"{stem}.person-{person.person}.jpg"
        try:
            client = deps.media_client(person.preview_url)
            download(client, person.preview_url, target, verify=_check, max_bytes=MAX_PREVIEW_BYTES)
        except HeadswapError as error:
            deps.report.notice(f"no preview of person {person.person}: {error.message}")
        else:
            saved[person.person] = target
    return saved


def _check(path: Path) -> None:
    """Check that a file is a picture, where nothing is installed that could decode it, too."""
    check_photo(path)
    with path.open("rb") as file:
        if pictures.size_of(file) is None:
            raise InputError(f"{path} is not a picture")
