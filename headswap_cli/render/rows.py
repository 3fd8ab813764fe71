"""What the rows of a batch came to, in the three forms of every result, and all of them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headswap_cli.render.batch import duration, row_line
from headswap_cli.render.rehearsal import rehearsal
from headswap_cli.render.view import error_json
from headswap_cli.render.views import Shown, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.services.batch import RowEnd, Summary


def row_json(end: RowEnd) -> dict[str, Any]:
    """Return what a row came to: as ``run --json`` shows it, with the number of the row."""
    head = {"row": end.row.number, "video": end.row.request.video}
    if end.error is not None:
        return {**head, "error": error_json(end.error)}
    shown = _shown(end)
    value = shown.value if shown is not None and isinstance(shown.value, dict) else {}
    return {**head, **value, "skipped": end.before is not None}


def row_bare(end: RowEnd) -> str | None:
    """Return what ``--quiet`` prints of a row: the path or the id; None where it failed."""
    shown = _shown(end)
    return None if shown is None else shown.bare


def _shown(end: RowEnd) -> Shown | None:
    if end.rehearsal is not None:
        return rehearsal(end.rehearsal)
    done = end.result or end.before
    return None if done is None else run(done)


def several(ends: Sequence[RowEnd]) -> Shown:
    """Show several runs of one command: an array, a path a line."""
    done = [bare for end in ends if (bare := row_bare(end)) is not None]
    return Shown([row_json(end) for end in ends], "\n".join(done), "\n".join(done))


def counts(result: Summary) -> str:
    """Return what a batch came to, on a line."""
    done = f"{result.completed} completed" + (f", {result.skipped} before" if result.skipped else "")
    parts = [done, f"{len(result.failed)} failed" if result.failed else ""]
    parts.append(f"{result.not_done} not begun" if result.not_done else "")
    cost = "" if result.spent is None else f"; the balance fell by {result.spent:g} credits"
    if result.is_rehearsal:
        there = result.skipped + result.existing
        exist = [f"{there} {'exists' if there == 1 else 'exist'} already"] if there else []
        anew = result.completed - result.existing
        would = f"{anew} would be {'made' if result.is_free else 'paid for'}, nothing was"
        parts[0] = ", ".join([*exist, would])
    rows = f"{result.total} {result.unit}{'' if result.total == 1 else 's'}"
    return f"{rows} in {duration(result.elapsed_s)}: {', '.join(filter(None, parts))}{cost}"


def failures(result: Summary) -> list[str]:
    """Return each row that failed, with what mends it, and how to go on."""
    lines = []
    for end in sorted(result.failed, key=lambda one: one.row.number):
        lines.append(row_line(end))
        if end.error is not None and end.error.hint:
            lines.append(f"  hint: {end.error.hint}")
    if result.failed or result.not_done:
        unpaid = "" if result.is_free else "; nothing is paid for twice"
        lines.append(f"The same command again goes on with what is not done{unpaid}.")
    return lines
