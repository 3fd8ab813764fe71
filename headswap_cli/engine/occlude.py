"""Find hands, which stand before the face and must stay there.

Source of anchors, crops and joints: Zhang et al., MediaPipe Hands, arXiv:2006.10214, 2020.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.geometry import Crop
from headswap_cli.engine.hand import MIDDLE_ROOT, WRIST, Hand
from headswap_cli.engine.networks import Network, sigmoid, to_input

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.engine.types import Box, Frame, Mask

_ROOTS = np.array([0, 5, 9, 13, 17])
_BODY = np.array([0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18])
# The palm network's grids of cells and boxes per cell.
_GRIDS = ((24, 2), (12, 6))
_PALM_SIZE = 192
# A palm is looked at when it is likely, a hand believed when it is sure, one that was not seen to come only
# when it is certain: a neck beside a shoulder may look like a fist as long as it is there, up to 0.91.
_LIKELY, _SURE, _CERTAIN = 0.4, 0.5, 0.93
# One that is less certain is believed from so much on if it is so likely on an average of squares all around
# it, and so many of its joints have the face's skin: up to how many levels of Lab's hues from it.
_PERHAPS, _ON_AVERAGE, _IN_SKIN, _SAME_HUE = 0.85, 0.87, 0.8, 14
# Those squares: moved across and down, in parts of the side, larger, and turned, radians.
_SQUARES = (
    *((0.06, 0, 1, 0), (-0.06, 0, 1, 0), (0, 0.06, 1, 0), (0, -0.06, 1, 0)),
    *((0, 0, 1.15, 0), (0, 0, 0.88, 0), (0, 0, 1, 0.2), (0, 0, 1, -0.2)),
)
# Sides of the squares around the face in which palms are looked for, in face sizes.
_WINDOWS = (3.2, 4.2)
_MOST, _BOXES = 3, 12
# Hands that are no further from one another, in parts of the square around them, are one.
_ONE = 0.15
# Frames from one look at hands to the next, and where all keep still; in between they go on as they did,
# slower and slower.
_LOOK_EVERY, _LOOK_SELDOM, _SLOWS = 3, 6, 0.5
# Parts of its length that a hand which keeps still trembles from frame to frame.
_STILL = 0.03
# Frames from search to search for new hands: twice as many after each that was in vain, up to the latter.
_SEARCH_EVERY, _SELDOM = 4, 24
# How often they are searched for everywhere at first, and for how many frames: a palm that is turned away in
# the very first may be seen soon.
_BEGIN_EVERY, _BEGINS = 9, 36
# The square about the face in which something stirs, in face sizes, its pixels, by how many grey levels they
# change, and how many of them, where a hand may have come; how many where a hand that kept still has moved.
_STIRRED, _GLANCE, _CHANGED, _STIR, _MOVED = 1.2, 24, 12, 0.05, 0.08
# Windows that are searched on end where something stirs, and in how many frames one more is earned.
_ON_END, _EARNED_IN = 6, 16
# How much of its motion a hand keeps to the next frame.
_GOES_ON = 0.8


class _Look(NamedTuple):
    """A hand when it was last looked at, and what the square around it looked like."""

    hand: Hand
    crop: Crop
    glance: Mask


class Hands:
    """Follows the hands around one face from frame to frame.

    Args:
        weights: The folder of the fetched weights.
    """

    def __init__(self, weights: Path) -> None:
        self._palms = Network(weights / "palm_detection_full.tflite")
        self._joints = Network(weights / "hand_landmark_full.tflite")
        self._anchors = np.concatenate([_centres(cells, boxes) for cells, boxes in _GRIDS])
        self.reset()

    def reset(self) -> None:
        """Forget the hands: another shot or another face begins."""
        self._hands: list[Hand] = []
        self._steps: list[Hand] = []
        self._looks: list[_Look] = []
        self._looked_ago = 0
        self._look_in = 0
        self._search_in = 0
        self._pause = _SEARCH_EVERY
        self._turn = self._age = 0
        self._allowed = float(_ON_END)
        self._glance: Mask | None = None
        self._face: Box | None = None

    def another(self) -> Hands:
        """Return one for another face, which knows of no hands yet and finds them by the same networks."""
        other = copy.copy(self)
        other.reset()
        return other

    def turned_round(self) -> Hands:
        """Return one that follows the last frame's hands the other way and looks for no others at first."""
        other = self.another()
        other._search_in, other._allowed = _SELDOM, 0.0
        other._hands, other._face = self._hands, self._face
        other._looks = [look._replace(hand=hand) for look, hand in zip(self._looks, self._hands, strict=True)]
        other._steps = [np.zeros_like(hand) for hand in self._hands]
        return other

    def go_on_from(self, other: Hands) -> None:
        """Take over the hands of another one that has come to the same frame, and keep those of one's own."""
        ours = [place for place, hand in enumerate(self._hands) if not _is_among(hand, other._hands)]
        self._hands = [*other._hands, *(self._hands[place] for place in ours)]
        self._steps = [*other._steps, *(self._steps[place] for place in ours)]
        self._looks = [*other._looks, *(self._looks[place] for place in ours)]

    def find(self, frame: Frame, face: Box) -> list[Hand]:
        """Return the hands near a face, (21, 2) each, in pixels of the frame.

        Args:
            frame: The whole frame, BGR.
            face: The face's box; one that goes further than it is wide is another face's.
        """
        self._go_on(face)
        is_first = self._glance is None
        stirs = self._stirs(frame, face)
        searches = self._windows(stirs=stirs)
        if not searches and not self._is_due(frame):
            return self._hands
        found: list[Hand] = []
        for hand in self._hands:
            self._add(found, frame, _crop_of_hand(hand))
        for reach in searches:
            # Where something stirs one may have come.
            crops = self._palm_crops(frame, face, reach)
            self._search(found, frame, face, crops, seen_coming=stirs and not is_first)
        self._note(frame, found)
        return found

    def _go_on(self, face: Box) -> None:
        """Expect each hand where it was going; before another face there are others."""
        if self._face is not None and _is_elsewhere(face, self._face):
            self.reset()
        self._face = face
        self._hands = [hand + step for hand, step in zip(self._hands, self._steps, strict=True)]
        self._steps = [step * _SLOWS for step in self._steps]
        self._looked_ago += 1

    def _is_due(self, frame: Frame) -> bool:
        """Whether to look at the hands again: it is time, or where they kept still something moves."""
        return self._looked_ago >= self._look_in or any(
            _changed(_glance(frame, look.crop), look.glance) > _MOVED for look in self._looks
        )

    def _note(self, frame: Frame, found: list[Hand]) -> None:
        """Take note of hands as they are, by that of how they move, and of when to look at them again."""
        frames = np.float32(self._looked_ago)
        moves = [_move(hand, self._looks, self._hands) / frames for hand in found]
        self._steps = [np.asarray(move.mean(axis=0, keepdims=True) * _GOES_ON, np.float32) for move in moves]
        are_still = all(_is_still(move, hand) for move, hand in zip(moves, found, strict=True))
        self._look_in = _LOOK_SELDOM if are_still else _LOOK_EVERY
        self._looks = [_Look(hand, crop := _crop_of_hand(hand), _glance(frame, crop)) for hand in found]
        self._hands, self._looked_ago = found, 0

    def _search(
        self, found: list[Hand], frame: Frame, face: Box, crops: list[Crop], *, seen_coming: bool
    ) -> None:
        """Add the hands that nobody knew of; where one may have come it need not be certain."""
        for crop in crops:
            if len(found) < _MOST and not any(_same(crop, hand) for hand in found):
                count = len(found)
                self._add(found, frame, crop, None if seen_coming else face)
                if len(found) > count and self._may_be_face(frame, face, found[-1]):
                    found.pop()
                # It looked like a palm: it may be one from elsewhere.
                self._pause = _SEARCH_EVERY

    def _may_be_face(self, frame: Frame, face: Box, hand: Hand) -> bool:
        """Whether a hand that begins within the face may be that itself: a small one is like a fist."""
        begins_within = bool((face[:2] < hand[WRIST]).all() and (hand[WRIST] < face[2:]).all())
        return begins_within and not self._is_steady(frame, _crop_of_hand(hand))

    def _stirs(self, frame: Frame, face: Box) -> bool:
        """Whether so much has changed about the face since the frame before that a hand may have come."""
        x, y = (face[:2] + face[2:]) / 2
        crop = Crop(float(x), float(y), _STIRRED * float((face[2:] - face[:2]).max()))
        before, self._glance = self._glance, _glance(frame, crop)
        return before is None or _changed(self._glance, before) > _STIR

    def _windows(self, *, stirs: bool) -> tuple[float, ...]:
        """Return how wide to look for new hands: everywhere where something stirs, else in turns."""
        self._allowed = min(self._allowed + 1 / _EARNED_IN, _ON_END)
        self._search_in -= 1
        self._age += 1
        if 1 < self._age <= _BEGINS and self._age % _BEGIN_EVERY == 1 and not self._hands:
            return _WINDOWS
        if stirs and self._allowed >= len(_WINDOWS):
            self._allowed -= len(_WINDOWS)
            self._pause = _SEARCH_EVERY
        elif self._search_in > 0:
            return ()
        else:
            self._pause = min(2 * self._pause, _SELDOM)
        self._search_in = self._pause if not self._hands else _SELDOM
        self._turn += 1
        # What stirs where a hand is known is that hand, more often than another.
        everywhere = self._pause == _SEARCH_EVERY and not self._hands
        return _WINDOWS if everywhere else (_WINDOWS[self._turn % len(_WINDOWS)],)

    def _add(self, found: list[Hand], frame: Frame, crop: Crop, always_beside: Box | None = None) -> None:
        """Add the hand of a square if there is one, if need be in a square that fits it better.

        Args:
            found: Where to add it.
            frame: The whole frame.
            crop: The square.
            always_beside: The face, where nobody saw the hand come: then it must be certain.
        """
        hand, presence = self._joined(frame, crop)
        is_hand = presence >= (_SURE if always_beside is None else _CERTAIN)
        if not is_hand and always_beside is not None and presence >= _SURE:
            hand, is_hand = self._looked_at_again(frame, hand, presence, always_beside)
        if not is_hand:
            return
        apart = _ONE * crop.side
        if all(np.linalg.norm((hand - other)[_ROOTS].mean(axis=0)) > apart for other in found):
            found.append(hand)

    def _looked_at_again(self, frame: Frame, hand: Hand, presence: float, face: Box) -> tuple[Hand, bool]:
        """Return a doubtful hand as it is in a square that fits it better, and whether it is one."""
        better = _crop_of_hand(hand)
        again, surer = self._joined(frame, better)
        may_be = max(presence, surer) >= _PERHAPS and _has_skin(frame, face, again)
        return again, surer >= _CERTAIN or (may_be and self._is_steady(frame, better))

    def _is_steady(self, frame: Frame, crop: Crop) -> bool:
        """Whether a hand is likely in squares all around: what only looks like one is in some of them."""
        chances = []
        for across, down, larger, turn in _SQUARES:
            x, y = crop.x + across * crop.side, crop.y + down * crop.side
            chances.append(self._joined(frame, Crop(x, y, larger * crop.side, crop.angle + turn))[1])
        return sum(chances) >= _ON_AVERAGE * len(chances)

    def _joined(self, frame: Frame, crop: Crop) -> tuple[Hand, float]:
        """Return the joints in a square, pixels of the frame, and how likely they are a hand's."""
        size = self._joints.size
        outputs = self._joints(to_input(crop.take(frame, size)))
        joints = next(one for one in outputs if one.size == 63 and np.abs(one).max() > 5)
        presence = next(float(one.item()) for one in outputs if one.size == 1)
        return crop.to_frame(joints.reshape(21, 3)[:, :2], size), presence

    def _palm_crops(self, frame: Frame, face: Box, reach: float) -> list[Crop]:
        """Return where hands may be, surest first: windows as the joint network wants them."""
        size = face[2:] - face[:2]
        centre = (face[:2] + face[2:]) / 2 + (0, 0.25 * size[1])
        side = reach * float(size.max())
        window = Crop(float(centre[0]), float(centre[1]), side)
        first, second = self._palms(to_input(window.take(frame, _PALM_SIZE)))
        boxes, scores = (first, second) if first.shape[-1] == 18 else (second, first)
        chances = sigmoid(scores[:, 0])
        crops: list[Crop] = []
        for index in np.argsort(-chances, kind="stable")[:_BOXES]:
            if chances[index] < _LIKELY or len(crops) == _MOST:
                break
            points = (boxes[index].reshape(9, 2) / _PALM_SIZE + self._anchors[index] - 0.5) * side + centre
            extent = float((boxes[index, 2:4] / _PALM_SIZE).max()) * side
            crop = _crop_of_palm(points[0], extent, points[2], points[4])
            # Neighbouring boxes tell of one palm.
            if all(math.dist((crop.x, crop.y), (other.x, other.y)) > 0.2 * crop.side for other in crops):
                crops.append(crop)
        return crops


