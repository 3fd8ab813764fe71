"""Every result in its three forms: a JSON value, text for people, the bare value for scripts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headswap_cli.render.view import error_json
from headswap_cli.render.words import laid, wrapped
from headswap_cli.text import harmless, printable
from headswap_cli.wire import ENGINE_ORIGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from headswap_cli.compare.observed import Observed
    from headswap_cli.compare.subject import Subject
    from headswap_cli.compare.works import Wanted
    from headswap_cli.errors import HeadswapError
    from headswap_cli.local import Endpoint
    from headswap_cli.models import MappedFace, Mode, Person, Saved
    from headswap_cli.services.analyze import AnalyzeResult
    from headswap_cli.services.cancel import CancelResult
    from headswap_cli.services.download import DownloadResult
    from headswap_cli.services.run import RunResult
    from headswap_cli.services.status import StatusResult
    from headswap_cli.services.swap import SwapResult

# Long enough for every path and presigned URL; a table cuts nothing that one may want to copy.
CELL_LIMIT = 4000
NOTHING_MADE = "dry run: nothing made"

Json = dict[str, Any] | list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Shown:
    """One result: the JSON value, the text for people, what ``--quiet`` leaves of it, and what to know of it.

    ``notices``, by the id of what they are of, are no part of the result, and go where it does not.
    """

    value: Json
    text: str
    bare: str
    lay: Callable[[int | None], str] | None = None
    notices: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def remarks(self) -> list[str]:
        """Return the notices, with the id where several results are shown."""
        is_alone = len(self.notices) == 1
        return [
            text if is_alone else f"{one}: {text}" for one, texts in self.notices.items() for text in texts
        ]

    def on(self, columns: int | None) -> str:
        """Return the text for a terminal of so many columns; None is a pipe or a file."""
        return self.text if self.lay is None else self.lay(columns)


def table(head: Sequence[str], rows: Sequence[Sequence[object]], columns: int | None = None) -> str:
    """Return a plain table whose columns are as wide as their widest cell; the last one is not padded.

    Args:
        head: The columns' names.
        rows: Their cells.
        columns: Of the terminal, where the last cells are to be broken between words.
    """
    cells = [list(head), *([printable(str(cell), CELL_LIMIT) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head) - 1)]
    starts = [
        "".join(f"{cell:{width + 2}}" for cell, width in zip(row, widths, strict=False)) for row in cells
    ]
    return laid(starts, [row[-1] for row in cells], columns)


def said(value: Json, text: str, bare: str) -> Shown:
    """Show a sentence, broken between words on a terminal."""
    return Shown(value, text, bare, partial(wrapped, text))


def people_json(people: Sequence[Person]) -> list[dict[str, Any]]:
    """Return the people as ``--json`` shows them."""
    return [asdict(person) for person in people]


def mappings_json(mappings: Sequence[MappedFace], modes: Mapping[int, Mode]) -> list[dict[str, Any]]:
    """Return the mappings as ``--json`` shows them; ``mode`` is what was done, null where nobody tells."""
    return [
        {"person": m.person, "obj_id": m.obj_id, "face": m.face, "mode": modes.get(m.obj_id)}
        for m in mappings
    ]


def modes_json(modes: Mapping[int, Mode]) -> list[dict[str, Any]]:
    """Return how much of whom was replaced as ``--json`` shows it."""
    return [{"obj_id": obj_id, "mode": mode} for obj_id, mode in sorted(modes.items())]


def analysis(result: AnalyzeResult, previews: Mapping[int, Path] | None = None) -> Shown:
    """Show the people that an analysis found, and where pictures of them were saved, by number from 1."""
    saved = {person: str(path) for person, path in (previews or {}).items()}
    found = result.analysis
    value = {
        "run_id": result.run_id,
        "profile": result.profile,
        "backend": result.backend,
        "analysis_id": found.analysis_id,
        "status": found.status,
        "video_url": found.video_url,
        "people": [
            {**person, "preview": saved.get(person["person"])} for person in people_json(found.people)
        ],
        "video": found.video,
    }
    return Shown(
        value, f"{_people_table(found.people, saved)}\nanalysis {found.analysis_id}", found.analysis_id
    )


def _people_table(people: Sequence[Person], saved: Mapping[int, str]) -> str:
    """Return the people as a table; how long they are seen where anybody told."""
    if not people:
        return "Nobody was found in the video."
    rows = [
        (p.person, p.obj_id, seen_share(p), first_seen(p), _preview(p, saved.get(p.person))) for p in people
    ]
    head = ("PERSON", "OBJ_ID", "SEEN", "FROM", "PREVIEW")
    is_told = [True, True, *(any(row[column] != "-" for row in rows) for column in (2, 3)), True]
    return table(tuple(compress(head, is_told)), [tuple(compress(row, is_told)) for row in rows])


def seen_share(person: Person) -> str:
    """Return how much of the video shows a person: ``83 %``."""
    return "-" if person.screen_share is None else f"{100 * person.screen_share:.0f} %"


def first_seen(person: Person) -> str:
    """Return when a person is first seen: ``1:02.5``, in minutes and seconds."""
    if person.first_time_s is None:
        return "-"
    tenths = round(person.first_time_s * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def _preview(person: Person, saved: str | None) -> str:
    if saved is not None:
        return short_path(Path(saved))
    url = person.preview_url or "-"
    # Nothing but this program can open an address of the local engine.
    return "saved by --previews DIR" if url.startswith(ENGINE_ORIGIN) else url


def task(result: SwapResult) -> Shown:
    """Show a created task."""
    value = {
        "run_id": result.run_id,
        "task_id": result.task.task_id,
        "analysis_id": result.analysis_id,
        "status": result.task.status,
        "mappings": mappings_json(result.mappings, result.task.modes),
        "held": result.held,
        "credits_charged": result.credits_charged,
        "notices": list(result.task.notices),
    }
    return Shown(
        value, result.task.task_id, result.task.task_id, notices={result.run_id: result.task.notices}
    )


def run(result: RunResult) -> Shown:
    """Show a run: the saved path, or the task id where nothing was waited for."""
    value = {
        "run_id": result.run_id,
        "profile": result.profile,
        "backend": result.backend,
        "analysis_id": result.analysis_id,
        "task_id": result.task.task_id,
        "status": result.status,
        "people": people_json(result.people),
        "mappings": mappings_json(result.mappings, result.task.modes),
        **saved_json(result.saved),
        "held": result.held,
        "credits_charged": result.credits_charged,
        "notices": list(result.task.notices),
    }
    name = short_path(result.saved.path) if result.saved else result.task.task_id
    return replace(_lines(value, [name]), notices={result.run_id: result.task.notices})


def saved_json(saved: Saved | None) -> dict[str, Any]:
    """Return where a result was saved, or nulls."""
    if saved is None:
        return {"output": None, "size_bytes": None, "sha256": None}
    return {"output": str(saved.path), "size_bytes": saved.size_bytes, "sha256": saved.sha256}


def short_path(path: Path) -> str:
    """Return a path as one types it: relative where it lies below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def downloads(results: Sequence[DownloadResult], errors: Mapping[str, HeadswapError]) -> Shown:
    """Show saved results, one path a line; one alone is an object. ``errors`` are of those that were not."""
    values = [
        {
            "task_id": r.task_id,
            "run_id": r.run_id,
            "status": "completed",
            **saved_json(r.saved),
            "notices": list(r.notices),
        }
        for r in results
    ]
    values += [
        {"task_id": one, "run_id": None, "status": "unknown", **saved_json(None), "error": error_json(error)}
        for one, error in errors.items()
    ]
    shown = _lines(
        values[0] if len(values) == 1 else values, [short_path(result.saved.path) for result in results]
    )
    return replace(shown, notices={result.task_id: result.notices for result in results})


