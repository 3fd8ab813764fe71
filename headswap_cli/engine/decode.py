"""Decoding: a video file becomes frames as displayed, each with its own time."""

from __future__ import annotations

import errno
import queue
import threading
from bisect import bisect_right
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import dropwhile, islice
from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from headswap_cli import media, wire
from headswap_cli.engine.types import MediaFault, Timeline, VideoProperties
from headswap_cli.media.colourspace import ColourTags, to_bgr

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from av.container import InputContainer

    from headswap_cli.engine.types import Frame

_THREADS = 2
# Their clocks start anywhere; a file of any other kind means what it says.
_BROADCAST = {"mpegts", "mpeg"}
# No codec shows a frame further than this from its place.
_NEIGHBOURS = 64
# FFmpeg's numbers for the order of fields: unknown, progressive, then those that have two.
_FIRST_INTERLACED = 2
# Frames that wait to be looked at; how soon it is noticed that nobody wants any more.
_AHEAD, _PAUSE_S = 3, 0.02


@dataclass(frozen=True, slots=True)
class TimedFrame:
    """A decoded frame; ``pts`` and ``duration`` count ``time_base`` seconds, duration 0 is unknown."""

    frame_index: int
    pts: int | None
    time_base: Fraction
    image: Frame
    duration: int = 0
    is_key: bool = False


class _AstrayError(Exception):
    """Decoding that began in the middle does not give the frames that were seen before."""


class VideoSource:
    """An open video; ``properties`` hold for the frames as they are handed out, rotation applied.

    ``pixel_aspect`` is the width of a displayed pixel over its height, ``None`` where the file does not say;
    ``origin_s`` is the time that a player calls zero; ``bits`` each colour has in the file; ``interlaced``
    says that every other line of a frame is of a later moment.
    """

    def __init__(
        self, container: InputContainer, properties: VideoProperties, *, threads: int = _THREADS
    ) -> None:
        self._container = container
        self._stream = media.picture_stream(container)
        self._stream.thread_type = "AUTO"
        context = self._stream.codec_context
        context.thread_count = threads
        self.properties = properties
        self.time_base = self._stream.time_base or Fraction(1, 90_000)
        self.colour = ColourTags(
            context.color_range, context.color_primaries, context.color_trc, context.colorspace
        )
        self.bits = max((part.bits for part in context.format.components), default=8) if context.format else 8
        # PyAV 15 does not tell.
        self.interlaced = getattr(context, "field_order", 0) >= _FIRST_INTERLACED
        aspect = self._stream.sample_aspect_ratio
        is_turned = (context.width > context.height) != (properties.width > properties.height)
        self.pixel_aspect = 1 / aspect if aspect and is_turned else aspect or None
        starts_late = container.format.name in _BROADCAST and container.start_time
        self.origin_s = Fraction(container.start_time, 1_000_000) if starts_late else Fraction(0)

    def frames(self, only: Collection[int] | None = None) -> Iterator[TimedFrame]:
        """Decode from the beginning; to be called once.

        A packet that cannot be decoded is passed over, as players do, and the same at every pass. Pictures
        that change their size in mid-video get that of the first.

        Args:
            only: The indices of the frames to hand out, all if ``None``; the others cost much less.

        Raises: MediaFault: there is none, though a look at the first had promised one.
        """
        reformatter = VideoReformatter()
        orientation: media.Orientation | None = None
        count = None if only is None else max(only, default=-1) + 1
        for frame_index, frame in enumerate(islice(self._decoded(), count)):
            if only is None or frame_index in only:
                # Once: a frame that was asked for its side data is in a cycle, and stays until a collection.
                orientation = orientation or media.orientation_of(frame)
                yield self._displayed(frame, frame_index, orientation, reformatter)

    def stretch(self, timeline: Timeline, key: int, first: int) -> Iterator[TimedFrame]:
        """Decode from ``first`` on, beginning at the key frame before it; to be called once.

        Raises: _AstrayError: what comes out is not what ``timeline`` tells.
        """
        reformatter = VideoReformatter()
        orientation: media.Orientation | None = None
        for frame_index, frame in enumerate(self._from_key(timeline, key), start=key):
            if timeline.times[frame_index : frame_index + 1] != (frame.pts,):
                raise _AstrayError
            if frame_index >= first:
                orientation = orientation or media.orientation_of(frame)
                yield self._displayed(frame, frame_index, orientation, reformatter)

    def _from_key(self, timeline: Timeline, key: int) -> Iterator[av.VideoFrame]:
        start = timeline.times[key] or 0
        self._container.seek(start, stream=self._stream)
        # A container may lead to an earlier key frame than it was asked for.
        return dropwhile(lambda frame: frame.pts is None or frame.pts < start, self._decoded())

    def _displayed(
        self,
        frame: av.VideoFrame,
        frame_index: int,
        orientation: media.Orientation,
        reformatter: VideoReformatter,
    ) -> TimedFrame:
        size = self.properties.width, self.properties.height
        stored = size[::-1] if orientation.transposed else size
        image = _turned(to_bgr(frame, reformatter, stored), orientation)
        duration = int(frame.duration or 0)
        return TimedFrame(frame_index, frame.pts, self.time_base, image, duration, bool(frame.key_frame))

    def _decoded(self) -> Iterator[av.VideoFrame]:
        is_empty = True
        for packet in media.packets(self._container, [self._stream]):
            try:
                for frame in packet.decode():
                    is_empty = False
                    yield frame
            except av.FFmpegError as error:
                if error.errno == errno.ENOMEM:
                    raise
        if is_empty:
            raise MediaFault(wire.UNREADABLE, "The video holds no picture that can be decoded.")


