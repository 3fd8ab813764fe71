"""The colours of a face's skin, followed before its head is put on: who begins in the middle knows them."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headswap_cli.engine.colour import ToneFitter
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.segments import segments
from headswap_cli.engine.skin import INERTIA, MEASURES, SkinFollower
from headswap_cli.engine.skintrack import SkinTracker
from headswap_cli.engine.types import SwapSettings
from headswap_cli.models import Mode
from tests import media
from tests.engine import heads

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.engine.cast import Played
    from headswap_cli.engine.hand import Hand
    from headswap_cli.engine.types import Frame, Landmarks, Scene


def plain(skin: float, around: float) -> np.ndarray:
    """What is measured of even skin before an even wall."""
    return np.array([*[skin] * (MEASURES - 1), around], np.float32)


def seen_by(tracker: SkinTracker[str], frames: list[Frame], face: Landmarks, hands: list[Hand]) -> np.ndarray:
    for index, frame in enumerate(frames):
        tracker.look(index, frame, "face", face, hands)
    return tracker.before("face", 0, len(frames) - 1)


@settings(deadline=None)
@given(
    st.lists(st.floats(60, 75, width=32), min_size=1, max_size=40),
    st.one_of(st.none(), st.floats(60, 75, width=32)),
)
def test_skin_is_followed_slowly(seen: list[float], known: float | None) -> None:
    follower = SkinFollower(None if known is None else plain(known, 50))
    before = known
    for value in seen:
        follower.follow(plain(value, 50))
        expected = value if before is None else INERTIA * before + (1 - INERTIA) * value
        assert follower.state[:-1] == pytest.approx(expected, abs=1e-3)
        before = float(follower.state[0])


@pytest.mark.parametrize(("around", "goes"), [(90.0, 100.0), (52.0, 60 + 40 * (1 - INERTIA)), (10.0, 66.0)])
def test_skin_that_changes_with_all_around_it_is_in_another_light_at_once(around: float, goes: float) -> None:
    follower = SkinFollower(plain(60, 50))
    follower.follow(plain(100, around))
    assert follower.state[0] == pytest.approx(goes, abs=1e-3)
    assert follower.state[-1] == around


def test_nothing_is_known_before_a_face_was_seen_and_after_it_was_forgotten() -> None:
    frames, faces = heads.scene("single_face.mp4", 0, 1)
    tracker: SkinTracker[str] = SkinTracker()
    states = seen_by(tracker, [frames[0]] * 9, faces[0], [])
    assert np.isnan(states[0]).all()
    assert not np.isnan(states[1:]).any()
    assert states[1:] == pytest.approx(np.broadcast_to(states[1], states[1:].shape), abs=1e-3)
    assert np.isnan(tracker.before("face", 0, 0)).all()
    tracker.forget("face")
    assert np.isnan(tracker.before("face", 0, 8)).all()


def test_in_another_light_skin_is_looked_at_in_every_frame() -> None:
    (frame,), (face,) = heads.scene("single_face.mp4", 0, 1)
    dimmed = [np.asarray(frame * part, np.uint8) for part in (1, 1, 0.9, 0.8, 0.7, 0.7)]
    states = seen_by(SkinTracker(), dimmed, face, [])
    changes = np.abs(np.diff(states[1:, 0])) > 0
    assert changes.tolist() == [False, True, True, True]


def test_a_hand_before_a_face_is_none_of_its_skin() -> None:
    frames, faces = heads.scene("single_face.mp4", 0, 1)
    x0, y0, x1, y1 = (float(value) for value in (*faces[0][:, :2].min(axis=0), *faces[0][:, :2].max(axis=0)))
    # Its fingers along the left half of the face.
    xs = np.tile(np.linspace(x0, (x0 + x1) / 2, 5), (4, 1)).T.ravel()
    ys = np.tile(np.linspace(y0, y1, 4), 5)
    hand = np.stack([np.append(x0, xs), np.append(y1, ys)], axis=1).astype(np.float32)
    blue = frames[0].copy()
    blue[int(y0) : int(y1), int(x0) : int((x0 + x1) / 2)] = (220, 40, 40)
    clean, heeded, missed = (
        seen_by(SkinTracker(), [frame] * 2, faces[0], hands)[1]
        for frame, hands in ((frames[0], []), (blue, [hand]), (blue, []))
    )
    # Of blue the brightest tenth.
    assert abs(heeded[2] - clean[2]) < 15
    assert missed[2] > clean[2] + 60


def test_a_head_put_on_while_a_hand_hides_all_skin_has_the_tone_of_the_skin_before() -> None:
    photo = np.full((40, 40, 3), (90, 110, 160), np.uint8)
    all_of_it, nothing = np.ones((40, 40), np.float32), np.zeros((40, 40), np.float32)
    known = np.array([*(28, 30, 32, 38, 40, 42, 58, 60, 62), 50], np.float32)
    seen = ToneFitter().fit(np.full((40, 40, 3), (30, 40, 60), np.uint8), photo, all_of_it, all_of_it)
    hidden = ToneFitter(known=known).fit(np.full((40, 40, 3), 200, np.uint8), photo, nothing, all_of_it)
    np.testing.assert_allclose(hidden.curves, seen.curves, atol=4)


@pytest.mark.parametrize(("begin", "end", "left"), [(0, 72, 0.5), (30, 42, 0.3), (34, 46, 0.3)])
def test_a_head_put_on_in_the_middle_of_a_shot_looks_as_if_it_had_been_worn_before(
    tmp_path: Path, begin: int, end: int, left: float
) -> None:
    frames = list(media.frames_of(media.clip("single_face.mp4")))
    light = np.interp(np.arange(len(frames)), (begin, end), (1, left))
    dimmed = [np.asarray(frame * part, np.uint8) for frame, part in zip(frames, light, strict=True)]
    source = media.written(tmp_path / "in.mp4", dimmed)
    pipeline = Pipeline(media.weights_dir())
    scene = pipeline.analyse(source, on_progress=lambda done, total: None)
    begins = segments(scene)[1].first_frame
    (person,) = scene.people
    unknown = tuple(replace(track, skin=np.empty((0, 0), np.float32)) for track in person.tracks)

    def played(known: Scene, first: int) -> Played:
        photos = {0: [media.photo("0-f1-su-ph.jpg")]}
        cast = pipeline.cast(known, source, photos, SwapSettings(mode=Mode.HEAD))
        for index, frame in enumerate(islice(media.frames_of(source), begins + 1)):
            if index >= first:
                last = cast.play(index, frame)
        assert last.was_swapped
        return last

    whole = played(scene, 0)

    def departs(part: Played) -> float:
        return float(np.abs(part.image.astype(int) - whole.image)[whole.changed].mean())

    assert departs(played(scene, begins)) < 0.5
    alone = played(replace(scene, people=(replace(person, tracks=unknown),)), begins)
    assert departs(alone) > 2 * departs(played(scene, begins))
