"""One person passes before another: both are followed all the way, neither becomes a part of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from headswap_cli.engine import topology
from headswap_cli.engine.casting import Casting
from headswap_cli.engine.fit import Fit
from headswap_cli.engine.geometry import face_box, face_width
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.types import SwapSettings
from headswap_cli.models import Mode
from tests import media, quality
from tests.bench.picture import made

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.engine.types import Scene

pytestmark = pytest.mark.media

HALF_IN = 10
# Of the woman's face at most so much shows in these frames.
HIDDEN = range(46, 58)
PASSING = range(44, 60)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.crossing(tmp_path_factory.mktemp("crossing"))


@pytest.fixture(scope="module")
def scene(clip: Path) -> Scene:
    return Pipeline(media.weights_dir()).analyse(clip, on_progress=quality.silent)


def test_who_passes_and_who_is_passed_are_each_followed_from_end_to_end(scene: Scene) -> None:
    woman, man = scene.people
    assert [(track.first_frame, track.last_frame) for track in woman.tracks] == [(0, made.FRAMES - 1)]
    (his,) = man.tracks
    assert his.first_frame <= HALF_IN
    assert his.last_frame >= made.FRAMES - HALF_IN


def test_a_face_that_passes_before_another_is_drawn_to_it_nowhere(scene: Scene) -> None:
    (his,) = scene.people[1].tracks
    boxes = np.array([face_box(place) for place in his.landmarks])
    steps = np.diff(boxes[:-HALF_IN, 0])
    # The clip moves him by 10.8 pixels a frame.
    assert steps == pytest.approx(np.full(len(steps), 10.8), abs=4)


def test_a_face_that_is_passed_stays_in_its_place(scene: Scene) -> None:
    (hers,) = scene.people[0].tracks
    boxes = np.array([face_box(place) for place in hers.landmarks])
    seen = np.delete(boxes, HIDDEN, axis=0)
    width = float(np.median(boxes[:, 2] - boxes[:, 0]))
    assert np.abs(seen - np.median(boxes, axis=0)).max() < 0.15 * width
    assert np.abs(boxes - np.median(boxes, axis=0)).max() < 0.25 * width


def test_who_passes_is_before_who_is_passed_and_has_none_of_their_long_hair(scene: Scene, clip: Path) -> None:
    casting = Casting(media.weights_dir())
    video = scene.video
    fit = Fit.to_size(video, video.width, video.height)
    roles, _ = casting.roles(scene, quality.photos_for(scene), SwapSettings(mode=Mode.HEAD), fit)
    assert {role.obj_id: role.cuts_hair for role in roles} == {0: True, 1: False}
    (meeting,) = casting.meetings(scene, clip, roles)
    assert (meeting.before, meeting.behind) == (1, 0)
    assert meeting.first_frame < HIDDEN.start
    assert meeting.last_frame > HIDDEN.stop


def test_who_passes_keeps_their_clothes_where_long_hair_behind_them_is_taken_away(
    scene: Scene, clip: Path
) -> None:
    settings = SwapSettings(mode=Mode.HEAD)
    cast = Pipeline(media.weights_dir()).cast(scene, clip, quality.photos_for(scene), settings)
    (his,) = scene.people[1].tracks
    changed = []
    for index, (frame, body) in enumerate(zip(media.frames_of(clip), made.passing(), strict=True)):
        if index in PASSING:
            face = his.landmarks[index - his.first_frame]
            top = int(face[topology.CHIN, 1] + 0.25 * face_width(face))
            black = body[top:] & (frame[top:].max(axis=2) < 30)
            apart = np.abs(cast.play(index, frame).image[top:].astype(int) - frame[top:])
            changed.append(float((apart.max(axis=2)[black] > 12).mean()))
    assert max(changed) < 0.02
