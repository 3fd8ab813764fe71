"""The OpenAPI document, and that the engine keeps to it whatever it is asked."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from headswap_cli import wire
from tests import clips
from tests.engine.engines import RunningEngine, create_body

if TYPE_CHECKING:
    from collections.abc import Iterator

HOOKS = "tests.engine.contract_hooks"
# It ends the engine, or takes the media away that the other calls are about.
ENDS_IT = ("shutdown", "clear")
# As the vendor does, the engine answers 200 and says in the envelope what is wrong; the hooks look there.
CONFIG = """
[checks]
negative_data_rejection.expected-statuses = [200, 400, 401, 404, 416, 421]
positive_data_acceptance.expected-statuses = [200, 401, 404]

[[operations]]
include-path = "/media/{name}"
include-method = ["GET", "HEAD"]
checks.positive_data_acceptance.expected-statuses = [200, 206, 400, 401, 404, 416]
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RunningEngine]:
    """An engine that clients of any kind reach."""
    with RunningEngine(tmp_path, host="127.0.0.1") as running:
        running.tell(people=5)
        yield running


@pytest.fixture
def video(engine: RunningEngine, tmp_path: Path) -> str:
    """The URL of a video in which five people were found."""
    url = engine.put(clips.plain_clip(tmp_path / "clip.mp4", seconds=4).read_bytes())
    assert engine.ended(wire.ANALYSIS_PATH, engine.analyze(url))["status"] == wire.COMPLETED
    return url


def check(engine: RunningEngine, video: str, folder: Path, *options: object) -> str:
    """Let schemathesis try whatever it can think of; return what it said."""
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG)
    url = f"http://127.0.0.1:{engine.endpoint.port}/openapi.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", url),
            *("--header", f"x-api-key: {engine.endpoint.token}", "--checks", "all", "--seed", "7"),
            *("--suppress-health-check", "all", "--continue-on-failure", "--no-color", "--warnings", "off"),
            *map(str, options),
        ],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "SCHEMATHESIS_HOOKS": HOOKS,
            "ENGINE_MEDIA": video,
        },
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_no_call_that_the_document_allows_or_forbids_is_answered_otherwise_than_it_says(
    engine: RunningEngine, video: str, tmp_path: Path
) -> None:
    others = [word for name in ENDS_IT for word in ("--exclude-operation-id", name)]
    said = check(engine, video, tmp_path, "--max-examples", 40, *others)
    assert "Stateful" in said
    # It was not only refusals that were checked.
    with closing(sqlite3.connect(engine.folder / "jobs.sqlite3")) as database:
        made = dict(database.execute("SELECT kind, count(*) FROM job GROUP BY kind"))
    assert made["analysis"] >= 10, made
    assert made["task"] >= 10, made
    assert "ERROR" not in (engine.folder / "engine.log").read_text()


def test_clearing_is_answered_as_the_document_says_too(
    engine: RunningEngine, video: str, tmp_path: Path
) -> None:
    only = ("--include-operation-id", "clear", "--phases", "coverage,fuzzing")
    check(engine, video, tmp_path, "--max-examples", 5, *only)
    assert engine.http.head(video).status_code == 404


def test_the_document_has_every_route_and_every_answer_of_the_jobs_in_it(
    engine: RunningEngine, video: str
) -> None:
    document = engine.http.get("/openapi.json").json()
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert described == {
        (wire.ANALYZE_PATH, "post"),
        (wire.ANALYSIS_PATH, "get"),
        (wire.CREATE_PATH, "post"),
        (wire.TASK_PATH, "get"),
        (wire.PHOTOS_PATH, "post"),
        (wire.CANCEL_PATH, "post"),
        ("/media", "delete"),
        ("/media/{name}", "get"),
        ("/media/{name}", "head"),
        ("/media/{name}", "put"),
        ("/health", "get"),
        ("/openapi.json", "get"),
        ("/shutdown", "post"),
    }
    task = engine.ended(wire.TASK_PATH, engine.create(video, {0: video}))
    fields: dict[str, Any] = document["components"]["schemas"]["Task"]["properties"]
    assert task.keys() == fields.keys()


def test_a_method_that_a_path_does_not_have_is_told_those_it_has(engine: RunningEngine) -> None:
    reply = engine.http.request("PATCH", f"/media/{'0' * 64}")
    assert reply.status_code == 405
    assert reply.headers["allow"] == "GET, HEAD, PUT"


def test_the_document_is_for_those_who_have_the_key(engine: RunningEngine) -> None:
    url = f"http://127.0.0.1:{engine.endpoint.port}/openapi.json"
    assert httpx.get(url, trust_env=False).status_code == 401


def test_no_answer_to_a_task_is_outside_its_schema(engine: RunningEngine, video: str) -> None:
    refused = engine.post(wire.CREATE_PATH, create_body(video, {9: video}))
    assert refused.keys() == {"code", "msg"}
