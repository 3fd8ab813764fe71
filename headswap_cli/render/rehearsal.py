"""What a rehearsal came to: the request that would be sent and cost, or the task that is there already."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from headswap_cli.models import Backend, Status
from headswap_cli.render.views import CELL_LIMIT, Shown, mappings_json, people_json, short_path
from headswap_cli.text import printable
from headswap_cli.wire import ENGINE_ORIGIN

if TYPE_CHECKING:
    from headswap_cli.models import Task
    from headswap_cli.services.rehearse import Rehearsal


def rehearsal(result: Rehearsal) -> Shown:
    """Show what would be done; ``--quiet`` leaves the analysis to go on from."""
    task = result.task
    value = {
        "dry_run": True,
        "run_id": result.run_id,
        "profile": result.profile,
        "backend": result.backend,
        "analysis_id": result.analysis_id,
        "task_id": None if task is None else task.task_id,
        "status": None if task is None else task.status,
        "people": people_json(result.people),
        "mappings": mappings_json(result.mappings, {}),
        "balance": result.balance,
        "notices": list(result.notices),
        "request": None
        if result.body is None
        else {"method": "POST", "url": result.url, "body": result.body},
    }
    told = _request(result) if task is None else _existing(result, task)
    return Shown(value, "\n".join([*told, f"analysis {result.analysis_id}"]), result.analysis_id)


def _request(result: Rehearsal) -> list[str]:
    is_free = result.backend is Backend.LOCAL
    balance = f"balance {'unknown' if result.balance is None else format(result.balance, 'g')}"
    whom = " to the local engine" if is_free else ""
    return [
        f"Nothing was {'made' if is_free else 'paid'}. This is what would be sent{whom}:",
        # The engine's own origin is good for this program alone.
        f"POST {printable(result.url.removeprefix(ENGINE_ORIGIN), CELL_LIMIT)}",
        json.dumps(result.body, indent=2),
        *([] if is_free else [balance]),
    ]


def _existing(result: Rehearsal, task: Task) -> list[str]:
    verb = "made" if result.backend is Backend.LOCAL else "paid"
    is_moving = task.status is Status.PROCESSING and task.progress
    state = f"{task.status}, {task.progress:.0f} %" if is_moving else str(task.status)
    waits = "" if task.status is Status.COMPLETED else "be waited for, and its result "
    way_on = (
        "The same command without --dry-run goes on with it."
        if result.target is None
        else f"It would {waits}be saved as {printable(short_path(result.target), CELL_LIMIT)}."
    )
    return [
        f"Nothing was {verb}, and nothing would be {verb} anew: the task {task.task_id} of the run"
        f" {result.run_id} exists already ({state}).",
        way_on,
    ]
