"""How long a signed link is good for, as far as its query says."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

_SIGNED = "%Y%m%dT%H%M%SZ"


def ends_at(url: str) -> float | None:
    """Return when a link ends, in seconds since the epoch; None if it does not say so.

    Amazon's and Google's signatures name their date and their seconds (``X-Amz-Date``, ``X-Amz-Expires``),
    older ones an epoch (``Expires``), Azure's a time (``se``).
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    with suppress(ValueError, OverflowError):
        said = dict(parse_qsl(urlsplit(url).query))
        query = {name.lower(): value for name, value in said.items()}
        for maker in ("x-amz", "x-goog"):
            if f"{maker}-date" in query and f"{maker}-expires" in query:
                signed = datetime.strptime(query[f"{maker}-date"], _SIGNED).replace(tzinfo=UTC)
                return (signed + timedelta(seconds=int(query[f"{maker}-expires"]))).timestamp()
        # Many a link of no store says "expires" and "signature", and means anything by it.
        if "Expires" in said and "Signature" in said:
            return float(int(said["Expires"]))
        if "se" in query and "sig" in query:
            until = datetime.fromisoformat(query["se"])
            return (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp()
    return None


def lasts(url: str, life_s: float, now: float) -> bool:
    """Whether a link is good for so long at ``now``, seconds since the epoch; one that says nothing is."""
    end = ends_at(url)
    return end is None or end - now >= life_s
