"""The whole engine on real video: the server's process, the worker's process, the real pipeline."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import av
import pytest

from headswap_cli import local, wire
from tests import media
from tests.engine.engines import create_body, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

pytestmark = pytest.mark.media


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engine") / "data"


@pytest.fixture(scope="module")
def http(data: Path) -> Iterator[httpx.Client]:
    endpoint = local.ensure(data, media.weights_dir().parent)
    with local.client(endpoint) as client:
        yield client
    local.stop(data)


def put(http: httpx.Client, path: Path) -> str:
    content = path.read_bytes()
    answer = http.put(f"/media/{hashlib.sha256(content).hexdigest()}", content=content).json()
    return str(answer["data"]["url"])


def post(http: httpx.Client, path: str, body: dict[str, Any]) -> str:
    answer = http.post(path, json=body).json()
    assert answer["code"] == wire.SUCCESS, answer
    return str(answer["data"]["_id"])


def ended(http: httpx.Client, path: str, job_id: str) -> tuple[dict[str, Any], list[int]]:
    """Wait for the verdict; return the record and the progress that was seen."""
    seen: list[int] = []

    def fetch() -> dict[str, Any]:
        record = dict(http.get(path, params={"_id": job_id}).json()["data"])
        seen.append(record["progress"])
        return record

    return until(fetch, lambda record: record["status"] in {3, 4}), seen


@pytest.fixture(scope="module")
def video(http: httpx.Client) -> str:
    return put(http, media.clip("carphone_pristine.mp4"))


@pytest.fixture(scope="module")
def analysis(http: httpx.Client, video: str) -> dict[str, Any]:
    job_id = post(http, wire.ANALYZE_PATH, {"video_url": video, "type": "head"})
    return ended(http, wire.ANALYSIS_PATH, job_id)[0]


def test_a_photo_is_put_on_the_one_person_of_a_real_video(
    tmp_path: Path, data: Path, http: httpx.Client, video: str, analysis: dict[str, Any]
) -> None:
    result = analysis["analysis_result"]
    assert result["detected_objects"] == 1
    assert result["video_info"] == {"width": 176, "height": 144, "fps": 29.97, "frame_count": 120}
    preview = http.get(result["media"][0]["img_url"])
    assert preview.content.startswith(b"\xff\xd8\xff")

    photo = put(http, media.photo("astronaut.png"))
    task, seen = ended(http, wire.TASK_PATH, post(http, wire.CREATE_PATH, create_body(video, {0: photo})))
    assert (task["status"], task["error_reason"]) == (wire.COMPLETED, "")
    assert seen == sorted(seen)
    # One step after the other, not a jump from nothing to done.
    assert len(set(seen)) > 10

    whole = http.get(task["video_url"])
    first = http.get(task["video_url"], headers={"range": "bytes=0-99"})
    rest = http.get(task["video_url"], headers={"range": "bytes=100-", "if-range": first.headers["etag"]})
    assert (first.status_code, rest.status_code) == (206, 206)
    assert first.content + rest.content == whole.content
    made = tmp_path / "made.mp4"
    made.write_bytes(whole.content)
    with av.open(str(made)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 120

    media_folder = data / "engine" / "media"
    assert {path.parent.name for path in media_folder.rglob("*") if path.is_file()} == {
        "uploads",
        "previews",
        "results",
    }


def test_a_photo_without_a_face_fails_the_task_and_says_so(
    http: httpx.Client, video: str, analysis: dict[str, Any]
) -> None:
    assert analysis["status"] == wire.COMPLETED
    # A video is no photo either way.
    task, _ = ended(http, wire.TASK_PATH, post(http, wire.CREATE_PATH, create_body(video, {0: video})))
    assert task["status"] == wire.FAILED
    assert task["error_code"] != wire.SERVER_FAULT
    assert task["error_reason"]
    assert "Error:" not in task["error_reason"]
