"""What the stages of the engine hand to one another.

Pixels are indexed (row, column); points are (x, y) or (x, y, z) in pixels of the frame as displayed,
x to the right, y down, z away from the camera in the scale of x, whole numbers in the middles of pixels.
Colours are BGR, gamma-coded, 0 to 255. What has a type of below has the shape and units told there,
and landmarks, boxes and masks are in pixels of the picture that comes with them, in every file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from headswap_cli.models import Quality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from headswap_cli.engine.trail import Trail
    from headswap_cli.engine.views import View
    from headswap_cli.models import Mode, Tone

Frame = NDArray[np.uint8]  # (height, width, 3), BGR
Mask = NDArray[np.float32]  # (height, width), 0 to 1
# (frame, x0, y0, side) -> (256, 256): how much each pixel of the window shows a person.
Matte = Callable[[Frame, float, float, float], Mask]
Box = NDArray[np.float32]  # (4,): x0, y0, x1, y1
Landmarks = NDArray[np.float32]  # (478, 3): 468 of the face mesh, then 5 of each iris
Embedding = NDArray[np.float64]  # (128,): same person below a distance of about 0.6


class MediaFault(Exception):
    """A file that cannot be worked on; becomes the reason of a failed job.

    Args:
        code: The API's business code for it (``wire.UNREADABLE`` and its like).
        reason: A sentence for the user: the thing, the value, the limit.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class PhotoFault(MediaFault):
    """A reference photo that cannot be used: another one will do, and nothing else."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A face in one frame; ``keypoints`` (6, 2): right and left eye, nose, mouth, right and left ear."""

    score: float
    box: Box
    keypoints: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Bars:
    """How many rows and columns at a frame's edges are black bars instead of picture, in every frame."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def inside(self, shape: tuple[int, ...]) -> tuple[slice, slice]:
        """Return where the picture is in a frame of this shape."""
        return slice(self.top, shape[0] - self.bottom), slice(self.left, shape[1] - self.right)

    def off(self, frame: Frame) -> Frame:
        """Return a frame without them: itself, where there is none."""
        return np.ascontiguousarray(frame[self.inside(frame.shape)])


NO_BARS = Bars()


@dataclass(frozen=True, slots=True)
class VideoProperties:
    """The geometry and timing of a decoded video, after rotation metadata is applied.

    ``width`` and ``height`` are those of the frames, ``bars`` included.
    """

    width: int
    height: int
    frame_rate: Fraction
    frame_count: int
    duration_s: float
    bars: Bars = NO_BARS


@dataclass(frozen=True, slots=True)
class Plate:
    """A shot's background without people.

    ``seen`` (height, width) uint8: in how many sampled frames the pixel showed background; where it hardly
    ever did, ``image`` is a guess, which is better than one by what is around it in a frame if ``is_mended``.
    """

    image: Frame
    seen: NDArray[np.uint8]
    is_mended: bool = True

    def part(self, where: tuple[slice, slice]) -> Plate:
        """Return a part of it."""
        image, seen = (np.ascontiguousarray(whole[where]) for whole in (self.image, self.seen))
        return Plate(image, seen, self.is_mended)


class Backdrop(Protocol):
    """The background of one frame: a plate, or one that is placed as the camera points."""

    def part(self, where: tuple[slice, slice]) -> Plate:
        """Return the background of a part of the frame."""


class KeptPlate(Protocol):
    """A plate that is put away until it is needed."""

    def unpack(self) -> Plate:
        """Return it."""


@dataclass(frozen=True, slots=True)
class Shot:
    """Frames ``first_frame`` to ``last_frame`` (inclusive) between two cuts.

    ``plate`` is None where there is no one background, and where nobody is whose place could show it;
    ``noise`` is the standard deviation of the picture's noise, grey levels; ``overlay`` is what is laid over
    the picture, as ``overlay.packed`` made it, None where nothing is. ``motion`` (frames, 2, 3) maps pixels
    of each frame to the plate's, NaN where that is not known, and is None for a camera that stands still.
    """

    first_frame: int
    last_frame: int
    plate: KeptPlate | None
    noise: float = 0.0
    overlay: bytes | None = None
    motion: NDArray[np.float32] | None = field(default=None, repr=False)


def _unknown() -> NDArray[np.float32]:
    return np.empty((0, 0), np.float32)


@dataclass(frozen=True, slots=True)
class Track:
    """One face followed through consecutive frames of one shot.

    ``landmarks`` (n, 478, 3) are smoothed, for frames ``first_frame`` to ``first_frame + n - 1``;
    they and ``preview`` are packed: a film has hundreds of tracks and a hundred thousand frames. ``views``
    show the face in some of them. ``hands`` are those near it, see ``hand``, by the index of the frame, of
    those frames alone in which there are some. ``skin`` (n, measures) is what was known of its colours before
    each frame, see ``skin``, empty where nobody looked.
    """

    shot_index: int
    first_frame: int
    landmarks: Trail | NDArray[np.float32] = field(repr=False)
    embedding: Embedding = field(repr=False)
    preview: bytes = field(repr=False)
    preview_quality: float
    views: tuple[View, ...] = field(default=(), repr=False)
    hands: Mapping[int, Sequence[NDArray[np.float32]]] = field(default_factory=dict, repr=False)
    skin: NDArray[np.float32] = field(default_factory=_unknown, repr=False)

    @property
    def last_frame(self) -> int:
        """The index of the last frame, inclusive."""
        return self.first_frame + len(self.landmarks) - 1


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the video; ``obj_id`` counts from 0 in order of screen time, longest first.

    ``views`` show them all over it, by which a role is cast.
    """

    obj_id: int
    tracks: tuple[Track, ...]
    preview: Frame = field(repr=False)
    views: tuple[View, ...] = field(default=(), repr=False)

    @property
    def frame_count(self) -> int:
        """In how many frames the person's face is followed."""
        return sum(len(track.landmarks) for track in self.tracks)


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """A new head as it is where nobody is before it.

    ``layer`` (rows, columns, 4) is BGR times alpha and alpha of the ``part`` (rows, columns) of a frame.
    """

    part: tuple[slice, slice]
    layer: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Others:
    """What else is in a frame, as one of the people in it has to heed it.

    ``beside`` are faces that must stay, ``before`` and ``behind`` those of people whose heads are in front of
    this one's and behind it; ``drawn`` (height, width) is where the latter have new heads already, None where
    nobody has, and ``laid`` are those heads, the furthest first; ``overlay`` (height, width), 0 to 255, what
    is laid over the picture, None where nothing is; ``hands`` those near the face, see ``hand``.
    """

    beside: Sequence[Landmarks] = ()
    before: Sequence[Landmarks] = ()
    behind: Sequence[Landmarks] = ()
    drawn: NDArray[np.bool_] | None = None
    laid: Sequence[Laid] = ()
    overlay: NDArray[np.uint8] | None = None
    hands: Sequence[NDArray[np.float32]] = ()


