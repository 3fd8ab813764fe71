"""The request that costs: sent once, on a connection of its own; no guess at what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headswap_cli.api import v4
from headswap_cli.api.client import keyed_http
from headswap_cli.errors import (
    AuthError,
    CreditsError,
    ExitCode,
    HeadswapError,
    NotFoundError,
    OutcomeUnknownError,
    RefusedError,
    ServiceError,
)
from headswap_cli.models import MappedFace, SwapOptions
from headswap_cli.wire import ANALYZE_PATH, CREATE_PATH
from tests.loopback import sample
from tests.origin import Answer, raw, reset, silence

if TYPE_CHECKING:
    from headswap_cli.api.client import ApiClient
    from tests.api.conftest import Time
    from tests.loopback import HeadSwapService
    from tests.origin import Fault

VIDEO = "https://example.com/clip.mp4"
BODY = v4.create_body(VIDEO, [MappedFace(1, 0, "me.jpg", "https://example.com/me.jpg")], SwapOptions())
UNKNOWN: dict[str, Fault] = {
    "reset": reset,
    "closed": raw(b""),
    "half a head": raw(b"HTTP/1.1 2"),
    "half a body": raw(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"code": 1000, "data"'),
    "bare 500": Answer(b"", 500),
    "bare 502": Answer(b"<html>Bad Gateway</html>", 502),
    "bare 503 with Retry-After": Answer(b"", 503, {"Retry-After": "1"}),
    "bare 504": Answer(b"", 504),
    "a gateway's 504 that looks like an envelope": Answer({"code": 504, "msg": "upstream timed out"}, 504),
    "a gateway's code of its own": Answer({"code": 50201, "msg": "bad gateway"}, 502),
    "bare 404": Answer(b"", 404),
    "bare 400": Answer(b"", 400),
    "redirect": Answer(b"", 303, {"Location": "/elsewhere"}),
    "html": Answer(b"<html>ok</html>"),
    "empty": Answer(b""),
    "no code": Answer({"status": 404}),
    "list": Answer([1000]),
    "success under 500": Answer({"code": 1000, "data": {"_id": "a"}}, 500),
    "data is a list": Answer({"code": 1000, "data": []}),
    "packed": Answer(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}),
    "no data": Answer({"code": 1000}),
    "no id": Answer({"code": 1000, "data": {"status": 1}}),
    "empty id": Answer({"code": 1000, "data": {"_id": ""}}),
    "id of another type": Answer({"code": 1000, "data": {"_id": 7}}),
    "id with a line break": Answer({"code": 1000, "data": {"_id": "a\nb"}}),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_create_that_no_envelope_confirms_is_unknown_and_sent_once(
    client: ApiClient, service: HeadSwapService, time: Time, name: str
) -> None:
    service.script(CREATE_PATH, UNKNOWN[name])
    with pytest.raises(OutcomeUnknownError) as caught:
        v4.create_task(client, BODY)
    assert caught.value.exit_code == ExitCode.UNKNOWN
    assert not caught.value.retryable
    assert caught.value.hint
    assert len(service.creates) == 1
    assert time.sleeps == []


def test_a_create_that_times_out_is_unknown_and_sent_once(service: HeadSwapService, time: Time) -> None:
    service.script(CREATE_PATH, silence)
    with (
        keyed_http(service.url, api_key=service.api_key, timeout_s=0.1) as http,
        pytest.raises(OutcomeUnknownError),
    ):
        v4.create_task(time.client(http), BODY)
    assert len(service.creates) == 1


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (Answer(sample("no_credits")), CreditsError),
        (Answer(sample("invalid_key")), AuthError),
        (Answer(sample("refused_too_many_faces")), RefusedError),
        (Answer(sample("not_found")), NotFoundError),
        (Answer(sample("server_fault")), ServiceError),
        (Answer(sample("server_fault"), 500), ServiceError),
        (Answer({"code": 4242, "msg": "new"}), ServiceError),
        (Answer(b"", 401), AuthError),
        (Answer(b"", 403), AuthError),
    ],
)
def test_a_create_that_was_refused_is_refused_and_sent_once(
    client: ApiClient, service: HeadSwapService, answer: Answer, raised: type[HeadswapError]
) -> None:
    service.script(CREATE_PATH, answer)
    with pytest.raises(HeadswapError) as caught:
        v4.create_task(client, BODY)
    assert type(caught.value) is raised
    assert len(service.creates) == 1


def test_a_create_throttled_until_patience_is_over_is_known_not_to_exist(
    client: ApiClient, service: HeadSwapService
) -> None:
    service.script(CREATE_PATH, *[Answer(sample("throttled"))] * 20)
    with pytest.raises(ServiceError, match="1005"):
        v4.create_task(client, BODY)
    assert service.tasks == []


def test_a_create_throttled_and_then_lost_is_unknown(client: ApiClient, service: HeadSwapService) -> None:
    service.script(CREATE_PATH, Answer(sample("throttled")), reset)
    with pytest.raises(OutcomeUnknownError):
        v4.create_task(client, BODY)
    assert len(service.creates) == 2


def test_a_create_never_uses_a_connection_that_was_used_before(
    client: ApiClient, service: HeadSwapService
) -> None:
    v4.submit_analysis(client, VIDEO)
    v4.submit_analysis(client, VIDEO)
    first, second = (request.connection for request in service.sent("POST", ANALYZE_PATH))
    assert first == second, "connections are kept alive, or this test shows nothing"
    for _ in range(2):
        v4.create_task(client, BODY)
    used = [request.connection for request in service.requests]
    assert len(set(used)) == 3


def test_a_connection_that_the_service_closed_meanwhile_cannot_fake_a_lost_create(
    client: ApiClient, service: HeadSwapService
) -> None:
    service.script(ANALYZE_PATH, Answer(sample("analyze_accepted"), hang_up=True))
    v4.submit_analysis(client, VIDEO)
    service.script(CREATE_PATH, Answer(sample("task_created")))
    assert v4.create_task(client, BODY).task_id == sample("task_created")["data"]["_id"]
    assert len(service.creates) == 1
