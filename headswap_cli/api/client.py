"""Calls to the API: what carries the key, what is sent again, and what an answer means."""

from __future__ import annotations

import random as _random
import time
from copy import copy
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx

from headswap_cli import __version__
from headswap_cli.envelope import Fault, Kind, Reply, open_envelope, unreachable
from headswap_cli.errors import AuthError, HeadswapError, InputError, NotFoundError, OutcomeUnknownError
from headswap_cli.retry import delay_s
from headswap_cli.text import printable
from headswap_cli.transfer import is_loopback, open_http, quiet_logs, read_reply, trusted_roots
from headswap_cli.wire import INVALID_KEY

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Collection, Generator, Mapping

    from headswap_cli.wire import JsonObject

_AGAIN_GET = frozenset({Kind.UNSENT, Kind.THROTTLED, Kind.BROKEN, Kind.SILENT})
_AGAIN_POST = frozenset({Kind.UNSENT, Kind.THROTTLED})
_UNANSWERED = frozenset({Kind.SILENT, Kind.STRANGE})
_CONNECT_TIMEOUT_S = 10.0
# How long a name without an address is looked up, as long as the service has answered nothing yet.
_NAME_PATIENCE_S = 10.0
# What is shorter is no key, and may be part of any word.
_MIN_KEY_LENGTH = 8


