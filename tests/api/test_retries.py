"""What is sent again, how often, and how long is waited in between. No test waits."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from headswap_cli.api.account import fetch_balance
from headswap_cli.api.client import ApiClient, keyed_http
from headswap_cli.errors import HeadswapError, NetworkError, ServiceError
from headswap_cli.wire import ANALYZE_PATH, BALANCE_PATH, CREATE_PATH, TASK_PATH
from tests.loopback import HeadSwapService, sample
from tests.origin import Answer, Origin, Recorded, raw, reset, silence

if TYPE_CHECKING:
    from tests.api.conftest import Time
    from tests.origin import Connection, Fault

ASKED = {"_id": "6a066dc5"}
BODY = {"video_url": "https://example.com/clip.mp4", "type": "head"}
BROKEN: dict[str, Fault] = {
    "reset": reset,
    "closed": raw(b""),
    "half a head": raw(b"HTTP/1.1 200 O"),
    "no http": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "short body": raw(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"code": 1000'),
    "short chunk": raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"code": 1000'),
    "bad length": raw(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}"),
    "packed": Answer(b"\x1f\x8b\x08", headers={"Content-Encoding": "gzip"}),
}


class Accepting(Origin):
    """Takes every POST and finds every record, without a look at keys."""

    def respond(self, request: Recorded) -> Answer:
        return Answer(sample("analyze_accepted"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.parametrize("name", BROKEN)
def test_a_get_that_breaks_off_is_asked_again_and_succeeds(
    client: ApiClient, service: HeadSwapService, name: str
) -> None:
    service.script(TASK_PATH, BROKEN[name], BROKEN[name], Answer(sample("task_processing")))
    assert client.get(TASK_PATH, ASKED)["status"] == 2
    assert len(service.requests) == 3


def test_a_get_that_is_never_answered_times_out_and_is_asked_again(
    service: HeadSwapService, time: Time
) -> None:
    service.script(TASK_PATH, silence, Answer(sample("task_processing")))
    with keyed_http(service.url, api_key=service.api_key, timeout_s=0.5) as http:
        assert time.client(http).get(TASK_PATH, ASKED)["status"] == 2
    assert len(service.requests) == 2


def test_the_waits_double_up_to_ten_seconds_and_end_with_patience(
    client: ApiClient, service: HeadSwapService, time: Time
) -> None:
    service.script(TASK_PATH, *[reset] * 20)
    with pytest.raises(NetworkError):
        client.get(TASK_PATH, ASKED)
    assert time.sleeps == [0.5, 1, 2, 4, 8, 10, 10, 10, 10]


def test_patience_is_measured_from_the_first_try(service: HeadSwapService, time: Time) -> None:
    service.script(TASK_PATH, *[reset] * 20)
    with (
        keyed_http(service.url, api_key=service.api_key) as http,
        pytest.raises(NetworkError),
    ):
        time.client(http, patience_s=3.0).get(TASK_PATH, ASKED)
    assert time.sleeps == [0.5, 1]


def test_without_patience_nothing_is_asked_twice(service: HeadSwapService, time: Time) -> None:
    service.script(TASK_PATH, reset)
    with (
        keyed_http(service.url, api_key=service.api_key) as http,
        pytest.raises(NetworkError),
    ):
        time.client(http, patience_s=0.0).get(TASK_PATH, ASKED)
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"slow down", 429, {"Retry-After": "7"}),
        Answer(b"busy", 503, {"Retry-After": "7"}),
        Answer({"code": 1005, "msg": "too frequent"}, 200, {"Retry-After": "7"}),
        Answer({"code": 2001, "msg": "fault"}, 500, {"Retry-After": "7"}),
    ],
)
def test_a_wait_that_the_service_asks_for_is_kept(
    client: ApiClient, service: HeadSwapService, time: Time, answer: Answer
) -> None:
    service.script(TASK_PATH, answer, Answer(sample("task_processing")))
    client.get(TASK_PATH, ASKED)
    assert time.sleeps == [7.0]


def test_a_wait_longer_than_patience_is_not_begun(
    client: ApiClient, service: HeadSwapService, time: Time
) -> None:
    service.script(TASK_PATH, Answer(b"", 429, {"Retry-After": "61"}))
    with pytest.raises(ServiceError, match="429"):
        client.get(TASK_PATH, ASKED)
    assert time.sleeps == []


def test_each_wait_is_told_with_its_reason(service: HeadSwapService, time: Time) -> None:
    told: list[tuple[str, float]] = []
    service.script(TASK_PATH, Answer(b"", 503), reset, Answer(sample("task_processing")))
    with keyed_http(service.url, api_key=service.api_key) as http:
        client = time.client(http, on_retry=lambda error, pause: told.append((error.slug, pause)))
        client.get(TASK_PATH, ASKED)
    assert told == [("service", 0.5), ("network", 1.0)]


@pytest.mark.parametrize(
    "fault", [*BROKEN.values(), Answer(b"", 500), Answer(b"", 503), Answer({"code": 2001}), Answer(b"", 302)]
)
def test_a_post_that_may_have_arrived_is_sent_once(
    client: ApiClient, service: HeadSwapService, fault: Fault
) -> None:
    service.script(ANALYZE_PATH, fault)
    with pytest.raises(HeadswapError):
        client.post(ANALYZE_PATH, BODY)
    assert len(service.requests) == 1


@pytest.mark.parametrize("answer", [Answer({"code": 1005, "msg": "later"}), Answer(b"", 429)])
@pytest.mark.parametrize("path", [ANALYZE_PATH, CREATE_PATH])
def test_a_post_that_was_throttled_is_sent_again(time: Time, answer: Answer, path: str) -> None:
    with Accepting() as origin, keyed_http(origin.url, api_key="k") as http:
        origin.script(path, answer, answer)
        client = time.client(http)
        send = client.post if path == ANALYZE_PATH else client.post_paid
        assert send(path, BODY)["status"] == 1
    assert len(origin.requests) == 3
    assert {request.body for request in origin.requests} == {origin.requests[0].body}


@pytest.mark.parametrize("paid", [False, True])
def test_a_post_whose_connection_was_refused_is_sent_once_the_service_is_there(
    time: Time, paid: bool
) -> None:
    origins: list[Origin] = []
    port = free_port()

    def appear() -> None:
        if len(time.sleeps) == 3:
            origins.append(Accepting(port).__enter__())

    time.on_sleep = appear
    with keyed_http(f"http://127.0.0.1:{port}", api_key="k") as http:
        client = time.client(http)
        record = (client.post_paid if paid else client.post)(CREATE_PATH, BODY)
    (origin,) = origins
    origin.__exit__(None, None, None)
    assert record["status"] == 1
    assert len(origin.requests) == 1
    assert time.sleeps == [0.5, 1, 2]


@pytest.mark.parametrize("call", ["get", "post", "post_paid"])
def test_a_service_that_stays_away_is_a_network_error_and_nothing_is_unknown(time: Time, call: str) -> None:
    with (
        keyed_http(f"http://127.0.0.1:{free_port()}", api_key="k") as http,
        pytest.raises(NetworkError, match="could not be reached") as caught,
    ):
        getattr(time.client(http), call)(CREATE_PATH, {})
    assert caught.value.hint
    assert len(time.sleeps) == 9


@pytest.mark.parametrize("paid", [False, True])
def test_a_connection_that_is_never_made_may_be_tried_again(time: Time, paid: bool) -> None:
    """A timeout while connecting can't be had on loopback, so the transport says it."""
    tries = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise httpx.ConnectTimeout("timed out", request=request)
        return httpx.Response(200, content=iter([json.dumps(sample("analyze_accepted")).encode()]))

    with httpx.Client(base_url="https://example.com", transport=httpx.MockTransport(answer)) as http:
        client = time.client(http)
        assert (client.post_paid if paid else client.post)(CREATE_PATH, BODY)["status"] == 1


