"""One HTML file with everything in it: both players, the people, the run, the curves. Nothing is loaded."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from dataclasses import dataclass
from html import escape
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from headswap_cli import __version__
from headswap_cli.compare.chart import Chart, Series
from headswap_cli.compare.embed import Embedded, data_url
from headswap_cli.compare.facts import people_of, run_of
from headswap_cli.compare.sheet import clock
from headswap_cli.errors import InputError
from headswap_cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from PIL import Image

    from headswap_cli.compare.facts import Who
    from headswap_cli.compare.moments import Still
    from headswap_cli.compare.observed import Observed
    from headswap_cli.compare.subject import Subject

# dlib's authors: below it two pictures show one person.
SAME_PERSON = 0.6
_JPEG_QUALITY = 82


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes into a page; ``size`` is the result's as displayed, ``divider`` is 0 to 1 from the left.

    ``portraits`` are faces before and after, ``photos`` what was put in, both by ``obj_id``.
    """

    subject: Subject
    before: Embedded
    after: Embedded
    voice: bytes | None
    people: tuple[Observed, ...]
    stills: tuple[Still, ...]
    portraits: Mapping[int, tuple[Image.Image, Image.Image]]
    photos: Mapping[int, Image.Image]
    size: tuple[int, int]
    divider: float = 0.5


def write_page(contents: Contents, target: Path) -> None:
    """Write the page.

    Raises: InputError: it cannot be written.
    """
    try:
        target.write_text(page(contents), encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror}") from error


def page(contents: Contents) -> str:
    """Return the page; all that a name, a file or a service says is escaped, and no script is but its own."""
    subject = contents.subject
    width, height = contents.size
    style = f":root{{--ratio:{width}/{height};--ratio-number:{width / height:.5f}}}"
    style += f".moments{{--moment:{230 if width > height else 170}px}}\n{_asset('page.css')}"
    script = _asset("page.js")
    length_s = subject.length_s
    facts = {
        "times_s": [time_s for time_s in contents.after.times_s if time_s < length_s],
        "length_s": round(length_s, 4),
        "divider": round(100 * contents.divider, 1),
        "moments_s": [round(still.time_s, 4) for still in contents.stills],
    }
    return Template(_asset("page.html")).substitute(
        title=said(f"Before and after: {subject.before.name}"),
        heading=said(f"Before and after: {subject.before.name}"),
        summary=said(_summary(subject)),
        style_hash=_hash(style),
        script_hash=_hash(script),
        style=style,
        script=script,
        before_url=data_url(contents.before.content, "video/mp4"),
        after_url=data_url(contents.after.content, "video/mp4"),
        width=width,
        height=height,
        voice=_voice(contents.voice),
        notes=_notes(subject.notes),
        moments=_moments(contents),
        people=_people(contents),
        details=_details(contents),
        curves=_curves(contents),
        colophon=said(_colophon(contents)),
        # Nothing in it may end the element, or begin a comment in it.
        facts=json.dumps(facts).replace("<", "\\u003c"),
    )


def said(text: str) -> str:
    """Return text from elsewhere as HTML that shows it and does nothing."""
    return escape(printable(text))


def picture_url(picture: Image.Image) -> str:
    """Return a picture as a ``data:`` URL of a JPEG."""
    file = io.BytesIO()
    picture.convert("RGB").save(file, format="JPEG", quality=_JPEG_QUALITY)
    return data_url(file.getvalue(), "image/jpeg")


def _voice(voice: bytes | None) -> str:
    if voice is None:
        return ""
    return f'<audio id="voice" src="{data_url(voice, "audio/mp4")}" preload="auto"></audio>'


def _asset(name: str) -> str:
    return resources.files("headswap_cli.compare").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _summary(subject: Subject) -> str:
    info = subject.after_info
    return (
        f"{subject.before.name} and {subject.after.name} · {info.width}x{info.height} · "
        f"{float(info.frame_rate):.4g} frames/s · {subject.length_s:.1f} s"
    )


def _colophon(contents: Contents) -> str:
    size = (len(contents.before.content) + len(contents.after.content)) / 1e6
    anew = [
        name
        for name, video in (("source", contents.before), ("result", contents.after))
        if not video.is_original
    ]
    told = "Both videos are in this page, their pictures untouched"
    if anew:
        told = f"Both videos are in this page, the {' and the '.join(anew)} encoded anew for browsers"
    return (
        f"{told} ({size:.1f} MB); it loads nothing from anywhere. Whoever gets it has the faces in it: "
        f"share it only with the consent of the people shown. Made by headswap {__version__}."
    )


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    return f'<ul class="notes">{"".join(f"<li>{said(note)}</li>" for note in notes)}</ul>'


