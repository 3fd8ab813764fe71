"""A call of the local engine's own: ending a job for good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from headswap_cli.api.v4 import parse_analysis
from headswap_cli.errors import ServiceError
from headswap_cli.wire import CANCEL_PATH

if TYPE_CHECKING:
    from headswap_cli.api.client import ApiClient
    from headswap_cli.models import Status


@dataclass(frozen=True, slots=True)
class Ending:
    """What came of the wish: ``kind`` is analysis or task, ``was`` its state before, ``status`` the one now.

    ``ended_now`` is whether the wish ended it; else it was over already. ``error`` is why it failed.
    """

    kind: str
    was: Status
    status: Status
    progress: float
    error: str | None
    ended_now: bool


def cancel_job(client: ApiClient, job_id: str) -> Ending:
    """End an analysis or a task for good: it has no result any more.

    Raises:
        NotFoundError: there is none with that id.
        ServiceError: the engine's answer is not the one to this call.
    """
    record = client.post(f"{CANCEL_PATH}?{urlencode({'_id': job_id})}", {})
    kind = record.get("kind")
    if kind not in {"analysis", "task"}:
        raise ServiceError("The local engine did not say what it has ended.", hint="headswap serve --stop")
    # The fields that matter here are the same for a task, whose result is not told along.
    job = parse_analysis(record, job_id, is_of_engine=True)
    was = parse_analysis({**record, "status": record.get("was")}, job_id).status
    return Ending(str(kind), was, job.status, job.progress, job.error, record.get("ended_now") is True)
