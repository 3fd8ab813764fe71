"""The engine's API as machines read it: an OpenAPI document made of the routes that are really there.

What the vendor's API does, this one does: a call that fails by what was asked of it is answered with HTTP 200
and a ``code`` other than 1000.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from headswap_cli import __version__
from headswap_cli.engine.links import SIGNATURE
from headswap_cli.models import Mode, Quality, Tone
from headswap_cli.wire import (
    COMPLETED,
    FAILED,
    MAX_MAPPINGS,
    MAX_PHOTOS,
    MODEL,
    OF_A_PHOTO,
    PROCESSING,
    QUEUED,
    RESOLUTIONS,
    SUCCESS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.routing import BaseRoute

    from headswap_cli.wire import JsonObject

CONTRACT_PATH = "/openapi.json"

_TEXT: JsonObject = {"type": "string"}
_COUNT: JsonObject = {"type": "integer", "minimum": 0}
_MAYBE: JsonObject = {"type": ["boolean", "null"]}
_PERCENT: JsonObject = {"type": "integer", "minimum": 0, "maximum": 100}
_KIND: JsonObject = {"enum": ["analysis", "task"]}
_BYTES: JsonObject = {"type": "string", "format": "binary"}


def _pattern(pattern: str) -> JsonObject:
    return {"type": "string", "pattern": pattern}


_ID = _pattern("^[0-9a-f]{24}$")
_URL = _pattern("^https?://[!-~]+$")


def _object(properties: JsonObject, *, optional: Iterable[str] = (), is_open: bool = False) -> JsonObject:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in set(optional)],
        "additionalProperties": is_open,
    }


_PHOTOS: JsonObject = {
    "type": ["array", "null"],
    "items": _URL,
    "maxItems": MAX_PHOTOS - 1,
    "description": "More photos of the person.",
}
_JOB: JsonObject = {
    "_id": _ID,
    "uid": {"type": "integer"},
    "team_id": _TEXT,
    "create_time": _COUNT,
    "task_id": {**_ID, "description": "Internal; nothing is found by it."},
    "status": {"type": "integer", "enum": [QUEUED, PROCESSING, COMPLETED, FAILED]},
    "progress": _PERCENT,
    "ahead": {**_COUNT, "description": "The local engine's own: how many jobs come before a queued one."},
    "front": {
        "oneOf": [{"type": "null"}, _object({"_id": _ID, "kind": _KIND, "progress": _PERCENT})],
        "description": "The local engine's own: the first of those jobs.",
    },
    "cancelled": {
        "type": "boolean",
        "description": "The local engine's own: whether a failed one ended on the user's wish.",
    },
    "error_code": {"type": "integer"},
    "error_reason": _TEXT,
}
_PERSON = _object(
    {
        "obj_id": _COUNT,
        "img_url": _URL,
        "media_type": {"const": "image"},
        "screen_share": {"type": "number", "minimum": 0, "maximum": 1},
        "first_time_s": {"type": "number", "minimum": 0},
        "box": {"type": "array", "items": _COUNT, "minItems": 4, "maxItems": 4},
    },
    # An analysis that an earlier version made has them not.
    optional=("screen_share", "first_time_s", "box"),
)
_SIZES = _object({"width": _COUNT, "height": _COUNT, "fps": {"type": "number"}, "frame_count": _COUNT})
_FOUND = _object(
    {"detected_objects": _COUNT, "media": {"type": "array", "items": _PERSON}, "video_info": _SIZES}
)
_TASK: JsonObject = {
    **_JOB,
    "video_duration": {"type": "number"},
    "resolution": {"enum": [*RESOLUTIONS]},
    "deduction_lock_duration": {"const": 0},
    "model_name": {"const": MODEL},
    "file_name": _TEXT,
    "error_subject": {
        "enum": ["", OF_A_PHOTO],
        "description": "The local engine's own: what another one of will mend a failure.",
    },
}
_SCHEMAS: JsonObject = {
    "Failure": _object({"code": {"type": "integer", "not": {"const": SUCCESS}}, "msg": _TEXT}),
    "Analysis": _object(
        {
            **_JOB,
            "type": {"const": "head"},
            "video_url": _URL,
            "analysis_result": {"oneOf": [{"type": "null"}, _FOUND]},
        }
    ),
    "CreatedTask": _object({**_TASK, "video_url": {"type": "null"}}),
    "Task": _object(
        {
            **_TASK,
            "source_video_url": _URL,
            "video_url": {"oneOf": [{"type": "null"}, _URL]},
            "deduction_duration": {"const": 0},
            "priority": {"const": 0},
            "notices": {"type": "array", "items": _TEXT},
            "modes": {
                "type": "array",
                "items": _object({"obj_id": _COUNT, "mode": {"enum": [*map(str, Mode)]}}),
            },
        }
    ),
    "Media": _object({"url": _URL}),
    "Judged": _object(
        {
            "refused": {"type": ["array", "null"], "items": _object({"person": _COUNT, "reason": _TEXT})},
            "warned": {"type": "array", "items": _object({"person": _COUNT, "warning": _TEXT})},
        }
    ),
    "Ended": _object(
        {
            **_JOB,
            "kind": _KIND,
            "was": {"enum": [QUEUED, PROCESSING, COMPLETED, FAILED]},
            "ended_now": {"type": "boolean"},
        }
    ),
    "Cleared": _object({"jobs": _COUNT, "files": _COUNT}),
    "Health": _object({"version": _TEXT, "pid": _COUNT, "queued": _COUNT, "processing": _COUNT}),
    "Ending": _object({"pid": _COUNT}),
    # Like the vendor's, bodies are open: fields that nobody knows are borne.
    "AnalyzeBody": _object(
        {"video_url": _URL, "type": {"const": "head"}, "any_length": _MAYBE},
        optional=("any_length",),
        is_open=True,
    ),
    "PhotosBody": _object(
        {
            "photos": {
                "type": "array",
                "items": {"type": "array", "items": _URL, "minItems": 1, "maxItems": MAX_PHOTOS},
                "minItems": 1,
                "maxItems": MAX_MAPPINGS,
                "description": "Media of the engine, a list a person, the main one first.",
            },
            "mode": {"enum": [*map(str, Mode), None]},
        },
        optional=("mode",),
        is_open=True,
    ),
    "CreateBody": _object(
        {
            "video_url": _URL,
            "mappings": {
                "type": "array",
                "items": _object(
                    {
                        "obj_id": {"type": "integer", "minimum": 0, "maximum": 9999},
                        "img_url": _URL,
                        "more_img_urls": _PHOTOS,
                    },
                    optional=("more_img_urls",),
                    is_open=True,
                ),
                "minItems": 1,
                "maxItems": MAX_MAPPINGS,
            },
            "model_name": {"const": MODEL},
            "resolution": {"enum": [*RESOLUTIONS]},
            "keep_original_sound": _MAYBE,
            "mode": {"enum": [*map(str, Mode), None]},
            "tone": {"enum": [*map(str, Tone), None]},
            "quality": {"enum": [*map(str, Quality), None]},
            "any_length": _MAYBE,
            "webhookUrl": {"oneOf": [{"type": "null"}, _URL]},
        },
        optional=("keep_original_sound", "mode", "tone", "quality", "any_length", "webhookUrl"),
        is_open=True,
    ),
}


@dataclass(frozen=True, slots=True)
class _Operation:
    """What a route does not tell by itself: the schemas' names, and what else it may answer."""

    answer: str | None
    body: JsonObject | None = None
    parameters: tuple[JsonObject, ...] = ()
    others: Mapping[int, JsonObject] = field(default_factory=dict)
    links: JsonObject = field(default_factory=dict)
    security: tuple[str, ...] = ("key", "bearer")


