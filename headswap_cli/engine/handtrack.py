"""Follow the hands near faces through a shot, and back to before they could be found."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import cv2
import numpy as np

from headswap_cli.engine.geometry import face_box
from headswap_cli.engine.occlude import without_doubles

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from headswap_cli.engine.hand import Hand
    from headswap_cli.engine.occlude import Hands
    from headswap_cli.engine.types import Box, Frame, Landmarks

Face = TypeVar("Face", bound=Hashable)

# As soon as a hand can be found its palm is half turned away still: so many frames later it is well seen.
_WELL_SEEN = 6
# A hand whose palm is turned away is followed but not found: so many frames later one has been, even in a
# badly coded video. Of large frames fewer are kept.
LOOK_BACK, _KEPT_PIXELS = 36, 20_000_000
# Frames are looked at as many times smaller as this goes into their shorter side, pixels.
_FINE_ENOUGH = 540


@dataclass(slots=True)
class _Face:
    """Whose hands they are; through the last ``known`` frames hands have been known without a gap."""

    finder: Hands
    box: Box
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
        self._shrink = 1
        self._faces: dict[Face, _Face] = {}
        # In pixels of what is looked at, by frame index: of all faces, those that are gone too.
        self._found: dict[Face, dict[int, list[Hand]]] = {}
        self._passed: deque[_Passed[Face]] = deque()

    def look(
        self, frame_index: int, frame: Frame, faces: Mapping[Face, Landmarks], awaited: Collection[Face] = ()
    ) -> None:
        """Look at the next frame.

        Args:
            frame_index: One more than that of the frame before.
            frame: The whole of it, (height, width, 3), BGR.
            faces: The landmarks of those that are seen in it.
            awaited: Those that may come back. A hand may be before them: it is looked for where they were.
        """
        self._shrink = max(1, min(frame.shape[:2]) // _FINE_ENOUGH)
        for face, landmarks in faces.items():
            box = _scaled(face_box(landmarks), 1 / self._shrink)
            if face not in self._faces:
                self._faces[face] = _Face(self._finder.another(), box)
                self._found.setdefault(face, {})
            self._faces[face].box = box
        for face in [face for face in self._faces if face not in faces and face not in awaited]:
            self._end(face, 0)
            del self._faces[face]
        boxes = {face: one.box for face, one in self._faces.items()}
        small = _shrunk(frame, self._shrink)
        self._passed.append(_Passed(frame_index, small, boxes))
        most = min(LOOK_BACK + 1 + _WELL_SEEN, max(2, _KEPT_PIXELS // small[..., 0].size))
        while len(self._passed) > most:
            self._passed.popleft()
        for face in self._faces:
            self._follow(face, frame_index, small)

    def finish(self) -> None:
        """Draw the last conclusions: no frame will follow."""
        for face in self._faces:
            self._end(face, 0)

    def between(self, face: Face, first: int, last: int) -> dict[int, list[Hand]]:
        """Return the hands near a face in the frames ``first`` to ``last`` (inclusive) that show some.

        They are (21, 2) each, in pixels of the frame.
        """
        found = sorted(self._found.get(face, {}).items())
        return {
            index: [_scaled(hand, self._shrink) for hand in hands]
            for index, hands in found
            if first <= index <= last
        }

    def at(self, face: Face, frame_index: int) -> list[Hand]:
        """Return the hands near a face in a frame, as far as is known by now; see ``between``."""
        hands = self._found.get(face, {}).get(frame_index, [])
        return [_scaled(hand, self._shrink) for hand in hands]

    def forget(self, face: Face) -> None:
        """Let go of a face that was none."""
        self._faces.pop(face, None)
        self._found.pop(face, None)

    def _follow(self, face: Face, frame_index: int, frame: Frame) -> None:
        one = self._faces[face]
        hands = one.finder.find(frame, one.box)
        if not hands:
            self._end(face, 1)
            return
        self._found[face][frame_index] = hands
        one.known += 1
        if one.known == 1 + _WELL_SEEN:
            one.finder.go_on_from(self._look_back(face, [*reversed(self._passed)]))

    def _end(self, face: Face, frames_ago: int) -> None:
        """Take note that a face has no hands any more, and look back for such as were never well seen."""
        if 0 < self._faces[face].known <= _WELL_SEEN:
            self._look_back(face, [*reversed(self._passed)][frames_ago:])
        self._faces[face].known = 0

    def _look_back(self, face: Face, frames: Sequence[_Passed[Face]]) -> Hands:
        """Follow hands backwards as far as they show, and from there on again.

        Where a hand is turned away it is known better from before than from when it could just be found.

        Args:
            face: Whose they are.
            frames: The latest first; that shows the hands.

        Returns: What has followed them to that frame again.
        """
        one, found, last = self._faces[face], self._found[face], frames[0]
        fresh = one.finder.another()
        is_surer = len(fresh.find(last.frame, last.boxes[face])) >= len(found[last.frame_index])
        back = forth = (fresh if is_surer else one.finder).turned_round()
        box, known_from = last.boxes[face], last.frame_index + 1 - one.known
        way = [(last, box)]
        for passed in frames[1:]:
            # The face itself may have been followed back to before it was found.
            box = passed.boxes.get(face, box)
            hands = back.find(passed.frame, box)
            if not hands or (passed.frame_index < known_from and passed.frame_index in found):
                break
            found.setdefault(passed.frame_index, hands)
            way.append((passed, box))
            forth = back.turned_round()
        for passed, box in reversed(way):
            hands = forth.find(passed.frame, box)
            found[passed.frame_index] = without_doubles(hands, found[passed.frame_index])
        return forth


def _shrunk(frame: Frame, shrink: int) -> Frame:
    """Return a frame so many times smaller; what is left of a row or column is cut off."""
    if shrink == 1:
        return frame
    height, width = (side // shrink for side in frame.shape[:2])
    whole = frame[: height * shrink, : width * shrink]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _scaled(points: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Return places in an image so many times larger; the middle of a pixel is at whole numbers."""
    return points if factor == 1 else np.asarray((points + 0.5) * factor - 0.5, np.float32)
