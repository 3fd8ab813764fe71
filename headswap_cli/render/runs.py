"""Runs in their three forms; the signature of a presigned URL is never shown."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headswap_cli.errors import InputError
from headswap_cli.media import known_name
from headswap_cli.models import Status
from headswap_cli.render.steps import moment, place, told_steps
from headswap_cli.render.views import NOTHING_MADE, Shown, short_path, table
from headswap_cli.text import masked, printable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from headswap_cli.errors import HeadswapError
    from headswap_cli.journal import Run, Step

_HEAD = ("RUN", "BEGUN", "COMMAND", "VIDEO", "STATUS")
# Columns of a terminal from which on all of that is shown; what a narrower one has; characters of a name.
_WIDE, _IN_NARROW, _NAME, _NARROW_NAME = 110, (True, True, False, True, True), 24, 12
# The most and the least characters of a reason that are shown.
_CELL, _LEAST = 120, 20
_AT_WORK = "another headswap is at work on it"


def run_json(known: Run) -> dict[str, Any]:
    """Return a run as ``--json`` shows it."""
    return {
        "run_id": known.run_id,
        "command": known.command,
        "dry_run": known.is_rehearsal,
        "created_at": _time(known.created_at),
        "status": known.state,
        "progress": known.progress,
        "as_of": _time(known.seen_at) if known.seen_at and _is_hearsay(known) else None,
        "profile": known.profile,
        "backend": known.backend,
        "source": masked(known.source),
        "analysis_id": known.analysis_id,
        "task_id": known.task_id,
        "output": known.output,
        "target": known.target,
        "size_bytes": known.size_bytes,
        "sha256": known.sha256,
        "held": known.held,
        "credits_charged": known.credits_charged,
        "error": masked(known.error) if known.error else None,
    }


def listed(runs: Sequence[Run], at_work: Collection[str] = ()) -> Shown:
    """Show runs, newest first; of those ``at_work``, by their ids, another command is the way to a task."""
    values = [run_json(known) for known in runs]
    bare = "\n".join(known.run_id for known in runs)
    if not runs:
        return Shown(values, "No runs.", bare)
    lay = partial(_laid, runs, at_work)
    return Shown(values, lay(None), bare, lay)


def _laid(runs: Sequence[Run], at_work: Collection[str], columns: int | None) -> str:
    is_wide = columns is None or columns >= _WIDE
    rows = [_HEAD, *(_start(known, _NAME if is_wide else _NARROW_NAME) for known in runs)]
    head, *starts = rows if is_wide else [tuple(compress(row, _IN_NARROW)) for row in rows]
    # A row a run, or the newest leave a small screen; `runs show` has the whole reason.
    before = sum(2 + max(map(len, column)) for column in zip(head, *starts, strict=True))
    room = _CELL if columns is None else max(_LEAST, min(_CELL, columns - before))
    ends = [_outcome(known, room, is_at_work=known.run_id in at_work) for known in runs]
    cells = [(*start, end) for start, end in zip(starts, ends, strict=True)]
    return table((*head, "RESULT"), cells, columns)


def _start(known: Run, name_room: int) -> tuple[str, ...]:
    """Return the cells of a run before its result; one of another year tells that in place of the hour."""
    begun = datetime.fromtimestamp(known.created_at).astimezone()
    is_recent = begun.year == datetime.now().astimezone().year
    name = printable(known_name(known.source))
    if len(name) > name_room:
        # Clips are often told apart by their ends.
        name = f"{name[: name_room // 2 - 1]}…{name[-(name_room // 2) :]}"
    when = f"{begun:%m-%d %H:%M}" if is_recent else f"{begun:%Y-%m-%d}"
    return known.run_id, when, known.command, name, known.state


def more(shown: int, there: int, chosen: Status | None) -> list[str]:
    """Return the sentence that says how many runs are not in the list, and the command that has them."""
    if shown >= there:
        return []
    only = "" if chosen is None else f" --status {chosen}"
    return [f"{shown} of {there} runs; all of them: headswap runs{only} --limit {there}"]


def shown(
    known: Run, steps: Sequence[Step], notices: Sequence[str] = (), *, is_at_work: bool = False
) -> Shown:
    """Show a run, all that happened to it, and what there is to know of its result."""
    told = [{"kind": step.kind, "at": _time(step.at), "detail": _masked_json(step.detail)} for step in steps]
    facts = [*_facts(known, is_at_work=is_at_work), *(("notice", notice) for notice in notices)]
    rows = told_steps(steps)

    def _lay(columns: int | None) -> str:
        parts = [table(("FACT", "VALUE"), facts, columns), table(("AT", "STEP", "WHAT"), rows, columns)]
        return "\n\n".join(parts)

    value = {**run_json(known), "notices": list(notices), "steps": told}
    return Shown(value, _lay(None), known.run_id, _lay)


def prune_question(count: int, older: str) -> tuple[str, InputError]:
    """Return what is asked before many runs are forgotten at once, and the error where nobody is there."""
    runs, them = ("1 run", "it") if count == 1 else (f"{count} runs", "them")
    danger = "the same commands would make, and pay for, all of it anew"
    unasked = InputError(
        f"{runs} would be forgotten, and nobody is here to be asked: {danger}. Nothing was forgotten.",
        hint=f"To forget {them} all the same: headswap runs prune --older {older} --yes",
    )
    return f"Forget {runs}? {danger.capitalize()}. [y/N] ", unasked


def gone(run_ids: Sequence[str], verb: str) -> Shown:
    """Show which runs were taken out of the journal."""
    text = "\n".join(f"{verb} {run_id}" for run_id in run_ids) or "Nothing to forget."
    return Shown([{"run_id": run_id} for run_id in run_ids], text, "\n".join(run_ids))


def resumed(each: Sequence[Shown], errors: Mapping[str, HeadswapError]) -> Shown:
    """Show what all open runs came to; of a run that is not over, the error."""
    from headswap_cli.render.view import error_json

    values = [one.value for one in each if isinstance(one.value, dict)]
    values += [{"run_id": run_id, "error": error_json(error)} for run_id, error in errors.items()]
    text = "\n".join(one.text for one in each)
    notices = {run_id: texts for one in each for run_id, texts in one.notices.items()}
    text = text or ("" if errors else "Nothing is open.")
    return Shown(values, text, "\n".join(one.bare for one in each), notices=notices)


def _masked_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _masked_json(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_masked_json(one) for one in value]
    return masked(value) if isinstance(value, str) else value


def _facts(known: Run, *, is_at_work: bool) -> list[tuple[str, str]]:
    """Return what is worth knowing of a run, by name."""
    facts = {
        "run": known.run_id,
        **_stage(known, is_at_work=is_at_work),
        "profile": known.profile,
        "source": place(known.source),
        "analysis": known.analysis_id,
        "task": known.task_id,
        "saved as": _placed(known.output),
        "to be saved as": None if known.output else _placed(known.target),
        "size": _amount(known.size_bytes, ",", " bytes"),
        "sha256": known.sha256,
        "held": _amount(known.held or None, "g", ""),
        "cost": _amount(known.credits_charged, "g", " credits"),
        "error": masked(known.error) if known.error else None,
    }
    return [(name, value) for name, value in facts.items() if value is not None]


def _stage(known: Run, *, is_at_work: bool) -> dict[str, str | None]:
    """Return what a run is, and how far it and whoever is at work on it are."""
    state = _state(known)
    return {
        "command": f"{known.command} --dry-run" if known.is_rehearsal else known.command,
        "begun": moment(known.created_at),
        "status": f"{state}, {_AT_WORK}" if is_at_work else state,
        "to go on": f"headswap resume {known.run_id}" if _is_left(known) and not is_at_work else None,
    }


def _placed(path: str | None) -> str | None:
    return place(path) if path else None


def _state(known: Run) -> str:
    is_moving = known.state is Status.PROCESSING and known.progress
    said = f"{known.state}, {known.progress:.0f} %" if is_moving else str(known.state)
    return f"{said}, {_as_of(known)}" if _is_hearsay(known) else said


def _is_hearsay(known: Run) -> bool:
    """Whether a run is not over by what was last written down, which may be another thing by now."""
    return known.seen_at is not None and known.state in {Status.QUEUED, Status.PROCESSING}


def _as_of(known: Run) -> str:
    return f"as of {moment(known.seen_at or known.created_at)[:-3]}"


def _amount(number: float | None, form: str, unit: str) -> str | None:
    return None if number is None else f"{number:{form}}{unit}"


def _is_left(known: Run) -> bool:
    """Whether nobody but ``resume`` brings a run any further, if no other command is at work on it."""
    return known.state is Status.UNKNOWN or (known.is_before_its_task and known.is_resumable)


def _outcome(known: Run, room: int, *, is_at_work: bool) -> str:
    """Return what came of a run, or how far it is, or the command that goes on; a reason cut to ``room``."""
    if known.output is not None:
        return "to stdout" if known.output == "-" else short_path(Path(known.output))
    if is_at_work:
        return f"{known.progress:.0f} %, {_AT_WORK}" if known.progress else _AT_WORK
    if _is_left(known):
        return f"headswap resume {known.run_id}"
    if known.error:
        return printable(masked(known.error), room)
    return _as_of(known) if _is_hearsay(known) else _stand(known)


def _stand(known: Run) -> str:
    if known.state is Status.PROCESSING:
        return f"{known.progress:.0f} %"
    if known.state is Status.COMPLETED and known.task_id:
        return f"headswap download {known.run_id}"
    if known.is_rehearsal and known.state is Status.COMPLETED:
        return NOTHING_MADE
    return known.task_id or known.analysis_id or "-"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
