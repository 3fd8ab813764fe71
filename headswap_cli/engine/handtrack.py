"""Follow the hands near faces through a shot, and back to before they could be found."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from headswap_cli.engine.geometry import face_box
from headswap_cli.engine.track import PATIENCE_BEHIND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headswap_cli.engine.hand import Hand
    from headswap_cli.engine.occlude import Hands
    from headswap_cli.engine.types import Box, Frame, Landmarks

Face = TypeVar("Face", bound=Hashable)

# A hand whose palm is turned away is followed but not found: so many frames later one has been, even in a
# badly coded video. Of large frames fewer are kept.
LOOK_BACK, _KEPT_PIXELS = 36, 20_000_000
# In a face's first frames hands that nobody saw come are looked for once more in one of so many.
_AGAIN_EVERY = 9
# As soon as a hand can be found its palm is half turned away still: so many frames later it is well seen.
_WELL_SEEN = 6


@dataclass(slots=True)
class _Face:
    """Whose hands they are.

    ``box`` is where it was seen in frame ``last_seen``, ``age`` counts the frames since it was first, and
    ``known`` those through which hands have been known without a gap.
    """

    finder: Hands
    box: Box
    last_seen: int
    age: int = -1
    known: int = 0


@dataclass(frozen=True, slots=True)
class _Passed(Generic[Face]):
    """A frame that is kept for a while, and where the faces are in it."""

    frame_index: int
    frame: Frame
    boxes: Mapping[Face, Box]


class HandTracker(Generic[Face]):
    """Follows the hands near all faces of one shot; frames are shown to it one after the other.

    Args:
        finder: Finds hands; its networks serve for every face.
    """

    def __init__(self, finder: Hands) -> None:
        self._finder = finder
        self._faces: dict[Face, _Face] = {}
        # Of all faces, those that are gone too.
        self._found: dict[Face, dict[int, list[Hand]]] = {}
        self._passed: deque[_Passed[Face]] = deque()

    def look(self, frame_index: int, frame: Frame, faces: Mapping[Face, Landmarks]) -> None:
        """Look at the next frame, (height, width, 3), BGR, and the landmarks of the faces seen in it.

        A face that is not seen may be behind a hand: that is looked for where the face was, for as long as
        the face may come back.
        """
        for face, landmarks in faces.items():
            box = face_box(landmarks)
            if face not in self._faces:
                self._faces[face] = _Face(self._finder.another(), box, frame_index)
                self._found.setdefault(face, {})
            self._faces[face].box, self._faces[face].last_seen = box, frame_index
        oldest = frame_index - PATIENCE_BEHIND
        self._faces = {face: one for face, one in self._faces.items() if one.last_seen >= oldest}
        passed = _Passed(frame_index, frame, {face: one.box for face, one in self._faces.items()})
        for face in self._faces:
            self._follow(face, passed)
        self._passed.append(passed)
        height, width = frame.shape[:2]
        while len(self._passed) > min(LOOK_BACK + _WELL_SEEN, _KEPT_PIXELS // (height * width)):
            self._passed.popleft()

    def between(self, face: Face, first: int, last: int) -> dict[int, list[Hand]]:
        """Return the hands near a face in the frames ``first`` to ``last`` (inclusive) that show some."""
        found = sorted(self._found.get(face, {}).items())
        return {index: hands for index, hands in found if first <= index <= last}

    def forget(self, face: Face) -> None:
        """Let go of a face that was none."""
        self._faces.pop(face, None)
        self._found.pop(face, None)

    def _follow(self, face: Face, passed: _Passed[Face]) -> None:
        one = self._faces[face]
        one.age += 1
        if not one.known and 0 < one.age < LOOK_BACK and one.age % _AGAIN_EVERY == 0:
            one.finder.reset()
        hands = one.finder.find(passed.frame, passed.boxes[face])
        one.known = one.known + 1 if hands else 0
        if hands:
            self._found[face][passed.frame_index] = hands
        if one.known == 1 + _WELL_SEEN:
            self._look_back(face, passed)

    def _look_back(self, face: Face, last: _Passed[Face]) -> None:
        """Follow hands that are well seen by now backwards as far as they show, and from there on again.

        Where a hand is turned away it is known better from before than from when it could just be found.
        """
        one, found, way = self._faces[face], self._found[face], [last]
        fresh = one.finder.another()
        back = forth = (fresh if fresh.find(last.frame, one.box) else one.finder).turned_round()
        known_from = last.frame_index - _WELL_SEEN
        for passed in reversed(self._passed):
            # The face itself may have been followed back to before it was found.
            hands = back.find(passed.frame, passed.boxes.get(face, one.box))
            if not hands or (passed.frame_index < known_from and passed.frame_index in found):
                break
            found.setdefault(passed.frame_index, hands)
            way.append(passed)
            forth = back.turned_round()
        for passed in reversed(way):
            if hands := forth.find(passed.frame, passed.boxes.get(face, one.box)):
                found[passed.frame_index] = hands
        if hands:
            one.finder = forth
