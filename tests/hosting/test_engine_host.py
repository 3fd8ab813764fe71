"""A local file gets its URL from the local engine: sent once, known by its hash."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import httpx
import pytest

from headswap_cli import local
from headswap_cli.errors import AuthError, HeadswapError, InputError, NetworkError, RefusedError, ServiceError
from headswap_cli.hosting.engine import EngineHost
from headswap_cli.wire import ENGINE_ORIGIN
from tests.hosting.conftest import ADDRESS, CONTENT
from tests.origin import Answer, reset

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from headswap_cli.hosting.host import Host
    from tests.hosting.conftest import MediaShelf


@pytest.fixture
def host(shelf: MediaShelf) -> Iterator[Host]:
    with httpx.Client(base_url=shelf.url, headers={"x-api-key": "token"}, timeout=5.0) as http:
        yield EngineHost(http)


def test_a_file_is_put_on_the_engine_and_has_its_url_there(host: Host, shelf: MediaShelf, clip: Path) -> None:
    told: list[tuple[int, int | None]] = []
    assert host.publish(clip, on_bytes=lambda *done: told.append(done)) == ENGINE_ORIGIN + ADDRESS
    assert shelf.kept == {ADDRESS: CONTENT}
    assert told[-1] == (len(CONTENT), len(CONTENT))
    put = shelf.sent("PUT", ADDRESS)[0]
    assert put.headers["content-length"] == str(len(CONTENT))


def test_a_file_that_is_there_already_is_not_sent_again(
    host: Host, shelf: MediaShelf, clip: Path, tmp_path: Path
) -> None:
    first = host.publish(clip)
    (tmp_path / "copy.mp4").write_bytes(CONTENT)
    told: list[object] = []
    assert host.publish(tmp_path / "copy.mp4", on_bytes=lambda *done: told.append(done)) == first
    assert len(shelf.sent("PUT", ADDRESS)) == 1
    assert told == []


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (Answer({"code": 1207, "msg": "The file is too large."}, 413), RefusedError),
        (Answer({"code": 1003, "msg": "The hash does not match."}), RefusedError),
        (Answer({"code": 1101, "msg": "invalid"}, 401), AuthError),
        (Answer(b"", 500), ServiceError),
        (Answer({"code": 1000, "data": {}}), ServiceError),
        (Answer({"code": 1000, "data": {"url": 7}}), ServiceError),
    ],
)
def test_a_refused_upload_says_why(
    host: Host, shelf: MediaShelf, clip: Path, answer: Answer, raised: type[HeadswapError]
) -> None:
    shelf.script(ADDRESS, Answer(b"", 404), answer)
    with pytest.raises(raised):
        host.publish(clip)


@pytest.mark.parametrize("is_held", [False, True])
def test_an_upload_that_was_cut_off_goes_to_the_successor(
    host: Host, shelf: MediaShelf, clip: Path, is_held: bool
) -> None:
    shelf.script(ADDRESS, Answer(b"", 404), reset, *([Answer(b"", 200)] if is_held else []))
    assert host.publish(clip) == ENGINE_ORIGIN + ADDRESS
    assert len(shelf.sent("PUT", ADDRESS)) == 1 + (not is_held)


# httpcore leaks a Unix socket whose connection is refused.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_engine_killed_in_the_middle_of_an_upload_costs_nothing(tmp_path: Path) -> None:
    data, cache = tmp_path / "data", tmp_path / "cache"
    video = tmp_path / "long.mp4"
    video.write_bytes(os.urandom(1 << 20) * 12)
    first = local.ensure(data, cache)
    told: list[int] = []

    def _kill_at_half(done: int, total: int | None) -> None:
        told.append(done)
        if len(told) == 6:
            os.kill(first.pid, signal.SIGKILL)

    try:
        with local.client(first, renew=lambda: local.ensure(data, cache)) as http:
            url = EngineHost(http).publish(video, on_bytes=_kill_at_half)
            assert http.get(url).content == video.read_bytes()
        assert told[-1] == video.stat().st_size
        assert local.find(data) not in {None, first}
    finally:
        local.stop(data)


def test_an_upload_that_is_cut_off_again_and_again_is_given_up_and_names_the_file(
    host: Host, shelf: MediaShelf, clip: Path
) -> None:
    shelf.script(ADDRESS, Answer(b"", 404), reset, Answer(b"", 404), reset)
    with pytest.raises(NetworkError, match=clip.name) as caught:
        host.publish(clip)
    assert "http" not in caught.value.message
    assert "headswap serve" in (caught.value.hint or "")
    assert len(shelf.sent("PUT", ADDRESS)) == 2


def test_an_engine_that_went_away_is_a_network_error(clip: Path) -> None:
    with (
        httpx.Client(base_url="http://127.0.0.1:9") as http,
        pytest.raises(NetworkError, match="engine") as caught,
    ):
        EngineHost(http).publish(clip)
    assert "headswap serve" in (caught.value.hint or "")


def test_a_file_that_is_not_there_sends_nothing(host: Host, shelf: MediaShelf, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone"):
        host.publish(tmp_path / "gone.mp4")
    assert shelf.requests == []
