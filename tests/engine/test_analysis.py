"""The analysis of real videos: how many people, who is who over cuts, and what the user is shown of them."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from headswap_cli import wire
from headswap_cli.engine.analysis import Analyser, _end_shot, _Likeness, _ShotWatcher, _Sight
from headswap_cli.engine.camera import Placed
from headswap_cli.engine.decode import TimedFrame, open_video
from headswap_cli.engine.detect import FaceDetector
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.identify import distance
from headswap_cli.engine.plate import PlateShelf
from headswap_cli.engine.track import FollowedFace
from headswap_cli.engine.types import Embedding, Frame, Landmarks, MediaFault, Scene, Track, VideoProperties
from headswap_cli.engine.views import View
from tests import media
from tests.engine import heads

pytestmark = pytest.mark.media


@pytest.fixture(scope="module")
def analyser() -> Analyser:
    return Analyser(media.weights_dir())


def _scene(analyser: Analyser, path: Path) -> Scene:
    with open_video(path) as video:
        return analyser.analyse(video.frames(), video.properties, lambda _done, _total: None)


@pytest.fixture(scope="module")
def scenes(analyser: Analyser) -> dict[str, Scene]:
    names = (
        *("carphone_pristine.mp4", "single_face.mp4", "WolfgangLanger_Pexels.mp4", "face_noface.mov"),
        *("noface_face.mov", "no_face.mp4", "bikes.mp4", "bigbuckbunny.mp4"),
    )
    return {name: _scene(analyser, media.clip(name)) for name in names}


@pytest.mark.parametrize(
    ("name", "spans"),
    [
        ("carphone_pristine.mp4", [[(0, 119)]]),
        ("single_face.mp4", [[(0, 71)]]),
        ("WolfgangLanger_Pexels.mp4", [[(0, 471)]]),
        ("face_noface.mov", [[(0, 71)]]),
        ("noface_face.mov", [[(96, 167)]]),
        ("no_face.mp4", []),
        ("bigbuckbunny.mp4", []),
        # A man walks past the camera in the dark; nobody else of the clip shows a face.
        ("bikes.mp4", [[(30, 43)]]),
    ],
)
def test_everybody_is_found_and_followed_to_the_frame(
    scenes: dict[str, Scene], name: str, spans: list[list[tuple[int, int]]]
) -> None:
    people = scenes[name].people

    assert [[(track.first_frame, track.last_frame) for track in p.tracks] for p in people] == spans


@pytest.mark.parametrize(("name", "frames"), [("no_face.mp4", 95), ("face_noface.mov", 169)])
def test_frames_are_counted_and_not_believed(scenes: dict[str, Scene], name: str, frames: int) -> None:
    """no_face.mp4 declares 98 frames; 95 can be decoded."""
    assert scenes[name].video.frame_count == frames


def test_shots_follow_one_another_without_gaps(scenes: dict[str, Scene]) -> None:
    for scene in scenes.values():
        assert scene.shots[0].first_frame == 0
        assert scene.shots[-1].last_frame == scene.video.frame_count - 1
        for before, after in zip(scene.shots, scene.shots[1:], strict=False):
            assert after.first_frame == before.last_frame + 1
        for track in (track for person in scene.people for track in person.tracks):
            shot = scene.shots[track.shot_index]
            assert shot.first_frame <= track.first_frame <= track.last_frame <= shot.last_frame


def test_views_of_everybody_are_kept_small_and_even_over_their_time(scenes: dict[str, Scene]) -> None:
    for scene in scenes.values():
        for person in scene.people:
            seen = [view.frame_index for view in person.views]
            first, last = person.tracks[0].first_frame, person.tracks[-1].last_frame
            assert 12 <= len(seen) <= 16
            assert first == seen[0] < seen[-1] <= last
            assert max(np.diff([*seen, last])) <= 0.15 * (last - first)
            assert sum(len(view.content) for view in person.views) < 1024**2
            # Chosen, they are held once.
            assert not any(track.views for track in person.tracks)


def small_face() -> tuple[Frame, Landmarks]:
    """A face of forty pixels in a grey picture."""
    shape = heads.reference().vertices[:478].astype(np.float32)
    shape = shape * np.float32(40 / face_width(shape))
    shape[:, :2] += 48 - shape[:, :2].mean(axis=0)
    return np.full((96, 96, 3), 128, np.uint8), shape


def test_the_more_faces_a_long_shot_has_the_fewer_views_wait_of_those_that_are_gone(
    analyser: Analyser,
) -> None:
    frame, landmarks = small_face()
    watcher = _ShotWatcher(analyser._networks, PlateShelf(), 0, 0)
    watcher._background = watcher._overlaid = SimpleNamespace(  # type: ignore[assignment]
        is_lost=True, add=lambda *_: None, follow=lambda *_: None
    )
    watcher.note(0, frame, [])
    for number in range(200):
        first = 1 + 45 * number
        face = FollowedFace(first, landmarks, 1.0)
        for index in range(first, first + 45):
            # Every other is a flash.
            is_seen = index < first + (12 if number % 2 else 7)
            if is_seen and index > first:
                face.extend(index, landmarks, 1.0)
            watcher.note(index, frame, [_Sight(face, landmarks, 1.0)] if is_seen else [])
    waiting = [len(keeper._views) for keeper in watcher._views.values()]
    assert len(waiting) == 100
    assert set(waiting) == {5}


@pytest.mark.parametrize("ahead", [0, 6])
def test_a_face_that_another_hides_for_a_while_is_kept_however_far_ahead_the_follower_is(
    analyser: Analyser, ahead: int
) -> None:
    frame, landmarks = small_face()
    watcher = _ShotWatcher(analyser._networks, PlateShelf(), 0, 0)
    watcher._background = watcher._overlaid = SimpleNamespace(  # type: ignore[assignment]
        is_lost=True, add=lambda *_: None, follow=lambda *_: None
    )
    face = FollowedFace(0, landmarks, 1.0)
    seen = [0, 1, 2, *range(15, 25)]
    for index in range(25):
        for later in seen:
            if face.last_frame < later <= index + ahead:
                face.extend(later, landmarks, 1.0)
        watcher.note(index, frame, [_Sight(face, landmarks, 1.0)] if index in seen else [])
    assert [view.frame_index for view in watcher._views[face]._views] == seen


def test_views_of_earlier_shots_are_touched_only_where_fewer_may_stay() -> None:
    def ended(count: int) -> Any:
        views = tuple(View(index, 0, 0, (1.0, 1.0), b"") for index in range(16))
        track = Track(0, 0, np.zeros((16, 478, 3), np.float32), np.zeros(128), b"", 1.0, views)
        return SimpleNamespace(tracks=(track,) * count, close=lambda: None)

    watchers = [ended(30)]
    _end_shot(watchers)
    before = watchers[0].tracks
    watchers.append(ended(2))
    _end_shot(watchers)
    assert watchers[0].tracks is before
    watchers.append(ended(68))
    _end_shot(watchers)
    assert {len(track.views) for watcher in watchers for track in watcher.tracks} == {5}


def test_somebody_who_takes_a_faces_place_for_a_moment_is_shown_in_a_view() -> None:
    class Embedder:
        """Somebody else from frame 60 on."""

        calls = 0

        def embed(self, _image: Frame, _landmarks: Landmarks) -> Embedding:
            self.calls += 1
            return np.full(128, float(self.calls > 2))

    frame, landmarks = small_face()
    likeness = _Likeness(Embedder())  # type: ignore[arg-type]
    face = FollowedFace(0, landmarks, 1.0)
    for index in range(70):
        if index:
            face.extend(index, landmarks, 1.0)
        likeness.look(index, frame, _Sight(face, landmarks, 1.0), [])
    tracks = list(likeness.tracks(0, face))
    assert len(tracks) == 2
    for track in tracks:
        (view,) = track.views
        assert track.first_frame <= view.frame_index <= track.last_frame


def test_the_scene_is_the_same_however_far_other_threads_are_ahead(
    analyser: Analyser, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = list(media.frames_of(media.clip("single_face.mp4"), count=24))
    timed = [TimedFrame(index, index, Fraction(1, 24), frame) for index, frame in enumerate(frames)]
    video = VideoProperties(640, 360, Fraction(24), 24, 1.0)

    ahead = analyser.analyse(timed, video, lambda _done, _total: None)
    monkeypatch.setattr("headswap_cli.engine.analysis._AHEAD", 0)
    beside = analyser.analyse(timed, video, lambda _done, _total: None)

    (one,), (other,) = ahead.people, beside.people
    assert np.array_equal(one.tracks[0].landmarks, other.tracks[0].landmarks)
    assert np.array_equal(one.tracks[0].embedding, other.tracks[0].embedding)
    assert np.array_equal(one.preview, other.preview)
    assert one.views == other.views
    np.testing.assert_array_equal(one.tracks[0].skin, other.tracks[0].skin)
    assert ahead.shots[0].noise == beside.shots[0].noise


def test_two_people_side_by_side_are_two_people(analyser: Analyser, tmp_path: Path) -> None:
    left, right = media.clip("WolfgangLanger_Pexels.mp4"), media.clip("single_face.mp4")
    clip = media.side_by_side(left, right, tmp_path / "two.mp4", count=60)

    scene = _scene(analyser, clip)

    assert [person.frame_count for person in scene.people] == [60, 60]
    sides = sorted(float(np.asarray(person.tracks[0].landmarks)[..., 0].mean()) for person in scene.people)
    assert sides[0] < 640 < sides[1]


def test_people_keep_their_numbers_over_cuts(analyser: Analyser, tmp_path: Path) -> None:
    woman, man = media.clip("WolfgangLanger_Pexels.mp4"), media.clip("single_face.mp4")
    clip = media.concatenated([man, woman, man, woman, woman], tmp_path / "cuts.mp4", count=20)

    scene = _scene(analyser, clip)

    assert [shot.first_frame for shot in scene.shots] == [0, 20, 40, 60]
    assert [person.obj_id for person in scene.people] == [0, 1]
    assert [person.frame_count for person in scene.people] == [60, 40]
    assert [track.first_frame for track in scene.people[1].tracks] == [0, 40]


def test_somebody_who_leaves_and_comes_back_is_the_same_person(analyser: Analyser, tmp_path: Path) -> None:
    frames = list(media.frames_of(media.clip("single_face.mp4"), count=60))
    empty = np.full_like(frames[0], 150)
    clip = media.written(tmp_path / "back.mp4", frames[:20] + [empty] * 25 + frames[35:])

    (person,) = _scene(analyser, clip).people

    assert [(track.first_frame, track.last_frame) for track in person.tracks] == [(0, 19), (45, 69)]


def test_somebody_who_is_dissolved_into_another_is_two_people(analyser: Analyser, tmp_path: Path) -> None:
    man = list(media.frames_of(media.clip("single_face.mp4")))
    woman = media.frames_of(media.clip("WolfgangLanger_Pexels.mp4"), start=240, count=72)
    centred = [np.roll(frame, -140, axis=1) for frame in woman]
    share = np.clip((np.arange(72) - 24) / 24, 0, 1)
    frames = [a * (1 - t) + b * t for a, b, t in zip(man, centred, share, strict=True)]
    clip = media.written(tmp_path / "dissolve.mp4", [frame.astype(np.uint8) for frame in frames])

    people = _scene(analyser, clip).people

    assert len(people) == 2
    entrances = sorted(person.tracks[0].first_frame for person in people)
    assert entrances[0] == 0
    assert 28 <= entrances[1] <= 44


def test_two_people_who_pass_one_another_are_not_taken_for_each_other(
    analyser: Analyser, tmp_path: Path
) -> None:
    frames = list(media.frames_of(media.clip("single_face.mp4")))
    woman = list(media.frames_of(media.clip("WolfgangLanger_Pexels.mp4"), start=240, count=72))
    for frame_index, (frame, other) in enumerate(zip(frames, woman, strict=True)):
        x, head = -260 + 12 * frame_index, other[20:350:3, 300:600:3].repeat(2, axis=0).repeat(2, axis=1)
        left, right = max(0, x), min(640, x + head.shape[1])
        if left < right:
            frame[100 : 100 + head.shape[0], left:right] = head[:, left - x : right - x]

    people = _scene(analyser, media.written(tmp_path / "pass.mp4", frames)).people

    assert len(people) == 2
    for person in people:
        assert (
            min(
                distance(a.embedding, b.embedding)
                for a in person.tracks
                for other in people
                if other is not person
                for b in other.tracks
            )
            > 0.65
        )


def test_a_face_that_flashes_up_is_nobody(analyser: Analyser, tmp_path: Path) -> None:
    frames = list(media.frames_of(media.clip("single_face.mp4"), count=7))
    empty = np.full_like(frames[0], 150)
    clip = media.written(tmp_path / "flash.mp4", [empty] * 20 + frames + [empty] * 20)

    assert _scene(analyser, clip).people == ()


def _tremor(track: Track) -> float:
    """Return the landmarks' tremor where the head is stillest, as a part of the face's width.

    The second difference of three frames in a row is sqrt(6) times the noise of one.
    """
    path = np.asarray(track.landmarks)[:, :468, :2]
    width = float(np.median([face_width(landmarks) for landmarks in track.landmarks]))
    speed = np.linalg.norm(np.diff(path.mean(axis=1), axis=0), axis=1)
    bend = np.linalg.norm(path[2:] - 2 * path[1:-1] + path[:-2], axis=2).mean(axis=1) / np.sqrt(6)
    return float(np.median(bend[speed[:-1] <= np.quantile(speed, 1 / 3)])) / width


@pytest.mark.parametrize(
    "name", ["carphone_pristine.mp4", "single_face.mp4", "WolfgangLanger_Pexels.mp4", "face_noface.mov"]
)
def test_landmarks_of_a_still_face_tremble_by_less_than_a_quarter_of_a_percent(
    scenes: dict[str, Scene], name: str
) -> None:
    assert _tremor(scenes[name].people[0].tracks[0]) <= 0.0025


@pytest.mark.parametrize("name", ["carphone_pristine.mp4", "single_face.mp4", "WolfgangLanger_Pexels.mp4"])
def test_a_preview_shows_one_head_with_room_for_hair_and_shoulders(
    scenes: dict[str, Scene], name: str
) -> None:
    preview = scenes[name].people[0].preview

    (face,) = FaceDetector(media.weights_dir())(preview)

    height, width = preview.shape[:2]
    x0, y0, x1, y1 = face.box
    assert min(x0, width - x1) > 0.15 * (x1 - x0)
    assert y0 > 0.15 * (y1 - y0)
    assert height - y1 > 0.15 * (y1 - y0)
    assert max(height, width) <= 512


def test_the_background_is_known_where_nobody_stood(scenes: dict[str, Scene]) -> None:
    scene = scenes["single_face.mp4"]
    first = next(media.frames_of(media.clip("single_face.mp4")))

    kept = scene.shots[0].plate

    assert kept is not None
    # It is filmed by hand.
    motion = scene.shots[0].motion
    assert motion is not None
    plate = Placed(kept.unpack(), motion[0].astype(np.float64)).part(
        np.s_[0 : len(first), 0 : first.shape[1]]
    )
    known = plate.seen > 3
    nose_x, nose_y = scene.people[0].tracks[0].landmarks[0][1, :2].astype(int)
    assert plate.seen[nose_y, nose_x] == 0
    assert 0.3 < known.mean() < 0.8
    apart = np.abs(plate.image.astype(int) - first)[known]
    assert float(np.median(apart)) <= 3


def test_where_a_camera_that_moves_points_is_known_as_long_as_it_sees_some_of_the_same(
    analyser: Analyser, tmp_path: Path
) -> None:
    (wide,) = media.frames_of(media.clip("single_face.mp4"), count=1)
    width = wide.shape[1] * 2 // 3
    pan = [wide[:, 4 * step : 4 * step + width] for step in range(wide.shape[1] // 12)]
    (shot,) = _scene(analyser, media.written(tmp_path / "pan.mp4", pan)).shots

    assert shot.plate is not None
    assert shot.motion is not None
    assert shot.motion[:25, 0, 2] - shot.motion[0, 0, 2] == pytest.approx(4.0 * np.arange(25), abs=2)
    assert np.isnan(shot.motion[-5:]).all()


@pytest.mark.parametrize("name", ["carphone_pristine.mp4", "WolfgangLanger_Pexels.mp4"])
def test_a_camera_on_a_stand_is_known_for_one(scenes: dict[str, Scene], name: str) -> None:
    assert {shot.motion for shot in scenes[name].shots} == {None}


def test_no_background_is_kept_where_nobody_needs_it(analyser: Analyser) -> None:
    assert {shot.plate for shot in _scene(analyser, media.clip("no_face.mp4")).shots} == {None}


def test_progress_counts_every_frame_and_never_passes_the_total(analyser: Analyser) -> None:
    told: list[tuple[int, int]] = []
    with open_video(media.clip("no_face.mp4")) as video:
        guess = replace(video.properties, frame_count=60)
        analyser.analyse(video.frames(), guess, lambda done, total: told.append((done, total)))

    assert [done for done, _ in told] == list(range(1, 96))
    assert all(done <= total for done, total in told)
    assert [total for _, total in told] == sorted(total for _, total in told)


def test_a_video_without_any_frame_is_refused(analyser: Analyser) -> None:
    with open_video(media.clip("no_face.mp4")) as video:
        properties: VideoProperties = video.properties

    with pytest.raises(MediaFault) as refusal:
        analyser.analyse([], properties, lambda _done, _total: None)

    assert refusal.value.code == wire.UNREADABLE


def test_a_longer_video_takes_more_memory_for_packed_landmarks_only(
    analyser: Analyser, tmp_path: Path
) -> None:
    kept = []
    for seconds in (3, 9):
        clip = media.looped(media.clip("single_face.mp4"), tmp_path / f"{seconds}.mp4", seconds=seconds)
        tracemalloc.start()
        scene = _scene(analyser, clip)
        kept.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert scene.people

    frames_more, landmarks_bytes = 180, 478 * 3 * 4
    assert kept[1] - kept[0] < frames_more * landmarks_bytes / 2
