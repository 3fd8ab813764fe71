"""Show the new heads of people behind somebody where that one's old head is taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.types import Laid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from headswap_cli.engine.types import Frame, Mask


def with_heads(
    background: Frame | None, part: tuple[slice, slice], heads: Sequence[Laid]
) -> tuple[Frame, Mask]:
    """Return a part of a frame's background with heads before it, and how much of each pixel is theirs.

    Args:
        background: That part, (height, width, 3), BGR; without one the heads' colours go on around them.
        part: Its rows and columns in the frame.
        heads: The furthest first.

    Source: "over" of Porter, Duff, Compositing digital images, SIGGRAPH 1984.
    """
    shape = (part[0].stop - part[0].start, part[1].stop - part[1].start)
    total = np.zeros((*shape, 4), np.float32)
    for head in heads:
        here, there = _shared(part, head.part)
        layer = head.layer[there]
        total[here] = total[here] * (1 - layer[..., 3:]) + layer
    colours, share = total[..., :3], total[..., 3]
    if background is None:
        straight = colours / np.maximum(share, 1e-3)[..., np.newaxis]
        image = push_pull(np.asarray(straight, np.float32), share)
    else:
        image = background * (1 - share[..., np.newaxis]) + colours
    return np.clip(image + 0.5, 0, 255).astype(np.uint8), share


def mixed(heads: Sequence[Laid | None], weights: NDArray[np.floating]) -> Laid | None:
    """Return what fades between several new heads of one person; None where nobody is before any of them.

    Args:
        heads: Each as it is where nobody is before it.
        weights: How much each shows, (heads,); they add up to 1.
    """
    known = [(head, weight) for head, weight in zip(heads, weights, strict=True) if head is not None]
    if not known:
        return None
    rows, columns = (
        slice(min(head.part[axis].start for head, _ in known), max(head.part[axis].stop for head, _ in known))
        for axis in (0, 1)
    )
    part = (rows, columns)
    layer = np.zeros((rows.stop - rows.start, columns.stop - columns.start, 4), np.float32)
    for head, weight in known:
        here, there = _shared(part, head.part)
        layer[here] += np.float32(weight) * head.layer[there]
    return Laid(part, layer)


def _shared(
    one: tuple[slice, slice], other: tuple[slice, slice]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return what two parts of a frame share, counted from the start of each."""
    starts = [max(a.start, b.start) for a, b in zip(one, other, strict=True)]
    stops = [min(a.stop, b.stop) for a, b in zip(one, other, strict=True)]
    ends = [max(start, stop) for start, stop in zip(starts, stops, strict=True)]
    within = [
        tuple(
            slice(start - side.start, end - side.start)
            for start, end, side in zip(starts, ends, part, strict=True)
        )
        for part in (one, other)
    ]
    return within[0], within[1]
