"""Where the key goes, and where it never shows."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import httpx
import pytest

from headswap_cli.api import v4
from headswap_cli.api.client import keyed_http
from headswap_cli.errors import AuthError, HeadswapError, InputError
from headswap_cli.transfer import bare_http, download, is_loopback
from headswap_cli.wire import TASK_PATH
from tests.origin import Answer, Origin, raw, reset

if TYPE_CHECKING:
    from pathlib import Path

    from tests.api.conftest import Time
    from tests.loopback import HeadSwapService
    from tests.origin import Fault

KEY = "sk-live-0123456789abcdef"


def below_this_test(error: BaseException) -> list[str]:
    """Return the traceback of an error and its causes with all local variables but this file's."""
    lines: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        told = traceback.TracebackException.from_exception(cause, capture_locals=True)
        frames = [frame for frame in told.stack if frame.filename != __file__]
        lines += [str(told), *(f"{frame.name} {frame.locals}" for frame in frames)]
        cause = cause.__cause__ or cause.__context__
    return lines


@pytest.mark.parametrize(
    "fault",
    [
        Answer({"code": 1101, "msg": "invalid"}),
        Answer(b"", 302, {"Location": "/elsewhere"}),
        Answer(b"", 500),
        Answer(b"no envelope"),
        reset,
        raw(b"no http"),
    ],
)
@pytest.mark.parametrize("secret", ["api_key", "token"])
def test_no_error_log_or_traceback_shows_the_key(
    service: HeadSwapService, time: Time, caplog: pytest.LogCaptureFixture, fault: Fault, secret: str
) -> None:
    caplog.set_level(logging.DEBUG)
    service.script(TASK_PATH, fault)
    key, token = (KEY, None) if secret == "api_key" else (None, KEY)
    with keyed_http(service.url, api_key=key, token=token) as http:
        with pytest.raises(HeadswapError) as caught:
            time.client(http, patience_s=0.0).get(TASK_PATH, {"_id": "a"})
        shown = [repr(http), repr(http.auth), repr(http.headers), repr(vars(caught.value))]
    assert service.requests[0].headers.get("x-api-key", KEY).endswith(KEY)

    shown += [*below_this_test(caught.value), caplog.text]
    cause = caught.value.__cause__
    if isinstance(cause, httpx.RequestError):
        shown += [repr(cause.request.headers), repr(list(cause.request.headers.items()))]
    assert caplog.records, "the HTTP library logged something, or this test shows nothing"
    assert not [text for text in shown if KEY in text]


def test_a_request_in_a_response_holds_no_key(service: HeadSwapService) -> None:
    with keyed_http(service.url, api_key=service.api_key) as http:
        response = http.get(TASK_PATH, params={"_id": "a"})
        with pytest.raises(httpx.HTTPStatusError) as caught:
            httpx.Response(500, request=response.request).raise_for_status()
    assert service.requests[0].headers["x-api-key"] == service.api_key
    assert service.api_key not in repr(response.request.headers)
    assert "x-api-key" not in caught.value.request.headers


def test_the_key_never_reaches_a_media_host(service: HeadSwapService, time: Time, tmp_path: Path) -> None:
    service.media.files["x.mp4"] = b"video"
    with keyed_http(service.url, api_key=service.api_key) as http, bare_http() as bare:
        v4.submit_analysis(time.client(http), "https://example.com/clip.mp4")
        download(bare, f"{service.media.url}/r/x.mp4?s=1", tmp_path / "x.mp4", verify=lambda _: None)
    assert len(service.media.requests) == 2
    for request in service.media.requests:
        assert not {"x-api-key", "authorization", "cookie"} & request.headers.keys()
        assert service.api_key not in repr(request)


def test_a_keyed_client_never_follows_a_redirect_even_if_it_downloads(
    service: HeadSwapService, tmp_path: Path
) -> None:
    there = f"{service.media.url}/files/x.mp4"
    service.media.files["x.mp4"] = b"video"
    service.script("/media/x", Answer(b"", 302, {"Location": there}))
    with keyed_http(service.url, api_key=KEY) as http, pytest.raises(HeadswapError):
        download(http, "/media/x", tmp_path / "x.mp4", verify=lambda _: None)
    assert service.media.requests == []


@pytest.mark.parametrize(
    "base_url",
    [
        "http://example.com",
        "http://192.168.1.20:8080",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://[::ffff:8.8.8.8]",
        "http://0x7f.1",
    ],
)
def test_a_key_is_refused_over_plain_http_to_elsewhere(base_url: str) -> None:
    with pytest.raises(InputError, match="plain http") as caught:
        keyed_http(base_url, api_key=KEY)
    assert caught.value.hint


@pytest.mark.parametrize(
    "base_url",
    [
        "https://openapi.akool.com",
        "http://127.0.0.1:9",
        "http://[::1]:9",
        "http://localhost:9",
        "http://127.8.8.8",
    ],
)
def test_a_key_may_go_over_https_and_to_this_machine(base_url: str) -> None:
    with keyed_http(base_url, api_key=KEY) as http:
        assert not http.follow_redirects
        assert str(http.base_url).startswith(base_url)


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "openapi.akool.com",
        "ftp://example.com",
        "file:///etc/passwd",
        "https://",
        "https://user:hunter2@example.com",
        "https://example.com?key=hunter2",
        "https://example.com#hunter2",
        "https://example.com:port",
        "https://exa\x00mple.com",
    ],
)
def test_an_address_that_is_none_is_refused_without_its_secrets(base_url: str) -> None:
    with pytest.raises(InputError) as caught:
        keyed_http(base_url, api_key=KEY)
    assert "hunter2@" not in caught.value.message
    assert "key=" not in caught.value.message


@pytest.mark.parametrize("key", [None, "", "  ", "\n"])
def test_no_key_at_all_is_an_authentication_error_with_a_way_out(key: str | None) -> None:
    with pytest.raises(AuthError) as caught:
        keyed_http("https://example.com", api_key=key)
    assert "HEADSWAP_API_KEY" in (caught.value.hint or "")


@pytest.mark.parametrize("key", [f"{KEY}\r\nX: y", f"{KEY} 2", f"{KEY}é", f"{KEY}\x00", f"{KEY}\ud800"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(key: str) -> None:
    for secrets in ((key, None), (None, key)):
        with pytest.raises(AuthError) as caught:
            keyed_http("https://example.com", api_key=secrets[0], token=secrets[1])
        assert KEY not in f"{caught.value.message} {caught.value.hint}"


def test_a_key_pasted_with_a_line_break_is_trimmed(service: HeadSwapService) -> None:
    with keyed_http(service.url, api_key=f"  {service.api_key}\n") as http:
        http.get(TASK_PATH)
    assert service.requests[0].headers["x-api-key"] == service.api_key


def test_a_proxy_never_sees_a_request_to_this_machine(
    service: HeadSwapService, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Origin() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with keyed_http(service.url, api_key=service.api_key) as http:
            http.get(TASK_PATH)
    assert proxy.requests == []
    assert len(service.requests) == 1


@pytest.mark.parametrize("host", ["10.0.0.1", "example.com", "localhost.", "", "128.0.0.1", "::2"])
def test_no_other_host_is_this_machine(host: str) -> None:
    assert not is_loopback(host)
