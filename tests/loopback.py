"""The vendor's service on loopback: real sockets, its records field by field."""

from __future__ import annotations

import json
import mimetypes
from collections import defaultdict
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from headswap_cli.wire import (
    ANALYSIS_PATH,
    ANALYZE_PATH,
    BALANCE_PATH,
    CREATE_PATH,
    MAX_MAPPINGS,
    RESOLUTIONS,
    TASK_PATH,
    TOKEN_PATH,
)
from tests.origin import Answer, Origin, Recorded

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

API_KEY = "key-0123456789abcdef"
TOKEN = "token.0123456789.abcdef"
DATA = Path(__file__).parent / "data" / "api" / "v4"


def sample(name: str) -> dict[str, Any]:
    """Return an example envelope from ``tests/data/api/v4``."""
    envelope: dict[str, Any] = json.loads((DATA / f"{name}.json").read_bytes())
    return envelope


@cache
def tiny_video() -> bytes:
    """Return a real mp4 of 64x48 pixels and ten frames."""
    file = BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10, width=64, height=48, pix_fmt="yuv420p")
        for luma in range(16, 216, 20):
            frame = av.VideoFrame(64, 48, "yuv420p")
            for plane, value in zip(frame.planes, (luma, 128, 128), strict=True):
                plane.update(bytes([value]) * plane.buffer_size)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


