"""One contract, two backends: the vendor's records on loopback, and the local engine over its own socket.

What is asked here goes through the program's own client; only the pipeline behind the engine is a stand-in.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import pytest

from headswap_cli.api import v4
from headswap_cli.api.client import ApiClient, keyed_http
from headswap_cli.errors import AuthError, ExitCode, HeadswapError, NotFoundError, RefusedError
from headswap_cli.models import MappedFace, Status, SwapOptions
from headswap_cli.wire import ANALYSIS_PATH, ANALYZE_PATH, CREATE_PATH, TASK_PATH
from tests.clips import plain_clip, sound_only
from tests.engine.engines import RunningEngine
from tests.loopback import HeadSwapService

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from headswap_cli.models import Analysis, Task

LONG_S = 30.0


class Vendor:
    """The service with two people in every video; a source that ends in ``broken`` can't be analysed."""

    video, photo, broken = "https://example.com/a.mp4", "https://example.com/me.jpg", "https://example.com/b"

    def __init__(self, _folder: Path) -> None:
        self.service = HeadSwapService(people=2)

    def __enter__(self) -> Self:
        self.service.__enter__()
        self.root, self.key = self.service.url, self.service.api_key
        return self

    def __exit__(self, *error: object) -> None:
        self.service.__exit__(None, None, None)

    def break_next(self) -> None:
        """Let what is analysed next fail."""
        self.service.errors[ANALYSIS_PATH] = "There is no picture in it."


