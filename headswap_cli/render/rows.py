"""What the rows of a batch came to, in the three forms of every result, and all of them together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from headswap_cli.render.batch import duration, row_line
from headswap_cli.render.view import error_json
from headswap_cli.render.views import Shown, rehearsal, run, short_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.journal import Run
    from headswap_cli.services.batch import RowEnd, Summary


def row_json(end: RowEnd) -> dict[str, Any]:
    """Return what a row came to: as ``run --json`` shows it, with the number of the row."""
    head = {"row": end.row.number, "video": end.row.request.video}
    if end.error is not None:
        return {**head, "error": error_json(end.error)}
    if end.before is not None:
        return {**head, **_known_json(end.before), "skipped": True}
    shown = _shown(end)
    return {**head, **(shown.value if shown is not None and isinstance(shown.value, dict) else {})}


def row_bare(end: RowEnd) -> str | None:
    """Return what ``--quiet`` prints of a row: the path or the id; None where it failed."""
    if end.before is not None:
        return None if end.before.output is None else short_path(Path(end.before.output))
    shown = _shown(end)
    return None if shown is None else shown.bare


def _shown(end: RowEnd) -> Shown | None:
    if end.rehearsal is not None:
        return rehearsal(end.rehearsal)
    return None if end.result is None else run(end.result)


def _known_json(known: Run) -> dict[str, Any]:
    """Return a run of the journal with the fields that it had when it was new, as far as they are kept."""
    return {
        "run_id": known.run_id,
        "profile": known.profile,
        "backend": known.backend,
        "analysis_id": known.analysis_id,
        "task_id": known.task_id,
        "status": known.status,
        "output": known.output,
        "size_bytes": known.size_bytes,
        "sha256": known.sha256,
        "held": known.held,
        "credits_charged": known.credits_charged,
    }


def several(ends: Sequence[RowEnd]) -> Shown:
    """Show several runs of one command: an array, a path a line."""
    done = [bare for end in ends if (bare := row_bare(end)) is not None]
    return Shown([row_json(end) for end in ends], "\n".join(done), "\n".join(done))


def summary(result: Summary) -> str:
    """Return what a batch came to, for people: the counts, and each row that failed with what mends it."""
    done = f"{result.completed} completed" + (f", {result.skipped} before" if result.skipped else "")
    parts = [done, f"{len(result.failed)} failed" if result.failed else ""]
    parts.append(f"{result.not_done} not begun" if result.not_done else "")
    cost = "" if result.spent is None else f"; the balance fell by {result.spent:g} credits"
    if result.is_rehearsal:
        parts[0] = f"{result.completed} would be paid for, nothing was"
    head = f"{result.total} rows in {duration(result.elapsed_s)}: {', '.join(filter(None, parts))}{cost}"
    lines = [head]
    for end in sorted(result.failed, key=lambda one: one.row.number):
        lines.append(row_line(end))
        if end.error is not None and end.error.hint:
            lines.append(f"  hint: {end.error.hint}")
    if result.failed or result.not_done:
        lines.append("The same command again goes on with what is not done; nothing is paid for twice.")
    return "\n".join(lines)
