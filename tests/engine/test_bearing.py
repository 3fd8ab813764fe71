"""A head is held so that it is seen as is asked of it, within bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headswap_cli.engine.bearing import UNITS, Bearing, Sight, learned

SHARES = st.floats(-0.25, 0.25)


def asked_for(count: int = 40) -> list[Sight]:
    rng = np.random.default_rng(5)
    return [Sight(*row) for row in (rng.normal(size=(count, 4)) * UNITS).tolist()]


def seen_of(asked: Sight, constant: np.ndarray, follows: np.ndarray) -> Sight:
    """A head that is seen elsewhere than asked, in a way that is linear."""
    units = np.array(asked) / UNITS
    units[:3] = constant + follows @ units
    return Sight(*(units * UNITS).tolist())


def test_nothing_is_put_right_of_a_head_that_nothing_is_known_of() -> None:
    assert Bearing().correction(Sight(12, -7, 0.01, 0.05)) == Sight(0, 0)


def test_a_head_that_is_seen_as_asked_stays_as_it_is_but_that_its_corners_go_a_third_further() -> None:
    asked = asked_for()
    bearing = learned(asked, asked)
    middle = float(np.mean([one.corners for one in asked]))
    for one in asked:
        further = (one.corners - middle) / 3
        np.testing.assert_allclose(bearing.correction(one), (0, 0, further, 0), atol=1e-12)


@given(SHARES, SHARES, SHARES, SHARES, SHARES)
@settings(max_examples=50, deadline=None)
def test_a_head_that_turns_too_little_is_turned_further_and_then_seen_as_asked(
    yaw: float, pitch: float, corners: float, by_gap: float, aside: float
) -> None:
    constant = np.array([aside, -aside, 0.0])
    follows = np.eye(3, 4) - np.diag([yaw, pitch, corners, 0])[:3]
    follows[2, 3] = by_gap
    asked = asked_for()
    seen = [seen_of(one, constant, follows) for one in asked]
    bearing = learned(asked, seen)
    for one in asked:
        # Within reach of what is put right at most.
        if np.abs(np.array(one) / UNITS).max() > 1:
            continue
        held = Sight(*(np.array(one) + np.array(bearing.correction(one))).tolist())
        again = seen_of(held, constant, follows)
        before = np.abs(np.array(seen_of(one, constant, follows)) - one) / UNITS
        after = np.abs(np.array(again) - one) / UNITS
        assert after[:2].max() <= max(0.12, 0.5 * before[:2].max())


def test_corners_that_are_always_higher_are_the_heads_own() -> None:
    asked = asked_for()
    higher = learned(asked, [one._replace(corners=one.corners + 0.008) for one in asked])
    assert higher.correction(asked[3]).corners == pytest.approx(
        learned(asked, asked).correction(asked[3]).corners, abs=1e-9
    )


@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4))
@settings(deadline=None)
def test_no_more_is_put_right_than_five_degrees_and_a_hundredth_of_the_face(values: list[float]) -> None:
    asked, wanted = asked_for(), Sight(*values)
    bearing = learned(asked, [Sight(-one.yaw, 3 * one.pitch, 0, one.gap) for one in asked])
    yaw, pitch, corners, gap = bearing.correction(wanted)
    assert max(abs(yaw), abs(pitch)) <= 5
    further = learned(asked, asked).correction(wanted).corners
    assert abs(corners - further) <= 0.0101 + 1e-9 * abs(further)
    assert gap == 0