class KeyAuth(httpx.Auth):
    """Puts the key on a request for as long as it is under way.

    httpx shows ``x-api-key`` in ``repr(request.headers)``, and its exceptions carry the request; so the
    header is taken off again before anybody gets to see either.
    """

    def __init__(self, header: str, value: str) -> None:
        self._header = header
        self._value = value

    def __repr__(self) -> str:
        return f"KeyAuth({self._header!r}, '***')"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header, yield the request once, and remove the header however that ended."""
        request.headers[self._header] = self._value
        try:
            yield request
        finally:
            request.headers.pop(self._header, None)

    def blotted(self, reply: Reply) -> Reply:
        """Return an answer with the key taken out: gateways echo requests in their error pages."""
        return blotted(reply, self._value.rpartition(" ")[2])


def blotted(reply: Reply, key: str) -> Reply:
    """Return an answer with every copy of a key in it taken out."""
    if len(key) < _MIN_KEY_LENGTH:
        return reply
    location = reply.location.replace(key, "***") if reply.location else None
    return replace(reply, body=reply.body.replace(key.encode(), b"***"), location=location)


def keyed_http(
    base_url: str,
    *,
    api_key: str | None = None,
    token: str | None = None,
    verify: ssl.SSLContext | None = None,
    timeout_s: float = 60.0,
) -> httpx.Client:
    """Return a client for the API at ``base_url`` that sends exactly one of key and token.

    A token wins, as it does at the service. Redirects are never followed. The environment's proxies are
    used, but never for this machine: a proxy would get the key.

    Args:
        base_url: The service's root.
        api_key: Sent as ``x-api-key``.
        token: Sent as a bearer token instead.
        verify: Whose certificates are trusted; the system's habit if None.
        timeout_s: How long a single read or write may take.

    Raises:
        AuthError: there is neither key nor token, or what there is can't be one.
        InputError: ``base_url`` is not an http(s) address, holds a password, or is plain http to elsewhere.
    """
    check_address(base_url)
    auth = bearer(token) if token else KeyAuth("x-api-key", check_secret(api_key))
    return anonymous_http(base_url, auth=auth, verify=verify, timeout_s=timeout_s)


def bearer(token: str | None) -> KeyAuth:
    """Return what sends ``token`` as a bearer token.

    Raises:
        AuthError: it is none.
    """
    return KeyAuth("Authorization", f"Bearer {check_secret(token)}")


def anonymous_http(
    base_url: str,
    *,
    auth: KeyAuth | None = None,
    verify: ssl.SSLContext | None = None,
    timeout_s: float = 60.0,
) -> httpx.Client:
    """Return a client as ``keyed_http`` does, but without a key unless ``auth`` holds one.

    Raises:
        InputError: ``base_url`` is not an http(s) address, holds a password, or is plain http to elsewhere.
    """
    url = check_address(base_url)
    quiet_logs()
    return open_http(
        base_url=url,
        auth=auth,
        headers={
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"headswap-cli/{__version__}",
        },
        # Plain http is loopback here and is never redirected: no TLS, so no roots to read.
        verify=(verify or trusted_roots()) if url.scheme == "https" else False,
        timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_TIMEOUT_S)),
        follow_redirects=False,
        trust_env=not is_loopback(url.host),
    )


def check_address(base_url: str) -> httpx.URL:
    """Return a service's root if a key may be sent there.

    Raises:
        InputError: it is not an http(s) address, holds a password, or is plain http to elsewhere.
    """
    shown = printable(base_url.partition("?")[0].rpartition("@")[2], 120)
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, TypeError) as error:
        raise InputError(f"The service's address {shown!r} is not a URL.") from error
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise InputError(
            f"The service's address {shown!r} is not an http(s) address.",
            hint="Give its root: HEADSWAP_BASE_URL=https://openapi.akool.com",
        )
    if url.userinfo:
        raise InputError(
            f"The service's address holds a password ({shown}).",
            hint="Put the key into HEADSWAP_API_KEY instead.",
        )
    if url.scheme == "http" and not is_loopback(url.host):
        raise InputError(
            f"A key is not sent over plain http to {printable(url.host)}: anybody on the way could read it.",
            hint="Use the https address: https://...",
        )
    return url


def check_secret(value: str | None) -> str:
    """Return a key or token, trimmed.

    Raises:
        AuthError: there is none, or no header can carry it.
    """
    secret = (value or "").strip()
    if not secret:
        raise AuthError("There is no API key.", hint="Set HEADSWAP_API_KEY, or work here: --profile local")
    if not all("!" <= letter <= "~" for letter in secret):
        raise AuthError(
            "The API key holds characters that no key has (a space, a line break, a letter outside ASCII).",
            hint="Copy it again: export HEADSWAP_API_KEY=...",
        )
    return secret


class _StaleConnectionError(Exception):
    """The pool was about to use a connection that has been used before."""


class _Fresh:
    """An httpcore trace that stops a request before its first byte unless its connection is new.

    A connection that the server has closed meanwhile looks like a lost answer.
    https://www.encode.io/httpcore/extensions/#trace
    """

    def __init__(self) -> None:
        self._is_new = False

    def __call__(self, event: str, _: Mapping[str, object]) -> None:
        """Take note of a connection being made, and refuse to send over any other."""
        if event.startswith("connection.connect_") and event.endswith(".complete"):
            self._is_new = True
        elif event.endswith(".send_request_headers.started") and not self._is_new:
            raise _StaleConnectionError


class ApiClient:
    """Sends requests to the API and answers with the envelope's ``data``.

    Args:
        http: Knows the address and the key; stays the caller's to close.
        patience_s: How long a request is tried again, from its first try.
        sleep: Waits that many seconds.
        clock: Seconds of a clock that never goes back.
        random: Gives a number in [0, 1).
        on_retry: Is told the error and the seconds before each wait.
        renew: Gets a new bearer token; asked once for a request whose token was refused.
        lost_hint: What mends an id that is not known, where that is not the key: of the local engine alone.
    """

    def __init__(
        self,
        http: httpx.Client,
        *,
        patience_s: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = _random.random,
        on_retry: Callable[[HeadswapError, float], None] | None = None,
        renew: Callable[[], str] | None = None,
        lost_hint: str | None = None,
    ) -> None:
        self._http = http
        self._lost_hint = lost_hint
        self._patience_s = patience_s
        self._sleep = sleep
        self._clock = clock
        self._random = random
        self._on_retry = on_retry
        self._renew = renew
        self._timeout_s: float | None = None
        self._has_answered = False

    @property
    def is_of_engine(self) -> bool:
        """Whether it is the local engine that answers: what a service says in its words means nothing."""
        return self._lost_hint is not None

    def telling(self, on_retry: Callable[[HeadswapError, float], None]) -> ApiClient:
        """Return the same client, which tells of each error that it does not give in to, and of the wait."""
        client = copy(self)
        client._on_retry = on_retry
        return client

    def resting(self, sleep: Callable[[float], None]) -> ApiClient:
        """Return the same client, which waits between two tries in another way."""
        client = copy(self)
        client._sleep = sleep
        return client

    def hurried(self, timeout_s: float | None = None) -> ApiClient:
        """Return the same client without patience: what fails is not tried again.

        Args:
            timeout_s: How long a GET may be silent; as long as any if None.
        """
        client = copy(self)
        client._patience_s, client._timeout_s = 0.0, timeout_s
        return client

    def get(self, path: str, params: Mapping[str, str]) -> JsonObject:
        """Ask for something; asked again after every fault that may pass by itself.

        Raises:
            HeadswapError: the class that the code, the HTTP status or the broken connection means.
        """
        limit: Any = {} if self._timeout_s is None else {"timeout": self._timeout_s}
        # Whole, it is read once; a path and its parameters are joined, taken apart and checked three times.
        url = f"{str(self._http.base_url).rstrip('/')}{path}?{urlencode(params)}".rstrip("?")

        def _ask() -> JsonObject | Fault:
            return self._exchange(self._http.build_request("GET", url, **limit))

        return self._persist(_ask, _AGAIN_GET)

    def post(
        self,
        path: str,
        body: JsonObject,
        *,
        opened: Callable[[Reply], JsonObject | Fault] = open_envelope,
    ) -> JsonObject:
        """Submit something free of charge; sent again only if it never arrived or was throttled.

        Args:
            path: Where.
            body: What.
            opened: Finds the data in the answer.

        Raises:
            HeadswapError: the class that the code, the HTTP status or the broken connection means.
        """
        return self._persist(
            lambda: self._exchange(self._http.build_request("POST", path, json=body), opened), _AGAIN_POST
        )

    def post_paid(self, path: str, body: JsonObject) -> JsonObject:
        """Submit something that costs, on a fresh connection; sent again as ``post`` does, never else.

        Raises:
            OutcomeUnknownError: it was sent and not answered by an envelope, so it may or may not exist.
                HTTP 401, 403 and 429 count as answers: such a request was turned away at the door.
            HeadswapError: the class that the answer's code means.
        """
        return self._persist(lambda: _unknown(self._exchange_fresh(path, body)), _AGAIN_POST)

    def _persist(self, attempt: Callable[[], JsonObject | Fault], again: Collection[Kind]) -> JsonObject:
        begun = self._clock()
        for tries in count():
            outcome = self._attempt_renewed(attempt)
            if not isinstance(outcome, Fault):
                return outcome
            pause = delay_s(tries, retry_after_s=outcome.retry_after_s, random=self._random)
            waited_s = self._clock() + pause - begun
            if outcome.kind not in again or waited_s > self._patience_with(outcome):
                if self._lost_hint and isinstance(outcome.error, NotFoundError):
                    outcome.error.hint = self._lost_hint
                raise outcome.error from outcome.cause
            if self._on_retry is not None:
                self._on_retry(outcome.error, pause)
            self._sleep(pause)
        raise AssertionError  # count() never ends

    def _patience_with(self, fault: Fault) -> float:
        """Return for how long the same is tried again; what was there before may be there again soon."""
        is_unknown = fault.is_nameless and not self._has_answered
        return min(self._patience_s, _NAME_PATIENCE_S) if is_unknown else self._patience_s

    def _attempt_renewed(self, attempt: Callable[[], JsonObject | Fault]) -> JsonObject | Fault:
        """Make an attempt, and a second one with a new token if the first was turned away for its token."""
        outcome = attempt()
        if self._renew is None or not _is_refused_token(outcome):
            return outcome
        self._http.auth = bearer(self._renew())
        return attempt()

    def _exchange_fresh(self, path: str, body: JsonObject) -> JsonObject | Fault:
        while True:
            request = self._http.build_request("POST", path, json=body, extensions={"trace": _Fresh()})
            try:
                return self._exchange(request)
            except _StaleConnectionError:
                continue  # httpcore has dropped that connection; at the latest the pool is empty then

    def _exchange(
        self, request: httpx.Request, opened: Callable[[Reply], JsonObject | Fault] = open_envelope
    ) -> JsonObject | Fault:
        try:
            return opened(self._reply(request))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            hopeless = "CERTIFICATE_VERIFY_FAILED" in str(error)
            return unreachable(_address(request), error, Kind.REFUSED if hopeless else Kind.UNSENT)
        except httpx.RequestError as error:
            return unreachable(_address(request), error, Kind.SILENT)

    def _reply(self, request: httpx.Request) -> Reply:
        response = self._http.send(request, stream=True)
        self._has_answered = True
        try:
            reply = read_reply(response, clock=self._clock)
        finally:
            response.close()
        return self._http.auth.blotted(reply) if isinstance(self._http.auth, KeyAuth) else reply


def _address(request: httpx.Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"


def _is_refused_token(outcome: JsonObject | Fault) -> bool:
    """Tell whether a request was turned away with 1101, or with a bare 401 or 403."""
    if not isinstance(outcome, Fault) or not isinstance(outcome.error, AuthError):
        return False
    return outcome.error.code in {INVALID_KEY, None}


def _unknown(outcome: JsonObject | Fault) -> JsonObject | Fault:
    """Turn every way of not being answered into the one error that says so."""
    if not isinstance(outcome, Fault) or outcome.kind not in _UNANSWERED:
        return outcome
    error = OutcomeUnknownError(
        f"The task was sent and not confirmed, so it may or may not exist: {outcome.error.message}",
        hint="It is not sent again by itself. Look for it in your account before you run this again.",
    )
    return Fault(error, outcome.kind, outcome.cause)
