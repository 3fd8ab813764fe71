"""Curves: averaged without lying, on a round scale, with a table that says the same."""

from __future__ import annotations

import re
import statistics
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.compare.chart import Chart, Series, averaged
from headswap_cli.compare.observed import Curve

VALUES = st.lists(st.floats(0, 1000, allow_nan=False), min_size=1, max_size=400)


def curve(values: list[float]) -> Curve:
    """Return values a tenth of a second apart."""
    return Curve(tuple(index / 10 for index in range(len(values))), tuple(values))


def chart(*curves: Curve, length_s: float = 40.0) -> str:
    """Return the HTML of a chart with a name that must be escaped."""
    series = tuple(Series(f"<b>{number}</b>", one) for number, one in enumerate(curves))
    return Chart("Person 1", "Distance & more", "parts", series, length_s, 1.0, (0.6, "the <same>")).html()


class Balance(HTMLParser):
    """Counts what is opened and not closed; SVG's own empty elements close themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element that closes itself."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@given(VALUES, st.integers(1, 120))
def test_averaging_keeps_the_mean_the_order_and_the_bound(values: list[float], most: int) -> None:
    short = averaged(curve(values), most)
    assert len(short.values) == min(most, len(values))
    assert list(short.times_s) == sorted(short.times_s)
    assert min(values) - 1e-6 <= min(short.values)
    assert max(short.values) <= max(values) + 1e-6
    if len(values) % most == 0:
        assert statistics.mean(short.values) == pytest.approx(statistics.mean(values), abs=1e-6)


def test_a_chart_says_what_it_shows_and_in_what_unit() -> None:
    assert "<figcaption>Distance &amp; more, parts</figcaption>" in chart(curve([1.0]))


@given(VALUES)
def test_no_point_leaves_the_picture_and_the_scale_is_round(values: list[float]) -> None:
    html = chart(curve(values))
    drawn = re.search(r'<path class="s1" d="M([^"]*)"/>', html)
    assert drawn is not None
    for point in drawn[1].split("L"):
        x, y = map(float, point.split())
        assert 34 <= x <= 472
        assert 8 <= y <= 176
    ticks = [float(one) for one in re.findall(r'text-anchor="end">([^<]*)<', html)]
    assert ticks[0] == 0
    assert 3 <= len(ticks) <= 6
    assert ticks[-1] >= max(values) * (1 - 1e-3)


def test_the_table_says_what_the_curve_shows() -> None:
    html = chart(curve([0.25, 0.5, 0.75]), Curve((0.1,), (0.9,)))
    rows = re.findall(r'<tr><th scope="row">([^<]*)</th>(.*?)</tr>', html)
    assert [(at, re.findall("<td>([^<]*)</td>", cells)) for at, cells in rows] == [
        ("0:00.0", ["0.25", ""]),
        ("0:00.1", ["0.50", "0.90"]),
        ("0:00.2", ["0.75", ""]),
    ]


def test_names_are_escaped_and_every_element_is_closed() -> None:
    html = chart(curve([0.1, 0.2]), Curve((), ()))
    assert "<b>" not in html
    assert "&lt;b&gt;0&lt;/b&gt;" in html
    assert "the &lt;same&gt;" in html
    balance = Balance()
    balance.feed(html)
    assert balance.open == []


@pytest.mark.parametrize("length_s", [0.2, 3.0, 20.0, 61.0, 599.0])
def test_the_time_axis_has_a_handful_of_marks(length_s: float) -> None:
    html = chart(curve([0.1, 0.2]), length_s=length_s)
    assert 1 <= html.count('text-anchor="middle"') <= 9
