"""The account behind a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headswap_cli.api.account import fetch_balance
from headswap_cli.errors import ServiceError
from headswap_cli.wire import BALANCE_PATH
from tests.origin import Answer

if TYPE_CHECKING:
    from headswap_cli.api.client import ApiClient
    from tests.loopback import HeadSwapService


def test_the_balance_is_the_accounts_credit(client: ApiClient, service: HeadSwapService) -> None:
    service.credit = 12.5
    assert fetch_balance(client) == 12.5


@pytest.mark.parametrize("data", [{}, {"credit": None}, {"credit": "many"}, {"credit": float("inf")}])
def test_an_answer_without_a_balance_is_a_service_error(
    client: ApiClient, service: HeadSwapService, data: dict[str, object]
) -> None:
    service.script(BALANCE_PATH, Answer({"code": 1000, "data": data}))
    with pytest.raises(ServiceError, match="without the balance"):
        fetch_balance(client)
