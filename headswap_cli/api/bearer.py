"""Bearer tokens for a client id and secret: kept until they expire, fetched again when one is refused."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING

from headswap_cli.api.client import blotted
from headswap_cli.api.fields import number
from headswap_cli.envelope import Fault, open_envelope
from headswap_cli.errors import ServiceError
from headswap_cli.wire import TOKEN_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from headswap_cli.api.client import ApiClient
    from headswap_cli.envelope import Reply
    from headswap_cli.wire import JsonObject

# The service says "more than a year" and names no day.
LIFETIME_S = 365 * 86400.0
MARGIN_S = 60.0


class TokenSource:
    """Knows how to get a token for one client at one service.

    Args:
        client: Sends without a key.
        base_url: The service's root: a token of another one is none here.
        client_id: Whose token.
        client_secret: What proves it; goes into the one request that fetches a token.
        load: Returns what ``save`` was last given, None if nothing is kept.
        save: Keeps the token, its client and its end.
        now: Seconds since the epoch.
    """

    def __init__(
        self,
        client: ApiClient,
        base_url: str,
        client_id: str,
        client_secret: str,
        *,
        load: Callable[[], str | None],
        save: Callable[[str], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._owner = {"base_url": base_url, "client_id": client_id}
        self._body = _Hidden(clientId=client_id, clientSecret=client_secret)
        self._load, self._save, self._now = load, save, now

    def current(self) -> str:
        """Return the token that is kept if it is still good, else a new one.

        Raises: as ``renew``.
        """
        kept = _parse(self._load())
        is_ours = all(kept.get(name) == value for name, value in self._owner.items())
        token, expires_at = kept.get("token"), number(kept.get("expires_at")) or 0.0
        if is_ours and isinstance(token, str) and self._now() + MARGIN_S < expires_at:
            return token
        return self.renew()

    def renew(self) -> str:
        """Fetch a new token and keep it.

        Raises:
            AuthError: the client id or its secret is not accepted.
            ServiceError: the answer holds no token.
        """
        token = self._client.post(TOKEN_PATH, self._body, opened=self._opened).get("token")
        if not isinstance(token, str) or not token:
            raise ServiceError("The service answered without a token.", hint="Use an API key instead.")
        expires_at = expiry(token) or self._now() + LIFETIME_S
        self._save(json.dumps({**self._owner, "token": token, "expires_at": expires_at}))
        return token

    def _opened(self, reply: Reply) -> JsonObject | Fault:
        """Return the whole answer: the token stands beside ``code``, not under ``data``.

        A gateway may echo the request, and with it the secret.
        """
        outcome = open_envelope(blotted(reply, self._body["clientSecret"]))
        return outcome if isinstance(outcome, Fault) else {**_parse(reply.body), **outcome}


class _Hidden(dict[str, str]):
    """A body that no traceback shows."""

    def __repr__(self) -> str:
        return "{...}"


def _parse(text: str | bytes | None) -> JsonObject:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def expiry(token: str) -> float | None:
    """Return when a token ends by its own account, if it is a JWT; seconds since the epoch."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
    except ValueError:
        return None
    return number(_parse(claims).get("exp"))
