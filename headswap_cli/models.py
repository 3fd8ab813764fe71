"""What the rooms hand to one another: frozen values in the words of the domain."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction
    from pathlib import Path
    from typing import Any


class Status(StrEnum):
    """The state of an analysis, a task or a run, in the API's words; "cancelled" is the local engine's.

    "unsent" is only ever a run: one that has submitted nothing yet.
    """

    UNSENT = "unsent"
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_terminal(self) -> bool:
        """Whether waiting any longer is pointless."""
        return self is Status.COMPLETED or self.has_failed

    @property
    def has_failed(self) -> bool:
        """Whether it is over, and nothing came of it."""
        return self in {Status.FAILED, Status.CANCELLED}


class Backend(StrEnum):
    """Who does the work."""

    AKOOL = "akool"
    LOCAL = "local"


class Mode(StrEnum):
    """How much of the head the local engine replaces."""

    HEAD = "head"
    FACE = "face"


class Tone(StrEnum):
    """Whose skin tone the new head has: the video's person's, the photo's own, or one between them."""

    SOURCE = "source"
    REFERENCE = "reference"
    BLEND = "blend"


class Quality(StrEnum):
    """How finely the local engine codes the result: the finer, the larger the file."""

    LOW = "low"
    STANDARD = "standard"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video says about itself; sizes in pixels as displayed (rotation applied).

    ``codec`` is FFmpeg's name of it; ``video_streams`` leaves out the cover pictures of songs.
    """

    duration_s: float
    width: int
    height: int
    frame_rate: Fraction
    frame_count: int | None
    has_audio: bool
    codec: str = ""
    video_streams: int = 1


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom an analysis found: ``person`` counts from 1, ``obj_id`` is the API's own number.

    The rest is None where the backend does not tell: ``screen_share``, the part of the video that shows the
    face, 0 to 1; ``first_time_s``; ``box`` (x0, y0, x1, y1), where it mostly is, pixels as displayed.
    """

    person: int
    obj_id: int
    preview_url: str | None = None
    screen_share: float | None = None
    first_time_s: float | None = None
    box: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class Front:
    """The job that comes before all others in the local engine: its kind, its id and how far it is, in %.

    Where it is shown the id may be a name that the user knows: ``of clip.mp4 (run-k3q7c2mx5a)``.
    """

    kind: str
    identifier: str
    progress: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """The state of a person analysis.

    ``status_number`` is what the service said, kept because numbers may appear that nobody has met yet;
    ``progress`` is 0 to 100; ``error`` is set only where the analysis failed; ``ahead`` is how many jobs the
    local engine does before it, and ``front`` the first of them.
    """

    analysis_id: str
    status: Status
    status_number: int
    video_url: str
    progress: float = 0.0
    people: tuple[Person, ...] = ()
    error: str | None = None
    error_code: int | None = None
    video: dict[str, Any] | None = None
    ahead: int = 0
    front: Front | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Task:
    """The state of a head-swap task.

    ``held`` is the API's raw ``deduction_lock_duration``, unit unknown; ``ahead`` and ``front`` are as in
    ``Analysis``.
    ``modes`` is how much of each person the local engine replaced, by ``obj_id``; empty until it is known.
    ``is_of_a_photo`` is whether another photo mends the error, as far as the local engine tells.
    """

    task_id: str
    status: Status
    status_number: int
    progress: float = 0.0
    source_video_url: str | None = None
    output_url: str | None = None
    resolution: str | None = None
    duration_s: float | None = None
    held: float | None = None
    error: str | None = None
    error_code: int | None = None
    is_of_a_photo: bool = False
    notices: tuple[str, ...] = ()
    ahead: int = 0
    front: Front | None = None
    modes: Mapping[int, Mode] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why photos cannot be used, and what makes others look less good, by the place of whose they are."""

    refused: Mapping[int, str]
    warned: Mapping[int, Sequence[str]]


class Place(StrEnum):
    """Whom a ``--face`` names by where they mostly are in the picture, or everybody."""

    LEFT = "left"
    RIGHT = "right"
    LARGEST = "largest"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class FaceMapping:
    """One ``--face``: whom it names and the reference face, a path or an http(s) URL.

    At most one of ``person`` (from 1), ``obj_id`` (the API's number), ``place`` and ``like`` (the path of a
    photo of that person) is set; none means "the only person there". Several may name one person: more
    photos of one head.
    """

    image: str
    person: int | None = None
    obj_id: int | None = None
    place: Place | None = None
    like: str | None = None

    @property
    def whom(self) -> tuple[int, int, str, str]:
        """Whom it names, to be compared and sorted."""
        obj_id = -1 if self.obj_id is None else self.obj_id
        return self.person or 0, obj_id, self.place or "", self.like or ""

    @property
    def is_cast(self) -> bool:
        """Whether it names somebody by a number, or the only person there; else they are yet to be found."""
        return self.place is None and self.like is None


@dataclass(frozen=True, slots=True)
class MappedFace:
    """A mapping whose person was found: what the API is sent and what the user is shown.

    Several of one ``obj_id`` are photos of one head, the first being the main one.
    """

    person: int
    obj_id: int
    face: str
    img_url: str


@dataclass(frozen=True, slots=True)
class SwapOptions:
    """How the task is to be made; ``mode``, ``tone``, ``quality``, ``any_length`` are the local engine's."""

    resolution: str = "720p"
    model: str = "akool-premium"
    keep_sound: bool = True
    webhook_url: str | None = None
    mode: Mode | None = None
    any_length: bool = False
    tone: Tone | None = None
    quality: Quality | None = None

    @property
    def unsaid(self) -> SwapOptions:
        """The same with what holds unless said left unsaid: two wishes that mean the same are equal."""
        tone = None if self.tone is Tone.SOURCE else self.tone
        quality = None if self.quality is Quality.STANDARD else self.quality
        return replace(self, tone=tone, quality=quality)


@dataclass(frozen=True, slots=True)
class Saved:
    """A result on disk."""

    path: Path
    size_bytes: int
    sha256: str