def test_a_certificate_that_is_not_trusted_is_not_tried_again(time: Time) -> None:
    """The words are OpenSSL's; no loopback server here has a certificate."""

    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed", request=request)

    with (
        httpx.Client(base_url="https://example.com", transport=httpx.MockTransport(answer)) as http,
        pytest.raises(NetworkError, match="self-signed"),
    ):
        time.client(http).post_paid(CREATE_PATH, BODY)
    assert time.sleeps == []


@pytest.mark.parametrize(("answered", "waits"), [(False, 4), (True, 9)])
def test_a_name_without_an_address_is_soon_given_up_unless_the_service_has_answered_before(
    service: HeadSwapService, time: Time, monkeypatch: pytest.MonkeyPatch, answered: bool, waits: int
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    told: list[str] = []
    each_anew = httpx.HTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))
    with httpx.Client(base_url=service.url, transport=each_anew) as http:
        client = time.client(http, on_retry=lambda error, _: told.append(error.message))
        if answered:
            service.script(TASK_PATH, Answer(sample("task_processing")))
            client.get(TASK_PATH, ASKED)
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(NetworkError, match="Name or service not known"):
            client.get(TASK_PATH, ASKED)
    assert len(time.sleeps) == len(told) == waits


def test_what_is_good_to_know_is_not_waited_for(service: HeadSwapService) -> None:
    over = threading.Event()

    def answer_late(connection: Connection) -> None:
        over.wait(30)
        Answer({"code": 1000, "data": {"credit": 5}})(connection)

    service.script(BALANCE_PATH, answer_late)
    with keyed_http(service.url, api_key=service.api_key, timeout_s=60.0) as http:
        with pytest.raises(NetworkError):
            fetch_balance(ApiClient(http).hurried(0.05))
        over.set()
