"""Several photos of one person: in each frame the head whose pose and expression are nearest is worn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.beneath import mixed
from headswap_cli.engine.head import Rendered
from headswap_cli.engine.look import look_of
from headswap_cli.engine.types import ALONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from headswap_cli.engine.look import Look
    from headswap_cli.engine.types import Backdrop, Frame, Landmarks, Others

Weights = NDArray[np.float32]

# What a photo and a frame may differ by to count as one unlike step: degrees aside and up or down, then
# parts of the face's and the eye's width. A mouth that has to shut takes the chin and its corners down with
# it; one that has to open looks well.
_YAW, _PITCH, _OPENS, _SHUTS, _EYES, _SMILE = 12.0, 20.0, 0.2, 0.05, 0.4, 0.16
# A change of heads must save so many steps, summed over the frames that follow.
_CHANGE = 5.0
# Frames over which one head fades into another.
_FADE = 7
_HARDLY = 0.01


class Wearable(Protocol):
    """One head on one person, see ``cast.Swapper``."""

    def start_track(
        self, frame_index: int, following: Landmarks | None = None, skin: Weights | None = None
    ) -> None:
        """Forget the frame before."""

    def apply(
        self, frame: Frame, landmarks: Landmarks, plate: Backdrop | None = None, others: Others = ALONE
    ) -> Rendered:
        """Return the frame, (height, width, 3), BGR, with the head on; see ``HeadSwapper.apply``."""


class SeveralHeads:
    """Wears several heads of one person, one at a time but for the frames in which one fades into another.

    Args:
        heads: One a photo.
        weights: How much each shows, (heads,), by frame.
    """

    def __init__(self, heads: Sequence[Wearable], weights: Mapping[int, Weights]) -> None:
        self._heads = heads
        self._weights = weights
        self._next = 0
        self._worn: list[int] = []
        self._following: Landmarks | None = None
        self._skin: Weights | None = None

    def start_track(
        self, frame_index: int, following: Landmarks | None = None, skin: Weights | None = None
    ) -> None:
        """Forget the frame before; the next one is ``frame_index``, and others follow without a gap.

        ``following`` is the face in the frame after that one, where it is known, ``skin`` what is known of
        the person's.
        """
        self._next, self._worn = frame_index, []
        self._following, self._skin = following, skin

    def apply(
        self, frame: Frame, landmarks: Landmarks, plate: Backdrop | None = None, others: Others = ALONE
    ) -> Rendered:
        """Return the frame with this person's head swapped; the arguments are ``HeadSwapper.apply``'s."""
        weights = self._weights[self._next]
        worn = self._put_on(weights)
        rendered = [self._heads[number].apply(frame, landmarks, plate, others) for number in worn]
        return _mixed(rendered, weights[worn])

    def _put_on(self, weights: Weights) -> list[int]:
        worn = np.flatnonzero(weights > _HARDLY).tolist()
        for number in worn:
            if number not in self._worn:
                self._heads[number].start_track(self._next, self._following, self._skin)
        self._worn, self._next = worn, self._next + 1
        self._following = self._skin = None
        return worn


def weights_over(photos: Sequence[Look], track: Iterable[Landmarks]) -> Weights:
    """Return how much each photo's head shows in each frame of a track, (frames, photos); rows add up to 1.

    Args:
        photos: How the face looks on each.
        track: The person's landmarks, pixels, frame by frame.
    """
    unlike = np.array([[_unlike(photo, look_of(landmarks)) for photo in photos] for landmarks in track])
    chosen = _best_path(unlike)
    shown = np.eye(len(photos), dtype=np.float32)[chosen]
    # Over time alone; before the first frame and after the last it goes on as it is there.
    faded = cv2.blur(shown, (1, _FADE), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(faded.reshape(shown.shape), np.float32)


def _unlike(photo: Look, frame: Look) -> float:
    return (
        abs(photo.yaw - frame.yaw) / _YAW
        + abs(photo.pitch - frame.pitch) / _PITCH
        + max(0.0, frame.mouth_gap - photo.mouth_gap) / _OPENS
        + max(0.0, photo.mouth_gap - frame.mouth_gap) / _SHUTS
        + abs(photo.openness - frame.openness) / _EYES
        + abs(photo.smile - frame.smile) / _SMILE
    )


def _best_path(unlike: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return for each frame which photo to show, (frames,), so that unlikeness and changes cost least.

    Source: Viterbi, IEEE Transactions on Information Theory 13(2), 1967.
    """
    frames, photos = unlike.shape
    change = _CHANGE * (1 - np.eye(photos))
    before = np.zeros((frames, photos), np.intp)
    cost = unlike[0]
    for index in range(1, frames):
        ways = cost[:, np.newaxis] + change
        before[index] = ways.argmin(axis=0)
        cost = ways.min(axis=0) + unlike[index]
    path = np.zeros(frames, np.intp)
    path[-1] = cost.argmin()
    for index in range(frames - 1, 0, -1):
        path[index - 1] = before[index, path[index]]
    return path


def _mixed(rendered: Sequence[Rendered], weights: Weights) -> Rendered:
    if len(rendered) == 1:
        return rendered[0]
    total = np.zeros(rendered[0].image.shape, np.float32)
    for one, weight in zip(rendered, weights / weights.sum(), strict=True):
        total += one.image * weight
    changed = np.logical_or.reduce([one.changed for one in rendered])
    image = rendered[0].image.copy()
    image[changed] = np.asarray(total[changed] + 0.5, np.uint8)
    most = rendered[int(weights.argmax())]
    return Rendered(
        image,
        changed,
        most.head,
        swapped=most.swapped,
        laid=mixed([one.laid for one in rendered], weights / weights.sum()),
    )
