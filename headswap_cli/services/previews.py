"""Save the pictures of the people that an analysis found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headswap_cli.errors import HeadswapError, InputError
from headswap_cli.media import check_photo
from headswap_cli.services.output import SUFFIX, default_name
from headswap_cli.transfer import download

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.services.analyze import AnalyzeResult
    from headswap_cli.services.deps import Deps

MAX_PREVIEW_BYTES = 16 * 2**20


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


def save_previews(deps: Deps, result: AnalyzeResult, folder: Path) -> dict[int, Path]:
    """Save each person's picture as ``STEM.person-N.jpg`` and return where, by number from 1.

    A picture that cannot be had is told of and left out: the analysis is worth more than they are.
    """
    stem = default_name(result.source).removesuffix(SUFFIX)
    saved = {}
    for person in result.analysis.people:
        if person.preview_url is None:
            continue
        target = folder / f"{stem}.person-{person.person}.jpg"
        try:
            client = deps.media_client(person.preview_url)
            download(client, person.preview_url, target, verify=check_photo, max_bytes=MAX_PREVIEW_BYTES)
        except HeadswapError as error:
            deps.report.notice(f"no preview of person {person.person}: {error.message}")
        else:
            saved[person.person] = target
    return saved
