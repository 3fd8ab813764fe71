"""Version 4 of the Head Swap Open API: its four calls, and its records as our values.

A record may hold unknown fields, lack known ones, or carry them in odd types; only ``status`` decides.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from headswap_cli.api.fields import identifier, number, percentage, sentence, web_url, whole
from headswap_cli.errors import NotFoundError, OutcomeUnknownError, ServiceError
from headswap_cli.models import Analysis, Front, Mode, Person, Status, Task
from headswap_cli.wire import (
    ANALYSIS_PATH,
    ANALYZE_PATH,
    COMPLETED,
    CREATE_PATH,
    FAILED,
    OF_A_PHOTO,
    PROCESSING,
    QUEUED,
    TASK_PATH,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from headswap_cli.api.client import ApiClient
    from headswap_cli.models import MappedFace, SwapOptions
    from headswap_cli.wire import JsonObject

# More sentences than these nobody reads.
_MOST_NOTICES = 50
_STATUSES = {
    QUEUED: Status.QUEUED,
    PROCESSING: Status.PROCESSING,
    COMPLETED: Status.COMPLETED,
    FAILED: Status.FAILED,
}


def submit_analysis(client: ApiClient, video_url: str, *, any_length: bool = False) -> Analysis:
    """Ask who is in the video at ``video_url``.

    Args:
        client: Sends it.
        video_url: Passed on byte for byte; the same string must be given to ``create_body``.
        any_length: Asks the local engine to take videos outside 3 to 20 s; the cloud is never sent it.

    Raises:
        ServiceError: the answer holds no id to poll with.
    """
    body: JsonObject = {"video_url": video_url, "type": "head"}
    if any_length:
        body["any_length"] = True
    record = client.post(ANALYZE_PATH, body)
    analysis_id = identifier(record.get("_id"))
    if analysis_id is None:
        raise ServiceError(
            "The service took the analysis and gave no id for it.", hint="Run the command again."
        )
    return parse_analysis(record, analysis_id, video_url)


def fetch_analysis(client: ApiClient, analysis_id: str) -> Analysis:
    """Look at an analysis.

    Raises:
        NotFoundError: there is none with that id.
    """
    with _naming(client, "analysis", analysis_id):
        record = client.get(ANALYSIS_PATH, {"_id": analysis_id})
        return parse_analysis(record, analysis_id, is_of_engine=client.is_of_engine)


def create_body(video_url: str, faces: Sequence[MappedFace], options: SwapOptions) -> JsonObject:
    """Return the exact body of the create request, to be kept before it is sent."""
    body: JsonObject = {
        "video_url": video_url,
        "mappings": _mappings(faces),
        "model_name": options.model,
        "resolution": options.resolution,
        "keep_original_sound": options.keep_sound,
    }
    if options.webhook_url is not None:
        body["webhookUrl"] = options.webhook_url
    if options.mode is not None:
        body["mode"] = options.mode.value
    if options.tone is not None:
        body["tone"] = options.tone.value
    if options.quality is not None:
        body["quality"] = options.quality.value
    if options.any_length:
        body["any_length"] = True
    return body


def create_task(client: ApiClient, body: JsonObject) -> Task:
    """Send the request that costs, once.

    Raises:
        OutcomeUnknownError: the task may or may not exist, or exists under an id nobody was told.
    """
    record = client.post_paid(CREATE_PATH, body)
    task_id = identifier(record.get("_id"))
    if task_id is None:
        raise OutcomeUnknownError(
            "The service took the task and gave no id for it.",
            hint="It is not sent again by itself. Look for it in your account before you run this again.",
        )
    return parse_task(record, task_id)


def fetch_task(client: ApiClient, task_id: str) -> Task:
    """Look at a task.

    Raises:
        NotFoundError: there is none with that id.
    """
    with _naming(client, "task", task_id):
        record = client.get(TASK_PATH, {"_id": task_id})
        return parse_task(record, task_id, is_of_engine=client.is_of_engine)


@contextmanager
def _naming(client: ApiClient, kind: str, known_as: str) -> Iterator[None]:
    """Put the id into the error of one that is not known; the service leaves it out."""
    try:
        yield
    except NotFoundError as error:
        # The local engine has no more to say of it.
        message = f"The local engine has no {kind} with the id {known_as!r}."
        raise NotFoundError(
            message if client.is_of_engine else f"No {kind} has the id {known_as!r}: {error.message}",
            hint=error.hint,
            code=error.code,
            **{f"{kind}_id": known_as},
        ) from error


def parse_analysis(
    record: JsonObject, analysis_id: str, video_url: str = "", *, is_of_engine: bool = False
) -> Analysis:
    """Return an analysis record as a value.

    Args:
        record: The envelope's ``data``.
        analysis_id: The id it was asked for by.
        video_url: What was submitted; else the record says it.
        is_of_engine: Whether the local engine says so.
    """
    status_number, status = _status(record, is_of_engine=is_of_engine)
    result = record.get("analysis_result")
    result = result if isinstance(result, dict) else {}
    video = result.get("video_info")
    return Analysis(
        analysis_id=analysis_id,
        status=status,
        status_number=status_number,
        video_url=video_url or web_url(record.get("video_url")) or "",
        progress=_progress(record, status),
        people=_people(result.get("media")),
        error=_reason(record, status),
        error_code=_reason_code(record, status),
        video=video if isinstance(video, dict) else None,
        ahead=max(0, whole(record.get("ahead")) or 0),
        front=_front(record.get("front")),
        raw=record,
    )


def parse_task(record: JsonObject, task_id: str, *, is_of_engine: bool = False) -> Task:
    """Return a task record as a value; completed means status 3 and a URL, for the URL may come later.

    Args:
        record: The envelope's ``data``.
        task_id: The id it was asked for by.
        is_of_engine: Whether the local engine says so.
    """
    status_number, status = _status(record, is_of_engine=is_of_engine)
    output_url = web_url(record.get("video_url"))
    if status is Status.COMPLETED and output_url is None:
        status = Status.PROCESSING
    notices = record.get("notices")
    return Task(
        task_id=task_id,
        status=status,
        status_number=status_number,
        progress=_progress(record, status),
        source_video_url=web_url(record.get("source_video_url")),
        output_url=output_url,
        resolution=sentence(record.get("resolution")),
        duration_s=number(record.get("video_duration")),
        held=number(record.get("deduction_lock_duration")),
        error=_reason(record, status),
        error_code=_reason_code(record, status),
        is_of_a_photo=record.get("error_subject") == OF_A_PHOTO,
        notices=_notices(notices if isinstance(notices, list) else []),
        modes=_modes(record.get("modes")),
        ahead=max(0, whole(record.get("ahead")) or 0),
        front=_front(record.get("front")),
        raw=record,
    )


def _modes(said: object) -> dict[int, Mode]:
    """Return by ``obj_id`` how much of a person was replaced, as the local engine alone tells."""
    modes = {}
    for entry in said if isinstance(said, list) else []:
        obj_id = whole(entry.get("obj_id")) if isinstance(entry, dict) else None
        if obj_id is not None and entry.get("mode") in {*Mode}:
            modes[obj_id] = Mode(entry["mode"])
    return modes


def _mappings(faces: Sequence[MappedFace]) -> list[JsonObject]:
    """Return one mapping a person; only one with several photos has a field that the cloud doesn't know."""
    photos: dict[int, list[str]] = {}
    for face in faces:
        photos.setdefault(face.obj_id, []).append(face.img_url)
    return [
        {"obj_id": obj_id, "img_url": urls[0], **({"more_img_urls": urls[1:]} if urls[1:] else {})}
        for obj_id, urls in photos.items()
    ]


