"""The pipeline: from file to file, whole or not at all."""

from __future__ import annotations

import threading
from itertools import islice
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from headswap_cli import wire
from headswap_cli.engine.casting import Casting
from headswap_cli.engine.decode import open_video
from headswap_cli.engine.fit import Fit
from headswap_cli.engine.geometry import face_box
from headswap_cli.engine.hand import hand_mask
from headswap_cli.engine.occlude import Hands
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.segments import segments
from headswap_cli.engine.types import MediaFault, SwapSettings
from headswap_cli.models import Mode
from tests import media, quality
from tests.clips import plain_photo
from tests.footage import corners, picture_times, write_video

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.engine.types import Scene

pytestmark = pytest.mark.media


class Watch:
    """Takes note of progress."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    def __call__(self, frames_done: int, frames_total: int) -> None:
        self.told.append((frames_done, frames_total))


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(media.weights_dir())


@pytest.fixture(scope="module")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty frames of one person talking."""
    frames = media.frames_of(media.clip("carphone_pristine.mp4"), count=40)
    return media.written(tmp_path_factory.mktemp("clips") / "short.mp4", frames)


@pytest.fixture(scope="module")
def scene(pipeline: Pipeline, short_clip: Path) -> Scene:
    return pipeline.analyse(short_clip, on_progress=Watch())


def test_code_is_handed_back_before_another_thread_may_load_any(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = media.excerpt(media.clip("carphone_pristine.mp4"), tmp_path / "in.mp4", start=0, count=12)
    beside: list[list[str]] = []

    def note() -> None:
        beside.append([thread.name for thread in threading.enumerate() if thread.name == "decode"])

    monkeypatch.setattr("headswap_cli.engine.pipeline.give_back_files", note)
    pipeline.analyse(clip, on_progress=Watch())
    assert beside == [[]]


def test_progress_counts_frames_and_ends_with_the_last(
    pipeline: Pipeline, short_clip: Path, tmp_path: Path
) -> None:
    looking, swapping = Watch(), Watch()
    scene = pipeline.analyse(short_clip, on_progress=looking)
    photos = {0: [media.photo("astronaut.png")]}
    report = pipeline.swap(
        scene, short_clip, tmp_path / "out.mp4", photos, SwapSettings(), on_progress=swapping
    )
    whole = [(done, 40) for done in range(1, 41)]
    assert looking.told == whole
    assert swapping.told == whole
    assert (report.frame_count, report.frames_swapped) == (40, 40)
    assert picture_times(tmp_path / "out.mp4") == picture_times(short_clip)


def test_a_person_who_is_not_in_the_video_is_refused_and_counted_from_one(
    pipeline: Pipeline, short_clip: Path, scene: Scene, tmp_path: Path
) -> None:
    photos = {2: [media.photo("astronaut.png")]}
    with pytest.raises(MediaFault, match="person 3") as caught:
        pipeline.swap(scene, short_clip, tmp_path / "out.mp4", photos, SwapSettings(), on_progress=Watch())
    assert caught.value.code == wire.INVALID_PARAMETER
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["no face", "two faces", "no picture", "nothing"])
def test_a_reference_photo_that_cannot_be_used_names_the_person_and_leaves_nothing(
    pipeline: Pipeline, short_clip: Path, scene: Scene, tmp_path: Path, content: str
) -> None:
    photo = tmp_path / "me.png"
    if content == "no face":
        plain_photo(photo)
    elif content == "two faces":
        photo = media.photo("multi_face.jpg")
    else:
        photo.write_bytes(b"no picture at all" if content == "no picture" else b"")
    with pytest.raises(MediaFault, match="person 1"):
        pipeline.swap(
            scene, short_clip, tmp_path / "out.mp4", {0: [photo]}, SwapSettings(), on_progress=Watch()
        )
    assert not (tmp_path / "out.mp4").exists()


def test_a_video_without_anybody_has_no_people_and_passes_through(pipeline: Pipeline, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "in.mp4", [corners()] * 10)
    scene = pipeline.analyse(clip, on_progress=Watch())
    report = pipeline.swap(scene, clip, tmp_path / "out.mp4", {}, SwapSettings(), on_progress=Watch())
    assert scene.people == ()
    assert (report.frame_count, report.frames_swapped, report.notices) == (10, 0, ())


