"""Who wears which head in which frame: the tracks of a scene, played frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.camera import Placed
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.grain import LEAST, add_grain
from headswap_cli.engine.overlay import unpacked
from headswap_cli.engine.types import ALONE, Others

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from headswap_cli.engine.fit import Fit
    from headswap_cli.engine.hand import Hand
    from headswap_cli.engine.head import Rendered
    from headswap_cli.engine.meetings import Meeting
    from headswap_cli.engine.types import Backdrop, Frame, Landmarks, Plate, Scene, Track


class Swapper(Protocol):
    """Puts a head on one person; frames of a track come in order."""

    def start_track(
        self, frame_index: int, following: Landmarks | None, skin: NDArray[np.float32] | None
    ) -> None:
        """Forget the frame before; the next one is ``frame_index``, and others follow without a gap.

        ``following`` is the face in the frame after that one, pixels of the result, None at a track's end;
        ``skin`` is what is known of the person's from frames before, see ``Track``.
        """

    def apply(
        self, frame: Frame, landmarks: Landmarks, plate: Backdrop | None = None, others: Others = ALONE
    ) -> Rendered:
        """Return the frame with the person's head swapped, or as it was: all in pixels of the result."""


# With a larger share of its frames left as they were, the result is mostly the source.
_MOSTLY = 0.5
# Why a face that is followed stays.
LEFT = "head turned too far from how it is in the photo, too small or cut off by the frame's edge"


@dataclass(frozen=True, slots=True)
class Played:
    """A frame of the result; outside ``changed`` (height, width) it is the source's to the bit."""

    image: Frame
    changed: NDArray[np.bool_]
    was_swapped: bool


@dataclass(slots=True)
class Tally:
    """In how many frames a person's face was followed, and in how many of them swapped."""

    seen: int = 0
    swapped: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Presence:
    obj_id: int
    track: Track
    landmarks: Landmarks
    hands: Sequence[Hand]


_Pair = tuple[int, int]  # the ``obj_id`` of who is behind and of who is before them


class Cast:
    """Applies everybody's swapper to the frames in which they are.

    Args:
        scene: In pixels of the source.
        fit: From the source's size to that of the frames played.
        swappers: By ``obj_id``; everybody else stays as they are.
        meetings: Who is before whom, and when.
    """

    def __init__(
        self,
        scene: Scene,
        fit: Fit,
        swappers: Mapping[int, Swapper],
        meetings: Sequence[Meeting] = (),
    ) -> None:
        self._scene = scene
        self._meetings = meetings
        self.fit = fit
        self._swappers = swappers
        self.tallies = {obj_id: Tally() for obj_id in swappers}
        self._expected: dict[int, tuple[Track, int]] = {}
        self._shot_index = -1
        self._plate: Plate | None = None
        self._motion: NDArray[np.float64] | None = None
        self._overlay: NDArray[np.uint8] | None = None

    def play(self, frame_index: int, frame: Frame) -> Played:
        """Return the next frame at the result's size with the heads swapped.

        Args:
            frame_index: Grows from call to call.
            frame: Of the source, at its own size, (height, width, 3), BGR.
        """
        whole = self.fit.whole(frame)
        image = self.fit.rest.off(whole)
        changed = np.zeros(image.shape[:2], np.bool_)
        was_swapped = False
        present = self._present(frame_index)
        met = self._met(frame_index)
        drawn: dict[int, Rendered] = {}
        for one in _from_behind(present, met):
            if one.obj_id not in self._swappers:
                continue
            self._enter(one.track.shot_index)
            others = _others(one, present, met, drawn, self._overlay)
            rendered = self._swapper_for(one, frame_index).apply(
                image, one.landmarks, self._backdrop(frame_index), others
            )
            image, changed = rendered.image, changed | rendered.changed
            drawn[one.obj_id] = rendered
            tally = self.tallies[one.obj_id]
            tally.seen += 1
            tally.swapped += rendered.swapped
            was_swapped = was_swapped or rendered.swapped
        if was_swapped:
            self._add_grain(image, changed, frame_index)
        nowhere = np.zeros(whole.shape[:2], np.bool_)
        return Played(self.fit.framed(image, whole), self.fit.framed(changed, nowhere), was_swapped)

    def _add_grain(self, image: Frame, changed: NDArray[np.bool_], frame_index: int) -> None:
        # A picture made smaller has less noise.
        noise = self._scene.shots[self._shot_index].noise * self.fit.across
        if noise >= LEAST:
            add_grain(image, changed, noise, frame_index)

    def _met(self, frame_index: int) -> set[_Pair]:
        """Return who is behind whom in a frame."""
        return {
            (meeting.behind, meeting.before)
            for meeting in self._meetings
            if meeting.first_frame <= frame_index <= meeting.last_frame
        }

    def _present(self, frame_index: int) -> list[_Presence]:
        return [
            _Presence(person.obj_id, track, face, self._near(track, frame_index))
            for person in self._scene.people
            for track in person.tracks
            if (face := self._face(track, frame_index)) is not None
        ]

    def _face(self, track: Track, frame_index: int) -> Landmarks | None:
        """Return a track's landmarks in a frame of the result, None where it is not there."""
        if not track.first_frame <= frame_index <= track.last_frame:
            return None
        return self.fit.landmarks(track.landmarks[frame_index - track.first_frame])

    def _near(self, track: Track, frame_index: int) -> list[Hand]:
        """Return the hands near a track's face in a frame of the result."""
        return [self.fit.landmarks(hand) for hand in track.hands.get(frame_index, ())]

    def _swapper_for(self, presence: _Presence, frame_index: int) -> Swapper:
        swapper = self._swappers[presence.obj_id]
        if not _goes_on(self._expected, presence, frame_index):
            track, step = presence.track, frame_index - presence.track.first_frame
            skin = track.skin[step] if step < len(track.skin) else None
            swapper.start_track(frame_index, self._face(track, frame_index + 1), skin)
        return swapper

    def _backdrop(self, frame_index: int) -> Backdrop | None:
        if self._plate is None or self._motion is None:
            return self._plate
        matrix = self._motion[frame_index - self._scene.shots[self._shot_index].first_frame]
        return Placed(self._plate, matrix) if np.isfinite(matrix).all() else None

    def _enter(self, shot_index: int) -> None:
        if shot_index == self._shot_index:
            return
        self._shot_index, shot = shot_index, self._scene.shots[shot_index]
        self._plate, self._motion = None, None
        if shot.plate and shot.motion is not None:
            self._plate, self._motion = self.fit.moving(shot.plate.unpack(), shot.motion)
        elif shot.plate:
            self._plate = self.fit.plate(shot.plate.unpack())
        self._overlay = unpacked(shot.overlay, *self.fit.shape[::-1]) if shot.overlay else None


