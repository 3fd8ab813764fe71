"""Tell who passes before whom where two people's heads meet: the face that is covered is the one behind."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli.engine import topology
from headswap_cli.engine.front import Front
from headswap_cli.engine.geometry import face_box, face_width, inside
from headswap_cli.engine.piece import cut_piece

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from headswap_cli.engine.appearance import Appearance
    from headswap_cli.engine.types import Frame, Landmarks, Person, Track

# How far a head reaches beyond its face's box, in face widths.
_HEAD = 0.6
# Of the smaller face's box, what the other's must share to tell something, and with what it tells too little
# of how the face behind looks.
_LEAST, _MOST = 0.06, 0.5
# So many frames tell it.
_VIEWS = 5
# By how much more of one face must be covered than of the other, where they overlap.
_CLEARLY = 0.1
# Of a face of which too little is known; of one behind another more is found to be covered.
_UNKNOWN = 0.15


@dataclass(frozen=True, slots=True)
class Meeting:
    """Frames ``first_frame`` to ``last_frame`` (inclusive) in which one person's head is before another's."""

    first_frame: int
    last_frame: int
    before: int
    behind: int


@dataclass(frozen=True, slots=True)
class Encounter:
    """Two people whose faces overlap, and both faces in some frames that show it, by frame index."""

    first_frame: int
    last_frame: int
    people: tuple[int, int]
    views: Mapping[int, tuple[Landmarks, Landmarks]]


def encounters(people: Sequence[Person]) -> list[Encounter]:
    """Return where people's faces overlap, as long as their heads touch."""
    return [
        found
        for one, other in combinations(people, 2)
        for track in one.tracks
        for second in other.tracks
        if track.first_frame <= second.last_frame and second.first_frame <= track.last_frame
        for found in _of_tracks((one.obj_id, other.obj_id), (track, second))
    ]


def nearness(one: Landmarks, other: Landmarks) -> float:
    """Return how much of a head lies where another may be, 0 to 1; their faces are (478, 3), pixels."""
    head = _head(face_box(one))
    return float(_shared(head, _head(face_box(other))) / np.maximum(_areas(head), 1e-3))


class Judge:
    """Looks at frames of encounters, in any order, and decides.

    Args:
        met: What is to be decided.
        faces: How people's faces look, by ``obj_id``, where that is known.
        triangles: Of the face mesh, (n, 3).
    """

    def __init__(
        self,
        met: Sequence[Encounter],
        faces: Mapping[int, Appearance | None],
        triangles: NDArray[np.int32],
    ) -> None:
        self._met = met
        self._fronts = {
            obj_id: Front(appearance, triangles, hair_stays=True)
            for obj_id, appearance in faces.items()
            if appearance
        }
        # How much of either face is covered where both overlap, view by view.
        self._covered: list[list[tuple[float, float]]] = [[] for _ in met]

    def look(self, frame_index: int, frame: Frame) -> None:
        """Take note of a frame of the source, (height, width, 3), BGR, at its own size."""
        for encounter, covered in zip(self._met, self._covered, strict=True):
            if frame_index in encounter.views:
                faces = encounter.views[frame_index]
                shared = np.minimum(*(inside(face[topology.OVAL], frame.shape) for face in faces)) > 0
                first, second = (
                    self._share(obj_id, frame, face, shared)
                    for obj_id, face in zip(encounter.people, faces, strict=True)
                )
                covered.append((first, second))

    def meetings(self) -> tuple[Meeting, ...]:
        """Return who is in front; where it cannot be told the wider face is."""
        found = []
        for encounter, covered in zip(self._met, self._covered, strict=True):
            more = float(np.mean([first - second for first, second in covered])) if covered else 0.0
            if abs(more) < _CLEARLY:
                more = float(np.mean([face_width(b) - face_width(a) for a, b in encounter.views.values()]))
            behind, before = encounter.people if more > 0 else encounter.people[::-1]
            found.append(Meeting(encounter.first_frame, encounter.last_frame, before, behind))
        return tuple(found)

    def _share(self, obj_id: int, frame: Frame, face: Landmarks, shared: NDArray[np.bool_]) -> float:
        """Return how much of a face is covered within a part of the frame."""
        front = self._fronts.get(obj_id)
        piece = cut_piece(frame, face_box(face), face_width(face))
        if front is None or piece is None or not shared[piece.part].any():
            return _UNKNOWN
        front.reset()
        mask = front.find(piece, face)
        return 0.0 if mask is None else float(mask[shared[piece.part]].mean())


def _of_tracks(people: tuple[int, int], tracks: tuple[Track, Track]) -> Iterator[Encounter]:
    first = max(track.first_frame for track in tracks)
    last = min(track.last_frame for track in tracks)
    # A track's landmarks are many: they are looked at one by one.
    boxes = [np.stack([face_box(face) for face in _between(track, first, last)]) for track in tracks]
    touch = np.concatenate([[False], _shared(*map(_head, boxes)) > 0, [False]])
    overlap = _shared(*boxes) / np.minimum(_areas(boxes[0]), _areas(boxes[1]))
    starts, ends = np.flatnonzero(np.diff(touch.astype(np.int8))).reshape(-1, 2).T
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        seen = start + np.flatnonzero(overlap[start:end] > _LEAST)
        if not seen.size:
            continue
        partly = seen[overlap[seen] < _MOST]
        chosen = partly if partly.size else seen
        chosen = chosen[np.unique(np.linspace(0, len(chosen) - 1, _VIEWS).round().astype(int))]
        views = {index: (_at(tracks[0], index), _at(tracks[1], index)) for index in (first + chosen).tolist()}
        yield Encounter(first + start, first + end - 1, people, views)


def _head(box: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the boxes (..., 4) of heads, given those of their faces."""
    return np.asarray(box + _HEAD * (box[..., 2:3] - box[..., :1]) * np.array([-1, -1, 1, 1]))


def _between(track: Track, first: int, last: int) -> Iterable[Landmarks]:
    return (_at(track, index) for index in range(first, last + 1))


def _at(track: Track, frame_index: int) -> Landmarks:
    return track.landmarks[frame_index - track.first_frame]


def _shared(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the area that boxes (..., 4) share, row by row."""
    return _areas(np.concatenate([np.maximum(one, other)[..., :2], np.minimum(one, other)[..., 2:]], axis=-1))


def _areas(boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return np.asarray(sides[..., 0] * sides[..., 1])
