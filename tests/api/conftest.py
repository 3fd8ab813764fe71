"""A client of the service on loopback, whose time passes only when it sleeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headswap_cli.api.client import ApiClient, keyed_http
from tests.loopback import HeadSwapService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from headswap_cli.errors import HeadswapError


class Time:
    """A clock that stands still but for sleeps; ``on_sleep`` may change the world meanwhile."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []
        self.on_sleep: Callable[[], None] = lambda: None

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds
        self.on_sleep()

    def client(
        self,
        http: httpx.Client,
        patience_s: float = 60.0,
        on_retry: Callable[[HeadswapError, float], None] | None = None,
        renew: Callable[[], str] | None = None,
    ) -> ApiClient:
        """Return a client that lives in this time and has no luck of its own."""
        return ApiClient(
            http,
            patience_s=patience_s,
            sleep=self.sleep,
            clock=self.clock,
            random=lambda: 1.0,
            on_retry=on_retry,
            renew=renew,
        )


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def service() -> Iterator[HeadSwapService]:
    """Finds every analysis and task at work on the first look, and over on the second."""
    with HeadSwapService() as running:
        yield running


@pytest.fixture
def http(service: HeadSwapService) -> Iterator[httpx.Client]:
    with keyed_http(service.url, api_key=service.api_key, timeout_s=5.0) as http:
        yield http


@pytest.fixture
def client(http: httpx.Client, time: Time) -> ApiClient:
    return time.client(http)
