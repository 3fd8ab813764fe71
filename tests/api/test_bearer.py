"""Bearer tokens: fetched with a client id and its secret, kept, and fetched again once when refused."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from headswap_cli.api.account import fetch_balance
from headswap_cli.api.bearer import LIFETIME_S, TokenSource, expiry
from headswap_cli.api.client import anonymous_http, keyed_http
from headswap_cli.errors import AuthError, HeadswapError, InputError, ServiceError
from headswap_cli.wire import BALANCE_PATH, CREATE_PATH, TOKEN_PATH
from tests.api.test_keys import below_this_test
from tests.origin import Answer, reset

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from headswap_cli.api.client import ApiClient
    from tests.api.conftest import Time
    from tests.loopback import HeadSwapService
    from tests.origin import Fault

NOW = 1_800_000_000.0


class Shelf:
    """Keeps a token, and says how often one was put there."""

    def __init__(self) -> None:
        self.kept: str | None = None
        self.saves = 0

    def load(self) -> str | None:
        return self.kept

    def save(self, text: str) -> None:
        self.kept, self.saves = text, self.saves + 1


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def anonymous(service: HeadSwapService) -> Iterator[httpx.Client]:
    with anonymous_http(service.url, timeout_s=5.0) as http:
        yield http


def source_of(
    service: HeadSwapService, anonymous: httpx.Client, time: Time, shelf: Shelf, **changes: str
) -> TokenSource:
    given = {"client_id": service.client_id, "client_secret": service.api_key, "base_url": service.url}
    return TokenSource(
        time.client(anonymous, patience_s=0.0),
        **{**given, **changes},
        load=shelf.load,
        save=shelf.save,
        now=lambda: NOW,
    )


@pytest.fixture
def source(service: HeadSwapService, anonymous: httpx.Client, time: Time, shelf: Shelf) -> TokenSource:
    return source_of(service, anonymous, time, shelf)


@pytest.fixture
def renewing(service: HeadSwapService, time: Time, source: TokenSource) -> Iterator[ApiClient]:
    """A client whose token has just become worthless."""
    with keyed_http(service.url, token=source.current()) as http:
        service.token = "token.new"
        yield time.client(http, renew=source.renew)


def test_a_token_is_fetched_without_any_key_header_and_kept(
    service: HeadSwapService, source: TokenSource, shelf: Shelf
) -> None:
    assert source.current() == service.token
    asked = service.sent("POST", TOKEN_PATH)
    assert asked[0].json == {"clientId": service.client_id, "clientSecret": service.api_key}
    assert not {"x-api-key", "authorization"} & asked[0].headers.keys()
    assert json.loads(shelf.kept or "")["expires_at"] == NOW + LIFETIME_S


def test_a_kept_token_is_used_without_asking(service: HeadSwapService, source: TokenSource) -> None:
    source.current()
    assert source.current() == service.token
    assert len(service.sent("POST", TOKEN_PATH)) == 1


@pytest.mark.parametrize(
    "kept",
    [
        None,
        "",
        "not json",
        "[]",
        json.dumps({"token": "old", "expires_at": NOW * 2}),
        json.dumps({"token": "old", "expires_at": NOW * 2, "client_id": "other", "base_url": "https://b"}),
    ],
)
def test_a_token_of_another_client_or_service_is_none(
    service: HeadSwapService, source: TokenSource, shelf: Shelf, kept: str | None
) -> None:
    shelf.kept = kept
    assert source.current() == service.token


def test_an_expired_token_is_fetched_again(
    service: HeadSwapService, source: TokenSource, shelf: Shelf
) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": NOW + 30}).encode()).decode().rstrip("=")
    service.token = f"e30.{claims}.c2ln"
    source.current()
    source.current()
    assert shelf.saves == 2


def test_the_end_of_a_token_is_read_from_it_where_it_is_a_jwt() -> None:
    claims = base64.urlsafe_b64encode(b'{"exp": 1900000000}').decode().rstrip("=")
    assert expiry(f"e30.{claims}.c2ln") == 1_900_000_000.0
    assert [expiry(token) for token in ("", "a.b", "a.!.c", "a.bm8.c", "a.\u00e9.c")] == [None] * 5


def test_a_refused_token_is_fetched_again_once_and_the_request_repeated(
    service: HeadSwapService, renewing: ApiClient
) -> None:
    assert fetch_balance(renewing) == service.credit
    sent = [request.headers["authorization"] for request in service.sent("GET", BALANCE_PATH)]
    assert len(sent) == 2
    assert sent[1] == "Bearer token.new"
    assert not [request for request in service.requests if "x-api-key" in request.headers]


def test_a_create_turned_away_for_its_token_is_sent_again_with_a_new_one(
    service: HeadSwapService, renewing: ApiClient
) -> None:
    with pytest.raises(HeadswapError, match="obj_id"):
        renewing.post_paid(CREATE_PATH, {"mappings": []})
    assert len(service.creates) == 2


def test_a_token_that_stays_refused_is_an_auth_error_after_one_new_one(
    service: HeadSwapService, renewing: ApiClient
) -> None:
    invalid = Answer({"code": 1101, "msg": "invalid"})
    service.script(BALANCE_PATH, invalid, invalid, invalid)
    with pytest.raises(AuthError):
        fetch_balance(renewing)
    assert len(service.sent("GET", BALANCE_PATH)) == 2


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (Answer({"code": 1101, "msg": "invalid"}), AuthError),
        (Answer({"code": 1000}), ServiceError),
        (Answer({"code": 1000, "token": 7}), ServiceError),
        (Answer(b"<html>", 502), HeadswapError),
        (reset, HeadswapError),
    ],
)
def test_no_error_of_a_token_request_shows_the_secret(
    service: HeadSwapService, source: TokenSource, fault: Fault, raised: type[HeadswapError]
) -> None:
    service.script(TOKEN_PATH, fault)
    with pytest.raises(raised) as caught:
        source.renew()
    shown = below_this_test(caught.value)
    assert shown
    assert not [text for text in shown if service.api_key in text]


def test_a_secret_is_never_sent_over_plain_http_to_elsewhere() -> None:
    with pytest.raises(InputError, match="plain http"):
        anonymous_http("http://example.com")


def test_a_secret_that_is_echoed_where_tokens_are_fetched_is_shown_to_nobody(
    service: HeadSwapService, source: TokenSource
) -> None:
    said = f"client {service.client_id} with secret {service.api_key} is unknown"
    service.script(TOKEN_PATH, Answer({"code": 1101, "msg": said}))
    with pytest.raises(AuthError) as caught:
        source.renew()
    assert service.api_key not in caught.value.message
    assert "with secret *** is unknown" in caught.value.message