def without_doubles(hands: list[Hand], others: list[Hand]) -> list[Hand]:
    """Return hands, and of others those that are none of them."""
    return [*hands, *(other for other in others if not _is_among(other, hands))]


def _is_among(hand: Hand, others: list[Hand]) -> bool:
    apart = _ONE * _crop_of_hand(hand).side
    return any(np.linalg.norm((hand - other)[_ROOTS].mean(axis=0)) <= apart for other in others)


def _is_elsewhere(face: Box, before: Box) -> bool:
    way = (face + np.roll(face, 2) - before - np.roll(before, 2))[:2] / 2
    return float(np.linalg.norm(way)) > float(face[2] - face[0])


def _has_skin(frame: Frame, face: Box, hand: Hand) -> bool:
    """Whether a hand's joints have the hues of the middle of a face; brightness varies."""
    height, width = frame.shape[:2]
    (x0, y0), (x1, y1) = (face[:2] + (face[2:] - face[:2]) * part for part in (0.25, 0.75))
    rows, columns = (
        slice(int(np.clip(low, 0, size - 1)), int(np.clip(high, low + 1, size)))
        for low, high, size in ((y0, y1, height), (x0, x1, width))
    )
    x, y = np.clip(np.round(hand), 0, (width - 1, height - 1)).astype(int).T
    inner = cv2.cvtColor(frame[rows, columns], cv2.COLOR_BGR2LAB).reshape(-1, 3)[:, 1:]
    joints = cv2.cvtColor(frame[y, x][np.newaxis], cv2.COLOR_BGR2LAB)[0, :, 1:]
    apart = np.abs(joints - np.median(inner, axis=0)).max(axis=1)
    return float((apart < _SAME_HUE).mean()) >= _IN_SKIN


