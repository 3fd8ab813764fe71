"""A video of source and result in one picture, with the sound, the times and the synthetic mark kept."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import VideoReformatter
from PIL import Image, ImageDraw, ImageFont

from headswap_cli import media
from headswap_cli.compare.moments import fitted, middle_of_change, shape_inside
from headswap_cli.compare.pairs import origin_s, painter, pairs
from headswap_cli.errors import InputError
from headswap_cli.media import provenance
from headswap_cli.media.colourspace import ColourTags, from_bgr
from headswap_cli.media.sound import Sound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from av.container import InputContainer, OutputContainer

    from headswap_cli.compare.pairs import Pair, Shown
    from headswap_cli.compare.subject import Subject

# Each of the two pictures, as displayed.
_SHORT_SIDE = 720
_READABLE_SIDE = 360
_LINE = 2
_INK, _SHADE = (255, 255, 255), (0, 0, 0, 150)
_BT709 = ColourTags(value_range=1, primaries=1, transfer=1, matrix=1)
_X264 = {"preset": "veryfast", "profile": "high", "threads": "2"}
_CLOCK = Fraction(1, 90_000)


class Layout(StrEnum):
    """How source and result share the picture."""

    SIDE = "side"
    SPLIT = "split"
    STACK = "stack"


@dataclass(frozen=True, slots=True)
class Cells:
    """One size for both pictures, where the source's and the result's go, and the size of the whole."""

    size: tuple[int, int]
    places: tuple[tuple[int, int], tuple[int, int]]
    whole: tuple[int, int]


def write_film(
    subject: Subject, target: Path, layout: Layout, on_progress: Callable[[float], None]
) -> tuple[str, ...]:
    """Write the comparison as an H.264 mp4; it appears under its name only when all went well.

    Every frame of the result is shown at its own time, over the length that both have.

    Args:
        subject: The two videos.
        target: Where to; replaced if it is there.
        layout: How they share the picture.
        on_progress: Told the part that is done, 0 to 100.

    Returns: sentences about sound that could not be carried over as it was.
    Raises: InputError: they share no moment, or no mp4 can hold what they have.
    """
    join: _Joiner | None = None
    divider = middle_of_change(subject) if layout is Layout.SPLIT else None
    with open_film(target, subject.after, {"crf": "18"}) as film:
        for pair in pairs(subject.before, subject.after):
            join = join or _Joiner(arranged(layout, *pair.after.size()), divider)
            film.write(join(pair), pair.after)
            on_progress(min(100.0, 100 * pair.time_s / max(subject.length_s, 1e-6)))
        if join is None:
            raise InputError("The two videos have no moment in common.")
        is_cut = subject.after_info.duration_s > subject.length_s + 0.1
        film.finish(subject.length_s if is_cut else None)
    return film.notices


class Film:
    """An mp4 that takes pictures in order; made by ``open_film``."""

    def __init__(
        self, container: OutputContainer, source: InputContainer | None, options: dict[str, str]
    ) -> None:
        self._container, self._source, self._options = container, source, options
        self._stream: av.VideoStream | None = None
        self._sound: Sound | None = None
        self._reformatter = VideoReformatter()
        self._origin, self._last = Fraction(0), -1

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about sound that could not be carried over as it was."""
        return tuple(self._sound.notices) if self._sound else ()

    def write(self, picture: Image.Image, shown: Shown) -> None:
        """Encode a picture, RGB of even size, at the time of a frame; and the sound up to it."""
        if self._stream is None:
            self._stream = self._video(picture.size)
            if self._source is not None:
                self._origin = origin_s(self._source)
                self._sound = Sound(self._source, self._container, self._origin)
        frame = from_bgr(np.asarray(picture)[..., ::-1], _BT709, self._reformatter)
        frame.pts = self._last = max(round(shown.time_s / _CLOCK), self._last + 1)
        frame.duration = round((shown.frame.duration or 0) * (shown.frame.time_base or 0) / _CLOCK)
        frame.time_base = _CLOCK
        if self._sound:
            self._sound.advance(shown.time_s + self._origin)
        self._container.mux(self._stream.encode(frame))

    def finish(self, length_s: float | None) -> None:
        """Encode what is still on its way, and the sound up to a time, or all of it."""
        if self._stream is not None:
            self._container.mux(self._stream.encode(None))
        if self._sound is not None:
            until_s = None if length_s is None else Fraction(length_s).limit_denominator(1000)
            self._sound.advance(None if until_s is None else until_s + self._origin)

    def _video(self, size: tuple[int, int]) -> av.VideoStream:
        stream = self._container.add_stream("libx264", rate=30, options=self._options, time_base=_CLOCK)
        context = stream.codec_context
        context.width, context.height = size
        context.pix_fmt, context.time_base = "yuv420p", _CLOCK
        context.flags |= Flags.frame_duration
        context.color_range, context.colorspace = _BT709.value_range, _BT709.matrix
        context.color_primaries, context.color_trc = _BT709.primaries, _BT709.transfer
        return stream


