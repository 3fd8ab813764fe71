"""What a face does, measured on real photos and clips, and on landmarks that were moved on purpose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headswap_cli.engine import topology
from headswap_cli.engine.look import Look, look_of
from tests.engine import heads

pytestmark = pytest.mark.media


@settings(deadline=None)
@given(st.floats(0.2, 5), st.floats(-500, 500), st.floats(-500, 500))
def test_size_and_place_change_nothing(scale: float, right: float, down: float) -> None:
    landmarks = heads.reference("0-f15-hao-ph.jpg").landmarks
    moved = landmarks * np.float32(scale) + np.array([right, down, 0], np.float32)
    before, after = look_of(landmarks), look_of(moved.astype(np.float32))
    assert after.yaw == pytest.approx(before.yaw, abs=0.1)
    assert after.lids == pytest.approx(before.lids, abs=0.005)
    assert after.mouth_gap == pytest.approx(before.mouth_gap, abs=0.005)


@settings(deadline=None)
@given(st.floats(0, 0.3))
def test_lips_that_part_are_seen_to_part_by_so_much(gap: float) -> None:
    landmarks = heads.reference("0-f15-hao-ph.jpg").landmarks.copy()
    width = float(np.linalg.norm(landmarks[234] - landmarks[454]))
    for upper, lower in topology.LIP_PAIRS:
        landmarks[lower] = landmarks[upper] + np.array([0, gap * width, 0], np.float32)
    assert look_of(landmarks).mouth_gap == pytest.approx(gap, rel=0.1, abs=0.01)


def test_one_shut_eye_counts_as_shut_and_one_narrower_eye_does_not() -> None:
    awake = Look(yaw=0, pitch=0, lids=(0.28, 0.24), mouth_gap=0, smile=0)
    winking = Look(yaw=0, pitch=0, lids=(0.28, 0.05), mouth_gap=0, smile=0)
    assert awake.openness == pytest.approx(0.26)
    assert winking.openness < 0.1


def test_a_head_that_turns_in_a_clip_is_seen_to_turn_both_ways() -> None:
    _, landmarks = heads.scene("WolfgangLanger_Pexels.mp4", 160, 120)
    yaws = [look_of(one).yaw for one in landmarks]
    assert min(yaws) < -12
    assert max(yaws) > 2
    assert np.abs(np.diff(yaws)).max() < 6
