"""Part a video into segments that can be made side by side, the same however many processes make them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli.engine.trail import Trail
from headswap_cli.engine.types import Person, Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.engine.types import Shot, Track

# Two and four processes share fours of segments evenly, hardly any longer than so many frames; below so many
# frames two segments do, then one.
_LONGEST, _FOUR, _TWO = 120, 96, 48
# How far the middle of a video, where the second of two processes begins, goes back to a key frame, in parts
# of the video and in frames: from there on all would be decoded twice. The first process can spare these
# frames: it has the file to write as well.
_TO_KEY, _MOST = 0.05, 25
_NO_PREVIEW = np.empty((0, 0, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames ``first_frame`` to ``last_frame`` (inclusive), with the people and shots of these alone."""

    index: int
    first_frame: int
    last_frame: int
    scene: Scene


def segments(scene: Scene) -> list[Segment]:
    """Return the segments of a video in order; together they are all of it."""
    count = len(scene.timeline.times)
    starts = [*_starts(count, scene.shots, scene.timeline.keys), count]
    bounds = [(start, end - 1) for start, end in pairwise(starts)]
    return [
        Segment(index, first, last, excerpt(scene, first, last)) for index, (first, last) in enumerate(bounds)
    ]


def excerpt(scene: Scene, first: int, last: int) -> Scene:
    """Return what of a scene lies in the frames ``first`` to ``last`` (inclusive)."""
    shots = [index for index, shot in enumerate(scene.shots) if _meets(shot, first, last)]
    people = [
        Person(person.obj_id, tuple(_cut(track, first, last, shots[0]) for track in tracks), _NO_PREVIEW)
        for person in scene.people
        if (tracks := [track for track in person.tracks if _meets(track, first, last)])
    ]
    own = tuple(_of_motion(scene.shots[index], first, last) for index in shots)
    return Scene(scene.video, own, tuple(people))


def _starts(count: int, shots: Sequence[Shot], keys: Sequence[int]) -> list[int]:
    """Return where segments begin: at cuts where there are some near, else evenly; halfway at a key frame."""
    usual = _usual_length(count)
    cuts = [shot.first_frame for shot in shots]
    starts = [0] if count else []
    while starts and (left := round((count - starts[-1]) / usual)) > 1:
        due = starts[-1] + -(-(count - starts[-1]) // left)
        place = bisect_right(cuts, due)
        cut = cuts[place - 1] if place else 0
        if cut > starts[-1] + usual // 2:
            starts.append(cut)
        elif abs(2 * due - count) <= usual:
            starts.append(_back_to_key(keys, due, min(int(_TO_KEY * count), _MOST)))
        else:
            starts.append(due)
    return starts


def _back_to_key(keys: Sequence[int], frame_index: int, most: int) -> int:
    """Return the last key frame up to a frame if it is no more than so many before, else the frame itself."""
    place = bisect_right(keys, frame_index)
    return keys[place - 1] if place and frame_index - keys[place - 1] <= most else frame_index


def _usual_length(count: int) -> int:
    parts = 4 * -(-count // (4 * _LONGEST)) if count >= _FOUR else 2 if count >= _TWO else 1
    return max(1, -(-count // parts))


def _meets(one: Shot | Track, first: int, last: int) -> bool:
    return one.first_frame <= last and one.last_frame >= first


def _of_motion(shot: Shot, first: int, last: int) -> Shot:
    """Return a shot with its camera's motion in these frames alone: of a film it would be long."""
    if shot.motion is None:
        return shot
    start, end = max(first, shot.first_frame), min(last, shot.last_frame)
    motion = shot.motion[start - shot.first_frame : end + 1 - shot.first_frame]
    return replace(shot, first_frame=start, last_frame=end, motion=motion)


def _cut(track: Track, first: int, last: int, first_shot: int) -> Track:
    start, end = max(0, first - track.first_frame), last + 1 - track.first_frame
    return replace(
        track,
        shot_index=track.shot_index - first_shot,
        first_frame=track.first_frame + start,
        landmarks=Trail(track.landmarks[start:end]).packed(),
        preview=b"",
        views=(),
        hands={index: track.hands[index] for index in range(first, last + 1) if index in track.hands},
        skin=track.skin[start:end],
    )