def _lines(value: Json, names: Sequence[str]) -> Shown:
    """Show names, one a line: to scripts as they are, to people without what a terminal obeys."""
    return Shown(value, "\n".join(map(harmless, names)), "\n".join(names))


def status_json(result: StatusResult) -> dict[str, Any]:
    """Return a state as ``--json`` shows it; an address that is good for this program alone is none."""
    is_ours = result.output_url is not None and result.output_url.startswith(ENGINE_ORIGIN)
    return {
        "id": result.identifier,
        "kind": result.kind,
        "status": result.status,
        "progress": result.progress,
        "error": result.error,
        "output_url": None if is_ours else result.output_url,
        "output": result.output,
        "modes": modes_json(result.modes),
        "notices": list(result.notices),
    }


def states(results: Sequence[StatusResult]) -> Shown:
    """Show states as a table; one alone is an object."""
    values = [status_json(result) for result in results]
    rows = [
        (
            r.identifier,
            r.kind or "-",
            r.status,
            f"{r.progress:.0f}%",
            r.error or _saved_as(r.output) or _way_to_output(r),
        )
        for r in results
    ]
    lay = partial(table, ("ID", "KIND", "STATUS", "DONE", "RESULT"), rows)
    return Shown(
        values[0] if len(values) == 1 else values,
        lay(None),
        "\n".join(result.status for result in results),
        lay,
        {result.identifier: result.notices for result in results},
    )


