"""Black bars that are part of every frame are no picture: they stay, and heads are swapped within them."""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from headswap_cli.engine.geometry import face_box, face_width
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.sighting import sighting
from headswap_cli.engine.types import NO_BARS, Bars, SwapSettings
from headswap_cli.models import Mode
from tests import media, quality
from tests.bench.picture import made
from tests.bench.picture.made import boxed
from tests.engine import heads
from tests.engine.corpus import encoded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headswap_cli.engine.types import Frame, Scene

pytestmark = pytest.mark.media

FRAMES = 24
PHOTOS = {0: [media.photo("astronaut.png")]}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(media.weights_dir())


@cache
def talk() -> tuple[Frame, ...]:
    """Some frames of a small clip, light up to its edges."""
    frames = islice(media.frames_of(media.clip("carphone_pristine.mp4")), FRAMES)
    return tuple(frame[:, 2:] for frame in frames)


def beheaded() -> list[Frame]:
    """Frames whose upper edge cuts a head off, of even height and width."""
    frames, landmarks = heads.scene(made.CALM, 0, FRAMES)
    tops = [face_box(place)[1] + 0.15 * face_width(place) for place in landmarks]
    return [frame[round(float(min(tops))) // 2 * 2 :] for frame in frames]


def noisy(frame: Frame) -> Frame:
    """A frame with bars around it in the black of limited range, from a tape."""
    chance = np.random.default_rng(int(frame.sum()))
    with_bars = boxed(frame, Bars(16, 16, 24, 24), level=16)
    return np.asarray(np.clip(with_bars + chance.normal(0, 1.5, with_bars.shape), 0, 255), np.uint8)


def subtitled(frame: Frame) -> Frame:
    """A frame with words on the lower bar."""
    with_bars = boxed(frame, Bars(30, 30))
    return np.asarray(cv2.putText(with_bars, "To be", (50, 190), 0, 0.6, (255, 255, 255), 1), np.uint8)


def found(pipeline: Pipeline, path: Path, frames: list[Frame]) -> Bars:
    """What the analysis says of frames that are coded as videos are."""
    return analysed(pipeline, media.written(path, frames)).video.bars


def analysed(pipeline: Pipeline, source: Path) -> Scene:
    return pipeline.analyse(source, on_progress=quality.silent)


@pytest.mark.parametrize(
    "bars",
    [Bars(15, 15), Bars(left=41, right=41), Bars(18, 16, 23, 25), Bars(bottom=32)],
    ids=["letterbox", "pillarbox", "all around", "below alone"],
)
def test_bars_are_found_to_the_pixel(pipeline: Pipeline, tmp_path: Path, bars: Bars) -> None:
    assert found(pipeline, tmp_path / "in.mp4", [boxed(frame, bars) for frame in talk()]) == bars


@pytest.mark.parametrize(
    ("made_of", "bars"), [(noisy, Bars(16, 16, 24, 24)), (subtitled, Bars(30, 30))], ids=["noise", "words"]
)
def test_bars_are_found_whatever_is_on_them(
    pipeline: Pipeline, tmp_path: Path, made_of: Callable[[Frame], Frame], bars: Bars
) -> None:
    assert found(pipeline, tmp_path / "in.mp4", [made_of(frame) for frame in talk()]) == bars


def test_bars_are_found_where_the_picture_comes_out_of_black(pipeline: Pipeline, tmp_path: Path) -> None:
    light = np.linspace(0, 1, FRAMES)
    faded = [np.asarray(frame * share, np.uint8) for frame, share in zip(talk(), light, strict=True)]
    with_bars = [boxed(frame, Bars(16, 16)) for frame in faded]
    assert found(pipeline, tmp_path / "in.mp4", with_bars) == Bars(16, 16)
    assert found(pipeline, tmp_path / "bare.mp4", faded) == NO_BARS


def test_bars_are_found_around_a_dark_picture(pipeline: Pipeline, tmp_path: Path) -> None:
    frames = islice(media.frames_of(media.clip("WolfgangLanger_Pexels.mp4")), FRAMES)
    dark = [np.asarray(cv2.resize(frame, (320, 180)), np.uint8) for frame in frames]
    bars = Bars(20, 20, 24, 24)
    assert found(pipeline, tmp_path / "in.mp4", [boxed(frame, bars) for frame in dark]) == bars


@pytest.mark.parametrize("light", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("clip", ["WolfgangLanger_Pexels.mp4", "jwpIntro.mp4"])
def test_the_night_is_no_bar(pipeline: Pipeline, tmp_path: Path, clip: str, light: float) -> None:
    frames = islice(media.frames_of(media.clip(clip)), FRAMES)
    night = [np.asarray(cv2.resize(frame, (320, 180)) * light, np.uint8) for frame in frames]
    assert found(pipeline, tmp_path / "in.mp4", night) == NO_BARS


def test_what_is_a_bar_in_some_frames_and_picture_in_others_is_none(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    frames = [boxed(frame[20:-20], Bars(20, 20)) for frame in talk()]
    frames[FRAMES // 2 :] = talk()[FRAMES // 2 :]
    assert found(pipeline, tmp_path / "in.mp4", frames) == NO_BARS


@pytest.mark.parametrize("mode", [None, Mode.HEAD])
def test_a_head_that_a_bar_cuts_off_is_swapped_as_one_that_the_frame_cuts_off(
    pipeline: Pipeline, tmp_path: Path, mode: Mode | None
) -> None:
    bars, frames = Bars(32, 64, 48, 16), beheaded()
    # As they are: colour at half resolution would be blurred over a bar's end.
    bare = encoded(tmp_path / "bare.mkv", [*map(np.ascontiguousarray, frames)], "ffv1", "yuv444p")
    clip = encoded(tmp_path / "bars.mkv", [boxed(frame, bars) for frame in frames], "ffv1", "yuv444p")
    alone, scene = analysed(pipeline, bare), analysed(pipeline, clip)
    assert scene.video.bars == bars
    corner = np.array([bars.left, bars.top] * 2)
    boxes = [np.array(sighting(one.people[0], one.video)["box"]) for one in (alone, scene)]
    assert np.array_equal(boxes[1], boxes[0] + corner)
    plays = [
        pipeline.cast(one, source, PHOTOS, SwapSettings(mode=mode))
        for one, source in ((alone, bare), (scene, clip))
    ]
    for index, (frame, whole) in enumerate(zip(media.frames_of(bare), media.frames_of(clip), strict=True)):
        expected, played = plays[0].play(index, frame), plays[1].play(index, whole)
        inside = bars.inside(whole.shape)
        assert played.was_swapped
        assert np.array_equal(played.image[inside], expected.image)
        assert np.array_equal(played.changed[inside], expected.changed)
        assert played.changed.sum() == expected.changed.sum()
        assert np.array_equal(played.image[~played.changed], whole[~played.changed])


def test_a_head_that_a_bar_cuts_off_keeps_its_hair_unasked(pipeline: Pipeline, tmp_path: Path) -> None:
    with_bars = [boxed(frame, Bars(60, 60)) for frame in beheaded()]
    source = media.written(tmp_path / "in.mp4", with_bars)
    scene = analysed(pipeline, source)
    report = pipeline.swap(
        scene, source, tmp_path / "out.mp4", PHOTOS, SwapSettings(), on_progress=quality.silent
    )
    assert report.modes == {0: Mode.FACE}


def test_nothing_is_drawn_on_bars_in_a_smaller_result(pipeline: Pipeline, tmp_path: Path) -> None:
    with_bars = [boxed(frame, Bars(61, 47)) for frame in beheaded()]
    source = media.written(tmp_path / "in.mp4", with_bars)
    cast = pipeline.cast(
        analysed(pipeline, source), source, PHOTOS, SwapSettings(short_side=240, mode=Mode.HEAD)
    )
    height = len(with_bars[0])
    upper, lower = round(61 * 240 / height), round((height - 47) * 240 / height)
    for index, frame in enumerate(media.frames_of(source)):
        played = cast.play(index, frame)
        rows = np.flatnonzero(played.changed.any(axis=1))
        assert played.image.shape[0] == 240
        assert (rows[0], rows[-1] < lower) == (upper, True)
        smaller = cv2.resize(frame, played.image.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.array_equal(played.image[~played.changed], smaller[~played.changed])


def test_hands_within_bars_are_where_they_are(pipeline: Pipeline, tmp_path: Path) -> None:
    bars = Bars(40, 32, 24, 56)
    frames = list(islice(media.frames_of(media.clip("WolfgangLanger_Pexels.mp4"), start=168), 10))
    scenes = [
        pipeline.analyse(media.written(tmp_path / name, shown), on_progress=quality.silent)
        for name, shown in (("plain.mp4", frames), ("bars.mp4", [boxed(frame, bars) for frame in frames]))
    ]
    assert scenes[1].video.bars == bars
    plain, moved = (scene.people[0].tracks[0].hands for scene in scenes)
    assert list(plain) == list(moved) == list(range(10))
    for index, (hand,) in plain.items():
        apart = moved[index][0] - hand - np.array([bars.left, bars.top])
        assert np.abs(apart).mean() < 10