class Engine:
    """The engine with two people in every video."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.engine = RunningEngine(folder, host="127.0.0.1")

    def __enter__(self) -> Self:
        engine = self.engine.__enter__()
        engine.tell(people=2)
        assert engine.endpoint.url is not None
        self.root, self.key = engine.endpoint.url, engine.endpoint.token
        self.video = engine.put(plain_clip(self._folder / "clip.mp4", seconds=4).read_bytes())
        self.broken = engine.put(sound_only(self._folder / "sound.mp4").read_bytes())
        self.photo = engine.put(b"a photo")
        return self

    def __exit__(self, *error: object) -> None:
        self.engine.__exit__(None, None, None)

    def break_next(self) -> None:
        """Sound without a picture breaks by itself."""


@pytest.fixture(params=[Vendor, Engine], ids=["service", "engine"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Vendor | Engine]:
    with request.param(tmp_path) as running:
        yield running


@pytest.fixture
def http(backend: Vendor | Engine) -> Iterator[httpx.Client]:
    with keyed_http(backend.root, api_key=backend.key) as http:
        yield http


@pytest.fixture
def client(http: httpx.Client) -> ApiClient:
    return ApiClient(http, patience_s=5.0)


def analysed(client: ApiClient, url: str) -> Analysis:
    """Submit a video and look until there is a verdict."""
    submitted = v4.submit_analysis(client, url)
    give_up = time.monotonic() + LONG_S
    while not (found := v4.fetch_analysis(client, submitted.analysis_id)).status.is_terminal:
        assert time.monotonic() < give_up, found
    return found


def ended(client: ApiClient, task: Task) -> Task:
    """Look at a task until there is a verdict."""
    give_up = time.monotonic() + LONG_S
    while not (found := v4.fetch_task(client, task.task_id)).status.is_terminal:
        assert time.monotonic() < give_up, found
    return found


def faces(backend: Vendor | Engine, *obj_ids: int) -> list[MappedFace]:
    return [MappedFace(obj_id + 1, obj_id, "me.jpg", backend.photo) for obj_id in obj_ids]


def test_a_submitted_analysis_has_an_id_and_is_not_over(client: ApiClient, backend: Vendor | Engine) -> None:
    submitted = v4.submit_analysis(client, backend.video)
    assert submitted.analysis_id
    assert submitted.status in {Status.QUEUED, Status.PROCESSING}
    assert submitted.video_url == backend.video


def test_a_completed_analysis_lists_people_from_1_and_no_error(
    client: ApiClient, backend: Vendor | Engine
) -> None:
    found = analysed(client, backend.video)
    assert (found.status, found.error, found.progress) == (Status.COMPLETED, None, 100)
    assert [(person.person, person.obj_id) for person in found.people] == [(1, 0), (2, 1)]
    assert all(person.preview_url for person in found.people)
    assert found.video_url == backend.video
    assert found.raw["error_reason"] == "success"
    assert found.raw["error_code"] == 0


def test_a_failed_analysis_says_why(client: ApiClient, backend: Vendor | Engine) -> None:
    backend.break_next()
    found = analysed(client, backend.broken)
    assert found.status is Status.FAILED
    assert found.error


def test_a_task_goes_from_its_creation_to_an_output(client: ApiClient, backend: Vendor | Engine) -> None:
    analysed(client, backend.video)
    task = v4.create_task(client, v4.create_body(backend.video, faces(backend, 0, 1), SwapOptions()))
    assert task.status in {Status.QUEUED, Status.PROCESSING}
    assert task.output_url is None
    done = ended(client, task)
    assert (done.status, done.error, done.progress) == (Status.COMPLETED, None, 100)
    assert (done.source_video_url, done.resolution) == (backend.video, "720p")
    assert done.output_url is not None
    assert done.output_url.startswith("http")


def test_two_tasks_of_one_analysis_are_two(client: ApiClient, backend: Vendor | Engine) -> None:
    analysed(client, backend.video)
    body = v4.create_body(backend.video, faces(backend, 0), SwapOptions())
    assert len({v4.create_task(client, body).task_id for _ in range(2)}) == 2


@pytest.mark.parametrize("path", [ANALYSIS_PATH, TASK_PATH])
@pytest.mark.parametrize("identifier", ["f" * 24, "no id at all", "", "../../etc/passwd"])
def test_an_id_that_nobody_has_is_not_found(client: ApiClient, path: str, identifier: str) -> None:
    with pytest.raises(HeadswapError) as caught:
        client.get(path, {"_id": identifier})
    assert caught.value.exit_code in {ExitCode.NOT_FOUND, ExitCode.REFUSED}


def test_an_analysis_is_no_task_and_a_task_no_analysis(client: ApiClient, backend: Vendor | Engine) -> None:
    analysis = analysed(client, backend.video)
    task = v4.create_task(client, v4.create_body(backend.video, faces(backend, 0), SwapOptions()))
    with pytest.raises(NotFoundError):
        v4.fetch_task(client, analysis.analysis_id)
    with pytest.raises(NotFoundError):
        v4.fetch_analysis(client, task.task_id)


@pytest.mark.parametrize("path", [ANALYSIS_PATH, TASK_PATH, ANALYZE_PATH, CREATE_PATH])
def test_a_wrong_key_opens_nothing(backend: Vendor | Engine, path: str) -> None:
    with keyed_http(backend.root, api_key="wrong-0123456789abcdef") as http:
        client = ApiClient(http, patience_s=0.0)
        with pytest.raises(AuthError) as caught:
            client.get(path, {"_id": "a"}) if "detail" in path else client.post(path, {})
    assert (caught.value.code, caught.value.exit_code) == (1101, ExitCode.AUTH)


def test_an_empty_key_is_told_from_a_wrong_one(http: httpx.Client) -> None:
    http.auth = None  # type: ignore[assignment]
    with pytest.raises(AuthError) as caught:
        ApiClient(http, patience_s=0.0).get(TASK_PATH, {"_id": "a"})
    assert caught.value.code == 1102


def test_more_than_five_mappings_are_refused_with_the_limit(
    client: ApiClient, backend: Vendor | Engine
) -> None:
    analysed(client, backend.video)
    body = v4.create_body(backend.video, faces(backend, *range(6)), SwapOptions())
    with pytest.raises(RefusedError, match="5"):
        v4.create_task(client, body)


@pytest.mark.parametrize("fault", ["nobody", "stranger", "model", "resolution", "not analysed"])
def test_a_create_that_cannot_be_is_refused_and_makes_nothing(
    client: ApiClient, backend: Vendor | Engine, fault: str
) -> None:
    analysed(client, backend.video)
    options = SwapOptions()
    body = {
        "nobody": v4.create_body(backend.video, [], options),
        "stranger": v4.create_body(backend.video, faces(backend, 7), options),
        "model": v4.create_body(backend.video, faces(backend, 0), replace(options, model="no-such-model")),
        "resolution": v4.create_body(backend.video, faces(backend, 0), replace(options, resolution="8k")),
        "not analysed": v4.create_body(f"{backend.video}?other", faces(backend, 0), options),
    }[fault]
    with pytest.raises((RefusedError, NotFoundError)) as caught:
        v4.create_task(client, body)
    assert caught.value.code


@pytest.mark.parametrize("body", [{}, {"video_url": "clip.mp4", "type": "head"}])
def test_an_analyze_without_a_url_is_refused(client: ApiClient, body: dict[str, str]) -> None:
    with pytest.raises(RefusedError):
        client.post(ANALYZE_PATH, dict(body))