@pytest.mark.parametrize("mode", list(Mode))
def test_outside_what_was_changed_not_one_bit_differs_before_encoding(
    pipeline: Pipeline, short_clip: Path, scene: Scene, mode: Mode
) -> None:
    cast = pipeline.cast(scene, short_clip, {0: [media.photo("astronaut.png")]}, SwapSettings(mode=mode))
    with open_video(short_clip) as video:
        for frame in islice(video.frames(), 0, 40, 8):
            played = cast.play(frame.frame_index, frame.image)
            assert played.was_swapped
            assert 0.01 < played.changed.mean() < 0.6
            assert np.array_equal(played.image[~played.changed], frame.image[~played.changed])
            assert not np.array_equal(played.image, frame.image)


def test_a_fist_before_the_mouth_stays_where_a_segment_begins_behind_it(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    clip, target = media.clip("WolfgangLanger_Pexels.mp4"), tmp_path / "out.mp4"
    source = media.excerpt(clip, tmp_path / "in.mp4", start=62, count=96)
    scene = pipeline.analyse(source, on_progress=Watch())
    begins = segments(scene)[1].first_frame
    settings, photos = SwapSettings(mode=Mode.HEAD), {0: [media.photo("astronaut.png")]}
    pipeline.swap(scene, source, target, photos, settings, on_progress=Watch())
    (track,) = scene.people[0].tracks
    hands = Hands(media.weights_dir())
    pairs = zip(media.frames_of(source), media.frames_of(target), track.landmarks, strict=True)
    for index, (before, after, face) in enumerate(islice(pairs, begins + 2)):
        fist = hand_mask(hands.find(before, face_box(face)), before, (0, 0), 1.0)
        if index >= begins:
            assert fist is not None
            core = cv2.erode(fist, np.ones((7, 7), np.uint8)) > 0.9
            # 30 where it is painted over.
            assert np.abs(after[core].astype(int) - before[core]).mean() < 6


def test_a_face_that_leaves_the_frame_is_left_as_it_was_and_counted_in_a_notice(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    frames = [
        np.roll(frame, (max(0, index - 15) * 6, 0), axis=(1, 0))
        for index, frame in enumerate(media.frames_of(media.clip("carphone_pristine.mp4"), count=40))
    ]
    for index, frame in enumerate(frames):
        frame[:, : max(0, index - 15) * 6] = 0
    clip = media.written(tmp_path / "in.mp4", frames)
    scene = pipeline.analyse(clip, on_progress=Watch())
    photos = {0: [media.photo("astronaut.png")]}
    report = pipeline.swap(scene, clip, tmp_path / "out.mp4", photos, SwapSettings(), on_progress=Watch())
    assert 10 < report.frames_swapped < 40
    assert any("person 1: " in notice and "were left as they were" in notice for notice in report.notices)


def test_frames_in_which_no_face_is_followed_are_counted_in_a_notice(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    frames = list(media.frames_of(media.clip("carphone_pristine.mp4"), count=20))
    clip = media.written(tmp_path / "in.mp4", [*frames, *[np.zeros_like(frames[0])] * 12])
    scene = pipeline.analyse(clip, on_progress=Watch())
    photos = {0: [media.photo("astronaut.png")]}
    settings = SwapSettings(mode=Mode.HEAD)
    report = pipeline.swap(scene, clip, tmp_path / "out.mp4", photos, settings, on_progress=Watch())
    missing, photo = report.notices
    assert photo.startswith("person 1: the face in the reference photo smiles")
    assert missing == "person 1: no face to follow in 12 of 32 frames, which are as they were"


def test_a_result_that_is_mostly_the_source_says_so_first(pipeline: Pipeline, tmp_path: Path) -> None:
    frames = list(media.frames_of(media.clip("carphone_pristine.mp4"), count=12))
    clip = media.written(tmp_path / "in.mp4", [*frames, *[np.zeros_like(frames[0])] * 20])
    scene = pipeline.analyse(clip, on_progress=Watch())
    photos = {0: [media.photo("astronaut.png")]}
    report = pipeline.swap(scene, clip, tmp_path / "out.mp4", photos, SwapSettings(), on_progress=Watch())
    assert 0 < report.frames_swapped <= 12
    assert report.notices[0] == f"in {32 - report.frames_swapped} of 32 frames nobody was swapped"


def test_long_hair_over_a_photo_with_short_is_told_of_with_the_flag_that_swaps_the_rest_or_not(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    clip = media.excerpt(media.clip("WolfgangLanger_Pexels.mp4"), tmp_path / "in.mp4", start=300, count=48)
    scene = pipeline.analyse(clip, on_progress=Watch())
    photos = {0: [media.photo("astronaut.png")]}
    casting, fit = Casting(media.weights_dir()), Fit(640, 360, 1, 1)
    *_, notice = casting.roles(scene, photos, SwapSettings(), fit)[1]
    assert notice.startswith("person 1: the face alone was swapped")
    assert "--mode head" in notice
    asked = casting.roles(scene, photos, SwapSettings(mode=Mode.FACE), fit)[1]
    assert not any("--mode" in told for told in asked)
    *_, guessed = casting.roles(scene, photos, SwapSettings(mode=Mode.HEAD), fit)[1]
    assert "what that hid of neck and shoulders is guessed" in guessed
    assert "--mode face" in guessed


def test_the_smaller_resolution_bounds_the_short_side_and_heads_still_fit(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    clip = media.written(
        tmp_path / "in.mp4", media.frames_of(media.clip("noface_face.mov"), start=100, count=12)
    )
    scene = pipeline.analyse(clip, on_progress=Watch())
    photos = {0: [media.photo("astronaut.png")]}
    settings = {side: SwapSettings(short_side=side, mode=Mode.HEAD) for side in (480, 720)}
    changed = {}
    for side, chosen in settings.items():
        pipeline.swap(scene, clip, tmp_path / f"{side}.mp4", photos, chosen, on_progress=Watch())
        cast = pipeline.cast(scene, clip, photos, chosen)
        with open_video(clip) as video:
            frame = next(islice(video.frames(), 10, None))
        mask = cast.play(10, frame.image).changed
        changed[side] = np.argwhere(mask).mean(axis=0) / mask.shape
    with open_video(tmp_path / "480.mp4") as small, open_video(tmp_path / "720.mp4") as large:
        assert (small.properties.width, small.properties.height) == (854, 480)
        assert (large.properties.width, large.properties.height) == (960, 540)
    assert np.allclose(changed[480], changed[720], atol=0.01)


@pytest.fixture(scope="module")
def couple(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Scene]:
    """Two people side by side."""
    clip = quality.two_people(tmp_path_factory.mktemp("couple"))
    return clip, pipeline.analyse(clip, on_progress=Watch())


@pytest.mark.parametrize("mode", list(Mode))
def test_whoever_is_not_to_be_changed_keeps_face_and_hair_to_the_bit(
    pipeline: Pipeline, couple: tuple[Path, Scene], mode: Mode
) -> None:
    clip, scene = couple
    assert len(scene.people) == 2
    cast = pipeline.cast(scene, clip, {1: [media.photo("astronaut.png")]}, SwapSettings(mode=mode))
    (kept,) = scene.people[0].tracks
    with open_video(clip) as video:
        for frame in islice(video.frames(), 4, 60, 11):
            played = cast.play(frame.frame_index, frame.image)
            assert played.was_swapped
            x0, y0, x1, y1 = face_box(kept.landmarks[frame.frame_index - kept.first_frame]).astype(int)
            height, width = y1 - y0, x1 - x0
            head = np.s_[max(0, y0 - height // 3) : y1, max(0, x0 - width // 3) : x1 + width // 3]
            assert np.array_equal(played.image[head], frame.image[head])


def test_whoever_is_filmed_with_the_phone_turned_is_swapped_upright_at_the_same_uneven_times(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    frames = list(media.frames_of(media.clip("carphone_pristine.mp4"), count=12))
    turned = [np.ascontiguousarray(np.rot90(frame)) for frame in frames]
    times = np.cumsum([0, *[15, 40, 20] * 4])[:12].tolist()
    source = write_video(tmp_path / "turned.mp4", turned, times=times, quarter_turns=1)
    scene = pipeline.analyse(source, on_progress=Watch())
    photos = {0: [media.photo("astronaut.png")]}
    target = tmp_path / "out.mp4"
    report = pipeline.swap(scene, source, target, photos, SwapSettings(mode=Mode.HEAD), on_progress=Watch())
    assert (report.frames_swapped, picture_times(target)) == (12, picture_times(source))
    made = list(media.frames_of(target))
    outside = np.s_[:, :20]
    assert made[-1].shape == frames[-1].shape
    assert np.abs(made[-1][outside].astype(int) - frames[-1][outside]).mean() < 5
    assert np.abs(made[-1].astype(int) - frames[-1]).mean() > 7
