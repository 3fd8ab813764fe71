"""What happened to a run, told in a line a step; ``--json`` has the details."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headswap_cli.journal import StepKind
from headswap_cli.media import is_url
from headswap_cli.render.views import short_path
from headswap_cli.text import file_stem, masked
from headswap_cli.wire import ENGINE_ORIGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from headswap_cli.journal import Step

    Detail = Mapping[str, Any]

# Fields of the create request that say something beside who gets what.
_OPTIONS = ("resolution", "model_name", "mode", "tone", "quality", "webhookUrl")


def told_steps(steps: Sequence[Step]) -> list[tuple[str, str, str]]:
    """Return when each step was, its kind and what it was about; a task's growing percentage is one step.

    Args:
        steps: In their order.
    """
    photos = {
        step.detail["url"]: place(step.detail["source"]) for step in steps if step.kind is StepKind.PUBLISHED
    }
    rows = []
    for _, group in groupby(enumerate(steps), key=lambda one: _together(*one)):
        first, *others = (step for _, step in group)
        last = others[-1] if others else first
        if first.kind is StepKind.STATE:
            text = _state(first.detail, last.detail)
        elif first.kind is StepKind.INTENDED:
            text = _intended(first.detail["body"], photos)
        else:
            text = _TELL[first.kind](first.detail)
        rows.append((moment(first.at), str(first.kind), text))
    return rows


def moment(at: float) -> str:
    """Return a moment in seconds since the epoch as this machine's clock showed it."""
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M:%S}"


def place(source: str) -> str:
    """Return a path as one types it, or a URL without its signature; ``-`` is stdout."""
    if source == "-":
        return "stdout"
    path = Path(source)
    return short_path(path) if path.is_absolute() else masked(source)


def source_name(video: str) -> str:
    """Return what a source video is called: a file's name, or a URL's without its ending and signature."""
    if is_url(video):
        return file_stem(video.partition("?")[0])
    return video.replace("\\", "/").rpartition("/")[2]


def _together(number: int, step: Step) -> object:
    """Return what is equal for steps that are told as one: looks at a task in one state."""
    return step.detail["status"] if step.kind is StepKind.STATE else number


def _published(detail: Detail) -> str:
    url = str(detail["url"])
    where = "the local engine" if url.startswith(ENGINE_ORIGIN) else masked(url)
    return f"{place(detail['source'])} to {where}"


def _analysed(detail: Detail) -> str:
    people = [f"{one['person']} (obj_id {one['obj_id']})" for one in detail["people"]]
    return f"{detail['status']}; people: {', '.join(people) or 'nobody'}"


def _intended(body: Detail, photos: Mapping[str, str]) -> str:
    gets = []
    for mapping in body.get("mappings", ()):
        urls = [mapping["img_url"], *mapping.get("more_img_urls", ())]
        gets.append(
            f"obj_id {mapping['obj_id']} gets {', '.join(photos.get(url, masked(url)) for url in urls)}"
        )
    said = [str(body[name]) for name in _OPTIONS if body.get(name) is not None]
    sound = [] if body.get("keep_original_sound", True) else ["no sound"]
    return "; ".join([*gets, ", ".join(map(masked, [*said, *sound]))])


def _created(detail: Detail) -> str:
    held = f", held {detail['held']:g}" if detail.get("held") else ""
    return f"task {detail['task_id']}{held}"


def _state(first: Detail, last: Detail) -> str:
    status, since, upto = first["status"], first["progress"], last["progress"]
    if status != "processing":
        return str(status)
    return f"{status}, {since:.0f} %" if since == upto else f"{status}, {since:.0f} to {upto:.0f} %"


_TELL: Mapping[StepKind, Callable[[Detail], str]] = {
    StepKind.PUBLISHED: _published,
    StepKind.SUBMITTED: lambda detail: f"analysis {detail['analysis_id']}",
    StepKind.ANALYSED: _analysed,
    StepKind.WAIVED: lambda _: "the service did not take it",
    StepKind.CREATED: _created,
    StepKind.CHARGED: lambda detail: f"{detail['credits']:g} credits",
    StepKind.FETCHING: lambda detail: f"to {place(detail['target'])}",
    StepKind.FETCHED: lambda _: "all of it",
    StepKind.DONE: lambda detail: f"{place(detail['output'])}, {detail['size_bytes']:,} bytes",
    StepKind.FAILED: lambda detail: masked(str(detail["message"])),
    StepKind.CANCELLED: lambda detail: str(detail["message"]),
}
