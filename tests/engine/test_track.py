"""Following faces: cuts, gaps, entrances, and landmarks that neither tremble nor lag."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.detect import FaceDetector
from headswap_cli.engine.geometry import face_box, overlap
from headswap_cli.engine.mesh import FaceMesh
from headswap_cli.engine.track import CutDetector, FollowedFace, Follower, smoothed
from headswap_cli.engine.types import Frame
from tests import media


def _cuts(frames: list[Frame]) -> list[int]:
    is_cut = CutDetector()
    return [frame_index for frame_index, frame in enumerate(frames) if is_cut(frame)]


def _filled(colour: tuple[int, int, int], count: int) -> list[Frame]:
    return [np.full((90, 160, 3), colour, np.uint8) for _ in range(count)]


def test_a_video_of_one_picture_has_no_cut() -> None:
    assert _cuts(_filled((40, 90, 200), 30)) == []


def test_the_first_frame_of_the_next_shot_is_the_cut() -> None:
    frames = _filled((40, 90, 200), 7) + _filled((200, 120, 20), 5) + _filled((40, 90, 200), 3)

    assert _cuts(frames) == [7, 12]


def test_noise_and_a_slow_change_of_light_are_no_cuts() -> None:
    noise = np.random.default_rng(1)
    frames = [
        np.clip(60 + 4 * step + noise.normal(0, 12, (90, 160, 3)), 0, 255).astype(np.uint8)
        for step in range(40)
    ]

    assert _cuts(frames) == []


@pytest.mark.media
@pytest.mark.parametrize(
    ("name", "cuts"),
    [
        ("carphone_pristine.mp4", []),
        ("single_face.mp4", []),
        ("WolfgangLanger_Pexels.mp4", []),
        ("bikes.mp4", [30, 76, 137, 187, 242]),
        # One black frame stands between the two pictures.
        ("face_noface.mov", [72, 73]),
        ("noface_face.mov", [96, 168]),
    ],
)
def test_the_cuts_of_real_videos_are_found_to_the_frame(name: str, cuts: list[int]) -> None:
    assert _cuts(list(media.frames_of(media.clip(name)))) == cuts


_LENGTHS = st.integers(1, 40)
_SEEDS = st.integers(0, 2**32 - 1)


def _trembling(length: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(100, 20, (length, 478, 3)).astype(np.float32)


@given(length=_LENGTHS, seed=_SEEDS)
def test_a_face_that_does_not_move_is_not_changed_by_steadying(length: int, seed: int) -> None:
    still = np.repeat(_trembling(1, seed), length, axis=0)

    np.testing.assert_allclose(smoothed(still), still, rtol=1e-5)


@given(length=_LENGTHS, seed=_SEEDS)
def test_steadying_keeps_the_length_and_stays_within_what_was_seen(length: int, seed: int) -> None:
    path = _trembling(length, seed)

    steady = smoothed(path)

    assert steady.shape == path.shape
    assert steady.dtype == np.float32
    outline, seen = steady[:, topology.OVAL], path[:, topology.OVAL]
    assert (outline >= seen.min(axis=0) - 1e-3).all()
    assert (outline <= seen.max(axis=0) + 1e-3).all()


def test_an_even_motion_is_steadied_without_delay() -> None:
    path = np.arange(30, dtype=np.float32)[:, np.newaxis, np.newaxis] * np.ones((1, 478, 3), np.float32)

    np.testing.assert_allclose(smoothed(path)[6:-6], path[6:-6], atol=1e-3)


def test_trembling_is_halved_and_a_blink_is_not_lost() -> None:
    path = np.random.default_rng(5).normal(0, 1, (200, 478, 3)).astype(np.float32)
    path[100, topology.RIGHT_EYE[4], 1] = 50

    steady = smoothed(path)

    assert steady[:, topology.NOSE_TIP].std() < 0.6 * path[:, topology.NOSE_TIP].std()
    assert steady[100, topology.RIGHT_EYE[4], 1] > 30


def test_lips_that_meet_for_one_frame_are_seen_to_near_each_other() -> None:
    path = np.zeros((40, 478, 3), np.float32)
    path[:, topology.INNER_LIPS[5], 1] = 6
    path[20, topology.INNER_LIPS[5], 1] = 0

    steady = smoothed(path)

    assert steady[20, topology.INNER_LIPS[5], 1] < 3.5


def test_a_nod_is_no_glance_and_leaves_the_mouth_in_its_place() -> None:
    path = np.zeros((40, 478, 3), np.float32)
    path[20:, :, 1] = 9

    steady = smoothed(path)

    nose = steady[:, [topology.NOSE_TIP]]
    for feature in (topology.RIGHT_IRIS, topology.LEFT_EYE, topology.OUTER_LIPS):
        np.testing.assert_allclose(steady[:, feature], np.repeat(nose, len(feature), axis=1), atol=1e-4)


def _placed(x: float) -> NDArray[np.float32]:
    return np.full((478, 3), x, np.float32)


@given(first=st.integers(0, 100), gap=st.integers(1, 8))
def test_a_gap_is_filled_evenly(first: int, gap: int) -> None:
    face = FollowedFace(first, _placed(0), 1.0)

    face.extend(first + gap, _placed(10), 0.9)

    assert face.last_frame == first + gap
    assert [float(place[0, 0]) for place in face.path] == pytest.approx(np.linspace(0, 10, gap + 1).tolist())


@given(first=st.integers(0, 100), length=st.integers(1, 9), frame_index=st.integers(-5, 130))
def test_a_face_is_somewhere_exactly_in_the_frames_it_was_followed_through(
    first: int, length: int, frame_index: int
) -> None:
    face = FollowedFace(first, _placed(first), 1.0)
    for later in range(first + 1, first + length):
        face.extend(later, _placed(later), 1.0)

    place = face.at(frame_index)

    assert (place is not None) == (first <= frame_index < first + length)
    assert place is None or float(place[0, 0]) == frame_index


@pytest.fixture(scope="module")
def networks() -> tuple[FaceDetector, FaceMesh]:
    return FaceDetector(media.weights_dir()), FaceMesh(media.weights_dir())


@pytest.fixture(scope="module")
def speaker() -> list[Frame]:
    return list(media.frames_of(media.clip("single_face.mp4"), count=40))


def _follow(networks: tuple[FaceDetector, FaceMesh], frames: list[Frame]) -> Follower:
    detector, mesh = networks
    follower = Follower(mesh, first_frame=0)
    for frame_index, frame in enumerate(frames):
        follower.observe(frame_index, frame, detector)
    return follower


def _hidden(frames: list[Frame], first: int, last: int) -> list[Frame]:
    return [
        np.full_like(frame, 128) if first <= frame_index <= last else frame
        for frame_index, frame in enumerate(frames)
    ]


@pytest.mark.media
def test_a_face_that_is_hidden_for_a_moment_is_followed_through_it(
    networks: tuple[FaceDetector, FaceMesh], speaker: list[Frame]
) -> None:
    (face,) = _follow(networks, _hidden(speaker, 12, 16)).faces

    assert (face.first_frame, face.last_frame) == (0, 39)
    assert all(
        overlap(face_box(a), face_box(b)) > 0.7 for a, b in zip(face.path, face.path[1:], strict=False)
    )


@pytest.mark.media
def test_a_face_that_is_away_for_long_is_followed_twice(
    networks: tuple[FaceDetector, FaceMesh], speaker: list[Frame]
) -> None:
    spans = [(face.first_frame, face.last_frame) for face in _follow(networks, _hidden(speaker, 8, 22)).faces]

    assert spans == [(0, 7), (23, 39)]


@pytest.mark.media
@pytest.mark.parametrize("entrance", [1, 3, 4, 5, 8])
def test_a_face_is_followed_from_the_very_frame_it_enters(
    networks: tuple[FaceDetector, FaceMesh], speaker: list[Frame], entrance: int
) -> None:
    (face,) = _follow(networks, _hidden(speaker[:20], 0, entrance - 1)).faces

    assert face.first_frame == entrance


@pytest.mark.media
def test_two_faces_side_by_side_never_slip_into_one_another(
    networks: tuple[FaceDetector, FaceMesh], speaker: list[Frame]
) -> None:
    other = islice(media.frames_of(media.clip("WolfgangLanger_Pexels.mp4"), start=240), len(speaker))
    both = [np.hstack([left, right]) for left, right in zip(speaker, other, strict=True)]

    follower = _follow(networks, both)

    assert len(follower.faces) == 2
    for face in follower.faces:
        assert (face.first_frame, face.last_frame) == (0, 39)
    sides = [{float(place[:, 0].mean()) > 640 for place in face.path} for face in follower.faces]
    assert sorted(sides, key=str) == [{False}, {True}]
