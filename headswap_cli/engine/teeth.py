"""Let an open mouth go on behind what is before it: its lips and teeth look there as they do beside it."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.types import Frame

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# How much of a mouth's width beside a gap is repeated over it, there and back: a tooth or two.
_BAND = 0.1
# In so many parts of a gap's width, the middle one, what comes from its two sides is mixed.
_ABRUPT = np.float32(3)
# OpenCV looks up fewer places than 32767 in a row, and as many rows.
_IN_A_ROW = 1024


def uncovered(picture: Frame, hidden: Bools, bare: Bools, ring: Floats) -> Frame:
    """Return a picture of a mouth without what is before it.

    A mouth is laid out flat from corner to corner and from lip to lip. There one half tells of the other, as
    in a mirror, and a row of what both halves hide is what lies beside it, repeated.

    Args:
        picture: (height, width, 3), BGR.
        hidden: What is to be replaced, (height, width).
        bare: What of the mouth can be relied upon, likewise.
        ring: The outline, (n, 2), pixels: from one corner along the lower to the other one, n / 2, and back.
    """
    columns, rows = (max(2, int(value)) for value in _size(ring))
    flat = _laid_out(ring, columns, rows)
    x, y = np.ascontiguousarray(flat[..., 0]), np.ascontiguousarray(flat[..., 1])
    strip = np.asarray(
        cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
    )
    known = cv2.remap(bare.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) > 0.9
    _go_on(strip, known, max(1, round(_BAND * columns)))
    strip = push_pull(strip, known.astype(np.float32))
    down, across = np.nonzero(hidden)
    u, v = _places(ring, np.stack([across, down], axis=1).astype(np.float32))
    shape = (-(-len(u) // _IN_A_ROW), _IN_A_ROW)
    seen = cv2.remap(
        strip,
        np.resize(u * np.float32(columns) - np.float32(0.5), shape),
        np.resize(v * np.float32(rows) - np.float32(0.5), shape),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    filled = picture.copy()
    filled[hidden] = np.clip(seen.reshape(-1, 3)[: len(u)] + 0.5, 0, 255)
    return filled


class _Axes(NamedTuple):
    """A corner, the mouth's width, its axes (2, 2), and each lip: places along, 0 to 1, and pixels across."""

    corner: Floats
    width: float
    axes: Floats
    lower: tuple[Floats, Floats]
    upper: tuple[Floats, Floats]


def _axes(ring: Floats) -> _Axes:
    half = len(ring) // 2
    way = ring[half] - ring[0]
    width = max(1e-3, float(np.linalg.norm(way)))
    along = way / width
    axes = np.stack([along, [-along[1], along[0]]], axis=1).astype(np.float32)
    places = (ring - ring[0]) @ axes
    lips: list[tuple[Floats, Floats]] = []
    for part in (places[: half + 1], np.concatenate([places[:1], places[: half - 1 : -1]])):
        ordered = np.asarray(part[part[:, 0].argsort(kind="stable")], np.float32)
        lips.append((ordered[:, 0] / np.float32(width), ordered[:, 1]))
    return _Axes(np.asarray(ring[0], np.float32), width, axes, *lips)


def _size(ring: Floats) -> tuple[float, float]:
    _, width, _, lower, upper = _axes(ring)
    return width, abs(float(lower[1].max() - upper[1].min()))


def _laid_out(ring: Floats, columns: int, rows: int) -> Floats:
    """Return where each place of the flat mouth is in the picture, (rows, columns, 2)."""
    corner, width, axes, lower, upper = _axes(ring)
    u = (np.arange(columns) + 0.5) / columns
    v = ((np.arange(rows) + 0.5) / rows)[:, np.newaxis]
    top, bottom = np.interp(u, *upper), np.interp(u, *lower)
    off = np.stack([np.broadcast_to(u * width, (rows, columns)), top + v * (bottom - top)], axis=-1)
    return np.asarray(corner + off @ axes.T, np.float32)


def _places(ring: Floats, points: Floats) -> tuple[Floats, Floats]:
    """Return where points are from corner to corner and from lip to lip, (n,) each, 0 to 1 within."""
    corner, width, axes, lower, upper = _axes(ring)
    off = (points - corner) @ axes
    u = off[:, 0] / width
    top, bottom = np.interp(u, *upper), np.interp(u, *lower)
    apart = bottom - top
    v = (off[:, 1] - top) / np.where(np.abs(apart) < 1e-3, 1e-3, apart)
    return np.asarray(u, np.float32), np.asarray(v, np.float32)


@kernel
def _go_on(strip: Floats, known: Bools, band: int) -> None:
    """Fill a flat mouth row by row, from its other half and from beside what is left; note what is known."""
    rows, columns = known.shape
    for row in range(rows):
        bare = known[row].copy()
        for x in range(columns):
            if not bare[x] and bare[columns - 1 - x]:
                strip[row, x] = strip[row, columns - 1 - x]
                known[row, x] = True
        x = 0
        while x < columns:
            if known[row, x]:
                x += 1
                continue
            end = x
            while end < columns and not known[row, end]:
                end += 1
            _bridge(strip[row], known[row], x, end, band)
            x = end


@kernel
def _bridge(row: Floats, known: Bools, start: int, end: int, band: int) -> None:
    """Fill one gap of a row from both its sides, which mix in the middle of it."""
    half, one = np.float32(0.5), np.float32(1)
    before, after = _reach(known, start - 1, -1, band), _reach(known, end, 1, band)
    if before + after == 0:
        return
    for x in range(start, end):
        left, right = x - start, end - 1 - x
        share = _ABRUPT * np.float32(right - left) / np.float32(end - start) + half
        share = min(max(share, np.float32(after == 0)), np.float32(before > 0))
        # What is not known on one side counts for nothing.
        one_side = start - 1 - _to_and_fro(left, before) if before else end
        other_side = end + _to_and_fro(right, after) if after else start - 1
        for k in range(3):
            row[x, k] = share * row[one_side, k] + (one - share) * row[other_side, k]
    known[start:end] = True


@kernel
def _reach(known: Bools, place: int, step: int, band: int) -> int:
    """Return how many places in a row are known from one on, at most ``band``."""
    count = 0
    while count < band and 0 <= place < len(known) and known[place]:
        count, place = count + 1, place + step
    return count


@kernel
def _to_and_fro(step: int, band: int) -> int:
    step %= 2 * band
    return step if step < band else 2 * band - 1 - step
