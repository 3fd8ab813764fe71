"""The v4 routes over the job store, and the engine's own: media, health, shutdown."""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Route

from headswap_cli import __version__
from headswap_cli.engine import intake, records
from headswap_cli.engine.clearing import clear
from headswap_cli.engine.contract import CONTRACT_PATH, document
from headswap_cli.engine.guard import BODY_S, Activity, Guard, Hosts, SlowClientError
from headswap_cli.engine.intake import RefusalError
from headswap_cli.engine.jobs import Kind
from headswap_cli.engine.orders import length_fault
from headswap_cli.engine.storage import (
    HashMismatchError,
    TooLargeError,
    fetched_name,
    is_upload_name,
    media_type,
)
from headswap_cli.folders import DISK_FULL
from headswap_cli.local import HEALTH_PATH, SHUTDOWN_PATH
from headswap_cli.media import is_url
from headswap_cli.wire import (
    ANALYSIS_PATH,
    ANALYZE_PATH,
    CANCEL_PATH,
    CREATE_PATH,
    DURATION,
    INVALID_PARAMETER,
    MEDIA_PATH,
    NOT_FOUND,
    PHOTOS_PATH,
    SERVER_FAULT,
    TASK_PATH,
    TOO_LARGE,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from headswap_cli.engine.intake import CreateCall
    from headswap_cli.engine.jobs import Job, JobStore
    from headswap_cli.engine.links import Links
    from headswap_cli.engine.orders import Event, PhotosOrder
    from headswap_cli.engine.runner import Ending
    from headswap_cli.engine.runtime import Address
    from headswap_cli.engine.storage import MediaStore, Upload
    from headswap_cli.wire import JsonObject

BODY_LIMIT_BYTES = 1024**2
WRITE_BYTES = 1024**2

_log = logging.getLogger(__name__)


class Routes:
    """The endpoints.

    Args:
        jobs: The record of jobs.
        media: The files.
        hosts: The names that the engine answers to, and so those of its media URLs.
        links: Makes those URLs.
        ask: Has a worker judge photos; None if none has time.
        cancel: Ends a job; None if there is no such.
        wake: Is called when a job was added.
        stop: Ends the server.
        forget_faces: Lets go of what idle workers know of faces.
    """

    def __init__(
        self,
        jobs: JobStore,
        media: MediaStore,
        hosts: Hosts,
        links: Links,
        *,
        ask: Callable[[PhotosOrder], Event | None],
        cancel: Callable[[str], Ending | None],
        wake: Callable[[], None],
        stop: Callable[[], None],
        forget_faces: Callable[[], None],
    ) -> None:
        self._jobs = jobs
        self._media = media
        self._hosts = hosts
        self._links = links
        self._ask = ask
        self._cancel = cancel
        self._wake = wake
        self._stop = stop
        self._forget_faces = forget_faces

    async def analyze(self, request: Request) -> Response:
        """POST analyze: queue an analysis."""
        call = intake.analyze_call(await _read_json(request), self._locate)
        body = {"video_url": call.video_url, "any_length": call.any_length}
        # A write may wait for the disk; no other call is to wait with it.
        job = await run_in_threadpool(self._jobs.add, Kind.ANALYSIS, call.source, body)
        self._wake()
        return records.success("Analyze success", records.analysis_record(job, self._url_of(request)))

    async def analysis(self, request: Request) -> Response:
        """GET analyze/detail."""
        job = self._job(Kind.ANALYSIS, request)
        return records.success("OK", records.analysis_record(job, self._url_of(request)))

    async def create(self, request: Request) -> Response:
        """POST task/create: queue a swap on the latest completed analysis of the same video."""
        call = intake.create_call(await _read_json(request), self._locate)
        body = self._task_body(call)
        source = self._kept(call.source, body["analysis_id"])
        job = await run_in_threadpool(self._jobs.add, Kind.TASK, source, body)
        self._wake()
        return records.success("OK", records.created_record(job))

    async def task(self, request: Request) -> Response:
        """GET task/detail."""
        job = self._job(Kind.TASK, request)
        return records.success("OK", records.task_record(job, self._url_of(request)))

    async def judge(self, request: Request) -> Response:
        """POST photos: say which of them no head can be made of, or no good one, as far as can be told.

        Refused is null if no worker has time for that now.
        """
        photos, mode = intake.photos_call(await _read_json(request), self._locate)
        order: PhotosOrder = {
            "kind": "photos",
            "id": secrets.token_hex(12),
            "photos": photos,
            "mode": mode,
        }
        event = await run_in_threadpool(self._ask, order)
        # What could not be judged is left to the task, which has a way to say why.
        judged: JsonObject = {"refused": None} if event is None else event.get("done", {"refused": []})
        return records.success("OK", {"warned": [], **judged})

    async def cancel(self, request: Request) -> Response:
        """POST cancel: end a job that waits or is in work, for good; answered once its place is free."""
        ending = await run_in_threadpool(self._cancel, _asked_id(request))
        if ending is None:
            raise RefusalError(NOT_FOUND, "There is no such job.")
        return records.success("OK", records.ending_record(ending))

    async def put_media(self, request: Request) -> Response:
        """PUT /media/{sha256}: take a file in, unless it is here already."""
        name = request.path_params["name"]
        if not is_upload_name(name):
            message = "A file is uploaded under the SHA-256 of its bytes, 64 lower-case hex digits."
            return records.failure(INVALID_PARAMETER, message, status_code=400)
        if not self._media.touch(name):
            with self._media.receive(name) as upload:
                refusal = await _take_in(request, upload, self._media.limit_bytes)
            if refusal is not None:
                return refusal
        return records.success("OK", {"url": self._url_of(request)(name)})

    async def get_media(self, request: Request) -> Response:
        """GET or HEAD /media/{name}, whole or in ranges."""
        name = request.path_params["name"]
        path = self._media.find(name)
        try:
            # Looked at once: a file may be cleared away at any moment.
            found = path.stat() if path is not None else None
        except FileNotFoundError:
            found = None
        if path is None or found is None:
            return records.failure(NOT_FOUND, "There is no such file.", status_code=404)
        if is_upload_name(name):
            # A client asks before it puts, and then counts on the file.
            self._media.touch(name)
        # A file never changes under its name, so the name serves as its strong ETag.
        return FileResponse(
            path, media_type=media_type(name), headers={"etag": f'"{name}"'}, stat_result=found
        )

    async def clear(self, _: Request) -> Response:
        """DELETE /media: let go of every ended job and file that no unfinished job needs."""
        self._forget_faces()
        cleared = await run_in_threadpool(clear, self._jobs, self._media)
        return records.success("OK", {"jobs": cleared.jobs, "files": cleared.files})

    async def health(self, _: Request) -> Response:
        """GET /health: who this is and how busy."""
        queued, processing = self._jobs.counts()
        data = {"version": __version__, "pid": os.getpid(), "queued": queued, "processing": processing}
        return records.success("OK", data)

    async def contract(self, request: Request) -> Response:
        """GET /openapi.json: what this API is, for machines."""
        return JSONResponse(document(request.app.routes))

    async def shutdown(self, _: Request) -> Response:
        """POST /shutdown: end the server once this is answered."""
        self._stop()
        return records.success("OK", {"pid": os.getpid()})

    def _url_of(self, request: Request) -> Callable[[str], str]:
        return self._links.asked_at(request.headers["host"])

    def _locate(self, url: object, field: str) -> str:
        name = intake.media_source(url, field, self._hosts)
        if not is_url(name) and not self._media.touch(name):
            raise intake.no_such_media(field)
        return name

    def _kept(self, source: str, analysis_id: str) -> str:
        """Return the name of the very file that was analysed: what is behind a URL may have changed."""
        if not is_url(source):
            return source
        name = fetched_name(analysis_id)
        if not self._media.touch(name):
            raise RefusalError(NOT_FOUND, "video_url: what was fetched is gone; analyse the video again.")
        return name

    def _job(self, kind: Kind, request: Request) -> Job:
        job = self._jobs.get(kind, _asked_id(request))
        if job is None:
            raise RefusalError(NOT_FOUND, f"There is no such {kind}.")
        return job

    def _task_body(self, call: CreateCall) -> JsonObject:
        analysis = self._jobs.analysis_of(call.source)
        if analysis is None or analysis.result is None:
            message = "video_url: there is no completed analysis of this video; analyse it first."
            raise RefusalError(INVALID_PARAMETER, message)
        people: list[int] = analysis.result["people"]
        for obj_id in call.photos:
            if obj_id not in people:
                found = ", ".join(map(str, people)) or "none"
                message = f"obj_id {obj_id} is not in the analysis; found: {found}."
                raise RefusalError(INVALID_PARAMETER, message)
        duration_s: float = analysis.result["duration_s"]
        fault = None if call.any_length else length_fault(duration_s)
        if fault is not None:
            raise RefusalError(DURATION, fault)
        return {
            "analysis_id": analysis.id,
            "video_url": call.video_url,
            "photos": {str(obj_id): [*names] for obj_id, names in call.photos.items()},
            "resolution": call.resolution,
            "keep_original_sound": call.keep_sound,
            "mode": call.mode,
            "tone": call.tone,
            "quality": call.quality,
            "webhookUrl": call.webhook_url,
            "duration_s": duration_s,
        }


def make_app(
    routes: Routes,
    address: Address,
    hosts: Hosts,
    links: Links,
    activity: Activity,
    *,
    body_s: float = BODY_S,
) -> Starlette:
    """Return the application: the routes behind the guard, every failure as an envelope."""
    app = Starlette(
        routes=[
            Route(ANALYZE_PATH, routes.analyze, methods=["POST"]),
            Route(ANALYSIS_PATH, routes.analysis, methods=["GET"]),
            Route(CREATE_PATH, routes.create, methods=["POST"]),
            Route(TASK_PATH, routes.task, methods=["GET"]),
            Route(PHOTOS_PATH, routes.judge, methods=["POST"]),
            Route(CANCEL_PATH, routes.cancel, methods=["POST"]),
            Route(f"{MEDIA_PATH}/{{name}}", routes.put_media, methods=["PUT"]),
            Route(f"{MEDIA_PATH}/{{name}}", routes.get_media, methods=["GET"]),
            Route(MEDIA_PATH, routes.clear, methods=["DELETE"]),
            Route(HEALTH_PATH, routes.health, methods=["GET"]),
            Route(CONTRACT_PATH, routes.contract, methods=["GET"]),
            Route(SHUTDOWN_PATH, routes.shutdown, methods=["POST"]),
        ],
        middleware=[Middleware(Guard, hosts, links, address.token, activity, body_s=body_s)],
        exception_handlers={
            RefusalError: _refused,
            SlowClientError: _too_slow,
            HTTPException: _unroutable,
            sqlite3.OperationalError: _unwritable,
            Exception: _broken,
        },
    )
    app.router.redirect_slashes = False
    return app


def _asked_id(request: Request) -> str:
    job_id = request.query_params.get("_id")
    if not job_id:
        raise RefusalError(INVALID_PARAMETER, "_id is required.")
    return job_id


async def _read_json(request: Request) -> JsonObject:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise RefusalError(INVALID_PARAMETER, f"The body is larger than {BODY_LIMIT_BYTES} bytes.")
    return intake.read_object(bytes(body))


async def _take_in(request: Request, upload: Upload, limit_bytes: int) -> Response | None:
    """Write the request's body; return what to answer where that fails."""
    try:
        await _copy(request, upload)
    except HashMismatchError:
        message = "The bytes are not those that the name promises; the upload was damaged."
        return records.failure(INVALID_PARAMETER, message, status_code=400)
    except TooLargeError:
        return records.failure(TOO_LARGE, f"The file is larger than {limit_bytes} bytes.", status_code=413)
    except ClientDisconnect:
        return records.failure(INVALID_PARAMETER, "The upload broke off.", status_code=400)
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        return records.failure(
            SERVER_FAULT, f"The engine's disk does not take the file: {error.strerror}.", status_code=507
        )
    return None


async def _copy(request: Request, upload: Upload) -> None:
    # In large pieces and off the event loop: a status call must not wait for the disk.
    buffer = bytearray()
    async for chunk in request.stream():
        buffer += chunk
        if len(buffer) >= WRITE_BYTES:
            await run_in_threadpool(upload.write, bytes(buffer))
            buffer.clear()
    await run_in_threadpool(upload.write, bytes(buffer))
    await run_in_threadpool(upload.keep)


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, RefusalError):
        raise error
    return records.failure(error.code, error.message)


async def _too_slow(_: Request, __: Exception) -> Response:
    return records.failure(INVALID_PARAMETER, "The request took too long to arrive.", status_code=408)


async def _unwritable(request: Request, error: Exception) -> Response:
    """Tell a full disk, or a folder that has become read-only, from a bug."""
    _log.error("%s %s: %s", request.method, request.url.path, error)
    return records.failure(
        SERVER_FAULT, f"The engine's disk does not take the job: {error}.", status_code=507
    )


async def _unroutable(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code = NOT_FOUND if error.status_code == 404 else INVALID_PARAMETER
    answer = records.failure(code, f"{error.detail}.", status_code=error.status_code)
    if error.status_code == 405:
        answer.headers["allow"] = ", ".join(sorted(_methods(request)))
    return answer


def _methods(request: Request) -> set[str]:
    """Return the methods of a path; there may be several routes to it, one a method."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    here = (route.methods or set() for route in routes if route.path_regex.match(request.url.path))
    return set().union(*here)


async def _broken(request: Request, error: Exception) -> Response:
    _log.error("%s %s broke", request.method, request.url.path, exc_info=error)
    return records.failure(SERVER_FAULT, f"The engine failed: {type(error).__name__}.", status_code=500)