def _moments(contents: Contents) -> str:
    if not contents.stills:
        return ""
    names = {who.obj_id: who.name for who in people_of(contents.subject.story, contents.people)}
    several = len({still.obj_id for still in contents.stills}) > 1
    items = []
    for still in contents.stills:
        why = ", ".join(still.why) or "clear change"
        owner = names.get(still.obj_id) if several and still.obj_id is not None else None
        title = f"{owner}: {why}" if owner else why[0].upper() + why[1:]
        items.append(
            f'<li><button type="button" class="moment" data-time="{still.time_s:.4f}"><span class="unseen">'
            f'Go to {clock(still.time_s)}: </span><div class="both">{_img(still.before)}{_img(still.after)}'
            f'</div><span>{said(title)}</span><span class="at">{clock(still.time_s)}</span></button></li>'
        )
    return f'<section class="moments"><h2>Moments that matter</h2><ul>{"".join(items)}</ul></section>'


def _img(picture: Image.Image, name: str = "") -> str:
    return (
        f'<img src="{picture_url(picture)}" width="{picture.width}" height="{picture.height}" '
        f'alt="{escape(name)}">'
    )


def _people(contents: Contents) -> str:
    everybody = people_of(contents.subject.story, contents.people)
    if not everybody:
        return ""
    cards = "".join(_person(contents, who) for who in everybody)
    return f"<section><h2>People and mapping</h2>{cards}</section>"


def _person(contents: Contents, who: Who) -> str:
    shown = []
    before, after = contents.portraits.get(who.obj_id, (None, None))
    for picture, name in ((before, "Source"), (contents.photos.get(who.obj_id), "Photo"), (after, "Result")):
        if picture is not None:
            alt = f"{who.name}: {name.lower()}"
            shown.append(f"<figure>{_img(picture, alt)}<figcaption>{name}</figcaption></figure>")
    faces = f'<div class="faces">{"".join(shown)}</div>' if shown else ""
    return f'<article class="person"><h3>{said(who.name)}</h3>{faces}{_list(who.facts)}</article>'


def _details(contents: Contents) -> str:
    rows = run_of(contents.subject)
    title = "The files" if contents.subject.story is None else "The run and its files"
    return f"<section><h2>{title}</h2>{_list(rows)}</section>"


def _list(rows: Sequence[tuple[str, str]]) -> str:
    return f"<dl>{''.join(f'<dt>{said(name)}</dt><dd>{said(value)}</dd>' for name, value in rows)}</dl>"


def _curves(contents: Contents) -> str:
    if not contents.people:
        return ""
    names = {who.obj_id: who.name for who in people_of(contents.subject.story, contents.people)}
    parts = [
        f"<h3>{said(names[person.obj_id])}</h3>"
        f'<div class="charts">{_charts(person, names[person.obj_id], contents.subject)}</div>'
        for person in contents.people
    ]
    return (
        '<section class="curves"><h2>Likeness and steadiness over time</h2>'
        f'{"".join(parts)}<p class="small">Likeness is the distance between two faces as a recognition '
        f"network embeds them, here and above: below {SAME_PERSON} it takes them for one person, 0.8 and "
        "more for strangers. Jitter is how far the points of a face stray from the middle of their "
        "neighbours in time; a result as steady as its source lies on its curve. Click into a chart to go "
        "to that moment.</p></section>"
    )


def _charts(person: Observed, name: str, subject: Subject) -> str:
    likeness = [
        Series(label, curve)
        for label, curve in (
            ("result to the photo", person.to_photo),
            ("result to the person in the source", person.to_source),
            ("source to the photo", person.source_to_photo),
        )
        if curve is not None and curve.values
    ]
    steady = (
        Series("result", person.jitter_after),
        Series("source", person.jitter_before),
    )
    charts = []
    if likeness:
        limit = (SAME_PERSON, "below: the same person")
        charts.append(
            Chart(name, "Likeness", "distance of embeddings", tuple(likeness), subject.length_s, 1.0, limit)
        )
    if person.jitter_after.values:
        charts.append(Chart(name, "Jitter of the face", "% of its width", steady, subject.length_s, 1.0))
    return "".join(chart.html() for chart in charts)
