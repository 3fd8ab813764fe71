"""Segments: the same parts of a video for any number of processes, whole and decoded from near by."""

from __future__ import annotations

import pickle
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.engine.segments import excerpt, segments
from headswap_cli.engine.trail import Trail
from headswap_cli.engine.types import Person, Scene, Shot, Timeline, Track, VideoProperties

VIDEO = VideoProperties(128, 96, Fraction(30), 0, 1.0)


def scene_of(count: int, *, cuts: tuple[int, ...] = (), keys: tuple[int, ...] = (0,)) -> Scene:
    starts = sorted({0, *(cut for cut in cuts if cut < count)})
    shots = [Shot(start, end - 1, None) for start, end in pairwise([*starts, count])]
    return Scene(VIDEO, tuple(shots), (), Timeline(tuple(range(count)), (1,) * count, keys))


@given(st.integers(0, 9000), st.lists(st.integers(1, 9000), max_size=40), st.integers(1, 400))
def test_segments_cover_every_frame_once(count: int, cuts: list[int], every: int) -> None:
    scene = scene_of(count, cuts=tuple(cuts), keys=tuple(range(0, max(1, count), every)))
    parts = segments(scene)
    covered = [index for part in parts for index in range(part.first_frame, part.last_frame + 1)]
    assert covered == list(range(count))


@pytest.mark.parametrize("count", [100, 144, 240, 472, 600, 5000])
def test_two_and_four_processes_get_equal_shares_of_a_single_shot(count: int) -> None:
    lengths = [
        part.last_frame - part.first_frame + 1 for part in segments(scene_of(count, keys=tuple(range(count))))
    ]
    assert len(lengths) % 4 == 0
    assert max(lengths) <= 120
    assert max(lengths) - min(lengths) <= 0.2 * max(lengths)


@given(st.integers(96, 9000), st.lists(st.integers(1, 9000), max_size=40).map(sorted))
def test_the_middle_goes_back_to_a_key_frame_close_by_and_the_rest_is_as_even_as_can_be(
    count: int, keys: list[int]
) -> None:
    even = [part.first_frame for part in segments(scene_of(count))]
    starts = [part.first_frame for part in segments(scene_of(count, keys=(0, *keys)))]
    middle, most = even[len(even) // 2], min(int(0.05 * count), 25)
    before = max(key for key in (0, *keys) if key <= middle)
    begins = before if middle - before <= most else middle
    assert begins in starts
    for side in (starts[: starts.index(begins) + 1], [*starts[starts.index(begins) :], count]):
        lengths = [end - start for start, end in pairwise(side)]
        assert max(lengths) - min(lengths) <= most + len(side)


def test_segments_begin_at_cuts_where_there_are_some_near() -> None:
    parts = segments(scene_of(600, cuts=(70, 130, 200)))
    assert {70, 130, 200} <= {part.first_frame for part in parts}


def test_a_segment_knows_the_people_and_shots_of_its_own_frames_alone() -> None:
    def followed(shot_index: int, first: int, count: int) -> Track:
        path = np.arange(first, first + count, dtype=np.float32)[:, None, None] * np.ones(
            (1, 478, 3), np.float32
        )
        hands = {index: [path[0, :21, :2] + index] for index in range(first, first + count, 2)}
        return Track(shot_index, first, path, np.zeros(128), b"jpeg", 1.0, hands=hands, skin=path[:, :10, 0])

    preview = np.zeros((8, 8, 3), np.uint8)
    people = (
        Person(0, (followed(0, 10, 60), followed(1, 110, 80)), preview),
        Person(1, (followed(0, 0, 20),), preview),
    )
    shots = (Shot(0, 99, None), Shot(100, 199, None))
    part = excerpt(Scene(VIDEO, shots, people, Timeline(tuple(range(200)))), 120, 140)
    assert part.shots == shots[1:]
    assert [person.obj_id for person in part.people] == [0]
    (track,) = part.people[0].tracks
    assert (track.shot_index, track.first_frame, track.last_frame) == (0, 120, 140)
    assert np.asarray(track.landmarks)[:, 0, 0].tolist() == list(range(120, 141))
    assert track.skin[:, 0].tolist() == list(range(120, 141))
    assert {index: float(hand[0, 0]) for index, (hand,) in track.hands.items()} == {
        index: 110 + index for index in range(120, 141, 2)
    }


def test_the_segments_of_a_film_hold_landmarks_packed() -> None:
    count = 600
    path = np.random.default_rng(2).normal(100, 0.2, (count, 478, 3)).astype(np.float32)
    track = Track(0, 0, Trail(path).packed(), np.zeros(128), b"", 1.0)
    people = (Person(0, (track,), np.zeros((8, 8, 3), np.uint8)),)
    scene = replace(scene_of(count, keys=tuple(range(count))), people=people)
    held = sum(len(pickle.dumps(part.scene.people)) for part in segments(scene))
    assert held < path.nbytes / 2


def test_a_segment_knows_where_the_camera_points_in_its_own_frames_alone() -> None:
    motion = np.arange(100, dtype=np.float32)[:, np.newaxis, np.newaxis] * np.ones((2, 3), np.float32)
    shots = (Shot(50, 149, None, motion=motion), Shot(150, 199, None))
    for first, last in ((60, 80), (0, 60), (140, 160)):
        shot = excerpt(Scene(VIDEO, shots, (), Timeline(tuple(range(200)))), first, last).shots[0]
        assert shot.motion is not None
        assert (shot.first_frame, shot.last_frame) == (max(50, first), min(149, last))
        assert shot.motion[:, 0, 0].tolist() == list(range(shot.first_frame - 50, shot.last_frame - 49))
