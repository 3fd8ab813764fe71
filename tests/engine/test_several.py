"""Several photos of one person: the nearest head in each frame, and never a jump from one to another."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headswap_cli.engine.decode import open_video
from headswap_cli.engine.head import HeadSwapper
from headswap_cli.engine.look import Look, look_of
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.several import SeveralHeads, weights_over
from headswap_cli.engine.types import Others, SwapSettings
from headswap_cli.models import Mode
from tests import media, quality
from tests.engine import heads, worse

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from headswap_cli.engine.cast import Swapper
    from headswap_cli.engine.head import Rendered
    from headswap_cli.engine.types import Frame, Landmarks, Scene

pytestmark = pytest.mark.media

FRONT = Look(yaw=0, pitch=0, lids=(0.26, 0.26), mouth_gap=0.02, smile=0)
LEFT, RIGHT = replace(FRONT, yaw=30), replace(FRONT, yaw=-30)


@cache
def turning() -> Landmarks:
    """Somebody who turns from one side to the other, (160, 478, 3)."""
    return heads.scene("WolfgangLanger_Pexels.mp4", 160, 160)[1]


def changes(weights: np.ndarray) -> int:
    return int((np.diff(weights.argmax(axis=1)) != 0).sum())


def test_a_head_that_turns_is_given_the_photo_from_that_side_and_changes_once() -> None:
    weights = weights_over([RIGHT, LEFT], list(turning()))
    yaws = np.array([look_of(one).yaw for one in turning()])
    chosen = weights.argmax(axis=1)
    assert set(chosen[yaws < -10]) == {0}
    assert set(chosen[yaws > 8]) == {1}
    assert changes(weights) == 1


def test_the_photo_that_smiles_is_worn_where_the_person_smiles() -> None:
    _, landmarks = heads.scene("single_face.mp4", 0, 48)
    looks = [look_of(one) for one in landmarks]
    calm, smiling = min(looks, key=lambda one: one.smile), max(looks, key=lambda one: one.smile)
    chosen = weights_over([calm, smiling], list(landmarks)).argmax(axis=1)
    assert chosen[looks.index(calm)] == 0
    assert chosen[looks.index(smiling)] == 1


def test_who_speaks_wears_the_shut_mouth_though_the_open_one_is_nearer_in_pose() -> None:
    _, landmarks = heads.scene("jwpIntro.mp4", 84, 86)
    looks = [look_of(one) for one in landmarks]
    shut, widest = min(looks, key=lambda one: one.mouth_gap), max(looks, key=lambda one: one.mouth_gap)
    wide = replace(shut, mouth_gap=widest.mouth_gap)
    aside = replace(shut, yaw=shut.yaw + 6)
    assert set(weights_over([wide, aside], list(landmarks)).argmax(axis=1)) == {1}


def test_the_photo_with_an_open_mouth_is_worn_where_the_mouth_stays_open() -> None:
    _, landmarks = heads.scene("single_face.mp4", 0, 60)
    looks = [look_of(one) for one in landmarks]
    shut = looks[0]
    wide = replace(shut, mouth_gap=looks[-1].mouth_gap)
    chosen = weights_over([shut, wide], list(landmarks)).argmax(axis=1)
    assert set(chosen[:12]) == {0}
    assert set(chosen[-24:]) == {1}


_ANGLES = st.lists(st.floats(-60, 60), min_size=1, max_size=5)


@settings(deadline=None, max_examples=25)
@given(_ANGLES, st.integers(1, 160))
def test_however_many_photos_weights_add_up_to_one_and_never_jump(yaws: list[float], count: int) -> None:
    weights = weights_over([replace(FRONT, yaw=yaw) for yaw in yaws], list(turning()[:count]))
    assert weights.shape == (count, len(yaws))
    assert weights.sum(axis=1) == pytest.approx(np.ones(count), abs=1e-4)
    assert np.abs(np.diff(weights, axis=0)).max(initial=0) <= 1 / 7 + 1e-4


def test_a_twitch_of_a_few_frames_is_no_reason_to_change() -> None:
    steady = list(turning()[:40])
    before, after = steady[:20], steady[23:]
    assert changes(weights_over([RIGHT, LEFT], [*before, *turning()[-3:], *after])) == 0


def test_between_two_heads_the_picture_is_between_them_and_else_it_is_one_of_them() -> None:
    frames, landmarks = heads.scene("single_face.mp4", 0, 6)

    def _single(photo: str) -> HeadSwapper:
        return HeadSwapper(heads.reference(photo), landmarks, Mode.HEAD, heads.matte())

    photos = ("0-f15-hao-ph.jpg", "astronaut.png")
    shares = {index: np.array([1 - index / 5, index / 5], np.float32) for index in range(6)}
    both = SeveralHeads([_single(photo) for photo in photos], shares)
    both.start_track(0)
    alone = [_single(photo) for photo in photos]
    for index, (frame, shape) in enumerate(zip(frames, landmarks, strict=True)):
        mixed = both.apply(frame, shape)
        first, second = (head.apply(frame, shape) for head in alone)
        assert mixed.swapped
        if index == 0:
            np.testing.assert_array_equal(mixed.image, first.image)
            continue
        outside = ~mixed.changed
        np.testing.assert_array_equal(mixed.image[outside], frame[outside])
        if index < 5:
            low, high = np.minimum(first.image, second.image), np.maximum(first.image, second.image)
            # The second head has looked at one frame less: tone and matte are a little younger.
            within = (mixed.image + 12.0 >= low) & (mixed.image - 12.0 <= high)
            assert within.mean() > 0.99


def test_between_two_heads_what_shows_behind_somebody_before_them_is_between_them() -> None:
    frames, landmarks = heads.scene("single_face.mp4", 0, 2)

    def _single(photo: str) -> HeadSwapper:
        return HeadSwapper(heads.reference(photo), landmarks, Mode.HEAD, heads.matte())

    photos = ("0-f15-hao-ph.jpg", "astronaut.png")
    both = SeveralHeads([_single(photo) for photo in photos], {0: np.array([0.5, 0.5], np.float32)})
    both.start_track(0)
    others = Others(before=[landmarks[0]])
    worn: list[Swapper] = [both, *(_single(photo) for photo in photos)]
    mixed, first, second = (_alone(head.apply(frames[0], landmarks[0], others=others)) for head in worn)
    np.testing.assert_allclose(mixed, (first + second) / 2, atol=0.5)
    assert mixed[..., 3].max() > 0.99


def _alone(rendered: Rendered) -> NDArray[np.float32]:
    """Return the head that is behind somebody, in the whole frame: BGR times alpha and alpha."""
    assert rendered.laid is not None
    whole = np.zeros((*rendered.image.shape[:2], 4), np.float32)
    whole[rendered.laid.part] = rendered.laid.layer
    return whole


def played(pipeline: Pipeline, scene: Scene, clip: Path, photos: list[Path]) -> list[Frame]:
    """The clip with one person's photos on its only person, face alone."""
    cast = pipeline.cast(scene, clip, {0: photos}, SwapSettings(mode=Mode.FACE))
    with open_video(clip) as video:
        return [cast.play(frame.frame_index, frame.image).image for frame in video.frames()]