ALONE = Others()


@dataclass(frozen=True, slots=True)
class Timeline:
    """When each frame of a video is shown, and where decoding may begin.

    ``times`` and ``durations`` count ticks of the stream's clock, a time is ``None`` and a duration 0 where
    the file knows none; ``keys`` are the indices of the frames that need no other, none for a damaged video.
    """

    times: tuple[int | None, ...] = ()
    durations: tuple[int, ...] = ()
    keys: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """All that the analysis of a video knows."""

    video: VideoProperties
    shots: tuple[Shot, ...]
    people: tuple[Person, ...]
    timeline: Timeline = field(default_factory=Timeline)


@dataclass(frozen=True, slots=True)
class SwapSettings:
    """What the user may choose of a swap; ``short_side`` bounds the output's smaller dimension in pixels.

    ``mode`` None lets the engine choose for each person, ``tone`` None is the source's.
    """

    short_side: int = 720
    mode: Mode | None = None
    keep_sound: bool = True
    tone: Tone | None = None
    quality: Quality = Quality.STANDARD


@dataclass(frozen=True, slots=True)
class SwapReport:
    """What a swap did; ``notices`` are sentences for the user, empty where all went as asked.

    ``modes`` tell how much of each person was replaced, by ``obj_id``.
    """

    frame_count: int
    frames_swapped: int
    notices: tuple[str, ...] = ()
    modes: Mapping[int, Mode] = field(default_factory=dict)


class OnProgress(Protocol):
    """Is told how many frames are done of how many; both grow only within one job."""

    def __call__(self, frames_done: int, frames_total: int) -> None:
        """Take note."""
