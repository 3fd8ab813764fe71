"""The schedule: everything is made once, in runs that are decoded on, and all end together."""

from __future__ import annotations

import heapq
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.engine.decode import entry
from headswap_cli.engine.schedule import Schedule
from headswap_cli.engine.segments import Segment, segments
from headswap_cli.engine.types import Person, Scene, Shot, Timeline, Track, VideoProperties

VIDEO = VideoProperties(128, 96, Fraction(30), 0, 1.0)
# What an entry costs of the time that a head in a frame takes.
DECODED = 0.05


def scene_of(count: int, *, cuts: tuple[int, ...] = (), keys: tuple[int, ...] = (0,), seen: int = 0) -> Scene:
    """A video with somebody in its first ``seen`` frames."""
    starts = sorted({0, *(cut for cut in cuts if cut < count)})
    shots = [Shot(start, end - 1, None) for start, end in pairwise([*starts, count])]
    path = np.zeros((seen, 478, 3), np.float32)
    track = Track(0, 0, path, np.zeros(128), b"", 1.0)
    people = (Person(0, (track,), np.zeros((8, 8, 3), np.uint8)),) if seen else ()
    return Scene(VIDEO, tuple(shots), people, Timeline(tuple(range(count)), (1,) * count, keys))


def played(
    scene: Scene, processes: int, *, speeds: tuple[float, ...]
) -> tuple[list[list[Segment]], list[float]]:
    """Return what each process makes, and when each is through, if frames take as long as is said."""
    schedule = Schedule(segments(scene), scene.timeline, {0}, processes)
    made: list[list[Segment]] = [[] for _ in range(processes)]
    ends = [0.0] * processes
    free = [(0.0, process) for process in range(processes)]
    while free:
        now, process = heapq.heappop(free)
        segment = schedule.next(process)
        if segment is None:
            continue
        (track,) = segment.scene.people[0].tracks if segment.scene.people else (None,)
        took = (len(track.landmarks) if track else 0) + 0.25 * (segment.last_frame - segment.first_frame + 1)
        took += DECODED * decoded(scene.timeline, made[process][-1:], segment)
        made[process].append(segment)
        ends[process] = now + took / speeds[process]
        heapq.heappush(free, (ends[process], process))
    return made, ends


def decoded(timeline: Timeline, before: list[Segment], segment: Segment) -> int:
    """Return how many frames are decoded on the way to a segment."""
    on_from = before[-1].last_frame + 1 if before else -1
    key = entry(timeline, segment.first_frame)
    return segment.first_frame - (on_from if key <= on_from <= segment.first_frame else key)


def twice(scene: Scene, made: list[list[Segment]]) -> int:
    """Return how many frames are decoded more than once, counted as often as that is."""
    return sum(
        decoded(scene.timeline, before, segment)
        for run in made
        for before, segment in zip([[], *([one] for one in run)], run, strict=False)
    )


@given(
    st.integers(0, 5000),
    st.lists(st.integers(1, 5000), max_size=20),
    st.integers(1, 400),
    st.lists(st.floats(0.2, 5.0), min_size=1, max_size=4),
)
def test_every_segment_is_made_once_whoever_is_fast(
    count: int, cuts: list[int], every: int, speeds: list[float]
) -> None:
    scene = scene_of(count, cuts=tuple(cuts), keys=tuple(range(0, max(1, count), every)), seen=count // 3)
    made, _ = played(scene, len(speeds), speeds=tuple(speeds))
    indices = sorted(segment.index for run in made for segment in run)
    assert indices == [segment.index for segment in segments(scene)]


def test_one_process_makes_all_in_order_and_decodes_nothing_twice() -> None:
    scene = scene_of(472, keys=tuple(range(0, 472, 72)), seen=472)
    made, _ = played(scene, 1, speeds=(1.0,))
    assert [[one.index for one in run] for run in made] == [[one.index for one in segments(scene)]]
    assert twice(scene, made) == 0


def test_several_begin_with_runs_of_their_own_and_the_first_with_the_beginning() -> None:
    scene = scene_of(960, keys=tuple(range(0, 960, 60)), seen=960)
    made, ends = played(scene, 4, speeds=(1.0,) * 4)
    for run in made:
        assert [one.index + 1 for one in run[:-1]] == [one.index for one in run[1:]]
    assert [len(run) for run in made] == [2, 2, 2, 2]
    assert [run[0].index for run in made] == [0, 2, 4, 6]
    assert max(ends) - min(ends) < 0.05 * max(ends)


def test_runs_that_begin_at_cuts_on_key_frames_decode_nothing_twice() -> None:
    cuts = tuple(range(100, 800, 100))
    scene = scene_of(800, cuts=cuts, keys=(0, *cuts), seen=800)
    made, _ = played(scene, 2, speeds=(1.0, 1.0))
    assert [len(run) for run in made] == [4, 4]
    assert twice(scene, made) == 0


@pytest.mark.parametrize(("count", "every"), [(472, 72), (1500, 250), (3000, 250), (900, 48)])
def test_two_decode_nothing_twice_where_a_key_frame_is_close_before_the_middle(
    count: int, every: int
) -> None:
    scene = scene_of(count, keys=tuple(range(0, count, every)), seen=count)
    made, ends = played(scene, 2, speeds=(1.0, 1.0))
    assert twice(scene, made) == 0
    assert max(ends) - min(ends) < 0.2 * max(ends)


def test_frames_with_nobody_in_them_weigh_less() -> None:
    scene = scene_of(1200, keys=tuple(range(0, 1200, 30)), seen=600)
    made, ends = played(scene, 2, speeds=(1.0, 1.0))
    assert len(made[0]) < len(made[1])
    assert max(ends) - min(ends) < 0.25 * max(ends)
    assert twice(scene, made) <= 3 * 30


def test_whoever_is_through_early_takes_over_half_of_what_another_has_not_begun() -> None:
    scene = scene_of(4800, keys=tuple(range(0, 4800, 48)), seen=4800)
    made, ends = played(scene, 2, speeds=(1.0, 3.0))
    assert max(ends) - min(ends) < 0.05 * max(ends)
    # Half and half again: not one entry for each segment.
    entries = sum(one.last_frame + 1 != other.first_frame for run in made for one, other in pairwise(run))
    assert entries <= 5
    assert twice(scene, made) <= 6 * 48


@pytest.mark.parametrize(("left", "pays"), [(170, True), (130, False)])
def test_nothing_is_taken_over_that_takes_longer_to_reach_than_to_make(left: int, *, pays: bool) -> None:
    # Of one key frame, and with nobody in it: to decode a frame takes a fifth of the time to make one.
    scene = scene_of(54_000)
    schedule = Schedule(segments(scene), scene.timeline, {0}, 2)
    make(schedule, 1, until=450 - left)
    make(schedule, 0, until=250)
    taken = schedule.next(0)
    assert (taken and taken.index) == (450 - left // 2 if pays else None)


def test_where_it_does_not_pay_to_help_the_busiest_the_next_is_helped() -> None:
    scene = scene_of(36_000, keys=tuple(range(0, 24_001, 48)))
    schedule = Schedule(segments(scene), scene.timeline, {0}, 3)
    # The last third of the film can be entered at its beginning alone.
    make(schedule, 2, until=300 - 24)
    make(schedule, 1, until=200 - 20)
    make(schedule, 0, until=100)
    taken = schedule.next(0)
    assert taken is not None
    assert taken.index == 190


def make(schedule: Schedule, process: int, *, until: int) -> None:
    """Have a process make its own run up to the segment before one."""
    while (segment := schedule.next(process)) is not None and segment.index < until - 1:
        pass
