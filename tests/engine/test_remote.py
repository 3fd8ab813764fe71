"""Videos and photos given by URL, fetched by the engine's worker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from headswap_cli import wire
from tests import clips
from tests.engine.engines import LONG_S, RunningEngine
from tests.origin import Answer, Origin, silence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.origin import Recorded


class Shelf(Origin):
    """Serves files from memory."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__()
        self.files = files

    def respond(self, request: Recorded) -> Answer:
        content = self.files.get(request.path)
        return Answer(status=404) if content is None else Answer(content)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    clip = clips.plain_clip(tmp_path / "clip.mp4", seconds=4).read_bytes()
    with Shelf({"/a.mp4": clip, "/me.jpg": b"a photo"}) as running:
        yield running


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RunningEngine]:
    with RunningEngine(tmp_path) as running:
        yield running


def analysed(engine: RunningEngine, url: str, **more: Any) -> dict[str, Any]:
    return engine.ended(wire.ANALYSIS_PATH, engine.analyze(url, **more))


def made(engine: RunningEngine, video: str, photo: str) -> dict[str, Any]:
    return engine.ended(wire.TASK_PATH, engine.create(video, {0: photo}))


def test_a_video_and_a_photo_given_by_url_are_fetched_once_and_used(
    engine: RunningEngine, shelf: Shelf
) -> None:
    video, photo = f"{shelf.url}/a.mp4?sig=%7E1&x", f"{shelf.url}/me.jpg"
    analysis = analysed(engine, video)
    assert (analysis["status"], analysis["video_url"]) == (wire.COMPLETED, video)
    task = made(engine, video, photo)
    assert (task["status"], task["source_video_url"]) == (wire.COMPLETED, video)
    said = json.loads((engine.folder / "media" / "results" / f"{task['_id']}.mp4").read_bytes())
    assert said["source"] == f"{analysis['_id']}.fetched"
    assert said["photos"] == {"0": [f"{task['_id']}-0.fetched"]}
    assert [request.path for request in shelf.requests] == ["/a.mp4", "/me.jpg"]
    assert shelf.requests[0].query == {"sig": "~1"}


def test_a_task_works_on_the_bytes_that_were_analysed(engine: RunningEngine, shelf: Shelf) -> None:
    video = f"{shelf.url}/a.mp4"
    analysed(engine, video)
    shelf.files["/a.mp4"] = b"something else by now"
    assert made(engine, video, engine.put(b"a photo"))["status"] == wire.COMPLETED
    assert len(shelf.sent("GET", "/a.mp4")) == 1


def test_an_analysis_asked_for_again_looks_at_the_url_again(engine: RunningEngine, shelf: Shelf) -> None:
    video = f"{shelf.url}/a.mp4"
    analysed(engine, video)
    del shelf.files["/a.mp4"]
    record = analysed(engine, video)
    assert record["status"] == wire.FAILED
    reason = f"The video could not be fetched: {video} answered HTTP 404 where 200 was due."
    assert record["error_reason"] == reason


def test_what_was_fetched_is_private_and_goes_with_the_rest(engine: RunningEngine, shelf: Shelf) -> None:
    video = f"{shelf.url}/a.mp4"
    task = made(engine, video, f"{shelf.url}/me.jpg") if analysed(engine, video) else {}
    files = list((engine.folder / "media" / "fetched").iterdir())
    assert len(files) == 2
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert engine.http.delete(wire.MEDIA_PATH).json()["code"] == wire.SUCCESS
    assert not list((engine.folder / "media" / "fetched").iterdir())
    again = engine.post(wire.CREATE_PATH, {"video_url": video, "mappings": []})
    assert (task["status"], again["code"]) == (wire.COMPLETED, wire.INVALID_PARAMETER)


def test_a_photo_that_cannot_be_fetched_fails_the_task(engine: RunningEngine, shelf: Shelf) -> None:
    video = f"{shelf.url}/a.mp4"
    analysed(engine, video)
    shelf.script("/you.jpg", Answer(b"<html>", headers={"Content-Type": "text/html"}))
    task = made(engine, video, f"{shelf.url}/you.jpg")
    assert task["status"] == wire.FAILED
    assert task["error_reason"].endswith("/you.jpg is of the type text/html.")
    assert not list((engine.folder / "media" / "drafts").iterdir())


def test_calls_are_answered_while_a_server_keeps_the_worker_waiting(
    engine: RunningEngine, shelf: Shelf
) -> None:
    shelf.script("/a.mp4", silence)
    engine.analyze(f"{shelf.url}/a.mp4")
    assert engine.http.get("/health", timeout=LONG_S).json()["code"] == wire.SUCCESS


@pytest.mark.parametrize("allow_private", [False, True])
def test_an_engine_that_others_reach_fetches_from_this_network_only_if_allowed(
    tmp_path: Path, shelf: Shelf, allow_private: bool
) -> None:
    options: dict[str, Any] = {"token": "a" * 32, "allow_private": allow_private}
    with RunningEngine(tmp_path, host="0.0.0.0", **options) as engine:
        record = analysed(engine, f"{shelf.url}/a.mp4")
    if allow_private:
        assert record["status"] == wire.COMPLETED
    else:
        assert record["error_reason"].endswith(
            "127.0.0.1 is at 127.0.0.1, which is not on the public internet."
        )
        assert not shelf.requests
