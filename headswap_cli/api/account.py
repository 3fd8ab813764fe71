"""The account behind a key: its balance, and bearer tokens for a client id and secret.

These calls are version 3 of the API and serve every later version of head swap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headswap_cli.api.fields import number
from headswap_cli.errors import ServiceError
from headswap_cli.wire import BALANCE_PATH

if TYPE_CHECKING:
    from headswap_cli.api.client import ApiClient


# How long a balance may take that is good to know and not needed.
OPTIONAL_S = 5.0


def fetch_balance(client: ApiClient) -> float:
    """Return the account's credits.

    Raises:
        AuthError: the key is not accepted.
        ServiceError: the answer names no balance.
    """
    credit = number(client.get(BALANCE_PATH, {}).get("credit"))
    if credit is None:
        raise ServiceError("The service answered without the balance.", hint="Look it up in your account.")
    return credit
