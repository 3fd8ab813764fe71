"""Files in and out of the engine."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headswap_cli import local, wire
from headswap_cli.engine.jobs import JobStore, Kind
from headswap_cli.engine.storage import MediaStore
from tests.engine.engines import RunningEngine, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 4096
NAME = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with RunningEngine(tmp_path_factory.mktemp("e"), upload_limit_bytes=len(CONTENT)) as running:
        yield running


@pytest.fixture(scope="module")
def path(engine: RunningEngine) -> str:
    """The path of an uploaded file."""
    return engine.put(CONTENT).removeprefix(wire.ENGINE_ORIGIN)


def drafts(engine: RunningEngine) -> list[Path]:
    return list((engine.folder / "media" / "drafts").iterdir())


def uploads(engine: RunningEngine) -> set[str]:
    return {path.name for path in (engine.folder / "media" / "uploads").iterdir()}


def test_a_file_comes_back_as_it_was_put_under_the_name_of_its_hash(engine: RunningEngine, path: str) -> None:
    assert path == f"/media/{NAME}"
    assert engine.http.get(path).content == CONTENT
    head = engine.http.head(path)
    assert head.content == b""
    assert head.headers["content-length"] == str(len(CONTENT))


def test_the_same_file_put_again_is_a_success_and_changes_nothing(engine: RunningEngine, path: str) -> None:
    stored = engine.folder / "media" / "uploads" / NAME
    before = stored.stat().st_ino
    # The name is what counts; the bytes are not looked at again.
    assert engine.http.put(path, content=b"").json()["data"]["url"] == f"{wire.ENGINE_ORIGIN}{path}"
    assert stored.stat().st_ino == before


def test_head_says_whether_a_file_needs_to_be_put(engine: RunningEngine, path: str) -> None:
    assert engine.http.head(path).status_code == 200
    assert engine.http.head(f"/media/{'0' * 64}").status_code == 404


@pytest.mark.parametrize(
    ("content", "name", "status_code", "code"),
    [
        (b"damaged", "0" * 64, 400, wire.INVALID_PARAMETER),
        (CONTENT + b"!", hashlib.sha256(CONTENT + b"!").hexdigest(), 413, 1207),
        (b"x", "A" * 64, 400, wire.INVALID_PARAMETER),
        (b"x", "0" * 63, 400, wire.INVALID_PARAMETER),
        (b"x", "video.mp4", 400, wire.INVALID_PARAMETER),
        (b"x", "6a066dc58570ecbf64f761a5.mp4", 400, wire.INVALID_PARAMETER),
    ],
)
def test_what_is_damaged_too_large_or_misnamed_is_refused_and_not_kept(
    engine: RunningEngine, content: bytes, name: str, status_code: int, code: int
) -> None:
    before = sorted(engine.folder.rglob("*"))
    reply = engine.http.put(f"/media/{name}", content=content)
    assert (reply.status_code, reply.json()["code"]) == (status_code, code)
    assert sorted(engine.folder.rglob("*")) == before


@pytest.mark.parametrize("host", [None, "127.0.0.1"], ids=["unix", "tcp"])
def test_a_client_that_is_still_sending_reads_why_it_was_refused_and_goes_on(
    tmp_path: Path, host: str | None
) -> None:
    large = CONTENT * 12
    name = hashlib.sha256(large).hexdigest()
    with RunningEngine(tmp_path, host=host, upload_limit_bytes=1000) as engine:
        for content in (large, large[:5000]) * 5:
            assert engine.http.put("/media/misnamed", content=content).status_code == 400
            assert engine.http.put(f"/media/{name}", content=content).status_code == 413
            reply = engine.http.put(f"/media/{name}", content=content, headers={"x-api-key": "wrong"})
            assert reply.status_code == 401
            assert engine.http.get("/health").status_code == 200


def test_an_upload_that_breaks_off_leaves_nothing_and_can_be_done_again(tmp_path: Path) -> None:
    with RunningEngine(tmp_path, host="127.0.0.1") as engine:
        endpoint = engine.endpoint
        with socket.create_connection(("127.0.0.1", endpoint.port or 0)) as connection:
            head = (
                f"PUT /media/{NAME} HTTP/1.1\r\nHost: 127.0.0.1:{endpoint.port}\r\n"
                f"x-api-key: {endpoint.token}\r\nContent-Length: {len(CONTENT)}\r\n\r\n"
            )
            connection.sendall(head.encode() + CONTENT[:1000])
            until(lambda: drafts(engine), bool)
        until(lambda: drafts(engine), lambda left: not left)
        assert engine.http.head(f"/media/{NAME}").status_code == 404
        assert engine.put(CONTENT).endswith(NAME)


def test_only_the_owner_can_read_what_the_engine_keeps(engine: RunningEngine, path: str) -> None:
    assert path
    for entry in (engine.folder, *engine.folder.rglob("*")):
        mode = stat.S_IMODE(entry.stat().st_mode)
        assert mode == (0o700 if entry.is_dir() else 0o600), entry


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [("bytes=0-0", 0, 0), ("bytes=5-9", 5, 9), ("bytes=-4", len(CONTENT) - 4, len(CONTENT) - 1)],
)
def test_a_range_is_answered_with_just_that(
    engine: RunningEngine, path: str, wanted: str, first: int, last: int
) -> None:
    reply = engine.http.get(path, headers={"range": wanted})
    assert reply.status_code == 206
    assert reply.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENT)}"
    assert reply.content == CONTENT[first : last + 1]


def test_a_range_past_the_end_is_416(engine: RunningEngine, path: str) -> None:
    reply = engine.http.get(path, headers={"range": f"bytes={len(CONTENT)}-"})
    assert reply.status_code == 416
    assert reply.headers["content-range"] == f"bytes */{len(CONTENT)}"


def test_if_range_resumes_the_same_file_and_sends_another_whole(engine: RunningEngine, path: str) -> None:
    etag = engine.http.head(path).headers["etag"]
    assert etag.startswith('"')
    same = engine.http.get(path, headers={"range": "bytes=10-", "if-range": etag})
    other = engine.http.get(path, headers={"range": "bytes=10-", "if-range": '"another"'})
    assert (same.status_code, same.content) == (206, CONTENT[10:])
    assert (other.status_code, other.content) == (200, CONTENT)


@pytest.mark.parametrize(
    "name", ["..%2f..%2fengine.json", "%2e%2e", "engine.json", "a" * 64 + "%00", "jobs.sqlite3", "", "%"]
)
def test_no_other_file_can_be_fetched(engine: RunningEngine, name: str) -> None:
    reply = engine.http.get(f"/media/{name}")
    assert reply.status_code == 404
    assert reply.json()["code"] == wire.NOT_FOUND


@settings(deadline=None)
@given(
    name=st.text(st.characters(codec="utf-8")) | st.from_regex(r"(\.\./|/)*[0-9a-f]{24}(-\d+\.jpg|\.mp4)\n?")
)
def test_a_name_never_leads_out_of_the_store(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    store = MediaStore(tmp_path_factory.getbasetemp() / "store")
    path = store.path(name)
    assert path is None or (path.parent.parent == store.folder and path.name == name)


def test_a_disk_that_takes_no_more_is_507_with_a_reason(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("only Linux lets one process limit another")
    endpoint = local.ensure(tmp_path / "data", tmp_path / "cache")
    try:
        resource.prlimit(endpoint.pid, resource.RLIMIT_FSIZE, (400_000, 400_000))
        with local.client(endpoint) as http:
            reply = http.put(f"/media/{NAME}", content=CONTENT)
        assert reply.status_code == 507
        assert reply.json() == {
            "code": wire.SERVER_FAULT,
            "msg": "The engine's disk does not take the file: File too large.",
        }
        assert not list((tmp_path / "data/engine/media/drafts").iterdir())
    finally:
        local.stop(tmp_path / "data")


def test_only_what_nobody_used_since_is_cleared_away(tmp_path: Path) -> None:
    store = MediaStore(tmp_path / "media")
    with store.receive(NAME) as upload:
        upload.write(CONTENT)
        upload.keep()
    kept_since = (store.folder / "uploads" / NAME).stat().st_mtime
    assert store.clear(kept_since - 1) == 0
    assert store.find(NAME) is not None
    assert store.clear(kept_since + 1) == 1
    assert store.find(NAME) is None


def test_the_jobs_and_files_of_last_week_are_gone_at_the_next_start_and_half_files_with_them(
    tmp_path: Path,
) -> None:
    eight_days_ago = time.time() - 8 * 24 * 3600
    with RunningEngine(tmp_path) as engine:
        old, young = engine.put(b"old"), engine.put(b"young")
        os.utime(
            engine.folder / "media" / "uploads" / old.rpartition("/")[2], (eight_days_ago, eight_days_ago)
        )
        (engine.folder / "media" / "drafts" / "half").touch()
    with closing(JobStore(engine.folder / "jobs.sqlite3", clock=lambda: eight_days_ago)) as store:
        job = store.add(Kind.TASK, "0" * 64, {})
        store.complete(job.id, {})
    with RunningEngine(tmp_path) as engine:
        until(lambda: uploads(engine), lambda names: old.rpartition("/")[2] not in names)
        assert engine.http.head(young).status_code == 200
        assert engine.get(wire.TASK_PATH, _id=job.id)["code"] == wire.NOT_FOUND
        assert not drafts(engine)
