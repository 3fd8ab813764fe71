"""Decoding: a video file becomes frames as displayed, each with its own time."""

from __future__ import annotations

import errno
import math
import queue
import threading
from bisect import bisect_right
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import dropwhile, starmap
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from headswap_cli import media, wire
from headswap_cli.engine.types import MediaFault, Timeline, VideoProperties
from headswap_cli.media.colourspace import ColourTags, to_bgr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
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
    """A decoded frame; ``pts`` and ``duration`` count ``time_base`` seconds, duration 0 is unknown.

    ``is_guessed``: the decoder made up a part of it or of one before, or could not decode one before.
    """

    frame_index: int
    pts: int | None
    time_base: Fraction
    image: Frame
    duration: int = 0
    is_key: bool = False
    is_guessed: bool = False


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
        self._reformatter = VideoReformatter()
        self._orientation: media.Orientation | None = None
        self._has_guessed = False
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

    def frames(self) -> Iterator[TimedFrame]:
        """Decode from the beginning; to be called once.

        A packet that cannot be decoded is passed over, as players do, and the same at every pass. Pictures
        that change their size in mid-video get that of the first.

        Raises: MediaFault: there is none, though a look at the first had promised one.
        """
        return starmap(self.displayed, enumerate(self._decoded()))

    def raw_frames(self, timeline: Timeline, key: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decode from a key frame on, which costs much less than to display; to be called once.

        Args:
            timeline: What a whole pass told; not asked at the beginning.
            key: Index of the key frame, 0 for the beginning whatever is there.

        Raises:
            MediaFault: there is no frame.
            _AstrayError: what comes out in the middle is not what ``timeline`` tells, or made up.
        """
        if key == 0:
            yield from enumerate(self._decoded())
            return
        for frame_index, frame in enumerate(self._from_key(timeline, key), start=key):
            if frame.is_corrupt or timeline.times[frame_index : frame_index + 1] != (frame.pts,):
                raise _AstrayError
            yield frame_index, frame
        raise _AstrayError

    def glimpses(self, apart_s: float, *, keys: bool) -> Iterator[Frame]:
        """Decode some frames, at least so many seconds apart, as they are to be seen; to be called once.

        Args:
            apart_s: Seconds.
            keys: Only those that need no other, which costs little; there may be few.
        """
        self._stream.codec_context.skip_frame = "NONKEY" if keys else "NONREF"
        due_s = -math.inf
        for frame_index, frame in enumerate(self._decoded()):
            time_s = due_s if frame.pts is None else float(frame.pts * self.time_base)
            if time_s >= due_s:
                due_s = time_s + apart_s
                yield self.displayed(frame_index, frame).image

    def displayed(self, frame_index: int, frame: av.VideoFrame) -> TimedFrame:
        """Return a decoded frame as it is to be seen."""
        # Once: a frame that was asked for its side data is in a cycle, and stays until a collection.
        self._orientation = self._orientation or media.orientation_of(frame)
        size = self.properties.width, self.properties.height
        stored = size[::-1] if self._orientation.transposed else size
        image = _turned(to_bgr(frame, self._reformatter, stored, _merged), self._orientation)
        duration = int(frame.duration or 0)
        is_key = bool(frame.key_frame)
        return TimedFrame(
            frame_index, frame.pts, self.time_base, image, duration, is_key, is_guessed=self._has_guessed
        )

    def _from_key(self, timeline: Timeline, key: int) -> Iterator[av.VideoFrame]:
        start = timeline.times[key] or 0
        self._container.seek(start, stream=self._stream)
        # A container may lead to an earlier key frame than it was asked for.
        return dropwhile(lambda frame: frame.pts is None or frame.pts < start, self._decoded())

    def _decoded(self) -> Iterator[av.VideoFrame]:
        is_empty = True
        for packet in media.packets(self._container, [self._stream]):
            try:
                for frame in packet.decode():
                    is_empty = False
                    self._has_guessed |= frame.is_corrupt
                    yield frame
            except av.FFmpegError as error:
                if error.errno == errno.ENOMEM:
                    raise
                self._has_guessed = True
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


class VideoReader:
    """A known video of which stretches are wanted; while they come in order no frame is decoded twice.

    Where a file leads astray that is entered in the middle, it is decoded from its beginning.

    Args:
        path: The video.
        properties: What ``open_video`` told of it.
        timeline: What a whole pass over it told.
    """

    def __init__(self, path: Path, properties: VideoProperties, timeline: Timeline) -> None:
        self._path = path
        self._properties = properties
        self._timeline = timeline
        self._opened = ExitStack()
        self._source: VideoSource
        self._coming: Iterator[tuple[int, av.VideoFrame]] = iter(())
        self._key, self._next = 0, -1
        self._is_trusted = True

    def between(self, first: int, last: int) -> Iterator[TimedFrame]:
        """Return the frames ``first`` to ``last`` (inclusive), fewer where the file ends before.

        Raises: MediaFault: it cannot be read.
        """
        self._approach(first)
        for index in range(first, last + 1):
            frame = self._decoded(index)
            if frame is None:
                return
            yield self._source.displayed(index, frame)

    def close(self) -> None:
        """Let go of the file."""
        self._coming, self._next = iter(()), -1
        self._opened.close()

    def _approach(self, frame_index: int) -> None:
        """Begin anew unless the way from here on is as short."""
        key = entry(self._timeline, frame_index) if self._is_trusted else 0
        if not key <= self._next <= frame_index:
            self._begin(key)

    def _begin(self, key: int) -> None:
        self.close()
        self._source = self._opened.enter_context(open_known(self._path, self._properties))
        self._coming = self._source.raw_frames(self._timeline, key)
        self._key = self._next = key

    def _decoded(self, frame_index: int) -> av.VideoFrame | None:
        """Return a frame, None where the file ends before it."""
        try:
            for index, frame in self._coming:
                self._next = index + 1
                if index == frame_index:
                    return frame
        except _ASTRAY as error:
            if self._key == 0 or isinstance(error, MemoryError):
                raise
            self._is_trusted = False
            self._begin(0)
            return self._decoded(frame_index)
        return None


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
    """Return what a whole pass over a video tells of its times.

    A damaged video is to be entered at its beginning alone: what a decoder makes up for what it cannot read
    depends on all that it has decoded before.
    """
    passed = [(frame.pts, frame.duration, frame.is_key, frame.is_guessed) for frame in frames]
    is_guessed = any(guessed for *_, guessed in passed)
    return Timeline(
        tuple(time for time, *_ in passed),
        tuple(duration for _, duration, *_ in passed),
        tuple(index for index, (*_, is_key, _) in enumerate(passed) if is_key and not is_guessed),
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


def _merged(planes: Sequence[Frame]) -> Frame:
    return np.asarray(cv2.merge(planes), np.uint8)


def _turned(image: Frame, orientation: media.Orientation) -> Frame:
    if orientation.transposed:
        image = image.transpose(1, 0, 2)
    if orientation.mirrored_x:
        image = image[:, ::-1]
    if orientation.mirrored_y:
        image = image[::-1]
    return np.ascontiguousarray(image)
