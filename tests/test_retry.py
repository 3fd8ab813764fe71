"""How long is waited before the next try."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.retry import CAP_S, MAX_RETRY_AFTER_S, delay_s, parse_retry_after

CHANCES = st.floats(0, 1, exclude_max=True)


@given(st.integers(0, 10_000), CHANCES)
def test_a_wait_lies_in_the_upper_half_of_its_step_and_under_the_cap(attempt: int, chance: float) -> None:
    step = min(CAP_S, 0.5 * 2 ** min(attempt, 20))
    assert step / 2 <= delay_s(attempt, random=lambda: chance) <= step <= CAP_S


@given(st.integers(0, 10), CHANCES, st.floats(0, MAX_RETRY_AFTER_S))
def test_nothing_is_tried_sooner_than_the_service_asks(attempt: int, chance: float, asked: float) -> None:
    assert delay_s(attempt, retry_after_s=asked, random=lambda: chance) >= asked


def test_two_clients_do_not_come_back_at_once() -> None:
    assert len({delay_s(3) for _ in range(50)}) > 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("601", 600.0),
        ("9" * 5000, 600.0),
        ("-7", None),
        ("7.5", None),
        ("\u0667", None),
        ("soon", None),
        ("", None),
        ("Mon, 23 Nov 2026 10:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 09:00:00 GMT", 0.0),
        ("Tue, 24 Nov 2026 10:00:00 GMT", 600.0),
        ("Mon, 99 Nov 2026 10:00:30 GMT", None),
    ],
)
def test_a_retry_after_header_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    # 2026-11-23 10:00:00 UTC
    assert parse_retry_after(header, now=lambda: 1795428000.0) == seconds


@given(
    st.text()
    | st.from_regex(r"[A-Z][a-z]{2}, \d{1,9} [A-Z][a-z]{2} \d{1,9} \d{1,3}:\d\d:\d\d [A-Z+-]\w{1,4}")
)
def test_any_header_is_a_bounded_wait_or_none(header: str) -> None:
    seconds = parse_retry_after(header)
    assert seconds is None or (math.isfinite(seconds) and 0 <= seconds <= MAX_RETRY_AFTER_S)