def steps(frames: list[Frame]) -> list[float]:
    return [float(np.abs(b.astype(int) - a).mean()) for a, b in pairwise(frames)]


def test_of_two_photos_each_is_worn_where_it_fits_and_the_way_between_them_is_no_jump(tmp_path: Path) -> None:
    clip = media.excerpt(
        media.clip("WolfgangLanger_Pexels.mp4"), tmp_path / "laughs.mp4", start=225, count=45
    )
    photos = [
        worse.saved(worse.moment("single_face.mp4", index), tmp_path / f"{index}.png") for index in (0, 40)
    ]
    pipeline = Pipeline(media.weights_dir())
    scene = pipeline.analyse(clip, on_progress=quality.silent)
    both, calm, smiling = (played(pipeline, scene, clip, worn) for worn in (photos, photos[:1], photos[1:]))
    np.testing.assert_allclose(both[0].astype(int), calm[0], atol=1)
    apart = float(np.abs(calm[-1].astype(int) - smiling[-1]).mean())
    assert np.abs(both[-1].astype(int) - smiling[-1]).mean() < 0.1 * apart
    assert max(steps(both)) < 1.1 * max(steps(calm) + steps(smiling))


def test_heads_start_anew_after_a_cut() -> None:
    frames, landmarks = heads.scene("single_face.mp4", 0, 6)
    head = HeadSwapper(heads.reference(), landmarks, Mode.HEAD, heads.matte())
    alone = {index: np.array([1.0], np.float32) for index in (0, 1, 90)}
    several = SeveralHeads([head], alone)
    several.start_track(0)
    for index in (0, 1):
        several.apply(frames[index], landmarks[index])
    several.start_track(90)
    fresh = HeadSwapper(heads.reference(), landmarks, Mode.HEAD, heads.matte())
    expected = fresh.apply(frames[5], landmarks[5]).image
    np.testing.assert_array_equal(several.apply(frames[5], landmarks[5]).image, expected)


def test_what_is_known_of_the_skin_before_is_known_to_the_head_worn_first() -> None:
    frames, landmarks = heads.scene("single_face.mp4", 0, 1)
    known = np.array([*(40, 45, 50, 50, 55, 60, 80, 85, 90), 140], np.float32)
    head, plain = (HeadSwapper(heads.reference(), landmarks, Mode.HEAD, heads.matte()) for _ in range(2))
    several = SeveralHeads([head], {0: np.array([1.0], np.float32)})
    several.start_track(0, skin=known)
    plain.start_track(0, skin=known)
    expected = plain.apply(frames[0], landmarks[0]).image
    np.testing.assert_array_equal(several.apply(frames[0], landmarks[0]).image, expected)
    plain.start_track(0)
    assert np.abs(plain.apply(frames[0], landmarks[0]).image.astype(int) - expected).max() > 20
