"""Make what was asked for of a comparison: the sheet, the video, the page."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PIL import Image, ImageOps

from headswap_cli import pictures
from headswap_cli.compare.embed import check_length, embedded, voice_of
from headswap_cli.compare.facts import people_of
from headswap_cli.compare.film import write_film
from headswap_cli.compare.moments import middle_of_change, portraits, stills
from headswap_cli.compare.page import Contents, write_page
from headswap_cli.compare.pairs import frames
from headswap_cli.compare.sheet import draw_sheet
from headswap_cli.errors import InputError
from headswap_cli.models import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from headswap_cli.compare.film import Layout
    from headswap_cli.compare.moments import Still
    from headswap_cli.compare.observed import Observed
    from headswap_cli.compare.subject import Subject

_CELL, _THUMB, _FACE = 384, 300, 208


class Reporter(Protocol):
    """Is told what goes on; shows it or not."""

    def state(self, what: str, status: Status, progress: float) -> None:
        """``what`` is in this state; ``progress`` is 0 to 100."""

    def notice(self, text: str) -> None:
        """Something the user should know, and need not act on."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to make and where to; None is not made. ``is_whole`` is all of it, in a folder."""

    sheet: Path | None
    video: Path | None
    page: Path | None
    layout: Layout
    is_whole: bool = False

    def targets(self) -> list[Path]:
        """Return the files that are to be made."""
        return [path for path in (self.sheet, self.video, self.page) if path is not None]


def settle(
    subject: Subject,
    sheet: Path | None,
    video: Path | None,
    page: Path | None,
    *,
    folder: Path | None,
    layout: Layout,
) -> Wanted:
    """Return what to make: the files named, or all three in a folder.

    Raises: InputError: both files and a folder are named.
    """
    named = [None if path is None else path.expanduser().absolute() for path in (sheet, video, page)]
    if any(named):
        if folder is not None:
            raise InputError(
                "-o names the folder for all three files, so it cannot go with --sheet, --video or --html.",
                hint=f"--html {folder / 'page.html'}",
            )
        return Wanted(named[0], named[1], named[2], layout)
    place = (folder or Path(f"{subject.before.stem}.compare")).expanduser().absolute()
    return Wanted(place / "sheet.png", place / "video.mp4", place / "page.html", layout, is_whole=True)


def check_wanted(subject: Subject, wanted: Wanted, *, force: bool, is_opened: bool) -> None:
    """Check what can be checked before any work, and make the folder.

    Raises: InputError: a file exists and ``force`` is off, is one of the videos, is named twice or cannot be
        written; the clip is too long for a page; a page is to be opened that is not made.
    """
    if wanted.page is not None:
        check_length(subject.length_s)
    elif is_opened:
        raise InputError("--open opens the page, which is not made here.", hint="--html page.html --open")
    targets = wanted.targets()
    if len(set(targets)) < len(targets):
        raise InputError(f"Two files are to be {targets[0]}.", hint="Name each file once.")
    way = "-o FOLDER" if wanted.is_whole else "--sheet, --video or --html FILE"
    for target in targets:
        if target.exists() and any(target.samefile(video) for video in (subject.before, subject.after)):
            raise InputError(f"The output {str(target)!r} is one of the videos.", hint="Name another file.")
        _check_place(target, way, force=force)


def _check_place(target: Path, way: str, *, force: bool) -> None:
    if target.is_dir():
        raise InputError(f"The output {str(target)!r} is a folder.", hint="Name a file in it.")
    if target.exists() and not force:
        raise InputError(
            f"The output {str(target)!r} exists already; nothing was done.",
            hint=f"Replace it with --force, or name another place: {way}",
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise InputError(
            f"Nothing can be written to {str(target.parent)!r}: {error.strerror}.",
            hint=f"Name another place: {way}",
        ) from error


def make(subject: Subject, wanted: Wanted, people: Sequence[Observed], report: Reporter) -> tuple[str, ...]:
    """Make the files; each appears whole or not at all.

    Args:
        subject: The two videos.
        wanted: What to make.
        people: Whom the engine saw; nobody where it could not look.
        report: Told how far it is.

    Returns: What the user should know of them, in sentences.
    Raises: InputError: something cannot be made of these videos, or cannot be written.
    """
    notes = list(subject.notes)
    chosen = stills(subject, people, cell=_CELL) if wanted.sheet or wanted.page else []
    if wanted.sheet is not None:
        titles = {who.obj_id: who.name for who in people_of(subject.story, people)}
        with _whole(wanted.sheet) as draft:
            draw_sheet(chosen, titles, draft)
    if wanted.video is not None:
        with _told(report, "video") as on_progress:
            notes += write_film(subject, wanted.video, wanted.layout, on_progress)
    if wanted.page is not None:
        _make_page(subject, wanted.page, people, chosen, report)
    return tuple(notes)


def _make_page(
    subject: Subject, target: Path, people: Sequence[Observed], chosen: Sequence[Still], report: Reporter
) -> None:
    with _told(report, "page") as on_progress, tempfile.TemporaryDirectory(prefix="headswap-") as name:
        scratch = Path(name)
        before = embedded(
            subject.before,
            subject.before_info,
            scratch,
            lambda part: on_progress(part / 2),
            is_synthetic=False,
        )
        after = embedded(
            subject.after,
            subject.after_info,
            scratch,
            lambda part: on_progress(50 + part / 2),
            is_synthetic=True,
        )
        photos = subject.story.photos() if subject.story else {}
        contents = Contents(
            subject=subject,
            before=before,
            after=after,
            voice=voice_of(subject.after, scratch),
            people=tuple(people),
            stills=tuple(_thumbnail(still) for still in chosen),
            portraits=portraits(subject, people, side=_FACE),
            size=next(frames(subject.after)).size(),
            divider=middle_of_change(subject),
            photos={
                obj_id: photo for obj_id, paths in photos.items() if (photo := _photo(paths[0])) is not None
            },
        )
        with _whole(target) as draft:
            write_page(contents, draft)


def _thumbnail(still: Still) -> Still:
    size = _THUMB, _THUMB
    before, after = (ImageOps.contain(picture, size) for picture in (still.before, still.after))
    return replace(still, before=before, after=after)


def _photo(path: Path) -> Image.Image | None:
    """Return a reference face as a small square; None where it cannot be read within bounds."""
    try:
        with path.open("rb") as file:
            if pictures.excess(pictures.size_of(file)) is not None:
                return None
        with Image.open(path, formats=("JPEG", "PNG", "WEBP")) as photo:
            photo.draft("RGB", (2 * _FACE, 2 * _FACE))
            upright = ImageOps.exif_transpose(photo).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return ImageOps.fit(upright, (_FACE, _FACE), centering=(0.5, 0.3))


@contextmanager
def _told(report: Reporter, what: str) -> Iterator[Callable[[float], None]]:
    report.state(what, Status.PROCESSING, 0)
    yield lambda part: report.state(what, Status.PROCESSING, part)
    report.state(what, Status.COMPLETED, 100)


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Yield where to write; what is whole gets the name, what is not goes."""
    draft = target.with_name(f".{target.name}.part")
    try:
        yield draft
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
