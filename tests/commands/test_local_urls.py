"""The embedded engine with videos and photos on the web; the web is a server on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import media
from tests.origin import Answer, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Headswap
    from tests.origin import Recorded

pytestmark = pytest.mark.media

VIDEO, PHOTO = "/clips/talk.mp4", "/me.png"


class Web(Origin):
    """Two files, of which one moved."""

    def respond(self, request: Recorded) -> Answer:
        if request.path == VIDEO:
            content = media.clip("carphone_pristine.mp4").read_bytes()
            return Answer(content, headers={"Content-Type": "video/mp4"})
        if request.path == PHOTO:
            return Answer(status=302, headers={"Location": "/moved.png"})
        if request.path == "/moved.png":
            content = media.photo("astronaut.png").read_bytes()
            return Answer(content, headers={"Content-Type": "image/png"})
        return Answer(b"<html>nothing", 200, {"Content-Type": "text/html"})


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as running:
        yield running


def test_run_takes_urls_byte_for_byte_and_saves_the_result_here(local: Headswap, web: Web) -> None:
    video = f"{web.url}{VIDEO}?expires=1&signature=%7Eab%2F"
    value = local("run", video, "--face", f"1={web.url}{PHOTO}", "--mode", "face", "--json").value
    assert (value["backend"], value["status"]) == ("local", "completed")
    assert list(local.cwd.iterdir()) == [local.cwd / "talk.headswap.mp4"]
    assert [request.path for request in web.requests] == [VIDEO, PHOTO, "/moved.png"]
    assert "x-api-key" not in web.requests[0].headers
    assert local("analyze", video, "--json").value["video_url"] == video


def test_the_local_engine_does_no_work_twice(local: Headswap, web: Web) -> None:
    command = ("run", f"{web.url}{VIDEO}?twice", "--face", f"1={web.url}{PHOTO}", "--mode", "face")
    made = local(*command, "--json").value
    assert made["run_id"] in local(*command, code=2).err
    again = local(*command, "-o", "again.mp4", "--json").value
    assert (again["task_id"], again["sha256"]) == (made["task_id"], made["sha256"])


def test_a_url_that_holds_no_video_is_exit_3_with_the_reason(local: Headswap, web: Web) -> None:
    ran = local("run", f"{web.url}/page.mp4?signature=secret", "--face", f"1={web.url}{PHOTO}", code=3)
    assert f"{web.url}/page.mp4 is of the type text/html" in ran.err
    assert not list(local.cwd.iterdir())


def test_a_server_that_is_not_there_is_exit_3_with_the_reason(local: Headswap) -> None:
    ran = local("analyze", "http://127.0.0.1:1/a.mp4", code=3)
    assert "The video could not be fetched: http://127.0.0.1:1/a.mp4" in ran.err
