"""Engines for tests: the real server on a real socket, with a stand-in for the slow pipeline."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

from headswap_cli import local, wire
from headswap_cli.engine.seat import WorkerProcess
from headswap_cli.engine.server import Options, run
from tests.engine import standin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from headswap_cli.engine.listen import Patience
    from headswap_cli.engine.runtime import Address

LONG_S = 30.0
T = TypeVar("T")


class RunningEngine:
    """An engine in a thread of this process, reached as commands reach it; a context manager."""

    def __init__(
        self,
        folder: Path,
        *,
        host: str | None = None,
        clock: Callable[[], float] = time.time,
        patience: Patience | None = None,
        **options: Any,
    ) -> None:
        self.data = folder / "data"
        self.cache = folder / "cache"
        self.cache.mkdir(parents=True, exist_ok=True)
        options.setdefault("idle_timeout_s", 0)
        self._options = Options(self.data, self.cache, host, **options)
        self._clock = clock
        self._patience = patience
        self._ready = threading.Event()
        self._stop: Callable[[], None] = lambda: None
        self.thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self.thread.start()
        assert self._ready.wait(LONG_S)
        try:
            # Where there is no patience with clients, a busy machine may keep one from asking in time.
            endpoint = until(lambda: local.find(self.data), lambda found: found is not None)
        except BaseException:
            self._end()
            raise
        assert endpoint is not None
        self.endpoint = endpoint
        self.http: httpx.Client = local.client(endpoint, renew=lambda: endpoint)
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self._end()

    def _end(self) -> None:
        self._stop()
        self.thread.join(LONG_S)
        assert not self.thread.is_alive()

    @property
    def folder(self) -> Path:
        """The engine's own folder."""
        return self.data / "engine"

    def tell(self, **told: Any) -> None:
        """Say how the stand-in is to behave from now on."""
        draft = self.cache / "draft.json"
        draft.write_text(json.dumps(told))
        draft.replace(self.cache / "standin.json")

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """GET; return the envelope."""
        return dict(self.http.get(path, params=params).json())

    def post(self, path: str, body: Any) -> dict[str, Any]:
        """POST JSON; return the envelope."""
        return dict(self.http.post(path, json=body).json())

    def put(self, content: bytes) -> str:
        """Upload; return the media URL."""
        name = hashlib.sha256(content).hexdigest()
        answer = self.http.put(f"/media/{name}", content=content).json()
        assert answer["code"] == wire.SUCCESS
        return str(answer["data"]["url"])

    def analyze(self, video_url: str, **more: Any) -> str:
        """Begin an analysis; return its id."""
        answer = self.post(wire.ANALYZE_PATH, {"video_url": video_url, "type": "head", **more})
        assert answer["code"] == wire.SUCCESS, answer
        return str(answer["data"]["_id"])

    def create(self, video_url: str, photos: dict[int, str], **more: Any) -> str:
        """Begin a task; return its id."""
        answer = self.post(wire.CREATE_PATH, create_body(video_url, photos, **more))
        assert answer["code"] == wire.SUCCESS, answer
        return str(answer["data"]["_id"])

    def record(self, path: str, job_id: str) -> dict[str, Any]:
        """Return the record of an analysis or a task."""
        return dict(self.get(path, _id=job_id)["data"])

    def ended(self, path: str, job_id: str) -> dict[str, Any]:
        """Wait for the verdict; return the record."""
        return until(lambda: self.record(path, job_id), lambda record: record["status"] in {3, 4})

    def processing(self, path: str, job_id: str) -> dict[str, Any]:
        """Wait until a job is in work and shows progress; return the record."""
        return until(
            lambda: self.record(path, job_id), lambda record: record["status"] == 2 and record["progress"] > 0
        )

    def _run(self) -> None:
        def on_ready(_: Address, stop: Callable[[], None]) -> None:
            self._stop = stop
            self._ready.set()

        command = [sys.executable, str(standin.SCRIPT), str(self.data / "engine"), str(self.cache)]
        run(
            self._options,
            on_ready=on_ready,
            make_worker=lambda flags: WorkerProcess([*command, *flags]),
            clock=self._clock,
            patience=self._patience,
        )


def create_body(video_url: str, photos: dict[int, str], **more: Any) -> dict[str, Any]:
    """Return a body of POST task/create."""
    mappings = [{"obj_id": obj_id, "img_url": url} for obj_id, url in photos.items()]
    return {
        "video_url": video_url,
        "mappings": mappings,
        "model_name": wire.MODEL,
        "resolution": "720p",
        "keep_original_sound": True,
        **more,
    }


def until(fetch: Callable[[], T], is_right: Callable[[T], bool]) -> T:
    """Fetch again and again until the answer is right."""
    deadline = time.monotonic() + LONG_S
    while not is_right(found := fetch()):
        assert time.monotonic() < deadline, found
    return found
