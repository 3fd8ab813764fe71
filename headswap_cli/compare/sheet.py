"""A contact sheet: frames of the source over the same moments of the result, as one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from headswap_cli import media
from headswap_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

_GAP = 8
_MARGIN = 24
_GUTTER = 92
_CAPTION = 34
_BACKGROUND = (22, 24, 29)
_TEXT = (214, 217, 224)
_FAINT = (132, 138, 150)
_FONT_SIZE = 20
_SMALL = (96, 96)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A decoded frame and the width of its pixels over their height."""

    frame: VideoFrame
    pixel_aspect: float


@dataclass(frozen=True, slots=True)
class _Moment:
    time_s: float
    score: float
    before: Image.Image
    after: Image.Image


def contact_sheet(before: Path, after: Path, target: Path, *, moments: int = 6, cell: int = 384) -> None:
    """Draw source over result at some moments, left to right in time; small clips are enlarged.

    The clip is cut into equal spans, and of each the frame is taken that shows the change best: much of it,
    and sharp.

    Args:
        before: The source video.
        after: The result; paired with the source by time.
        target: The PNG to write.
        moments: How many columns; fewer where the result has fewer frames.
        cell: The longer side of each picture, pixels.

    Raises: InputError: a video cannot be decoded, they share no moment, or the PNG cannot be written.
    """
    info = media.probe(after)
    media.probe(before)
    duration_s = info.duration_s if info else 0.0
    chosen = _choose(before, after, duration_s, moments, cell)
    if not chosen:
        raise InputError(f"{before} and {after} have no moment in common")
    try:
        _draw(chosen).save(target, format="PNG", optimize=True)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror}") from error


def _choose(before: Path, after: Path, duration_s: float, moments: int, cell: int) -> list[_Moment]:
    best: dict[int, _Moment] = {}
    for time_s, source, result in _pairs(before, after):
        place = time_s / max(duration_s, 1e-6) * moments
        span = min(moments - 1, int(place))
        # Two moments at one border would look the same, so the middle of a span counts double.
        score = _score(source, result) * (1.0 - 0.5 * min(1.0, abs(2.0 * (place - span) - 1.0)))
        if span not in best or score > best[span].score:
            best[span] = _Moment(time_s, score, _picture(source, cell), _picture(result, cell))
    return [best[span] for span in sorted(best)]


def _pairs(before: Path, after: Path) -> Iterator[tuple[float, _Shown, _Shown]]:
    """Yield the result's frames, each with its time in seconds and the source's frame shown then."""
    sources = _frames(before)
    current = following = next(sources, None)
    for result in _frames(after):
        # Times that a container rounded must still meet.
        while following is not None and following.frame.time <= result.frame.time + 0.002:
            current, following = following, next(sources, None)
        if current is not None:
            yield result.frame.time, current, result


def _frames(path: Path) -> Iterator[_Shown]:
    with media.open_container(path) as container:
        stream = media.picture_stream(container)
        aspect = float(stream.sample_aspect_ratio or 1)
        for frame in container.decode(stream):
            if frame.pts is not None:
                yield _Shown(frame, aspect)


def _score(source: _Shown, result: _Shown) -> float:
    """Return how well the change is seen: mean difference times sharpness, on small grey pictures."""
    shown, was = _grey(result.frame), _grey(source.frame)
    sharpness = np.abs(np.diff(shown, axis=1)).mean()
    return float(np.abs(shown - was).mean() * sharpness)


def _grey(frame: VideoFrame) -> NDArray[np.float32]:
    small = frame.reformat(width=_SMALL[0], height=_SMALL[1], format="gray")
    return small.to_ndarray().astype(np.float32)


def _picture(shown: _Shown, cell: int) -> Image.Image:
    """Return the frame as displayed: turned, with square pixels, fitted into a cell."""
    picture = Image.fromarray(shown.frame.to_ndarray(format="rgb24"))
    width, height = picture.width * shown.pixel_aspect, float(picture.height)
    factor = cell / max(width, height)
    picture = picture.resize((round(width * factor), round(height * factor)), Image.Resampling.LANCZOS)
    orientation = media.orientation_of(shown.frame)
    if orientation.transposed:
        picture = picture.transpose(Image.Transpose.TRANSPOSE)
    if orientation.mirrored_x:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if orientation.mirrored_y else picture


def _draw(chosen: list[_Moment]) -> Image.Image:
    width, height = chosen[0].after.size
    sheet = Image.new(
        "RGB",
        (
            _GUTTER + len(chosen) * (width + _GAP) - _GAP + _MARGIN,
            _MARGIN + 2 * height + _GAP + _CAPTION,
        ),
        _BACKGROUND,
    )
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_FONT_SIZE)
    rows = (_MARGIN, _MARGIN + height + _GAP)
    for top, label in zip(rows, ("source", "result"), strict=True):
        pen.text((_GUTTER - 14, top + height // 2), label, font=font, fill=_TEXT, anchor="rm")
    for column, moment in enumerate(chosen):
        left = _GUTTER + column * (width + _GAP)
        for top, picture in zip(rows, (moment.before, moment.after), strict=True):
            sheet.paste(picture.resize((width, height)), (left, top))
        centre = (left + width // 2, rows[1] + height + _CAPTION // 2)
        pen.text(centre, _clock(moment.time_s), font=font, fill=_FAINT, anchor="mm")
    return sheet


def _clock(time_s: float) -> str:
    return f"{int(time_s // 60)}:{time_s % 60:04.1f}"
