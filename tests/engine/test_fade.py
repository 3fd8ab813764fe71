"""What cannot be done well fades out, wherever in a track work begins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.engine.cast import Cast
from headswap_cli.engine.casting import Casting
from headswap_cli.engine.fade import Fade, strengths_before
from headswap_cli.engine.fit import Fit
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.retarget import yaws_of
from headswap_cli.engine.segments import excerpt
from headswap_cli.engine.studio import swappers
from headswap_cli.engine.types import Scene, SwapSettings
from headswap_cli.models import Mode
from tests import media, quality

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.engine.types import Landmarks

SIZE = (200, 200)
# Up to the side, too far, and back to where it would still be borne had it not been too far.
TURNS = [*np.linspace(0, 55, 12), *np.linspace(55, 42.5, 6), *[42.5] * 14]


@given(st.lists(st.floats(-60, 60), min_size=2, max_size=60), st.data())
def test_a_fade_that_goes_on_in_mid_track_is_that_of_the_whole_track(
    yaws: list[float], data: st.DataObject
) -> None:
    face = np.random.default_rng(4).uniform(60, 140, (478, 3)).astype(np.float32)
    whole = Fade()
    expected = [whole.follow(SIZE, face, yaw) for yaw in yaws]
    start = data.draw(st.integers(1, len(yaws) - 1))
    part = Fade(strengths_before([(face, yaw) for yaw in yaws], SIZE)[start - 1])
    assert [part.follow(SIZE, face, yaw) for yaw in yaws[start:]] == expected[start:]


def test_a_face_that_jumps_begins_anew() -> None:
    face = np.random.default_rng(4).uniform(10, 60, (478, 3)).astype(np.float32)
    far = face + np.array([120, 0, 0], np.float32)
    assert strengths_before([(face, 50), (face, 50), (far, 0), (far, 0)], SIZE) == [0.0, None, 1.0]


@pytest.mark.media
def test_a_head_that_turned_too_far_comes_back_in_the_same_frame_however_many_segments_there_are(
    tmp_path: Path,
) -> None:
    frames = list(media.frames_of(media.clip("carphone_pristine.mp4"), count=len(TURNS)))
    source = media.written(tmp_path / "in.mp4", frames)
    scene = Pipeline(media.weights_dir()).analyse(source, on_progress=quality.silent)
    casting, fit = Casting(media.weights_dir()), Fit(scene.video.width, scene.video.height, 1.0, 1.0)
    photos, settings = {0: [media.photo("astronaut.png")]}, SwapSettings(mode=Mode.FACE)
    (role,), _ = casting.roles(scene, photos, settings, fit)
    scene = _turning(scene, role.references[0].vertices)
    roles, _ = casting.roles(scene, photos, settings, fit)

    def _swapped(part: Scene, first: int) -> list[bool]:
        cast = Cast(part, fit, swappers(roles, media.weights_dir()))
        return [cast.play(index, frames[index]).was_swapped for index in range(first, len(TURNS))]

    whole = _swapped(scene, 0)
    assert whole[0]
    assert not any(whole[18:])
    assert _swapped(excerpt(scene, 22, len(TURNS) - 1), 22) == whole[22:]


def _turning(scene: Scene, vertices: Landmarks) -> Scene:
    """The scene as if its one person turned aside by ``TURNS``."""
    (person,) = scene.people
    (track,) = person.tracks
    path = [_turned(one, vertices, turn) for one, turn in zip(track.landmarks, TURNS, strict=True)]
    turning = replace(person, tracks=(replace(track, landmarks=np.stack(path)),))
    return replace(scene, people=(turning,))


def _turned(landmarks: Landmarks, vertices: Landmarks, yaw: float) -> Landmarks:
    """The face turned about its own middle until it is ``yaw`` degrees aside."""
    for _ in range(4):
        a = np.deg2rad(yaw - yaws_of(vertices, [landmarks])[0])
        turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
        middle = landmarks.mean(axis=0)
        landmarks = np.asarray((landmarks - middle) @ turn.T + middle, np.float32)
    assert abs(yaws_of(vertices, [landmarks])[0] - yaw) < 0.5
    return landmarks
