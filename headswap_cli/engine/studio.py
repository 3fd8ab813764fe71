"""Make one segment of the result: decode, put the heads on, encode."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Protocol

from headswap_cli.engine.cast import Cast, Tally
from headswap_cli.engine.decode import VideoReader
from headswap_cli.engine.encode import CodedFrame, Picture, PictureEncoder
from headswap_cli.engine.head import HeadSwapper
from headswap_cli.engine.kernel import count_ready
from headswap_cli.engine.limits import give_back_files, give_back_memory
from headswap_cli.engine.matte import PersonMatte
from headswap_cli.engine.several import SeveralHeads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from headswap_cli.engine.appearance import Appearance
    from headswap_cli.engine.bearing import Bearing
    from headswap_cli.engine.cast import Swapper
    from headswap_cli.engine.fit import Fit
    from headswap_cli.engine.meetings import Meeting
    from headswap_cli.engine.reference import Reference
    from headswap_cli.engine.segments import Segment
    from headswap_cli.engine.types import Timeline, VideoProperties
    from headswap_cli.models import Mode, Tone

# It takes as long as a frame: kernels that are wanted one after the other wait so many frames for it.
_SETTLED_AFTER = 12


@dataclass(frozen=True, slots=True)
class Role:
    """Who is to wear which head, and how: what tells any process the same.

    ``references`` are one a photo, ``shown`` how much each of several shows, (heads,), by frame, ``faded``
    how much of the swap shows in the frame before, by frame index, for each of them, and ``bearings`` how
    each must be held; ``habits``
    (n, 478, 3) are landmarks of the person, all over the video, in pixels of the result; ``appearance`` is
    how the face looks with nothing before it, where that is known; ``cuts_hair``: see ``HeadSwapper``.
    """

    obj_id: int
    references: tuple[Reference, ...]
    shown: Mapping[int, NDArray[np.float32]]
    mode: Mode
    tone: Tone
    habits: NDArray[np.float32]
    appearance: Appearance | None = None
    cuts_hair: bool = False
    faded: tuple[Mapping[int, float | None], ...] = ()
    bearings: tuple[Bearing, ...] = ()


@dataclass(frozen=True, slots=True)
class Production:
    """All that is the same for every segment of a video; ``times`` see ``encode.clock``."""

    weights: Path
    source: Path
    video: VideoProperties
    timeline: Timeline
    picture: Picture
    times: tuple[int, ...]
    fit: Fit
    roles: tuple[Role, ...]
    meetings: tuple[Meeting, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """What was done in a segment; ``tallies`` by ``obj_id``."""

    frame_count: int
    frames_swapped: int
    tallies: Mapping[int, Tally]


class Take(Protocol):
    """Is handed frames as they come out of the encoder, and told how many have gone in."""

    def __call__(self, coded: list[CodedFrame], frames_done: int) -> None:
        """Take them."""


class Studio:
    """Makes segments of one production, in any order; one that follows on the last is not sought for."""

    def __init__(self, production: Production) -> None:
        self._production = production
        self._reader = VideoReader(production.source, production.video, production.timeline)

    def make(self, segment: Segment, take: Take) -> SegmentReport:
        """Make a segment.

        Raises: MediaFault: the source cannot be read any more, or the result not be encoded.
        """
        production = self._production
        cast = Cast(segment.scene, production.fit, self._swappers, production.meetings)
        encoder = PictureEncoder(production.picture)
        settler = _Settler()
        frame_count = frames_swapped = 0
        for frame in self._reader.between(segment.first_frame, segment.last_frame):
            played = cast.play(frame.frame_index, frame.image)
            time = production.times[frame.frame_index]
            take(encoder.encode(played.image, time, frame.duration), 1)
            frame_count += 1
            frames_swapped += played.was_swapped
            if played.was_swapped:
                settler.note_frame()
        take(encoder.finish(), 0)
        return SegmentReport(frame_count, frames_swapped, cast.tallies)

    def close(self) -> None:
        """Let go of the source."""
        self._reader.close()

    @cached_property
    def _swappers(self) -> dict[int, Swapper]:
        return swappers(self._production.roles, self._production.weights)


class _Settler:
    """Lets go of what made kernels and networks ready, and of what the segment before left in the gaps.

    A kernel that is wanted late, as for the first hand, brings back all that reads it from the disk.
    """

    # Of this process, whatever it makes.
    _kernels: ClassVar[int] = 0

    def __init__(self) -> None:
        self._frames_since = _SETTLED_AFTER
        self._has_settled = False

    def note_frame(self) -> None:
        """Take note of a frame in which a head was swapped."""
        self._frames_since += 1
        has_read = count_ready() > _Settler._kernels
        if self._frames_since > _SETTLED_AFTER and (has_read or not self._has_settled):
            self._frames_since, self._has_settled = 0, True
            give_back_memory()
            if has_read:
                _Settler._kernels = count_ready()
                give_back_files()


def swappers(roles: Sequence[Role], weights: Path) -> dict[int, Swapper]:
    """Return what puts on the heads, by ``obj_id``."""
    if not roles:
        return {}
    matte = PersonMatte(weights)
    return {role.obj_id: _swapper(role, matte, weights) for role in roles}


def _swapper(role: Role, matte: PersonMatte, weights: Path) -> Swapper:
    heads = [
        HeadSwapper(
            reference,
            role.habits,
            role.mode,
            matte,
            appearance=role.appearance,
            tone=role.tone,
            cuts_hair=role.cuts_hair,
            faded=faded,
            bearing=bearing,
        )
        for reference, faded, bearing in zip(role.references, role.faded, role.bearings, strict=True)
    ]
    return heads[0] if len(heads) == 1 else SeveralHeads(heads, role.shown)
