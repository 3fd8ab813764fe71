"""How long a signed link says that it is good for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.hosting.life import ends_at

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("query", "end"),
    [
        ("X-Amz-Date=20260131T110000Z&X-Amz-Expires=3600&X-Amz-Signature=a", NOON),
        ("x-amz-expires=3600&x-amz-date=20260131T110000Z", NOON),
        ("X-Goog-Date=20260131T110000Z&X-Goog-Expires=3600&X-Goog-Signature=a", NOON),
        (f"AWSAccessKeyId=a&Signature=b&Expires={NOON:.0f}", NOON),
        ("sv=2024-01-01&se=2026-01-31T12%3A00%3A00Z&sig=a", NOON),
        ("se=2026-01-31&sig=a", NOON - 43200),
        ("", None),
        ("token=abc", None),
        ("Expires=soon&Signature=a", None),
        (f"Expires={NOON:.0f}", None),
        ("expires=1&signature=a", None),
        ("X-Amz-Date=yesterday&X-Amz-Expires=3600", None),
        ("X-Amz-Date=20260131T110000Z&X-Amz-Expires=" + "9" * 400, None),
    ],
)
def test_the_end_is_read_from_every_kind_of_signature(query: str, end: float | None) -> None:
    assert ends_at(f"https://example.com/clip.mp4?{query}") == end


@given(st.text())
def test_no_string_is_too_strange(text: str) -> None:
    assert ends_at(f"https://example.com/?X-Amz-Date={text}&X-Amz-Expires={text}") is None
    ends_at(text)
