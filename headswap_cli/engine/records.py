"""Jobs as the API tells them: envelopes and records with the vendor's field names."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from starlette.responses import Response

from headswap_cli.engine.storage import preview_name, result_name
from headswap_cli.wire import COMPLETED, MODEL, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Callable

    from headswap_cli.engine.jobs import Job
    from headswap_cli.engine.runner import Ending
    from headswap_cli.wire import JsonObject

    UrlOf = Callable[[str], str]

_UID = 1
_TEAM = "local"


def success(message: str, data: JsonObject) -> Response:
    """Return the envelope of a call that did what it was asked."""
    return _envelope({"code": SUCCESS, "msg": message, "data": data}, 200)


def failure(code: int, message: str, *, status_code: int = 200) -> Response:
    """Return the envelope of a call that did not."""
    return _envelope({"code": code, "msg": message}, status_code)


def analysis_record(job: Job, url_of: UrlOf) -> JsonObject:
    """Return the ``data`` of an analysis; ``url_of`` gives a stored file's name its URL."""
    is_completed = job.status == COMPLETED
    return {
        **_common(job),
        "type": "head",
        "video_url": job.body.get("video_url"),
        "analysis_result": _analysis_result(job, url_of) if is_completed else None,
        # So says the vendor of a completed one: only ``status`` decides.
        "error_reason": "success" if is_completed else job.error_reason,
    }


def created_record(job: Job) -> JsonObject:
    """Return the ``data`` of POST task/create."""
    return {**_task(job), "video_url": None}


def task_record(job: Job, url_of: UrlOf) -> JsonObject:
    """Return the ``data`` of GET task/detail; ``notices`` and ``modes`` are the local engine's own."""
    result = job.result or {}
    webhook = (
        ["The local engine calls no webhooks; ask for the task instead."]
        if job.body.get("webhookUrl")
        else []
    )
    return {
        **_task(job),
        "source_video_url": job.body.get("video_url"),
        "video_url": url_of(result_name(job.id)) if job.status == COMPLETED else None,
        "deduction_duration": 0,
        "priority": 0,
        "notices": [*webhook, *result.get("notices", [])],
        # Whose whole head was swapped and whose face alone, once that is settled.
        "modes": result.get("modes", []),
    }


def ending_record(ending: Ending) -> JsonObject:
    """Return the ``data`` of POST /cancel: the job as it is, what it was, and whether that ended it."""
    return {
        **_common(ending.job),
        "kind": ending.job.kind,
        "was": ending.before.status,
        "ended_now": ending.ended_now,
    }


def _task(job: Job) -> JsonObject:
    return {
        **_common(job),
        "video_duration": job.body.get("duration_s"),
        "resolution": job.body.get("resolution"),
        "deduction_lock_duration": 0,
        "model_name": MODEL,
        "file_name": result_name(job.id),
        # The local engine's own: the vendor's codes leave open whether the video or a photo is meant.
        "error_subject": job.error_subject,
    }


def _common(job: Job) -> JsonObject:
    return {
        "_id": job.id,
        "uid": _UID,
        "team_id": _TEAM,
        "create_time": job.created_ms,
        # Another id on purpose, as with the vendor: nothing is found by it.
        "task_id": hashlib.sha256(job.id.encode()).hexdigest()[:24],
        "status": job.status,
        "progress": job.progress,
        "ahead": job.ahead,
        "front": _front(job.front),
        "cancelled": job.is_cancelled,
        "error_code": job.error_code,
        "error_reason": job.error_reason,
    }


def _front(job: Job | None) -> JsonObject | None:
    return None if job is None else {"_id": job.id, "kind": job.kind, "progress": job.progress}


def _analysis_result(job: Job, url_of: UrlOf) -> JsonObject:
    result = job.result or {}
    people: list[int] = result["people"]
    # Analyses of earlier versions have none.
    sightings: list[JsonObject] = result.get("sightings") or [{} for _ in people]
    return {
        "detected_objects": len(people),
        "media": [
            {
                "obj_id": obj_id,
                "img_url": url_of(preview_name(job.id, obj_id)),
                "media_type": "image",
                **sighting,
            }
            for obj_id, sighting in zip(people, sightings, strict=True)
        ],
        "video_info": {name: result[name] for name in ("width", "height", "fps", "frame_count")},
    }


def _envelope(value: JsonObject, status_code: int) -> Response:
    # ASCII: half a surrogate pair that somebody sent cannot be encoded otherwise.
    return Response(json.dumps(value), status_code, media_type="application/json")
