"""What each answer of the service means: class, exit code, what is said, whether it is asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headswap_cli.api.client import ApiClient
from headswap_cli.errors import (
    AuthError,
    CreditsError,
    ExitCode,
    HeadswapError,
    NetworkError,
    NotFoundError,
    RefusedError,
    ServiceError,
)
from headswap_cli.wire import TASK_PATH
from tests.origin import Answer, drip, raw

if TYPE_CHECKING:
    import httpx

    from tests.api.conftest import Time
    from tests.loopback import HeadSwapService
    from tests.origin import Fault

ASKED = {"_id": "6a066dc5"}
FINAL = [
    (1101, AuthError, ExitCode.AUTH),
    (1102, AuthError, ExitCode.AUTH),
    (1109, AuthError, ExitCode.AUTH),
    (1200, AuthError, ExitCode.AUTH),
    (1006, CreditsError, ExitCode.CREDITS),
    (1103, CreditsError, ExitCode.CREDITS),
    (1104, CreditsError, ExitCode.CREDITS),
    (1213, CreditsError, ExitCode.CREDITS),
    (1221, CreditsError, ExitCode.CREDITS),
    (1008, NotFoundError, ExitCode.NOT_FOUND),
    (1009, NotFoundError, ExitCode.NOT_FOUND),
    (1014, NotFoundError, ExitCode.NOT_FOUND),
    (1003, RefusedError, ExitCode.REFUSED),
    (1007, RefusedError, ExitCode.REFUSED),
    (1204, RefusedError, ExitCode.REFUSED),
    (1207, RefusedError, ExitCode.REFUSED),
    (1208, RefusedError, ExitCode.REFUSED),
    (1209, RefusedError, ExitCode.REFUSED),
    (1210, RefusedError, ExitCode.REFUSED),
    (4242, ServiceError, ExitCode.SERVICE),
    (0, ServiceError, ExitCode.SERVICE),
    (-1, ServiceError, ExitCode.SERVICE),
]
PASSING = [1005, 1015, 1016, 1205, 2001]


def answered(client: ApiClient, service: HeadSwapService, answer: Fault) -> HeadswapError:
    """Ask once, meet ``answer`` for ever, and return the error that it comes to."""
    service.script(TASK_PATH, *[answer] * 100)
    with pytest.raises(HeadswapError) as caught:
        client.get(TASK_PATH, ASKED)
    return caught.value


@pytest.mark.parametrize(("code", "raised", "exit_code"), FINAL)
def test_a_code_that_is_final_has_its_class_and_exit_code_and_is_asked_once(
    client: ApiClient, service: HeadSwapService, code: int, raised: type[HeadswapError], exit_code: ExitCode
) -> None:
    error = answered(client, service, Answer({"code": code, "msg": "because"}))
    assert (type(error), error.exit_code, error.code) == (raised, exit_code, code)
    assert str(code) in error.message
    assert "because" in error.message
    assert not error.retryable
    assert len(service.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
def test_a_known_code_speaks_louder_than_the_http_status(
    client: ApiClient, service: HeadSwapService, status: int
) -> None:
    error = answered(client, service, Answer({"code": 1104, "msg": "no credits"}, status))
    assert (type(error), len(service.requests)) == (CreditsError, 1)


@pytest.mark.parametrize(("status", "raised"), [(401, AuthError), (403, AuthError), (404, NotFoundError)])
def test_the_http_status_explains_a_code_that_nobody_knows(
    client: ApiClient, service: HeadSwapService, status: int, raised: type[HeadswapError]
) -> None:
    assert type(answered(client, service, Answer({"code": 4242, "msg": "?"}, status))) is raised


@pytest.mark.parametrize("code", PASSING)
def test_a_code_that_may_pass_is_asked_again_until_patience_is_over(
    client: ApiClient, service: HeadSwapService, time: Time, code: int
) -> None:
    error = answered(client, service, Answer({"code": code, "msg": "later"}))
    assert (type(error), error.exit_code, error.code) == (ServiceError, ExitCode.SERVICE, code)
    assert error.retryable
    assert len(service.requests) == len(time.sleeps) + 1 > 5
    assert 50 < sum(time.sleeps) <= 60


@pytest.mark.parametrize(
    ("status", "raised", "times"),
    [
        (400, ServiceError, 1),
        (401, AuthError, 1),
        (403, AuthError, 1),
        (404, NotFoundError, 1),
        (405, ServiceError, 1),
        (408, ServiceError, 10),
        (413, ServiceError, 1),
        (429, ServiceError, 10),
        (500, ServiceError, 10),
        (502, ServiceError, 10),
        (503, ServiceError, 10),
        (504, ServiceError, 10),
    ],
)
def test_an_http_fault_without_an_envelope_means_what_its_status_says(
    client: ApiClient, service: HeadSwapService, status: int, raised: type[HeadswapError], times: int
) -> None:
    error = answered(client, service, Answer(b"<html>oops</html>", status))
    assert type(error) is raised
    assert str(status) in error.message
    assert error.retryable == (times > 1)
    assert len(service.requests) == times


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>maintenance</body></html>",
        b'{"code": 1000, "data": {"_id"',
        b"[1000]",
        b"1000",
        b"null",
        b'"code"',
        b'{"status": 404, "message": "Not Found"}',
        b'{"code": "1000", "data": {}}',
        b'{"code": true, "data": {}}',
        b'{"code": 1000.0, "data": {}}',
        b'{"code": null}',
        b'{"code": 1000, "data": []}',
        b'{"code": 1000, "data": "ok"}',
        b'{"code": 1' + b"0" * 5000 + b"}",
        b"[" * 100_000,
        b"\xff\xfe\x00",
        b'{"code": 1000, "data": {"a": "\xe9"}}',
    ],
    ids=lambda body: repr(body[:30]),
)
def test_an_answer_that_is_no_envelope_is_asked_for_again_and_then_a_service_error(
    client: ApiClient, service: HeadSwapService, body: bytes
) -> None:
    error = answered(client, service, Answer(body))
    assert type(error) is ServiceError
    assert len(service.requests) == 10


def test_success_under_a_failed_http_status_is_no_success(
    client: ApiClient, service: HeadSwapService
) -> None:
    assert type(answered(client, service, Answer({"code": 1000, "data": {}}, 500))) is ServiceError


@pytest.mark.parametrize("data", [{}, {"data": None}, {"data": {}}])
def test_success_without_data_is_an_empty_record(
    client: ApiClient, service: HeadSwapService, data: dict[str, object]
) -> None:
    service.script(TASK_PATH, Answer({"code": 1000, **data}))
    assert client.get(TASK_PATH, ASKED) == {}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed_and_its_query_never_shown(
    client: ApiClient, service: HeadSwapService, status: int
) -> None:
    there = f"{service.media.url}/files/x?Signature=secret"
    error = answered(client, service, Answer(b"", status, {"Location": there}))
    assert type(error) is ServiceError
    assert service.media.url in error.message
    assert "secret" not in error.message
    assert service.media.requests == []
    assert len(service.requests) == 1


def test_the_services_text_cannot_drive_the_terminal(client: ApiClient, service: HeadSwapService) -> None:
    said = "bad\x1b[31m \x1b]52;c;aGk=\x07key\u202e\x9b2J\nagain " + "x" * 5000
    error = answered(client, service, Answer({"code": 1003, "msg": said}))
    assert error.message.startswith("The service answered 1003: bad key again xxx")
    assert len(error.message) < 400
    assert error.message.isprintable()


def test_a_link_that_the_service_repeats_loses_its_signature(
    client: ApiClient, service: HeadSwapService
) -> None:
    said = "cannot read https://bucket.example.com/a.mp4?X-Amz-Signature=secret at all"
    error = answered(client, service, Answer({"code": 1208, "msg": said}))
    assert error.message.endswith("cannot read https://bucket.example.com/a.mp4?... at all")


@pytest.mark.parametrize("message", [None, 7, {"a": 1}, ["x"], "", "\ud800"])
def test_a_message_of_any_type_is_borne(client: ApiClient, service: HeadSwapService, message: object) -> None:
    error = answered(client, service, Answer({"code": 1104, "msg": message}))
    assert type(error) is CreditsError
    assert "1104" in error.message


def test_an_answer_without_end_is_cut_off(client: ApiClient, service: HeadSwapService) -> None:
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    service.script(TASK_PATH, raw(head + b'{"code": 1000, "data": {"pad": "' + b" " * (9 << 20) + b'"}}'))
    service.script(TASK_PATH, *[Answer({"code": 1104, "msg": "enough"})])
    with pytest.raises(CreditsError):
        client.get(TASK_PATH, ASKED)
    assert len(service.requests) == 2


def test_an_answer_in_drips_is_given_up(http: httpx.Client, service: HeadSwapService, time: Time) -> None:
    def hurried() -> float:
        time.now += 50.0
        return time.now

    service.script(TASK_PATH, drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"))
    with pytest.raises(NetworkError, match="did not end"):
        ApiClient(http, patience_s=0.0, sleep=time.sleep, clock=hurried).get(TASK_PATH, ASKED)