def _goes_on(expected: dict[int, tuple[Track, int]], one: _Presence, frame_index: int) -> bool:
    """Whether a person's track goes on from the frame before; note what is expected of the next."""
    track, index = expected.get(one.obj_id, (None, -1))
    expected[one.obj_id] = one.track, frame_index + 1
    return track is one.track and index == frame_index


def _from_behind(present: Sequence[_Presence], met: set[_Pair]) -> Iterator[_Presence]:
    """Return who comes first: nobody before those whom they cover, else the narrowest face."""
    left = sorted(present, key=lambda presence: face_width(presence.landmarks))
    while left:
        free = (one for one in left if not any((other.obj_id, one.obj_id) in met for other in left))
        # Three may each be before the next.
        one = next(free, left[0])
        left.remove(one)
        yield one


def _others(
    one: _Presence,
    present: Sequence[_Presence],
    met: set[_Pair],
    drawn: Mapping[int, Rendered],
    overlay: NDArray[np.uint8] | None,
) -> Others:
    before = [other for other in present if (one.obj_id, other.obj_id) in met]
    behind = [other for other in present if (other.obj_id, one.obj_id) in met]
    beside = [other for other in present if other not in (one, *before, *behind)]
    heads = _heads(behind, drawn)
    return Others(
        [other.landmarks for other in beside],
        [other.landmarks for other in before],
        [other.landmarks for other in behind],
        np.logical_or.reduce([rendered.head for rendered in heads]) if heads else None,
        [rendered.laid for rendered in heads if rendered.laid is not None],
        overlay,
        one.hands,
    )


def _heads(behind: Sequence[_Presence], drawn: Mapping[int, Rendered]) -> list[Rendered]:
    """Return the new heads of some, in the order in which they were drawn."""
    wanted = {one.obj_id for one in behind}
    return [rendered for obj_id, rendered in drawn.items() if obj_id in wanted]


def told(frame_count: int, frames_swapped: int, tallies: Sequence[Mapping[int, Tally]]) -> list[str]:
    """Tell what was left as it was: first of all whether that is most of the video, then person by person.

    A face that is not followed and a person who is not there look the same to the engine.

    Args:
        frame_count: Of the video.
        frames_swapped: In how many of them anybody was swapped.
        tallies: Of its parts, by ``obj_id``: everybody who was to be swapped.
    """
    people, sentences = sorted(tallies[0]) if tallies else [], []
    if people and (left := frame_count - frames_swapped) > _MOSTLY * frame_count:
        sentences.append(f"in {left} of {frame_count} frames nobody was swapped")
    for obj_id in people:
        seen = sum(part[obj_id].seen for part in tallies)
        left, unseen = seen - sum(part[obj_id].swapped for part in tallies), frame_count - seen
        if left:
            sentences.append(f"person {obj_id + 1}: {left} of {seen} frames were left as they were ({LEFT})")
        if unseen:
            where = f"{unseen} of {frame_count} frames"
            sentences.append(f"person {obj_id + 1}: no face to follow in {where}, which are as they were")
    return sentences
