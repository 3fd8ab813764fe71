"""Keep faces apart that meet: each is looked at with the other one's head painted over."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import cv2
import numpy as np

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import containment, face_box, face_width
from headswap_cli.engine.silhouette import outlines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from headswap_cli.engine.types import Frame, Landmarks

    Seen = tuple[Landmarks, float]

Face = TypeVar("Face")

# Faces meet from where they share so much of the smaller one's box; who is before whom is asked again where
# they share so much more.
_MEET, _MORE = 0.06, 0.02
# A mesh that is drawn to another face departs from its own way, in face widths: by so much more in all, if
# that face is not the one before it, and by so much at most in one frame.
_SURE, _MOST, _HARDLY = 0.1, 0.1, 1e-6
_PRESENT = 0.5
# How far around the middle of a face's box its mesh looks, however it is turned, parts of the longer side.
_LOOKED_AT = 1.4


class Mesh(Protocol):
    """Lays landmarks on a face that is followed, as ``mesh.FaceMesh`` does."""

    def from_landmarks(self, frame: Frame, previous: Landmarks) -> Seen:
        """Return landmarks, (478, 3), and presence, 0 to 1, of a face that was there a moment ago."""


@dataclass(frozen=True, slots=True)
class Moving:
    """A face as it was last seen, and where it is expected to be by now."""

    last: Landmarks
    expected: Landmarks


@dataclass(slots=True)
class _Meeting:
    """Whether the first of two faces is before the second: above 0, and how much they shared when asked."""

    lead: float
    shared: float


class Apart(Generic[Face]):
    """Lays the mesh on all faces of a frame, and remembers from frame to frame who is before whom."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._meetings: dict[tuple[Face, Face], _Meeting] = {}

    def look(self, frame: Frame, faces: Mapping[Face, Moving]) -> dict[Face, Seen]:
        """Return landmarks, (478, 3), and presence, 0 to 1, of each face; their order stays."""
        boxes = {face: face_box(moving.expected) for face, moving in faces.items()}
        shared = {
            (one, other): containment(boxes[one], boxes[other]) for one, other in combinations(faces, 2)
        }
        self._meetings = {
            pair: self._meetings.get(pair) or _first_guess(faces[pair[0]], faces[pair[1]])
            for pair, part in shared.items()
            if part > _MEET
        }
        for pair, meeting in self._meetings.items():
            if abs(meeting.lead) < _SURE and shared[pair] > meeting.shared + _MORE:
                meeting.shared = shared[pair]
                meeting.lead += self._evidence(frame, faces[pair[0]], faces[pair[1]])
        return {face: self._seen(frame, faces, face) for face in faces}

    def meet(self, one: Face, other: Face) -> bool:
        """Tell whether two faces met in the last frame."""
        return (one, other) in self._meetings or (other, one) in self._meetings

    def rename(self, face: Face, again: Face) -> None:
        """Take another face for one that goes on as that one."""
        self._meetings = {
            (again if one is face else one, again if other is face else other): meeting
            for (one, other), meeting in self._meetings.items()
        }

    def is_behind(self, face: Face) -> bool:
        """Tell whether some face was before this one in the last frame."""
        return any(is_before for _, is_before in self._met(face))

    def _met(self, face: Face) -> Iterator[tuple[Face, bool]]:
        """Return whom a face meets, and whether they are before it."""
        for (one, other), meeting in self._meetings.items():
            if face is one:
                yield other, meeting.lead < 0
            elif face is other:
                yield one, meeting.lead > 0

    def _evidence(self, frame: Frame, one: Moving, other: Moving) -> float:
        """Return how much better both faces go on their way if the first is before the second."""
        strains = []
        for front, behind in ((one, other), (other, one)):
            seen = self._alone(frame, front, beside=[behind])
            hidden = self._alone(frame, behind, before=[front])
            strains.append(_strain(front, *seen) + _strain(behind, *hidden))
        return strains[1] - strains[0]

    def _seen(self, frame: Frame, faces: Mapping[Face, Moving], face: Face) -> Seen:
        met = list(self._met(face))
        if not met:
            return self._mesh.from_landmarks(frame, faces[face].last)
        before = [faces[other] for other, is_before in met if is_before]
        beside = [faces[other] for other, is_before in met if not is_before]
        return self._alone(frame, faces[face], before, beside)

    def _alone(
        self, frame: Frame, own: Moving, before: Sequence[Moving] = (), beside: Sequence[Moving] = ()
    ) -> Seen:
        """Look at a face without other heads."""
        part, corner = _around(frame, own.last)
        own, *others = (_shifted(moving, -corner) for moving in (own, *before, *beside))
        picture = _without(part, own, others[: len(before)], others[len(before) :])
        landmarks, presence = self._mesh.from_landmarks(picture, own.last)
        return landmarks + corner, presence


def _first_guess(one: Moving, other: Moving) -> _Meeting:
    """Take the wider face for the nearer one, until it shows."""
    return _Meeting(_HARDLY if face_width(one.last) >= face_width(other.last) else -_HARDLY, 0.0)


def _strain(face: Moving, landmarks: Landmarks, presence: float) -> float:
    """Return how far a mesh is from where it is expected, in face widths."""
    if presence < _PRESENT:
        return _MOST
    away = (landmarks - face.expected)[: topology.MESH_POINTS, :2]
    return min(_MOST, float(np.linalg.norm(away, axis=1).mean()) / max(1.0, face_width(face.expected)))


def _around(frame: Frame, landmarks: Landmarks) -> tuple[Frame, Landmarks]:
    """Return the part of a frame that a mesh looks at, and its upper left corner (x, y, 0)."""
    box = face_box(landmarks)
    reach = _LOOKED_AT * (box[2:] - box[:2]).max()
    middle = (box[:2] + box[2:]) / 2
    size = np.array(frame.shape[1::-1])
    x0, y0 = np.clip(np.floor(middle - reach), 0, size - 1).astype(int)
    x1, y1 = np.clip(np.ceil(middle + reach), (x0 + 1, y0 + 1), size).astype(int)
    return frame[y0:y1, x0:x1], np.array([x0, y0, 0], np.float32)


def _shifted(face: Moving, way: Landmarks) -> Moving:
    return Moving(face.last + way, face.expected + way)


def _without(
    frame: Frame, own: Moving, before: Sequence[Moving] = (), beside: Sequence[Moving] = ()
) -> Frame:
    """Return the frame without other heads: of those that are not before this one what it does not hide."""
    picture = frame.copy()
    for other in beside:
        _paint(picture, other.expected)
    if beside:
        mine = np.zeros(frame.shape[:2], np.uint8)
        for outline in outlines(own.expected):
            cv2.fillPoly(mine, [outline], (1,))
        cv2.copyTo(frame, mine, picture)
    for other in before:
        _paint(picture, other.expected)
    return picture


def _paint(picture: Frame, landmarks: Landmarks) -> None:
    """Paint a head black: of all colours it is the least like a face that goes on there."""
    for outline in outlines(landmarks):
        cv2.fillPoly(picture, [outline], (0, 0, 0))
