"""The moments that matter: where the engine saw people, or where the picture changes and moves most."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from headswap_cli.compare.pairs import painter, pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from headswap_cli.compare.observed import Box, Observed, Sight
    from headswap_cli.compare.pairs import Paint, Pair, Shown
    from headswap_cli.compare.subject import Subject

EVEN_MOMENTS = 6
_SMALL = (96, 96)
# Moments so close look the same: they share a column.
_ONE_MOMENT_S = 0.12
# A picture is to be so many times as high as the face in it.
_NEARER = 2.4
_HARDLY_NEARER = 0.8
_MOST_ZOOM = 5.0
_HALF_FRAME_S = 0.01
_LOOKED_AT = 300
# Mean differences of grey levels between frames: below, nothing moves; above, another shot begins.
_STILL, _CUT = 1.0, 40.0
# Shapes that differ by less are one shape; rounding to even pixels does that.
SAME_SHAPE = 0.02


@dataclass(frozen=True, slots=True)
class Still:
    """Source and result at one moment, of one size; ``why`` it was chosen, empty if only to be even.

    ``obj_id`` is whose moment it is, None where nobody was looked for.
    """

    time_s: float
    why: tuple[str, ...]
    obj_id: int | None
    before: Image.Image
    after: Image.Image


def stills(subject: Subject, people: Sequence[Observed], *, cell: int) -> list[Still]:
    """Return the moments of each person in the order of the people, or even ones where nobody is known.

    Args:
        subject: The two videos.
        people: Whom the engine saw, and when to look at them.
        cell: The longer side of each picture, pixels.
    """
    sights = [
        (person.obj_id, sight)
        for person in people
        for sight in person.sights
        if sight.time_s <= subject.length_s
    ]
    if not sights:
        return even_stills(subject, EVEN_MOMENTS, cell=cell)
    taken = _taken(subject, sights, cell)
    return [still for person in people for still in _merged(taken, person)]


def even_stills(subject: Subject, count: int, *, cell: int, motion: bool = True) -> list[Still]:
    """Cut the clip into equal spans; take of each the frame that shows the change best, much of it and sharp.

    Args:
        subject: The two videos.
        count: How many spans; fewer stills where there are fewer frames.
        cell: The longer side of each picture, pixels.
        motion: Whether the fastest moment is to be among them, in place of its span's.
    """
    best: dict[int, tuple[float, Still]] = {}
    fastest: tuple[float, int, Still] | None = None
    paint, moved = _CellPainter(cell), _Motion()
    for pair in pairs(subject.before, subject.after):
        place = pair.time_s / max(subject.length_s, 1e-6) * count
        span = min(count - 1, int(place))
        # Two moments at one border would look the same, so the middle of a span counts double.
        score = _score(pair) * (1.0 - 0.5 * min(1.0, abs(2.0 * (place - span) - 1.0)))
        if span not in best or score > best[span][0]:
            best[span] = score, paint(pair)
        speed = moved(pair) if motion else 0.0
        if speed > (fastest[0] if fastest else _STILL):
            fastest = speed, span, replace(paint(pair), why=("fastest motion",))
    if fastest is not None:
        best[fastest[1]] = 0.0, fastest[2]
    return [best[span][1] for span in sorted(best)]


def middle_of_change(subject: Subject) -> float:
    """Return the middle of what changed, from left (0) to right (1)."""
    paint, total = painter(), np.zeros(_SMALL[0])
    for pair in islice(pairs(subject.before, subject.after), 0, _LOOKED_AT, 10):
        before, after = (
            np.asarray(paint(shown, _SMALL), np.float64).mean(axis=2) for shown in (pair.before, pair.after)
        )
        total += np.maximum(np.abs(after - before) - _STILL * 4, 0).sum(axis=0)
    if total.sum() == 0:
        return 0.5
    middle = float((total * np.arange(len(total))).sum() / total.sum() / (len(total) - 1))
    return min(0.85, max(0.15, middle))


def portraits(
    subject: Subject, people: Sequence[Observed], *, side: int
) -> dict[int, tuple[Image.Image, Image.Image]]:
    """Return each person's face in the source and in the result, square, when it is first seen well."""
    waiting = {person.obj_id: person.sights[0] for person in people if person.sights}
    paint, found = painter(), {}
    for pair in pairs(subject.before, subject.after):
        due = [obj_id for obj_id, sight in waiting.items() if sight.time_s <= pair.time_s + _HALF_FRAME_S]
        for obj_id in due:
            found[obj_id] = _portrait(paint, pair, waiting.pop(obj_id).box, side)
        if not waiting:
            break
    return found


def _portrait(paint: Paint, pair: Pair, face: Box, side: int) -> tuple[Image.Image, Image.Image]:
    width, height = pair.after.size()
    x0, y0, x1, y1 = face[0] * width, face[1] * height, face[2] * width, face[3] * height
    half = min(0.85 * max(x1 - x0, y1 - y0), width / 2, height / 2)
    # The mesh ends at the brow; a head goes on.
    x = min(max((x0 + x1) / 2, half), width - half)
    y = min(max((y0 + y1) / 2 - 0.12 * (y1 - y0), half), height - half)
    box = round(x - half), round(y - half), round(x + half), round(y + half)
    before, after = (
        fitted(paint(shown, shape_inside(shown, (width, height))), (width, height))
        .crop(box)
        .resize((side, side), Image.Resampling.LANCZOS)
        for shown in (pair.before, pair.after)
    )
    return before, after