def _ref(name: str) -> JsonObject:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: JsonObject) -> JsonObject:
    return {"application/json": {"schema": schema}}


def _answer(description: str, content: JsonObject) -> JsonObject:
    return {"description": description, "content": content}


def _fault(description: str) -> JsonObject:
    return _answer(description, _json(_ref("Failure")))


def _parameter(where: str, name: str, schema: JsonObject, *, is_required: bool = True) -> JsonObject:
    return {"in": where, "name": name, "schema": schema, "required": is_required}


def _body(name: str) -> JsonObject:
    return {"required": True, "content": _json(_ref(name))}


_BY_ID = (_parameter("query", "_id", _ID),)
_EVERYWHERE = {
    401: _fault("The key is missing or wrong."),
    421: _fault("The request is addressed to a host that is not served here."),
}
_SLOW = {408: _fault("The body was too long on its way.")}
_FULL = {507: _fault("The disk takes no more.")}
_TEXTUAL: JsonObject = {"text/plain": {"schema": _TEXT}}
_FILE: JsonObject = {
    kind: {"schema": _BYTES} for kind in ("application/octet-stream", "image/jpeg", "video/mp4")
}
_ETAG: JsonObject = {"etag": {"schema": _TEXT}}
_GET_MEDIA = _Operation(
    answer=None,
    parameters=(
        _parameter("path", "name", _pattern("^[0-9a-z.-]{1,80}$")),
        # Other forms of RFC 9110, section 14.2 are understood too.
        _parameter("header", "range", _pattern("^bytes=[0-9]{1,12}-$"), is_required=False),
        _parameter("header", "if-range", _pattern('^"[0-9a-z.-]{1,80}"$'), is_required=False),
    ),
    others={
        200: {**_answer("The file.", _FILE), "headers": _ETAG},
        206: _answer("A part of the file.", {**_FILE, "multipart/byteranges": {"schema": _BYTES}}),
        400: _answer("The range makes no sense.", _TEXTUAL),
        404: _fault("There is no such file."),
        416: _answer("The range lies past the end.", _TEXTUAL),
    },
    security=("key", "bearer", "signature"),
)
_PUT_MEDIA = _Operation(
    answer="Media",
    body={"required": True, "content": {"application/octet-stream": {"schema": _BYTES}}},
    parameters=(_parameter("path", "name", _pattern("^[0-9a-f]{64}$")),),
    others={
        400: _fault("The name is no SHA-256, or not that of the bytes; or the upload broke off."),
        413: _fault("The file is too large."),
        **_SLOW,
        **_FULL,
    },
    links={
        "analyze": {"operationId": "analyze", "requestBody": {"video_url": "$response.body#/data/url"}},
        "get": {"operationId": "get_media", "parameters": {"name": "$request.path.name"}},
    },
)
_CREATE = _Operation(
    answer="CreatedTask",
    body=_body("CreateBody"),
    others={**_SLOW, **_FULL},
    links={"task": {"operationId": "task", "parameters": {"_id": "$response.body#/data/_id"}}},
)
_ANALYZE = _Operation(
    answer="Analysis",
    body=_body("AnalyzeBody"),
    others={**_SLOW, **_FULL},
    links={
        "analysis": {"operationId": "analysis", "parameters": {"_id": "$response.body#/data/_id"}},
        "create": {"operationId": "create", "requestBody": {"video_url": "$response.body#/data/video_url"}},
    },
)
# By the names of the endpoints in ``app.Routes``.
_OPERATIONS = {
    "analyze": _ANALYZE,
    "analysis": _Operation("Analysis", parameters=_BY_ID),
    "create": _CREATE,
    "task": _Operation("Task", parameters=_BY_ID),
    "cancel": _Operation("Ended", parameters=_BY_ID, others=_FULL),
    "judge": _Operation("Judged", body=_body("PhotosBody"), others=_SLOW),
    "put_media": _PUT_MEDIA,
    "get_media": _GET_MEDIA,
    "clear": _Operation("Cleared", others=_FULL),
    "health": _Operation("Health"),
    "shutdown": _Operation("Ending"),
    "contract": _Operation(None, others={200: _answer("This document.", _json({"type": "object"}))}),
}