def _length(hand: Hand) -> float:
    return float(np.linalg.norm(hand[MIDDLE_ROOT] - hand[WRIST]))


def _move(hand: Hand, before: list[_Look], expected: list[Hand]) -> Hand:
    """Return how a hand's joints moved since the last look, (21, 2); not at all where it is new."""
    for look, guess in zip(before, expected, strict=True):
        if np.linalg.norm((hand - guess)[_ROOTS].mean(axis=0)) < 0.5 * _length(guess):
            return hand - look.hand
    return np.zeros_like(hand)


def _is_still(move: Hand, hand: Hand) -> bool:
    return float(np.linalg.norm(move, axis=1).mean()) < _STILL * _length(hand)


def _glance(frame: Frame, crop: Crop) -> Mask:
    """Return a square of the frame, small, grey and soft."""
    grey = cv2.cvtColor(crop.take(frame, _GLANCE), cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.blur(grey, (3, 3)), np.float32)


def _changed(glance: Mask, before: Mask) -> float:
    """Return how much of a square is not as it was."""
    return float((np.abs(glance - before) > _CHANGED).mean())


def _centres(cells: int, boxes: int) -> NDArray[np.float32]:
    middles = (np.arange(cells) + 0.5) / cells
    grid = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
    return np.repeat(grid, boxes, axis=0).astype(np.float32)