class MediaOrigin(Origin):
    """A CDN: ``/r/NAME`` redirects to ``/files/NAME``, where the bytes lie."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}

    def respond(self, request: Recorded) -> Answer:
        """Serve what is in ``files``."""
        folder, _, name = request.path.lstrip("/").partition("/")
        if name not in self.files:
            return Answer(b"<Error>AccessDenied</Error>", 403)
        if folder == "r":
            return Answer(status=302, headers={"Location": f"{self.url}/files/{name}?Signature=moved"})
        kind = mimetypes.guess_type(name)[0] or "video/mp4"
        return Answer(self.files[name], headers={"Content-Type": kind})


class HeadSwapService(Origin):
    """The v4 API of one account, with a CDN on another origin.

    Args:
        people: How many people every video shows.
        analysis_polls: How many looks find an analysis at work before it is over.
        task_polls: The same for tasks.
        analysis_error: Ends every analysis as failed, with this reason.
        task_error: Ends every task as failed, with this reason.
        result: What every task comes to; a tiny mp4 by default.
        credit: The account's balance.
        price: What every task takes from it.
    """

    def __init__(
        self,
        *,
        people: int = 1,
        analysis_polls: int = 1,
        task_polls: int = 1,
        analysis_error: str | None = None,
        task_error: str | None = None,
        result: bytes | None = None,
        credit: float = 100.0,
        price: float = 0.0,
    ) -> None:
        super().__init__()
        self.api_key = API_KEY
        self.token = TOKEN
        self.client_id = "client-0123456789"
        self.credit, self.price = credit, price
        self.media = MediaOrigin()
        self.people = people
        self.polls = {ANALYSIS_PATH: analysis_polls, TASK_PATH: task_polls}
        # By id, where one job takes more or fewer looks than the others.
        self.looks_needed: dict[str, int] = {}
        self.errors = {ANALYSIS_PATH: analysis_error, TASK_PATH: task_error}
        # What it tells of every task's result, as the local engine does.
        self.notices: list[str] = []
        self._result = tiny_video() if result is None else result
        self._records: dict[str, tuple[str, dict[str, Any]]] = {}
        self._looks: dict[str, int] = defaultdict(int)

    def __enter__(self) -> Self:
        self.media.__enter__()
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, traceback)
        self.media.__exit__(kind, error, traceback)

    @property
    def creates(self) -> list[Recorded]:
        """Every request that would have cost something."""
        return self.sent("POST", CREATE_PATH)

    @property
    def records(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """What exists, by id: where it is looked at, and what it was made with."""
        return self._records

    @property
    def tasks(self) -> list[str]:
        """The ids of the tasks that exist, oldest first."""
        return [name for name, (path, _) in self._records.items() if path == TASK_PATH]

    def respond(self, request: Recorded) -> Answer:
        """Speak v4, and of v3 what concerns the account."""
        if request.method == "POST" and request.path == TOKEN_PATH:
            return Answer(self._token(request.json))
        key, bearer = request.headers.get("x-api-key"), request.headers.get("authorization")
        if not (key or bearer):
            return Answer(sample("empty_key"))
        if (bearer != f"Bearer {self.token}") if bearer else (key != self.api_key):
            return Answer(sample("invalid_key"))
        if request.method == "POST" and request.path in {ANALYZE_PATH, CREATE_PATH}:
            body = request.json
            return Answer(self._analyze(body) if request.path == ANALYZE_PATH else self._create(body))
        if request.method == "GET" and request.path == BALANCE_PATH:
            return Answer({"code": 1000, "msg": "OK", "data": {"credit": self.credit}})
        if request.method == "GET" and request.path in self.polls:
            return Answer(self._detail(request.path, request.query.get("_id", "")))
        return Answer({"status": 404, "message": "Not Found"})

    def _token(self, body: dict[str, Any]) -> dict[str, Any]:
        if (body.get("clientId"), body.get("clientSecret")) != (self.client_id, self.api_key):
            return sample("invalid_key")
        return {"code": 1000, "token": self.token}

    def _analyze(self, body: dict[str, Any]) -> dict[str, Any]:
        if not str(body.get("video_url", "")).startswith("http") or body.get("type") != "head":
            return refusal("video_url and type are required.")
        return self._accept("analyze_accepted", ANALYSIS_PATH, {"video_url": body["video_url"]})

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        mappings = body.get("mappings", [])
        if len(mappings) > MAX_MAPPINGS:
            return sample("refused_too_many_faces")
        if not mappings or any(not 0 <= mapping["obj_id"] < self.people for mapping in mappings):
            return refusal("mappings: obj_id is not in the analysis.")
        if body.get("model_name") != "akool-premium" or body.get("resolution") not in RESOLUTIONS:
            return refusal("model_name or resolution is not supported.")
        analysed = [record["video_url"] for path, record in self._records.values() if path == ANALYSIS_PATH]
        if body.get("video_url") not in analysed:
            return refusal("The video has not been analysed.")
        if self.credit < self.price:
            return sample("no_credits")
        self.credit -= self.price
        resolution = body["resolution"]
        source = {"source_video_url": body["video_url"], "resolution": resolution}
        return self._accept("task_created", TASK_PATH, source)

    def _accept(self, name: str, path: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Make a record, and answer as the example does, under an id of its own."""
        identifier = f"{0x6A066DC58570ECBF64000000 + len(self._records):024x}"
        self._records[identifier] = (path, fields)
        envelope = sample(name)
        known = {field: value for field, value in fields.items() if field in envelope["data"]}
        envelope["data"] |= {"_id": identifier, **known}
        return envelope

    def _detail(self, path: str, identifier: str) -> dict[str, Any]:
        kind, fields = self._records.get(identifier, ("", {}))
        if kind != path:
            return sample("not_found")
        self._looks[identifier] += 1
        stem = "analysis" if path == ANALYSIS_PATH else "task"
        is_over = self._looks[identifier] > self.looks_needed.get(identifier, self.polls[path])
        state = ("failed" if self.errors[path] else "completed") if is_over else "processing"
        envelope = sample(f"{stem}_{state}")
        envelope["data"] |= {"_id": identifier, **fields}
        if state == "failed":
            envelope["data"]["error_reason"] = self.errors[path]
        elif state == "completed":
            envelope["data"] |= self._outcome(path, identifier)
        return envelope

    def _outcome(self, path: str, identifier: str) -> dict[str, Any]:
        if path == ANALYSIS_PATH:
            media = [
                {"obj_id": obj_id, "img_url": f"{self.media.url}/files/{obj_id}.jpg", "media_type": "image"}
                for obj_id in range(self.people)
            ]
            return {"analysis_result": {"detected_objects": self.people, "media": media}}
        self.media.files[f"{identifier}.mp4"] = self._result
        url = f"{self.media.url}/r/{identifier}.mp4?Signature=secret"
        return {"video_url": url, "notices": self.notices}


def refusal(message: str, code: int = 1003) -> dict[str, Any]:
    """Return an envelope without data."""
    return {"code": code, "msg": message}