def _status(record: JsonObject, *, is_of_engine: bool) -> tuple[int, Status]:
    """Return the number and what it means.

    The local engine alone tells what ended on the user's wish: what was cancelled is begun anew without a
    question, so that a service which said so would be paid again.
    """
    status_number = whole(record.get("status")) or 0
    status = _STATUSES.get(status_number, Status.UNKNOWN)
    is_cancelled = is_of_engine and status is Status.FAILED and record.get("cancelled") is True
    return status_number, Status.CANCELLED if is_cancelled else status


def _front(value: object) -> Front | None:
    known = value if isinstance(value, dict) else {}
    known_as, kind = identifier(known.get("_id")), known.get("kind")
    if known_as is None or kind not in {"analysis", "task"}:
        return None
    return Front(str(kind), known_as, percentage(known.get("progress")))


def _progress(record: JsonObject, status: Status) -> float:
    return 100.0 if status is Status.COMPLETED else percentage(record.get("progress"))


def _people(media: object) -> tuple[Person, ...]:
    """Number the people from 1 in the order of ``media``; who has no readable ``obj_id`` can't be mapped."""
    entries: dict[int, JsonObject] = {}
    for entry in media if isinstance(media, list) else []:
        obj_id = whole(entry.get("obj_id")) if isinstance(entry, dict) else None
        if obj_id is not None and obj_id >= 0 and not web_url(entries.get(obj_id, {}).get("img_url")):
            entries[obj_id] = entry
    return tuple(_person(person, *entry) for person, entry in enumerate(entries.items(), start=1))


def _person(person: int, obj_id: int, entry: JsonObject) -> Person:
    """Return a person; the last three fields are the local engine's own."""
    share, first_time_s = number(entry.get("screen_share")), number(entry.get("first_time_s"))
    return Person(
        person=person,
        obj_id=obj_id,
        preview_url=web_url(entry.get("img_url")),
        screen_share=share if share is not None and 0 <= share <= 1 else None,
        first_time_s=first_time_s if first_time_s is not None and first_time_s >= 0 else None,
        box=_box(entry.get("box")),
    )


def _box(value: object) -> tuple[int, int, int, int] | None:
    edges = [number(edge) for edge in value] if isinstance(value, list) and len(value) == 4 else []
    match [edge for edge in edges if edge is not None]:
        case [x0, y0, x1, y1] if x0 <= x1 and y0 <= y1:
            return round(x0), round(y0), round(x1), round(y1)
    return None


def _reason(record: JsonObject, status: Status) -> str | None:
    """Return why it failed; a completed record carries the reason "success"."""
    return sentence(record.get("error_reason")) if status.has_failed else None


def _reason_code(record: JsonObject, status: Status) -> int | None:
    return whole(record.get("error_code")) if status is Status.FAILED else None


def _notices(notices: list[object]) -> tuple[str, ...]:
    texts = (sentence(notice) for notice in notices[:_MOST_NOTICES] if isinstance(notice, str))
    return tuple(text for text in texts if text)
