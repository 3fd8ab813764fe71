"""The places for local files, each of them real."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from headswap_cli.hosting import open_host
from headswap_cli.hosting.engine import EngineHost
from headswap_cli.transfer import bare_http
from headswap_cli.wire import ENGINE_ORIGIN
from tests.origin import Answer, Origin, Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from headswap_cli.hosting.host import Host
    from tests.nanio import Nanio

CONTENT = b"a video" * 400_000
ADDRESS = f"/media/{hashlib.sha256(CONTENT).hexdigest()}"

# What a user's script may look like: copies the file, says so, and prints the URL last.
UPLOADER = """
import pathlib, shutil, sys
path, name, shelf, url = sys.argv[1:]
shutil.copyfile(path, pathlib.Path(shelf, name))
with open(pathlib.Path(shelf).parent / "uploads", "a") as log:
    log.write(name + chr(10))
print("copied", path)
print(f"{url}/{name}?token=a%2Fb")
"""


class MediaShelf(Origin):
    """The engine's ``/media``: keeps what is put there, under the hash that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, bytes] = {}

    def respond(self, request: Recorded) -> Answer:
        if request.headers.get("x-api-key") != "token":
            return Answer({"code": 1101, "msg": "invalid"})
        if request.method == "PUT":
            assert request.path == f"/media/{hashlib.sha256(request.body).hexdigest()}"
            self.kept[request.path] = request.body
            return Answer({"code": 1000, "msg": "OK", "data": {"url": ENGINE_ORIGIN + request.path}})
        return Answer(b"", 200 if request.path in self.kept else 404)


class FolderOrigin(Origin):
    """A web server for a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def respond(self, request: Recorded) -> Answer:
        path = self.folder / unquote(request.path).lstrip("/")
        return Answer(path.read_bytes()) if path.is_file() else Answer(b"", 404)


@dataclass(frozen=True)
class Place:
    """A place for files: how to open it anew, how the backend reads it, and how often it was sent a file."""

    open: Callable[[], Host]
    read: Callable[[str], bytes]
    uploads: Callable[[], int]


@pytest.fixture
def shelf() -> Iterator[MediaShelf]:
    with MediaShelf() as shelf:
        yield shelf


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def bare() -> Iterator[httpx.Client]:
    with bare_http() as http:
        yield http


@pytest.fixture
def engine_place(shelf: MediaShelf) -> Iterator[Place]:
    with httpx.Client(base_url=shelf.url, headers={"x-api-key": "token"}, timeout=5.0) as http:
        yield Place(
            open=lambda: EngineHost(http),
            read=lambda url: shelf.kept[url.removeprefix(ENGINE_ORIGIN)],
            uploads=lambda: len([request for request in shelf.requests if request.method == "PUT"]),
        )


@pytest.fixture
def store_place(nanio: Nanio, bare: httpx.Client, request: pytest.FixtureRequest) -> Place:
    hosting = nanio.hosting_for(request.node.name)
    sent: list[httpx.Request] = []
    bare.event_hooks = {"request": [sent.append], "response": []}
    return Place(
        open=lambda: open_host(hosting, lambda: bare, life_s=3600.0, env=nanio.keys),
        read=lambda url: httpx.get(url).raise_for_status().content,
        uploads=lambda: len([request for request in sent if request.method == "PUT"]),
    )


@pytest.fixture
def command_place(tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path / "shelf of the command"
    folder.mkdir()
    script = tmp_path / "upload.py"
    script.write_text(UPLOADER)
    log = tmp_path / "uploads"
    with FolderOrigin(folder) as web:
        hosting = f"command: '{sys.executable}' '{script}' {{path}} {{name}} '{folder}' {web.url}"
        yield Place(
            open=lambda: open_host(hosting, _no_http, life_s=3600.0, env=dict(os.environ)),
            read=lambda url: httpx.get(url).raise_for_status().content,
            uploads=lambda: len(log.read_text().splitlines()) if log.exists() else 0,
        )


@pytest.fixture(params=["engine_place", "store_place", "command_place"])
def place(request: pytest.FixtureRequest) -> Place:
    """Every place there is."""
    given = request.getfixturevalue(request.param)
    assert isinstance(given, Place)
    return given


def _no_http() -> httpx.Client:
    raise AssertionError("a command needs no HTTP client")


def path_of(url: str) -> str:
    """Return the decoded path of a URL."""
    return unquote(urlsplit(url).path)