def _taken(subject: Subject, sights: list[tuple[int, Sight]], cell: int) -> list[Still]:
    """Return a still for each sight, in the order of time."""
    waiting = deque(sorted(sights, key=lambda sight: sight[1].time_s))
    is_alone = len({obj_id for obj_id, _ in sights}) == 1
    paint, last = _CellPainter(cell), None
    taken: list[Still] = []
    for pair in pairs(subject.before, subject.after):
        if not waiting:
            return taken
        last = pair
        while waiting and waiting[0][1].time_s <= pair.time_s + _HALF_FRAME_S:
            taken.append(_seen(paint, pair, *waiting.popleft(), is_alone=is_alone))
    # The last frame's time is before the clip's end.
    return (
        taken
        if last is None
        else taken + [_seen(paint, last, *sight, is_alone=is_alone) for sight in waiting]
    )


def _seen(paint: _CellPainter, pair: Pair, obj_id: int, sight: Sight, *, is_alone: bool) -> Still:
    return replace(paint(pair, sight.box, is_alone=is_alone), why=(sight.why,), obj_id=obj_id)


def _merged(taken: list[Still], person: Observed) -> list[Still]:
    """Return a person's stills; where two would look the same, one with both reasons."""
    merged: list[Still] = []
    for still in taken:
        if still.obj_id != person.obj_id:
            continue
        if merged and still.time_s - merged[-1].time_s < _ONE_MOMENT_S:
            both = {*merged[-1].why, *still.why}
            whys = tuple(sight.why for sight in person.sights if sight.why in both)
            merged[-1] = replace(merged[-1], why=whys)
        else:
            merged.append(still)
    return merged


class _CellPainter:
    """Makes stills of pairs: both pictures as displayed, in one size."""

    def __init__(self, cell: int) -> None:
        self._cell = cell
        self._paint = painter()

    def __call__(self, pair: Pair, face: Box | None = None, *, is_alone: bool = True) -> Still:
        """Return a still of the whole picture, or of the part around a face.

        Args:
            pair: Both frames.
            face: In parts of the picture; None shows all of it.
            is_alone: Whether it is the only person: then only a small face is shown from nearer.
        """
        width, height = pair.after.size()
        left, top, right, bottom = _part(face, width, height, is_alone=is_alone)
        zoom = self._cell / max(right - left, bottom - top)
        whole = max(2, round(width * zoom)), max(2, round(height * zoom))
        x, y = round(left * zoom), round(top * zoom)
        size = max(2, round((right - left) * zoom)), max(2, round((bottom - top) * zoom))
        before, after = (
            fitted(self._paint(shown, shape_inside(shown, whole)), whole).crop(
                (x, y, x + size[0], y + size[1])
            )
            for shown in (pair.before, pair.after)
        )
        return Still(pair.time_s, (), None, before, after)


class _Motion:
    """Tells how much the source moved since the pair before; a cut is no motion."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None

    def __call__(self, pair: Pair) -> float:
        now = _grey(pair.before.frame)
        last, self._last = self._last, now
        moved = 0.0 if last is None else float(np.abs(now - last).mean())
        return moved if moved < _CUT else 0.0


def shape_inside(shown: Shown, whole: tuple[int, int]) -> tuple[int, int]:
    """Return the largest size of the picture's own shape that fits into ``whole``; a little bent is whole."""
    width, height = shown.size()
    if abs(width / height / (whole[0] / whole[1]) - 1) < SAME_SHAPE:
        return whole
    factor = min(whole[0] / width, whole[1] / height)
    return max(2, round(width * factor)), max(2, round(height * factor))


def fitted(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the picture in the middle of a black one of ``size``; itself where it is of that size."""
    if picture.size == size:
        return picture
    whole = Image.new("RGB", size)
    whole.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
    return whole


def _part(face: Box | None, width: int, height: int, *, is_alone: bool) -> Box:
    """Return the part of a picture in which a face is large enough, pixels: of its shape, or square."""
    if face is None:
        return 0, 0, width, height
    x0, y0, x1, y1 = face[0] * width, face[1] * height, face[2] * width, face[3] * height
    reach = max(x1 - x0, y1 - y0) * _NEARER
    factor = max(reach / min(width, height), 1 / _MOST_ZOOM)
    if is_alone and factor >= _HARDLY_NEARER:
        return 0, 0, width, height
    side = min(width, height) * min(1.0, factor)
    wide, high = (side * width / min(width, height), side * height / min(width, height))
    if not is_alone:
        wide = high = side
    left = min(max(0.0, (x0 + x1 - wide) / 2), width - wide)
    top = min(max(0.0, (y0 + y1 - high) / 2), height - high)
    return left, top, left + wide, top + high


def _score(pair: Pair) -> float:
    """Return how well the change is seen: mean difference times sharpness, on small grey pictures."""
    shown, was = _grey(pair.after.frame), _grey(pair.before.frame)
    return float(np.abs(shown - was).mean() * np.abs(np.diff(shown, axis=1)).mean())


def _grey(frame: VideoFrame) -> NDArray[np.float32]:
    small = frame.reformat(width=_SMALL[0], height=_SMALL[1], format="gray")
    return small.to_ndarray().astype(np.float32)
