"""What server and worker say to one another: orders, progress and outcomes; and what both know of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

from headswap_cli.wire import MAX_DURATION_S, MIN_DURATION_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from headswap_cli.wire import JsonObject

# How many videos' people a worker remembers.
KEPT_SCENES = 3
# The argument that keeps a worker from fetching anything from private addresses.
PUBLIC_ONLY = "--public-only"
# The argument, before a number, that tells a worker how many processes are to do a job.
PROCESSES = "--processes="


class AnalysisOrder(TypedDict):
    """Find the people in a video; ``source`` is a media name or a URL."""

    kind: Literal["analysis"]
    id: str
    source: str
    any_length: bool


class SwapOrder(TypedDict):
    """Make a video from an analysed one.

    ``source`` is a media name; ``photos`` are media names or URLs by ``obj_id`` (JSON: as a string), the
    main one first.
    """

    kind: Literal["task"]
    id: str
    analysis_id: str
    source: str
    photos: dict[str, list[str]]
    short_side: int
    mode: str | None
    tone: str | None
    quality: str | None
    keep_sound: bool


class PhotosOrder(TypedDict):
    """Judge photos that are to be swapped in; ``photos`` are media names, each person's main one first."""

    kind: Literal["photos"]
    id: str
    photos: list[list[str]]
    mode: str | None


Order = AnalysisOrder | SwapOrder | PhotosOrder


class CancelOrder(TypedDict):
    """Let the order ``id`` go, which is in work or comes next; no order itself, and never answered."""

    kind: Literal["cancel"]
    id: str


class Event(TypedDict, total=False):
    """What the worker says: one of progress (percent), done (the result), failed, cancelled.

    Failed has code, reason, trace, and ``subject``: what another one of will mend it, as in ``wire``.
    """

    progress: int
    done: JsonObject
    failed: JsonObject
    cancelled: bool


class Share:
    """Turns frames into percents of a job of which this stage is the part from ``since`` to ``upto``."""

    def __init__(
        self,
        emit: Callable[[Event], None],
        *,
        since: int = 0,
        upto: int = 100,
        pulse: Callable[[], None] = lambda: None,
    ) -> None:
        self._emit = emit
        self._pulse = pulse
        self._since = since
        self._upto = upto
        self._told = since

    def __call__(self, frames_done: int, frames_total: int) -> None:
        """Tell the percent if it has grown."""
        self._pulse()
        part = min(1.0, frames_done / frames_total) if frames_total > 0 else 0.0
        percent = self._since + int((self._upto - self._since) * part)
        if percent > self._told:
            self._told = percent
            self._emit({"progress": percent})


def photos_of(body: JsonObject) -> dict[str, list[str]]:
    """Return the photos of a task, as ``SwapOrder`` has them; earlier versions kept one a person.

    Raises: ValueError: The record of them is garbled.
    """
    photos = body.get("photos", {})
    if not isinstance(photos, dict):
        raise ValueError(photos)
    found = {obj_id: [names] if isinstance(names, str) else names for obj_id, names in photos.items()}
    for obj_id, names in found.items():
        if not (
            obj_id.isdecimal() and isinstance(names, list) and all(isinstance(one, str) for one in names)
        ):
            raise ValueError(photos)
    return found


def length_fault(duration_s: float) -> str | None:
    """Say why a source video of this length is refused; None where it is within the service's limits."""
    if MIN_DURATION_S <= duration_s <= MAX_DURATION_S:
        return None
    shown = (
        f"{duration_s:.1f}"
        if float(f"{duration_s:.1f}") not in {MIN_DURATION_S, MAX_DURATION_S}
        else f"{duration_s:.3f}"
    )
    return (
        f"The video lasts {shown} s; the limit is {MIN_DURATION_S:g} to {MAX_DURATION_S:g} s. Send any_length"
        " (--any-length) to lift it: the local engine charges nothing."
    )
