"""A new head belongs to its body: no step at the jaw and no flicker that the person did not have."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.head import HeadSwapper
from headswap_cli.engine.track import smoothed
from headswap_cli.engine.types import Frame, Landmarks
from headswap_cli.models import Mode
from tests.bench.picture.pixels import Flicker
from tests.engine import heads

pytestmark = pytest.mark.media

# The jaw from side to side, its upper ends left out: hair lies there.
JAW = topology.OVAL[14:23]
# CIE Lab; the steps that were measured are 4 apart, a ring that one sees at once 10 and more.
STEP_TOLERANCE = 7.0
COUNT, SETTLED = 24, 8
CLIPS = ("carphone_pristine.mp4", "single_face.mp4")


def swapped(clip: str, mode: Mode) -> tuple[tuple[Frame, ...], list[Frame], Landmarks]:
    frames, found = heads.scene(clip, 0, COUNT)
    track = smoothed(found)
    head = HeadSwapper(heads.reference(), track, mode, heads.matte())
    images = [head.apply(frame, place).image for frame, place in zip(frames, track, strict=True)]
    return frames, images, track


def jaw_step(frame: Frame, landmarks: Landmarks) -> NDArray[np.float32]:
    """The Lab step from just above the jaw to just below it, (3,)."""
    lab = cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    width = face_width(landmarks)
    soft = cv2.blur(lab, (2 * max(1, round(0.03 * width)) + 1,) * 2)
    jaw, middle = landmarks[JAW, :2], landmarks[topology.OVAL, :2].mean(axis=0)
    away = (jaw - middle) / np.linalg.norm(jaw - middle, axis=1, keepdims=True) * 0.09 * width
    above, below = (soft[tuple(np.round(jaw + side * away).astype(int).T[::-1])] for side in (-1, 1))
    return np.asarray(np.median(below - above, axis=0), np.float32)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("clip", CLIPS)
def test_the_step_from_jaw_to_neck_is_the_persons_own(clip: str, mode: Mode) -> None:
    frames, images, track = swapped(clip, mode)
    steps = [
        jaw_step(image, place) - jaw_step(frame, place)
        for frame, image, place in zip(frames[SETTLED:], images[SETTLED:], track[SETTLED:], strict=True)
    ]
    assert np.linalg.norm(np.mean(steps, axis=0)) < STEP_TOLERANCE


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("clip", CLIPS)
def test_a_new_head_flickers_no_more_than_the_old_one(clip: str, mode: Mode) -> None:
    frames, images, track = swapped(clip, mode)
    before, after = Flicker(), Flicker()
    for frame, image, place in zip(frames, images, track, strict=True):
        before.add(frame, place)
        after.add(image, place)
    assert after.level() <= 1.05 * before.level()
