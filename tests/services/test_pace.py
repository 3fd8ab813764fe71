"""When to look again: what the policy promises, measured in the model of ``tests/bench/waiting.py``."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.services.pace import (
    ANALYSIS_PACE,
    LOCAL_PACE,
    TASK_PACE,
    Movement,
    Pace,
    Usual,
    next_look_s,
)
from tests.bench.waiting import POLICIES, Row, linear, measure, ours, silent, watch

PACES = st.sampled_from([LOCAL_PACE, ANALYSIS_PACE, TASK_PACE])
TIMES = st.floats(0, 1e6)
PERCENT = st.floats(0, 100)
# Ten durations about 120 s, five per cent apart in the middle two thirds.
HISTORY = [120 * math.exp(step / 20) for step in (-1.2, -0.7, -0.3, 0, 0.1, 0.4, 0.5, 0.9, 1, -1)]


def measured(name: str) -> Row:
    return measure(POLICIES[name])


def test_a_job_of_120_s_takes_15_looks_and_is_seen_within_5_s_where_nothing_is_known() -> None:
    looks, late_s = watch(120, ours(silent, 120))
    assert looks <= 15
    assert late_s <= 5
    assert measured("ours, nothing known").late_s <= 5


def test_a_job_of_120_s_takes_25_looks_and_is_seen_within_a_second_once_progress_moves() -> None:
    looks, late_s = watch(120, ours(linear, 120))
    assert looks <= 25
    assert late_s <= 1
    row = measured("ours, progress moves")
    assert row.most_looks <= 25
    assert row.most_late_s <= 1 + 1e-6


def test_a_job_of_120_s_takes_25_looks_and_is_seen_within_a_second_once_there_is_history() -> None:
    looks, late_s = watch(120, ours(silent, 120, HISTORY))
    assert looks <= 25
    assert late_s <= 1
    row = measured("ours, ten like jobs")
    assert row.looks <= 25
    assert row.late_s <= 1


def test_one_like_job_is_history_enough_to_be_four_times_as_punctual() -> None:
    assert measured("ours, one like job").late_s * 4 <= measured("ours, nothing known").late_s


@pytest.mark.parametrize("job_s", [20, 60, 300, 900])
def test_other_lengths_are_seen_within_a_tenth_or_the_longest_usual_pause(job_s: float) -> None:
    _, late_s = watch(job_s, ours(silent, job_s))
    assert late_s <= max(TASK_PACE.cap_s, job_s / 10)


def test_a_percentage_that_stands_still_is_looked_at_less_and_less_often() -> None:
    stuck = Movement.at(0, 0).seen(10, 90).seen(11, 91)
    pauses = [next_look_s(elapsed_s, TASK_PACE, stuck) for elapsed_s in (20, 30, 40, 60, 300)]
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[-1] <= max(TASK_PACE.cap_s, 300 / 15)


def test_a_job_unlike_all_others_falls_back_to_the_plain_pace() -> None:
    assert next_look_s(900, TASK_PACE, None, HISTORY) == next_look_s(900, TASK_PACE)


def test_nobody_looks_long_before_any_like_job_was_ever_done() -> None:
    assert next_look_s(4, TASK_PACE, None, HISTORY) == pytest.approx(TASK_PACE.long_s, rel=1e-3)


@given(
    TIMES, PACES, st.lists(st.tuples(TIMES, PERCENT), max_size=6), st.lists(st.floats(1e-3, 1e6), max_size=6)
)
def test_every_pause_is_a_number_between_the_least_and_the_longest(
    elapsed_s: float, pace: Pace, looks: list[tuple[float, float]], history: list[float]
) -> None:
    movement = Movement.at(0, 0)
    for seen_s, progress in sorted(looks):
        movement = movement.seen(seen_s, progress)
    pause = next_look_s(max([elapsed_s, *(seen_s for seen_s, _ in looks)]), pace, movement, history)
    assert min(pace.near_s, pace.floor_s) <= pause <= max(pace.cap_s, pace.long_s)


@given(st.floats(1, 1e5), st.lists(st.floats(1, 1e5), min_size=1, max_size=8))
def test_the_hazard_is_never_negative_and_always_a_number(elapsed_s: float, history: list[float]) -> None:
    usual = Usual.of(tuple(history))
    assert usual is not None
    assert 0 <= usual.hazard(elapsed_s) < math.inf


@pytest.mark.parametrize("history", [[], [0.0], [-1.0]])
def test_durations_that_are_none_tell_nothing(history: list[float]) -> None:
    assert Usual.of(tuple(history)) is None


def test_work_that_began_between_two_looks_is_measured_from_the_first_percentage() -> None:
    moved = Movement.at(0, 0).seen(50, 10).seen(60, 20)
    assert moved.end_s() == pytest.approx(140)


def test_progress_that_falls_back_starts_anew() -> None:
    assert Movement.at(10, 50).seen(20, 60).seen(30, 5).end_s() is None


def test_a_percentage_that_is_there_at_the_first_look_says_nothing_of_the_speed() -> None:
    first = Movement.at(0.01, 60)
    assert first.end_s() is None
    assert next_look_s(0.01, TASK_PACE, first) == next_look_s(0.01, TASK_PACE)
    assert first.seen(10.01, 80).end_s() == pytest.approx(20.01)
