"""Photos judged by themselves: as soon as a worker is free, and never as a job."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from headswap_cli import wire
from tests import clips
from tests.engine.engines import LONG_S, RunningEngine, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RunningEngine]:
    with RunningEngine(tmp_path) as running:
        yield running


@pytest.fixture
def photo(engine: RunningEngine) -> str:
    return engine.put(b"a photo")


@pytest.fixture
def clip(tmp_path: Path) -> bytes:
    return clips.plain_clip(tmp_path / "clip.mp4", seconds=4).read_bytes()


def judged(engine: RunningEngine, *photos: list[str]) -> Any:
    answer = engine.post(wire.PHOTOS_PATH, {"photos": photos})
    assert answer["code"] == wire.SUCCESS, answer
    return answer["data"]["refused"]


def test_photos_that_cannot_be_used_are_named_by_the_place_of_their_person(
    engine: RunningEngine, photo: str
) -> None:
    assert judged(engine, [photo]) == []
    engine.tell(bad="no face")
    assert judged(engine, [photo], [photo, photo]) == [
        {"person": 0, "reason": "bad: no face"},
        {"person": 1, "reason": "bad: no face"},
    ]
    assert engine.get("/health")["data"]["queued"] == 0


def test_what_photos_are_warned_of_is_told_by_the_place_of_their_person(
    engine: RunningEngine, photo: str
) -> None:
    engine.tell(smile="it smiles")
    answer = engine.post(wire.PHOTOS_PATH, {"photos": [[photo], [photo]]})
    assert answer["data"] == {
        "refused": [],
        "warned": [{"person": place, "warning": "it smiles"} for place in (0, 1)],
    }


def test_whoever_asks_while_all_workers_are_at_work_is_told_so(
    engine: RunningEngine, photo: str, clip: bytes
) -> None:
    engine.tell(hold=True)
    analysis = engine.analyze(engine.put(clip))
    engine.processing(wire.ANALYSIS_PATH, analysis)
    assert judged(engine, [photo]) is None
    engine.tell()
    engine.ended(wire.ANALYSIS_PATH, analysis)
    assert judged(engine, [photo]) == []


def test_photos_wait_for_the_job_in_work_and_hold_up_those_behind_it_no_longer_than_it_takes(
    engine: RunningEngine, photo: str, clip: bytes
) -> None:
    engine.tell(hold=True)
    first, second = engine.analyze(engine.put(clip)), engine.analyze(engine.put(clip + b"!"))
    engine.processing(wire.ANALYSIS_PATH, first)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(judged, engine, [photo])
        until(asked.running, bool)
        engine.tell(bad="no face")
        assert asked.result() == [{"person": 0, "reason": "bad: no face"}]
    for analysis in (first, second):
        assert engine.ended(wire.ANALYSIS_PATH, analysis)["status"] == wire.COMPLETED


@pytest.mark.parametrize("then", ["die", "bug"])
def test_a_photo_that_cannot_even_be_judged_is_left_to_the_task(
    engine: RunningEngine, photo: str, clip: bytes, then: str
) -> None:
    engine.tell(then=then)
    assert judged(engine, [photo]) == []
    assert "photos could not be judged" in (engine.folder / "engine.log").read_text()
    engine.tell()
    analysis = engine.analyze(engine.put(clip))
    assert engine.ended(wire.ANALYSIS_PATH, analysis)["status"] == wire.COMPLETED


@pytest.mark.parametrize(
    ("photos", "words"),
    [
        (None, "photos must be a list of up to 5 lists"),
        ([], "photos must be a list of up to 5 lists"),
        ([["PHOTO"]] * 6, "photos must be a list of up to 5 lists"),
        (["PHOTO"], "photos[0] must be a list of up to 5 URLs"),
        ([["PHOTO"], []], "photos[1] must be a list of up to 5 URLs"),
        ([["PHOTO"] * 6], "photos[0] must be a list of up to 5 URLs"),
        ([["PHOTO", 7]], "photos[0][1] is required: a URL"),
        ([["https://example.com/me.jpg"]], "photos[0] must be media of this engine"),
        ([[f"{wire.ENGINE_ORIGIN}/media/{'0' * 64}"]], "photos[0][0]: there is no such file"),
    ],
)
def test_a_call_that_names_no_photos_is_refused_in_a_sentence(
    engine: RunningEngine, photo: str, photos: Any, words: str
) -> None:
    known = [
        [photo if url == "PHOTO" else url for url in urls] if isinstance(urls, list) else urls
        for urls in photos or []
    ]
    refused = engine.post(wire.PHOTOS_PATH, {"photos": photos and known})
    assert refused["code"] != wire.SUCCESS
    assert words in refused["msg"]


def test_an_engine_that_is_stopped_while_somebody_asks_ends(tmp_path: Path, clip: bytes) -> None:
    with RunningEngine(tmp_path) as engine, ThreadPoolExecutor(1) as pool:
        photo = engine.put(b"a photo")
        engine.tell(hold=True)
        engine.processing(wire.ANALYSIS_PATH, engine.analyze(engine.put(clip)))
        is_sent = Event()

        def body() -> Iterator[bytes]:
            yield json.dumps({"photos": [[photo]]}).encode()
            is_sent.set()

        pool.submit(engine.http.post, wire.PHOTOS_PATH, content=body())
        # Not before: who finds nobody listening any more does not ask, and httpcore leaves its socket open.
        assert is_sent.wait(LONG_S)
        engine.post("/shutdown", {})
    assert not engine.thread.is_alive()
