"""The facts of a comparison, for people: who was changed into whom, what was run, which files."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from headswap_cli import media
from headswap_cli.compare.sheet import clock
from headswap_cli.models import Backend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.compare.observed import Curve, Observed
    from headswap_cli.compare.subject import Given, Story, Subject
    from headswap_cli.journal import Run
    from headswap_cli.models import VideoInfo
    from headswap_cli.wire import JsonObject

Rows = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Who:
    """A person of the source by name, with what is known of them."""

    obj_id: int
    name: str
    facts: tuple[tuple[str, str], ...]


def people_of(story: Story | None, observed: Sequence[Observed]) -> tuple[Who, ...]:
    """Return the people whom the run's analysis found, or whom the engine saw where there is no run."""
    seen = {person.obj_id: person for person in observed}
    if story is not None and story.people:
        return tuple(
            Who(one.obj_id, f"Person {one.person}", (*_mapping(one), *_sight(seen.get(one.obj_id))))
            for one in story.people
        )
    return tuple(Who(one.obj_id, f"Person {one.obj_id + 1}", tuple(_sight(one))) for one in observed)


def run_of(subject: Subject) -> Rows:
    """Return what is known of the run, where there is one, and of the two files."""
    rows = [] if subject.story is None else _run(subject.story)
    return [
        *rows,
        ("Source", _file(subject.before, subject.before_info)),
        ("Result", _file(subject.after, subject.after_info)),
    ]


def _mapping(given: Given) -> Rows:
    rows = [("In the API", f"obj_id {given.obj_id}")]
    if not given.faces:
        return [*rows, ("Gets", "nobody's: left as they are")]
    return [*rows, ("Gets", ", ".join(name_of(face) for face in given.faces))]


def name_of(source: str) -> str:
    """Return the last part of a path or URL; a URL's query may be a signature and stays out."""
    if not media.is_url(source):
        return Path(source).name
    try:
        return Path(urlsplit(source).path).name or "a URL"
    except ValueError:
        return "a URL"


def _sight(seen: Observed | None) -> Rows:
    if seen is None:
        return []
    rows = [("On screen", f"{100 * seen.share:.0f} % of the frames, from {clock(seen.first_s)}")]
    before, after = _median(seen.source_to_photo), _median(seen.to_photo)
    if before is not None and after is not None:
        rows.append(("Distance to the photo", f"{before:.2f} before, {after:.2f} after"))
    strange = _median(seen.to_source)
    if strange is not None:
        rows.append(("Distance to the source", f"{strange:.2f}"))
    shaken = [_median(curve) for curve in (seen.jitter_before, seen.jitter_after)]
    if shaken[0] is not None and shaken[1] is not None:
        rows.append(("Jitter", f"{shaken[0]:.2f} % before, {shaken[1]:.2f} % after"))
    return rows


def _median(curve: Curve | None) -> float | None:
    return statistics.median(curve.values) if curve is not None and curve.values else None


def _run(story: Story) -> Rows:
    run = story.run
    began = datetime.fromtimestamp(run.created_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    options = _options(run)
    settings = [str(options[name]) for name in ("resolution", "mode", "tone") if options.get(name)]
    if options.get("quality"):
        settings.append(f"{options['quality']} quality")
    rows = [
        ("Run", run.run_id),
        ("Made by", _maker(run)),
        ("Begun", began),
        ("Settings", ", ".join(settings) or "as they come"),
    ]
    rows += [(f"Time for the {what}", f"{took_s:.1f} s") for what, took_s in story.took_s]
    return [*rows, ("Credits", _credits(run))]


def _options(run: Run) -> JsonObject:
    options = run.parameters.get("options")
    return options if isinstance(options, dict) else run.parameters


def _maker(run: Run) -> str:
    if run.backend == Backend.LOCAL:
        return "the local engine, on this machine"
    model = _options(run).get("model")
    return f"{run.backend}{f' ({model})' if model else ''}, profile {run.profile}"


def _credits(run: Run) -> str:
    if run.backend == Backend.LOCAL:
        return "none: the local engine is free"
    charged = "not known" if run.credits_charged is None else f"{run.credits_charged:g}"
    return charged if run.held is None else f"{charged} (held: {run.held:g})"


def _file(path: Path, info: VideoInfo) -> str:
    frames = "" if info.frame_count is None else f", {info.frame_count} frames"
    return (
        f"{path.name}: {info.width}x{info.height}, {info.duration_s:.2f} s{frames} at "
        f"{float(info.frame_rate):.4g}/s, {info.codec}{'' if info.has_audio else ', silent'}, "
        f"{path.stat().st_size / 1e6:.2f} MB"
    )