def _crop_of_palm(
    centre: NDArray[np.floating], extent: float, wrist: NDArray[np.floating], middle: NDArray[np.floating]
) -> Crop:
    """Return the square in which the joint network expects the hand of a detected palm, fingers up."""
    angle = math.atan2(float(middle[0] - wrist[0]), float(wrist[1] - middle[1]))
    up = np.array([math.sin(angle), -math.cos(angle)])
    x, y = centre + 0.5 * extent * up
    return Crop(float(x), float(y), 2.6 * extent, angle)


def _crop_of_hand(hand: Hand) -> Crop:
    """Return the square for a hand whose joints are known from the frame before."""
    along = hand[MIDDLE_ROOT] - hand[WRIST]
    angle = math.atan2(float(along[0]), float(-along[1]))
    cos, sin = math.cos(angle), math.sin(angle)
    upright = np.array([[cos, sin], [-sin, cos]])
    turned = hand[_BODY] @ upright.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    extent = float((high - low).max())
    x, y = upright.T @ ((low + high) / 2) + 0.1 * extent * np.array([sin, -cos])
    return Crop(float(x), float(y), max(2 * extent, 4.0), angle)


def _same(crop: Crop, hand: Hand) -> bool:
    apart = hand[_ROOTS].mean(axis=0) - (crop.x, crop.y)
    return float(np.linalg.norm(apart)) < 0.35 * crop.side