def _saved_as(output: str | None) -> str | None:
    if output is None or output == "-":
        return output and "to stdout"
    return short_path(Path(output))


def _way_to_output(result: StatusResult) -> str:
    """Return where the result can be had; the engine's own URLs are for its clients alone."""
    if result.output_url is None or not result.output_url.startswith(ENGINE_ORIGIN):
        return result.output_url or (NOTHING_MADE if result.is_rehearsal else "-")
    return f"headswap download {result.identifier}"


def cancelled(results: Sequence[CancelResult], errors: Mapping[str, HeadswapError]) -> Shown:
    """Show what was cancelled, a sentence each; one alone is an object. ``errors`` are of what was not."""
    values: list[dict[str, Any]] = [
        {"id": r.identifier, "kind": r.kind, "status": "cancelled", "was": r.was, "progress": r.progress}
        for r in results
    ]
    values += [
        {"id": one, "kind": None, "status": "unknown", "error": error_json(error)}
        for one, error in errors.items()
    ]
    text = "\n".join(map(_cancelled, results))
    return said(values[0] if len(values) == 1 else values, text, "\n".join(r.identifier for r in results))


def _cancelled(result: CancelResult) -> str:
    name = f"the {result.kind} {result.identifier}"
    if result.was == "cancelled":
        return f"T{name[1:]} was cancelled before."
    told = {"queued": "was waiting", "unsent": "had submitted nothing"}
    return f"Cancelled {name}, which {told.get(result.was, f'was at {result.progress:.0f} %')}."


def demo(result: RunResult, sheet: Path) -> Shown:
    """Show where the demo's result and its before-and-after sheet lie."""
    shown = run(result)
    value = {**shown.value, "sheet": str(sheet)} if isinstance(shown.value, dict) else shown.value
    return replace(shown, value=value)


def comparison(subject: Subject, wanted: Wanted, people: Sequence[Observed], notes: Sequence[str]) -> Shown:
    """Show where the files of a comparison lie, one path a line."""
    value = {
        "run_id": subject.story.run.run_id if subject.story else None,
        "before": subject.urls[0] or str(subject.before),
        "after": subject.urls[1] or str(subject.after),
        "length_s": round(subject.length_s, 3),
        "sheet": str(wanted.sheet) if wanted.sheet else None,
        "video": str(wanted.video) if wanted.video else None,
        "page": str(wanted.page) if wanted.page else None,
        "people": [_observed_json(person) for person in people],
        "notes": list(notes),
    }
    return _lines(value, [short_path(path) for path in wanted.targets()])


def _observed_json(person: Observed) -> dict[str, Any]:
    return {
        "obj_id": person.obj_id,
        "share": round(person.share, 4),
        "first_s": round(person.first_s, 3),
        "moments": [{"why": sight.why, "time_s": round(sight.time_s, 3)} for sight in person.sights],
    }


def engine(endpoint: Endpoint | None) -> Shown:
    """Show whether the local engine runs; its token stays out."""
    if endpoint is None:
        return said({"running": False}, "The local engine is not running.", "stopped")
    address = endpoint.url or str(endpoint.socket)
    value = {"running": True, "pid": endpoint.pid, "version": endpoint.version, "address": address}
    text = f"The local engine {endpoint.version} is running (process {endpoint.pid}) on {address}."
    return said(value, text, "running")


def stopped_engine(*, stopped: bool, unfinished: int) -> Shown:
    """Show that the local engine has stopped, and what becomes of the jobs that it had left."""
    text = "The local engine has stopped." if stopped else "The local engine was not running."
    if unfinished:
        jobs = "1 unfinished job waits" if unfinished == 1 else f"{unfinished} unfinished jobs wait"
        text += f" {jobs} in its queue: the next command that needs the engine takes it up."
    return said({"stopped": stopped, "unfinished": unfinished}, text, text)


def message(text: str, **value: object) -> Shown:
    """Show that something was done."""
    return Shown(dict(value), text, text)
