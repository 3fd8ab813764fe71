"""Keep some views of each face while a video passes by, so that nothing of it is decoded again for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.headmatte import head_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.engine.types import Frame, Landmarks, Track

# A person is known by so many views, all over the video; of a face that is followed up to twice as many wait.
MOST = 16
# Of the tracks of a film there are so many in all, or so few of each.
_OF_A_FILM, _FEWEST = 512, 3
# Smoothed landmarks may want a little more than the window of the first ones, of which it is a part.
_MARGIN = 0.03
# Pixels: a map of the face and the networks look at less.
_WIDEST_FACE = 128.0
# A map of the face made of such pictures is half a grey level off, of the usual ones up to a whole.
_FINE = (cv2.IMWRITE_JPEG_QUALITY, 98, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)


@dataclass(frozen=True, slots=True)
class View:
    """A head cut out of a frame at ``x0``, ``y0``, made smaller by ``scale`` and packed; of memory alone."""

    frame_index: int
    x0: int
    y0: int
    scale: tuple[float, float]
    content: bytes = field(repr=False)

    def unpack(self, landmarks: Landmarks) -> tuple[Frame, Landmarks]:
        """Return the picture, (height, width, 3), BGR, and the frame's landmarks, (478, 3), in its pixels.

        Where it does not show all around a head, the frame ends.
        """
        placed = landmarks - np.array([self.x0, self.y0, 0], np.float32)
        placed[:, :2] = (placed[:, :2] + 0.5) * np.array(self.scale, np.float32) - 0.5
        placed[:, 2] *= np.float32(self.scale[0])
        image = cv2.imdecode(np.frombuffer(self.content, np.uint8), cv2.IMREAD_COLOR)
        return np.asarray(image, np.uint8), placed


@dataclass(frozen=True, slots=True)
class Cutting:
    """A head cut out of a frame at ``x0``, ``y0``, that is to be ``size`` large, (2,); of memory alone."""

    frame_index: int
    x0: int
    y0: int
    size: NDArray[np.int_]
    image: Frame = field(repr=False)

    def packed(self) -> View:
        """Make it smaller and pack it, which takes longer than to cut it out."""
        image, given = self.image, np.array(self.image.shape[1::-1])
        if (self.size < given).any():
            image = np.asarray(cv2.resize(image, self.size.tolist(), interpolation=cv2.INTER_AREA), np.uint8)
        across, down = (self.size / given).tolist()
        content = cv2.imencode(".jpg", image, _FINE)[1].tobytes()
        return View(self.frame_index, self.x0, self.y0, (across, down), content)


def cut(frame_index: int, frame: Frame, landmarks: Landmarks) -> Cutting:
    """Cut a whole head out of a frame, BGR, by the landmarks of its face, pixels."""
    width = face_width(landmarks)
    x0, y0, side = head_window(landmarks[topology.OVAL, :2].mean(axis=0), width)
    margin = _MARGIN * side
    limit = np.array(frame.shape[1::-1])
    near = np.clip(np.floor([x0 - margin, y0 - margin]).astype(int), 0, limit - 1)
    far = np.clip(np.ceil([x0 + side + margin, y0 + side + margin]).astype(int), near + 1, limit)
    size = np.maximum(1, np.round((far - near) * min(1.0, _WIDEST_FACE / max(width, 1.0)))).astype(int)
    image = frame[near[1] : far[1], near[0] : far[0]].copy()
    return Cutting(frame_index, int(near[0]), int(near[1]), size, image)


class ViewKeeper:
    """Takes views of a face at even distances, ever larger ones the longer it is seen."""

    def __init__(self) -> None:
        self._views: list[View] = []
        self._first: int | None = None
        self._apart = 1
        self.last_frame = -1

    def look(self, frame_index: int, frame: Frame, landmarks: Landmarks) -> None:
        """Take a view of the next frame, BGR, if it is its turn; the landmarks are in its pixels."""
        if self._first is None:
            self._first = frame_index
        self.last_frame = frame_index
        if len(self._views) == 2 * MOST:
            del self._views[1::2]
            self._apart *= 2
        if (frame_index - self._first) % self._apart == 0:
            self._views.append(cut(frame_index, frame, landmarks).packed())

    def thin(self, faces: int) -> None:
        """Keep fewer views of a face that is gone, where there are so many faces."""
        self._views = list(thinned(self._views, faces))

    def between(self, first: int, last: int) -> tuple[View, ...]:
        """Return up to ``MOST`` of the views of the frames ``first`` to ``last`` (inclusive)."""
        return thinned([view for view in self._views if first <= view.frame_index <= last])


def allowed(tracks: int) -> int:
    """Return how many views of each track may stay where there are so many tracks."""
    return min(MOST, max(_FEWEST, _OF_A_FILM // max(1, tracks)))


def thinned(views: Sequence[View], tracks: int = 1) -> tuple[View, ...]:
    """Return those of a track's views that may stay, evenly, where there are so many tracks."""
    most = allowed(tracks)
    if len(views) <= most:
        return tuple(views)
    return tuple(views[place] for place in np.linspace(0, len(views) - 1, most).round().astype(int))


def evenly(tracks: Sequence[Track]) -> tuple[View, ...]:
    """Return up to ``MOST`` of a person's views, evenly over the frames of all their tracks."""
    places: list[int] = []
    passed = 0
    for track in tracks:
        places += [passed + view.frame_index - track.first_frame for view in track.views]
        passed += len(track.landmarks)
    views = [view for track in tracks for view in track.views]
    if not views:
        return ()
    wanted = np.linspace(0, passed - 1, MOST)
    nearest = np.abs(np.subtract.outer(wanted, places)).argmin(axis=1)
    return tuple(views[place] for place in np.unique(nearest).tolist())
