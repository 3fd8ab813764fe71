"""Get the pictures of the people that an analysis found: to draw, to compare, to keep."""

from __future__ import annotations

import hashlib
import io
import queue
import shutil
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from headswap_cli import pictures
from headswap_cli.errors import InputError
from headswap_cli.media import check_photo
from headswap_cli.services.output import SUFFIX, default_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import httpx

    from headswap_cli.models import Person
    from headswap_cli.services.deps import Deps

MAX_PREVIEW_BYTES = 16 * 2**20
# Of all people together: somebody sits before the terminal and waits for the table.
FETCH_TIMEOUT_S = 20.0
_STALL_S = 5.0
_AT_ONCE = 6
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


def fetch_previews(
    deps: Deps, people: Sequence[Person], *, timeout_s: float = FETCH_TIMEOUT_S
) -> dict[int, bytes]:
    """Return the people's pictures as they came, by number from 1; nothing is to be believed of them.

    One that cannot be had in time is told of and left out: the analysis is worth more than they are.

    Args:
        deps: What they are fetched with, several at once.
        people: Whose.
        timeout_s: How long all of it may take, whatever the servers do.
    """
    wanted: queue.SimpleQueue[tuple[int, str, httpx.Client]] = queue.SimpleQueue()
    found: dict[int, bytes] = {}
    faults: dict[int, str] = {}
    for person in people:
        if person.preview_url is not None:
            faults[person.person] = f"It was not all there after {timeout_s:g} s."
            wanted.put((person.person, person.preview_url, deps.media_client(person.preview_url)))
    # Daemons: one that a server holds up for ever must not hold up the end of the command.
    threads = [
        threading.Thread(target=_fetch_all, args=(wanted, found, faults, timeout_s), daemon=True)
        for _ in range(min(_AT_ONCE, len(faults)))
    ]
    give_up = time.monotonic() + timeout_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, give_up - time.monotonic()))
    whole = dict(found)
    for number, fault in sorted(faults.items()):
        if number not in whole:
            deps.report.notice(f"no picture of person {number}: {fault}")
    return whole


def save_previews(
    contents: Mapping[int, bytes], source: str, folder: Path
) -> tuple[dict[int, Path], list[str]]:
    """Save each picture as ``STEM.person-N.jpg``.

    Args:
        contents: The pictures as they came, by number from 1.
        source: The video.
        folder: Where to.

    Returns: where, by number from 1, and a sentence for each that is no picture and was not saved.
    """
    stem = default_name(source).removesuffix(SUFFIX)
    saved, faults = {}, []
    for number, content in contents.items():
        target = folder / f"{stem}.person-{number}.jpg"
        draft = target.with_name(f"{target.name}.new")
        try:
            draft.write_bytes(content)
            _check(draft)
            draft.replace(target)
        except (OSError, InputError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            faults.append(f"no picture of person {number} was saved: {reason}")
            draft.unlink(missing_ok=True)
        else:
            saved[number] = target
    return saved, faults


def _fetch_all(
    wanted: queue.SimpleQueue[tuple[int, str, httpx.Client]],
    found: dict[int, bytes],
    faults: dict[int, str],
    timeout_s: float,
) -> None:
    """Fetch what is wanted until nothing is left; whatever goes wrong is that picture's fault."""
    from headswap_cli.transfer.fetch import Bounds, fetch

    give_up = time.monotonic() + timeout_s
    with suppress(queue.Empty):
        while True:
            number, url, client = wanted.get_nowait()
            bounds = Bounds(MAX_PREVIEW_BYTES, _TYPES, max(0.0, give_up - time.monotonic()), _STALL_S)
            file = io.BytesIO()
            try:
                fetch(client, url, file, bounds)
                found[number] = file.getvalue()
            except Exception as error:
                # The command may have ended, and the connection with it.
                faults[number] = str(error)


def _check(path: Path) -> None:
    """Check that a file is a picture, where nothing is installed that could decode it, too."""
    with path.open("rb") as file:
        if pictures.size_of(file) is None:
            raise InputError("it is not a picture")
    check_photo(path)
