"""Curves over time as inline SVG, each with a table that says the same."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from headswap_cli.compare.observed import Curve
from headswap_cli.compare.sheet import clock

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _HEIGHT = 480, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 8, 24
_SPAN = _WIDTH - _LEFT - _RIGHT
_RISE = _HEIGHT - _TOP - _BOTTOM
_MOST_POINTS = 120
_TABLE_ROWS = 40
_STEPS_S = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)


@dataclass(frozen=True, slots=True)
class Series:
    """A named curve."""

    name: str
    curve: Curve


@dataclass(frozen=True, slots=True)
class Chart:
    """What a chart shows of its ``owner``.

    ``limit`` is a level and its name, ``least_top`` the least height of the scale.
    """

    owner: str
    title: str
    unit: str
    series: tuple[Series, ...]
    length_s: float
    least_top: float
    limit: tuple[float, str] | None = None

    def html(self) -> str:
        """Return the chart, its legend and its table."""
        drawn = tuple(Series(one.name, averaged(one.curve, _MOST_POINTS)) for one in self.series)
        step, top = _rounded(max([self.least_top, *(value for one in drawn for value in one.curve.values)]))
        return (
            f'<figure class="chart"><figcaption>{escape(f"{self.title}, {self.unit}")}</figcaption>'
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(self._told())}">'
            f"{_scale(step, top, self.length_s)}{self._limit_line(top)}"
            f"{''.join(_line(one.curve, number, top, self.length_s) for number, one in enumerate(drawn, 1))}"
            f'<line class="now" data-span="{_SPAN}" x1="{_LEFT}" x2="{_LEFT}" y1="{_TOP}" '
            f'y2="{_TOP + _RISE}"/>'
            f"</svg>{self._legend()}{self._table()}</figure>"
        )

    def _told(self) -> str:
        means = (f"{one.name}: on average {_mean(one.curve):.2f} {self.unit}" for one in self.series)
        told = "; ".join(means)
        return f"{self.owner}, {self.title.lower()} over time. {told}. The table below says the same."

    def _limit_line(self, top: float) -> str:
        if self.limit is None:
            return ""
        y = _y(self.limit[0], top)
        return f'<line class="limit" x1="{_LEFT}" x2="{_LEFT + _SPAN}" y1="{y}" y2="{y}"/>'

    def _legend(self) -> str:
        keys = [
            f'<li><svg viewBox="0 0 26 6" aria-hidden="true"><path class="s{number}" d="M1 3h24"/></svg>'
            f"{escape(one.name)}</li>"
            for number, one in enumerate(self.series, 1)
        ]
        if self.limit is not None:
            keys.append(
                '<li><svg viewBox="0 0 26 6" aria-hidden="true"><line class="limit" x1="1" x2="25" y1="3" '
                f'y2="3"/></svg>{escape(self.limit[1])}</li>'
            )
        return f'<ul class="legend">{"".join(keys)}</ul>'

    def _table(self) -> str:
        rows = _rows([averaged(one.curve, _TABLE_ROWS) for one in self.series])
        head = "".join(f'<th scope="col">{escape(one.name)}</th>' for one in self.series)
        body = "".join(
            f'<tr><th scope="row">{clock(time_s)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
            for time_s, cells in rows
        )
        name = escape(f"{self.owner}: {self.title}, {self.unit}")
        return (
            "<details><summary>Values as a table</summary>"
            f'<div class="scroll" tabindex="0" role="region" aria-label="{name}"><table>'
            f'<caption class="unseen">{name}</caption><thead><tr><th scope="col">Time</th>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div></details>"
        )


def averaged(curve: Curve, most: int) -> Curve:
    """Return a curve of at most so many points, each the mean of neighbours in time."""
    count = len(curve.values)
    if count <= most:
        return curve
    borders = [round(part * count / most) for part in range(most + 1)]
    parts = [slice(first, last) for first, last in pairwise(borders)]
    return Curve(
        tuple(_average(curve.times_s[part]) for part in parts),
        tuple(_average(curve.values[part]) for part in parts),
    )


def _rows(curves: Sequence[Curve]) -> list[tuple[float, list[str]]]:
    known = [dict(zip(curve.times_s, curve.values, strict=True)) for curve in curves]
    times = sorted(set().union(*known))
    return [(time_s, [f"{one[time_s]:.2f}" if time_s in one else "" for one in known]) for time_s in times]


def _rounded(most: float) -> tuple[float, float]:
    """Return a round step and the top of a scale that it reaches in at most five."""
    size = 10.0 ** math.floor(math.log10(most / 5))
    step = next(factor * size for factor in (1, 2, 5, 10) if most <= 5 * factor * size * (1 + 1e-9))
    return step, step * math.ceil(most / step - 1e-9)


def _scale(step: float, top: float, length_s: float) -> str:
    lines = []
    for part in range(round(top / step) + 1):
        value = step * part
        y = _y(value, top)
        lines.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_LEFT + _SPAN}" y1="{y}" y2="{y}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{value:.4g}</text>'
        )
    every_s = next((one for one in _STEPS_S if length_s / one <= 8), _STEPS_S[-1])
    for count in range(int(length_s / every_s) + 1):
        x = _x(count * every_s, length_s)
        lines.append(f'<text x="{x}" y="{_HEIGHT - 6}" text-anchor="middle">{count * every_s:g} s</text>')
    return "".join(lines)


def _line(curve: Curve, number: int, top: float, length_s: float) -> str:
    points = (
        f"{_x(time_s, length_s)} {_y(value, top)}"
        for time_s, value in zip(curve.times_s, curve.values, strict=True)
        if time_s <= length_s
    )
    return f'<path class="s{number}" d="M{"L".join(points)}"/>' if curve.values else ""


def _x(time_s: float, length_s: float) -> float:
    return round(_LEFT + _SPAN * time_s / max(length_s, 1e-6), 1)


def _y(value: float, top: float) -> float:
    return round(_TOP + _RISE * (1 - value / top), 1)


def _mean(curve: Curve) -> float:
    return _average(curve.values) if curve.values else 0.0


def _average(values: Sequence[float]) -> float:
    return sum(values) / len(values)