# Sought for in the middle, a damaged file may also seem to end.
_ASTRAY = (_AstrayError, av.FFmpegError, MediaFault)


@contextmanager
def open_video(path: Path) -> Iterator[VideoSource]:
    """Open the video at ``path`` for one pass over its frames.

    Raises: MediaFault: it is no video, breaks off, or no decoder knows it.
    """
    with _faults_named():
        info = media.examine(path)
    count = info.frame_count or round(info.duration_s * info.frame_rate)
    properties = VideoProperties(info.width, info.height, info.frame_rate, count, info.duration_s)
    with _faults_named():
        container = media.open_container(path)
    with container:
        yield VideoSource(container, properties)


@contextmanager
def open_known(path: Path, properties: VideoProperties) -> Iterator[VideoSource]:
    """Open a video whose properties are known from an earlier look; others work beside who does.

    Raises: MediaFault: it cannot be read.
    """
    with _faults_named():
        container = media.open_container(path)
    with container:
        # Frames in several threads take memory for each.
        yield VideoSource(container, properties, threads=1)


def frames_between(
    path: Path, properties: VideoProperties, timeline: Timeline, first: int, last: int
) -> Iterator[TimedFrame]:
    """Decode the frames ``first`` to ``last`` (inclusive), beginning as near before them as can be.

    Where a file leads astray on that way it is decoded from its beginning.

    Args:
        path: The video.
        properties: What ``open_video`` told of it.
        timeline: What a whole pass over it told.
        first: Index of the first frame wanted.
        last: Index of the last.

    Raises: MediaFault: it cannot be read.
    """
    awaited = first
    key = entry(timeline, first)
    if key > 0:
        with open_known(path, properties) as video, suppress(*_ASTRAY):
            for frame in video.stretch(timeline, key, first):
                yield frame
                awaited = frame.frame_index + 1
                if awaited > last:
                    return
    with open_known(path, properties) as video:
        yield from video.frames(only=range(awaited, last + 1))


@contextmanager
def ahead(frames: Iterator[TimedFrame]) -> Iterator[Iterator[TimedFrame]]:
    """Decode in a thread of its own, some frames ahead of who looks at them; it has ended at the end."""
    ready: queue.Queue[TimedFrame | BaseException | None] = queue.Queue(_AHEAD)
    is_over = threading.Event()

    def run() -> None:
        outcome: BaseException | None = None
        try:
            for frame in frames:
                ready.put(frame)
                if is_over.is_set():
                    break
        except BaseException as error:
            outcome = error
        ready.put(outcome)

    thread = threading.Thread(target=run, name="decode")
    thread.start()
    try:
        yield _received(ready)
    finally:
        is_over.set()
        while thread.is_alive():
            # It may wait for room.
            with suppress(queue.Empty):
                ready.get(timeout=_PAUSE_S)
        thread.join()


def _received(ready: queue.Queue[TimedFrame | BaseException | None]) -> Iterator[TimedFrame]:
    while (came := ready.get()) is not None:
        if isinstance(came, BaseException):
            raise came
        yield came


def entry(timeline: Timeline, frame_index: int) -> int:
    """Return the last frame up to ``frame_index`` at which decoding may begin; 0 where there is none.

    That is one which needs no other and which no earlier frame is shown after.
    """
    for key in reversed(timeline.keys[: bisect_right(timeline.keys, frame_index)]):
        time = timeline.times[key]
        before = timeline.times[max(0, key - _NEIGHBOURS) : key]
        if time is not None and all(other is not None and other < time for other in before):
            return key
    return 0


def timeline_of(frames: Iterable[TimedFrame]) -> Timeline:
    """Return what a whole pass over a video tells of its times."""
    passed = [(frame.pts, frame.duration, frame.is_key) for frame in frames]
    return Timeline(
        tuple(time for time, _, _ in passed),
        tuple(duration for _, duration, _ in passed),
        tuple(index for index, (_, _, is_key) in enumerate(passed) if is_key),
    )


@contextmanager
def _faults_named() -> Iterator[None]:
    try:
        yield
    except media.UnusableMediaError as error:
        code = wire.CODEC if error.codec else wire.UNREADABLE
        raise MediaFault(code, f"The video {error.reason}.") from error
    except (av.FFmpegError, OSError) as error:
        raise MediaFault(wire.UNREADABLE, f"The video cannot be read: {error.strerror}.") from error


def _turned(image: Frame, orientation: media.Orientation) -> Frame:
    if orientation.transposed:
        image = image.transpose(1, 0, 2)
    if orientation.mirrored_x:
        image = image[:, ::-1]
    if orientation.mirrored_y:
        image = image[::-1]
    return np.ascontiguousarray(image)