def document(routes: Iterable[BaseRoute]) -> JsonObject:
    """Return the OpenAPI 3.1 document of an application.

    Args:
        routes: Its routes; each endpoint is one whose schemas are known here.

    Raises: KeyError: One is not.
    """
    paths: dict[str, JsonObject] = {}
    for route in (route for route in routes if isinstance(route, Route)):
        # Where a file can be got it can be asked for without its bytes; elsewhere that is of no use.
        methods = (route.methods or set()) - ({"HEAD"} if "{" not in route.path else set())
        for method in sorted(methods):
            paths.setdefault(route.path, {})[method.lower()] = _operation(route, method)
    return {
        "openapi": "3.1.0",
        "info": {"title": "headswap engine", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "signature": {"type": "apiKey", "in": "query", "name": SIGNATURE},
            },
        },
    }


def _operation(route: Route, method: str) -> JsonObject:
    known = _OPERATIONS[route.name]
    answers: dict[int, Any] = {**_EVERYWHERE, **known.others}
    if known.answer is not None:
        done = _object({"code": {"const": SUCCESS}, "msg": _TEXT, "data": _ref(known.answer)})
        answers[200] = _answer("Done, or what is wrong.", _json({"oneOf": [done, _ref("Failure")]}))
        answers[200]["links"] = known.links
    summary = (route.endpoint.__doc__ or "").strip().splitlines()[0].partition(": ")[2]
    described = {
        "operationId": route.name if method != "HEAD" else f"{route.name}_head",
        "summary": summary,
        "security": [{name: []} for name in known.security],
        "parameters": [*known.parameters],
        "responses": {str(status): answer for status, answer in sorted(answers.items())},
    }
    return {**described, "requestBody": known.body} if known.body else described
