"""Colour tags, and exact ways from a decoded frame to BGR and back.

Left to itself swscale takes BT.601 for everything and truncates, so that each pass darkens the picture by
one and a half levels of luma; asked as here, a round trip is off by less than a fifth of a level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from av.video.reformatter import VideoReformatter
    from numpy.typing import NDArray

    Frame = NDArray[np.uint8]

_TO_BGR = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
_FROM_BGR = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP
# ITU-T H.273, table 4: the number in a stream's tag, and the matrix that swscale is asked for.
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
_HD_HEIGHT = 720


@dataclass(frozen=True, slots=True)
class ColourTags:
    """A stream's colour description, in the numbers of ITU-T H.273; ``value_range`` 2 is full range."""

    value_range: int = 0
    primaries: int = 2
    transfer: int = 2
    matrix: int = 2


def merged(planes: Sequence[Frame]) -> Frame:
    """Return channels, (height, width) each, side by side, (height, width, n)."""
    return np.stack(planes, axis=-1)


def to_bgr(
    frame: av.VideoFrame,
    reformatter: VideoReformatter,
    size: tuple[int, int],
    merge: Callable[[Sequence[Frame]], Frame] = merged,
) -> Frame:
    """Convert a decoded frame of any pixel format and size to BGR, by its own tags.

    Args:
        frame: What the decoder gave.
        reformatter: Kept by the caller from frame to frame.
        size: Width and height of the result.
        merge: Does what ``merged`` does: OpenCV, which is not needed here, does it ten times as fast.
    """
    width, height = size
    if frame.format.is_rgb:
        converted = reformatter.reformat(frame, width, height, format="bgr24", threads=1)
        return cast("Frame", converted.to_ndarray())
    # At its own size, if even, the same bits as "bgr24", for which swscale has no fast code that is as exact.
    planar = reformatter.reformat(
        frame,
        width,
        height,
        format="gbrp",
        src_colorspace=_matrix(frame.colorspace, frame.height),
        src_color_range=_range(frame.color_range),
        dst_color_range=ColorRange.JPEG,
        interpolation=_TO_BGR,
        threads=1,
    )
    green, blue, red = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, :width]
        for plane in planar.planes
    )
    return merge((blue, green, red))


def from_bgr(image: Frame, tags: ColourTags, reformatter: VideoReformatter) -> av.VideoFrame:
    """Convert BGR of even size to the yuv420p frame that ``tags`` describe."""
    # Not copied: the frame is done with when this returns.
    frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="bgr24")
    return reformatter.reformat(
        frame,
        format="yuv420p",
        src_color_range=ColorRange.JPEG,
        dst_colorspace=_matrix(tags.matrix, frame.height),
        dst_color_range=_range(tags.value_range),
        interpolation=_FROM_BGR,
        threads=1,
    )


def _matrix(tag: int, height: int) -> Colorspace:
    # What players assume of a stream without a tag.
    untagged = Colorspace.ITU709 if height >= _HD_HEIGHT else Colorspace.ITU601
    return _MATRICES.get(tag, untagged)


def _range(tag: int) -> ColorRange:
    return ColorRange.JPEG if tag == ColorRange.JPEG else ColorRange.MPEG
