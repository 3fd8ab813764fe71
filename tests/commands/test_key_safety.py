"""Where a key goes when the whole program runs: to the service, and nowhere else.

Beyond this file, every command that the suite runs is searched for its keys by ``Headswap.assert_secret``.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Self

import pytest

from headswap_cli.wire import ANALYSIS_PATH, ANALYZE_PATH, BALANCE_PATH, CREATE_PATH, TASK_PATH
from tests.origin import Answer, Fault, Origin, raw, reset

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

VIDEO = "https://example.com/clip.mp4?X-Amz-Signature=presigned"
FACE = "https://example.com/me.jpg?X-Amz-Signature=presigned"
PATHS = [ANALYZE_PATH, ANALYSIS_PATH, BALANCE_PATH, CREATE_PATH, TASK_PATH]


class Eavesdropper:
    """A proxy that writes down every byte it is sent, and refuses."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self.heard += connection.recv(65536)
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture(params=["x-api-key", "bearer"])
def keyed(request: pytest.FixtureRequest, cloud: Headswap, service: HeadSwapService) -> Headswap:
    """The program with either kind of key."""
    if request.param == "bearer":
        cloud.env["HEADSWAP_API_KEY"] = ""
        cloud.env["HEADSWAP_TOKEN"] = service.token
    return cloud


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", [ANALYZE_PATH, CREATE_PATH, TASK_PATH])
def test_a_redirect_to_another_origin_never_takes_the_key_there(
    keyed: Headswap, service: HeadSwapService, path: str, status: int
) -> None:
    with Origin() as elsewhere:
        service.script(path, *[Answer(b"", status, {"Location": f"{elsewhere.url}{path}?token=1"})] * 3)
        ran = keyed("run", VIDEO, "--face", FACE, "-v", code=None)
    assert ran.code == (5 if path == CREATE_PATH else 1)
    assert elsewhere.requests == []


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_never_hears_of_a_service_on_this_machine(
    keyed: Headswap, service: HeadSwapService, variable: str
) -> None:
    with Eavesdropper() as proxy:
        keyed("status", "f" * 24, "-v", code=13, **{variable: proxy.url, "NO_PROXY": "", "no_proxy": ""})
    assert not proxy.heard
    assert service.requests


def test_a_proxy_on_the_way_to_the_service_is_asked_for_a_tunnel_and_never_told_the_key(
    keyed: Headswap, service: HeadSwapService
) -> None:
    env = {"HEADSWAP_BASE_URL": "https://service.example"}
    with (
        Eavesdropper() as proxy,
        keyed.start("status", "f" * 24, "-v", **env, HTTPS_PROXY=proxy.url) as process,
    ):
        assert process.stderr is not None
        # A proxy that refuses may have changed its mind in a minute; nobody here waits for that.
        said = process.stderr.readline()
        process.terminate()
        process.communicate(timeout=30)
    keyed.assert_secret(said)
    assert proxy.heard.startswith(b"CONNECT service.example:443 ")
    assert service.api_key.encode() not in proxy.heard
    assert service.token.encode() not in proxy.heard
    assert said.startswith("trying again in 1 s: https://service.example could not be reached: 403")


def test_the_media_host_gets_neither_kind_of_key(keyed: Headswap, service: HeadSwapService) -> None:
    keyed("run", VIDEO, "--face", FACE)
    assert service.media.requests
    for request in service.media.requests:
        assert not {"x-api-key", "authorization", "cookie"} & request.headers.keys()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Answer({"code": 1101, "msg": "key-0123456789abcdef? no"}), id="echo"),
        pytest.param(reset, id="reset"),
        pytest.param(raw(b"no http at all\r\n\r\n"), id="no http"),
        pytest.param(Answer(b"<html>key-0123456789abcdef</html>", 200), id="page"),
    ],
)
def test_no_fault_of_any_call_brings_the_key_or_a_signature_to_light(
    cloud: Headswap, service: HeadSwapService, path: str, fault: Fault
) -> None:
    service.script(path, *[fault] * 2)
    for flags in (["-v"], ["-v", "--json"]):
        ran = cloud("run", VIDEO, "--face", FACE, "--force", "--timeout", "5s", *flags, code=None)
        assert "presigned" not in ran.err


def test_a_crash_shows_a_traceback_without_the_key(cloud: Headswap, service: HeadSwapService) -> None:
    script = """
import sys
from headswap_cli import cli
from headswap_cli.api import v4
def broken(client, task_id):
    raise RuntimeError("a mistake in this program")
v4.fetch_task = broken
sys.exit(cli.main(sys.argv[1:]))
"""
    command = [sys.executable, "-X", "dev", "-c", script, "run", VIDEO, "--face", FACE, "--verbose"]
    done = subprocess.run(command, cwd=cloud.cwd, env=cloud.env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "RuntimeError: a mistake in this program" in done.stderr
    cloud.assert_secret(done.stdout, done.stderr)


def test_the_search_for_keys_finds_one(cloud: Headswap, service: HeadSwapService, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="printed"):
        cloud.assert_secret(f"the key is {service.api_key}.")
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "log").write_bytes(b"\0" + service.api_key.encode())
    with pytest.raises(AssertionError, match="written"):
        cloud("status", "f" * 24, code=13)