@contextmanager
def open_film(
    target: Path, sound_of: Path | None, options: dict[str, str], *, is_synthetic: bool = True
) -> Iterator[Film]:
    """Open ``target`` for pictures and the sound of a video.

    Args:
        target: An mp4, replaced if it is there, and only when all went well.
        sound_of: The video whose sound goes with the pictures, None for none.
        options: What x264 is told about quality and size.
        is_synthetic: Whether it is to say so of itself.

    Raises: InputError: no mp4 can hold the pictures or the sound.
    """
    partial = target.with_name(f".{target.name}.part")
    flags = {"movflags": "+faststart", "movie_timescale": str(_CLOCK.denominator)}
    try:
        with ExitStack() as stack:
            source = stack.enter_context(media.open_container(sound_of)) if sound_of else None
            container = stack.enter_context(av.open(f"file:{partial}", mode="w", format="mp4", options=flags))
            # Without it the muxer adds the time and its own name.
            container.flags |= cast("int", av.container.Flags.bitexact.value)
            if is_synthetic:
                container.metadata.update(provenance.tags())
            yield Film(container, source, {**_X264, **options})
        if is_synthetic:
            provenance.append_xmp(partial)
        partial.replace(target)
    except av.FFmpegError as error:
        raise InputError(f"{target} cannot be written ({error.strerror})") from error
    finally:
        partial.unlink(missing_ok=True)


def arranged(layout: Layout, width: int, height: int) -> Cells:
    """Return the places for two pictures of a size, bounded to 720p each; tiny ones are enlarged."""
    short = min(width, height)
    factor = min(1.0, _SHORT_SIDE / short) if short >= _READABLE_SIDE else -(-_READABLE_SIDE // short)
    size = max(2, round(width * factor / 2) * 2), max(2, round(height * factor / 2) * 2)
    if layout is Layout.SIDE:
        return Cells(size, ((0, 0), (size[0] + _LINE, 0)), (2 * size[0] + _LINE, size[1]))
    if layout is Layout.STACK:
        return Cells(size, ((0, 0), (0, size[1] + _LINE)), (size[0], 2 * size[1] + _LINE))
    return Cells(size, ((0, 0), (0, 0)), size)


class _Joiner:
    """Puts the two pictures of a pair into one and names them; ``divider`` is where one picture is split."""

    def __init__(self, cells: Cells, divider: float | None) -> None:
        self._cells, self._divider = cells, divider
        self._paint = painter()
        font = ImageFont.load_default(max(14, min(cells.size) // 24))
        self._labels = _label("source", font), _label("result", font)

    def __call__(self, pair: Pair) -> Image.Image:
        cells = self._cells
        size, whole = cells.size, Image.new("RGB", cells.whole)
        before, after = (
            fitted(self._paint(shown, shape_inside(shown, size)), size) for shown in (pair.before, pair.after)
        )
        whole.paste(before, cells.places[0])
        if self._divider is not None:
            middle = round(size[0] * self._divider)
            whole.paste(after.crop((middle, 0, *size)), (middle, 0))
            whole.paste(_INK, (middle - 1, 0, middle + 1, size[1]))
        else:
            whole.paste(after, cells.places[1])
        self._write_on(whole)
        return whole

    def _write_on(self, whole: Image.Image) -> None:
        margin = min(self._cells.size) // 36
        right = self._cells.whole[0] - self._labels[1].width - margin
        (left, top), (second_left, second_top) = self._cells.places
        corners = (
            (left + margin, top + margin),
            (second_left + margin if self._divider is None else right, second_top + margin),
        )
        for label, corner in zip(self._labels, corners, strict=True):
            whole.paste(label, corner, label)


def _label(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> Image.Image:
    left, _, right, _ = (round(side) for side in font.getbbox(text))
    # All labels are as high as letters can be, lest they stand at different heights.
    _, top, _, bottom = (round(side) for side in font.getbbox("lp"))
    pad = (bottom - top) // 3
    label = Image.new("RGBA", (right - left + 2 * pad, bottom - top + 2 * pad))
    pen = ImageDraw.Draw(label)
    pen.rounded_rectangle((0, 0, label.width - 1, label.height - 1), pad, fill=_SHADE)
    pen.text((pad - left, pad - top), text, font=font, fill=_INK)
    return label
