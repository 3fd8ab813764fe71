"""``headswap compare``: look at a result beside its source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headswap_cli.commands import options as o
from headswap_cli.context import AppContext
from headswap_cli.errors import InputError
from headswap_cli.extras import require_images

LAYOUTS = ("side", "split", "stack")
_ENDINGS = {"--sheet": (".png",), "--video": (".mp4",), "--html": (".html", ".htm")}


def parse_layout(value: str) -> str:
    """Return the layout if there is such a one.

    Raises:
        InputError: there is not.
    """
    if value not in LAYOUTS:
        raise InputError(
            f"The layout {value!r} does not exist; there are: {', '.join(LAYOUTS)}.", hint="--layout split"
        )
    return value


def check_endings(**files: Path | None) -> None:
    """Check that names end in what is written, by flag.

    Raises:
        InputError: one does not.
    """
    for flag, endings in _ENDINGS.items():
        path = files[flag.removeprefix("--")]
        if path is not None and path.suffix.lower() not in endings:
            raise InputError(
                f"{flag} {str(path)!r} must end in {endings[0]}.", hint=f"{flag} {path.stem}{endings[0]}"
            )


def compare_command(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN | BEFORE AFTER",
            help="A run's id, or the source and the result: files or http(s) URLs.",
        ),
    ],
    *,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", metavar="PNG", help="Make the contact sheet, as this file.")
    ] = None,
    video: Annotated[
        Path | None, typer.Option("--video", metavar="MP4", help="Make the video of both, as this file.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="HTML", help="Make the page, as this file.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Where all three go; STEM.compare unless you say else."
        ),
    ] = None,
    layout: Annotated[
        str,
        typer.Option(
            "--layout",
            parser=parse_layout,
            metavar="side|split|stack",
            help="How the video shows both: beside, half and half, or one over the other.",
        ),
    ] = "side",
    quick: Annotated[
        bool, typer.Option("--quick", help="Don't let the engine look: even moments, no curves.")
    ] = False,
    open_it: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    force: o.ForceOpt = False,
    as_json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
) -> None:
    """Hold a result against its source: a contact sheet, a video of both, and a page with a slider.

    Without --sheet, --video or --html all three are made, in a folder.

    Example: headswap compare before.mp4 after.mp4 --open
    """
    import tempfile

    require_images()
    from headswap_cli.compare.film import Layout
    from headswap_cli.compare.subject import subject_of
    from headswap_cli.compare.works import check_wanted, make, settle
    from headswap_cli.onlooker import fetcher, look, open_page
    from headswap_cli.render import views

    app = AppContext(as_json=as_json, quiet=quiet)
    check_endings(sheet=sheet, video=video, html=html)
    with tempfile.TemporaryDirectory(prefix="headswap-") as scratch, app.progress() as progress:
        with app.journal() as journal:
            subject = subject_of(words, journal, fetcher(Path(scratch), progress))
        wanted = settle(subject, sheet, video, html, folder=output, layout=Layout(layout))
        check_wanted(subject, wanted, force=force, is_opened=open_it)
        people = () if quick else look(subject, app.folders.cache, progress)
        notes = make(subject, wanted, people, progress)
        for note in notes:
            progress.notice(note)
    app.view.show(views.comparison(subject, wanted, people, notes))
    if open_it and wanted.page is not None:
        open_page(wanted.page)
