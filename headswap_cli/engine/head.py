"""Put a reference's head on one person of a video, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.blend import Background, compose, join_bands
from headswap_cli.engine.colour import SharpnessFitter, ToneFitter, light, plain_curves, resharpen
from headswap_cli.engine.erase import behind, old_head
from headswap_cli.engine.geometry import bounding_box, face_box, face_width
from headswap_cli.engine.hull import EYES, FIRST_EYE, FIRST_RING, Eye
from headswap_cli.engine.lashes import finish_eye
from headswap_cli.engine.mouth import fill_mouth
from headswap_cli.engine.occlude import Hands, hand_mask
from headswap_cli.engine.piece import Piece, cut_piece
from headswap_cli.engine.raster import rasterise
from headswap_cli.engine.reference import Reference, beside_jaw
from headswap_cli.engine.retarget import Posed, Retargeter
from headswap_cli.engine.shade import shade
from headswap_cli.engine.types import Plate
from headswap_cli.models import Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.engine.hair import Matte
    from headswap_cli.engine.types import Frame, Landmarks, Mask

Floats = NDArray[np.float32]

_SMALLEST_FACE = 14.0
# Degrees of yaw up to which a flat photo bends believably; once given up, the head must come back further.
_YAW, _YAW_AGAIN = 45.0, 40.0
# How much of a face must be inside the frame.
_INSIDE = 0.85
_FADE_FRAMES = 5
# The matte's square around the head, in face widths, and how far above the face's middle it reaches.
_MATTE_SIDE, _MATTE_ABOVE = 3.2, 0.55
# In that square the person hardly moves: every other frame is enough.
_MATTE_EVERY, _MATTE_INERTIA = 2, 0.2
# How far around the old face its hair may reach, in face widths: sideways, up, down.
_OLD_ASIDE, _OLD_UP, _OLD_DOWN = 0.5, 0.8, 0.15
_LONG_HAIR = 0.4
_SHARPNESS_EVERY, _TONE_EVERY = 3, 2
# Faces narrower than this are drawn larger and reduced: their outlines would be jagged.
_COARSE_FACE, _FINE = 90.0, 2
_CUT_OFF = 0.45
_MOST_SAMPLES = 12


@dataclass(frozen=True, slots=True)
class Rendered:
    """A frame with the head swapped; outside ``changed`` (height, width) it is the source's to the bit.

    ``swapped`` is False where the face could not be done well and the source shows.
    """

    image: Frame
    changed: NDArray[np.bool_]
    swapped: bool


@dataclass(slots=True)
class _Memory:
    """What is carried from frame to frame of one track."""

    tone: ToneFitter = field(default_factory=ToneFitter)
    sharpness: SharpnessFitter = field(default_factory=SharpnessFitter)
    person: Mask | None = None
    strength: float | None = None
    level: int | None = None
    last: Landmarks | None = None
    frames: int = 0


class HeadSwapper:
    """Swaps one person's head; frames of a track are given in order.

    Args:
        reference: The head to put on.
        tracks_landmarks: All the person's landmarks, (n, 478, 3) per track, to learn how the face moves.
        mode: The whole head, or the inner face only.
        matte: Tells people from background in a square window.
        hands: Finds hands before this person's face; None leaves them out.
    """

    def __init__(
        self,
        reference: Reference,
        tracks_landmarks: Sequence[Floats],
        mode: Mode,
        matte: Matte,
        hands: Hands | None = None,
    ) -> None:
        self._reference = reference
        self._mode = mode
        self._matte = matte
        self._hands = hands
        self._triangles = reference.triangles if mode is Mode.HEAD else _of_face(reference.triangles)
        self._retargeter = Retargeter(reference.vertices, reference.texture_points, tracks_landmarks)
        self._memory = _Memory()

    def start_track(self) -> None:
        """Forget the frame before: a cut, or another track of the same person."""
        self._memory = _Memory()
        if self._hands:
            self._hands.reset()

    def apply(
        self, frame: Frame, landmarks: Landmarks, plate: Plate | None = None, others: Sequence[Landmarks] = ()
    ) -> Rendered:
        """Return the frame with this person's head swapped.

        Args:
            frame: Whole; it is not changed.
            landmarks: This person's, smoothed, in pixels of the frame.
            plate: The shot's background, if the camera stands still.
            others: Faces of other people in the frame: their heads stay.
        """
        self._notice_jump(landmarks)
        posed = self._retargeter.pose(landmarks)
        strength = self._strength(frame, landmarks, posed.yaw)
        piece = self._piece(frame, landmarks, posed) if strength > 0 else None
        if piece is None:
            return Rendered(frame, np.zeros(frame.shape[:2], np.bool_), swapped=False)
        hands = self._hands.find(frame, face_box(landmarks)) if self._hands else []
        hand = hand_mask(hands, piece.small, (piece.x0, piece.y0), piece.factor[0])
        layer, face = self._draw(piece, landmarks, posed, hand)
        shown = np.full((piece.height, piece.width), strength, np.float32)
        if hand is not None:
            shown *= 1 - piece.enlarged(hand)
        image = frame.copy()
        changed = np.zeros(frame.shape[:2], np.bool_)
        if self._mode is Mode.HEAD:
            person = self._person(frame, piece, posed)
            background = self._background(piece, person, landmarks, plate, others)
            changed[piece.part] = compose(piece.image, background, layer, shown, image[piece.part])
        else:
            changed[piece.part] = join_bands(piece.image, layer, face, shown, image[piece.part])
        return Rendered(image, changed, swapped=strength > 0.5)

    def _notice_jump(self, landmarks: Landmarks) -> None:
        last = self._memory.last
        if last is not None and np.linalg.norm((landmarks - last).mean(axis=0)[:2]) > face_width(landmarks):
            self.start_track()
        self._memory.last = landmarks

    def _strength(self, frame: Frame, landmarks: Landmarks, yaw: float) -> float:
        """Return how much of the swap shows: a face that can't be done well fades out over a few frames."""
        old = self._memory.strength
        height, width = frame.shape[:2]
        x, y = landmarks[: topology.MESH_POINTS, 0], landmarks[: topology.MESH_POINTS, 1]
        inside = float(((x >= 0) & (x < width) & (y >= 0) & (y < height)).mean())
        limit = _YAW if old is None or old > 0 else _YAW_AGAIN
        good = abs(yaw) <= limit and inside >= _INSIDE and face_width(landmarks) >= _SMALLEST_FACE
        goal = 1.0 if good else 0.0
        step = 1 / _FADE_FRAMES
        self._memory.strength = goal if old is None else float(np.clip(goal, old - step, old + step))
        return self._memory.strength

    def _piece(self, frame: Frame, landmarks: Landmarks, posed: Posed) -> Piece | None:
        width = face_width(landmarks)
        if self._mode is Mode.HEAD:
            used = posed.points[np.unique(self._triangles)]
            box, old = bounding_box(used), face_box(landmarks)
            reach = np.array([_OLD_ASIDE, _OLD_UP, _OLD_ASIDE, _OLD_DOWN], np.float32) * width
            old += reach * (-1, -1, 1, 1)
            box = np.concatenate([np.minimum(box[:2], old[:2]), np.maximum(box[2:], old[2:])])
        else:
            box = face_box(posed.landmarks) + np.float32(0.1 * width) * np.array([-1, -1, 1, 1], np.float32)
        return cut_piece(frame, box, width)

    def _draw(
        self, piece: Piece, landmarks: Landmarks, posed: Posed, hand: Mask | None
    ) -> tuple[Floats, Mask]:
        """Return the posed head in the piece with the frame's colours, and how much of it is inner face."""
        reference = self._reference
        curves, gains = self._fit_colours(piece, landmarks, posed, hand)
        fine = _FINE if piece.pixels < _COARSE_FACE else 1
        level = self._level(posed.scale * fine)
        points = piece.full(posed.points)
        points[:, :2] = (points[:, :2] + 0.5) * fine - 0.5
        seen = rasterise(
            points, posed.texture_points, self._triangles, piece.width * fine, piece.height * fine
        )
        layer, kinds = shade(
            seen,
            0.5**level,
            reference.textures[level],
            reference.weights[level],
            curves=curves,
            gains=gains,
        )
        if fine > 1:
            size = (piece.width, piece.height)
            layer = np.asarray(cv2.resize(layer, size, interpolation=cv2.INTER_AREA), np.float32)
            kinds = np.asarray(cv2.resize(kinds, size, interpolation=cv2.INTER_AREA), np.float32)
        own, new = piece.full(landmarks), piece.full(posed.landmarks)
        feather = max(0.7, 0.012 * piece.pixels)
        fill_mouth(layer, piece.image, own, new, gap=posed.mouth_gap, feather=feather)
        for eye, opening in zip(EYES, posed.openings, strict=True):
            finish_eye(layer, new[_lid_line(eye, 0), :2], new[_lid_line(eye, 1), :2], opening)
        sigma = self._fit_sharpness(piece, layer, own, new)
        face = np.ascontiguousarray(kinds[..., 1])
        if sigma > 0.3:
            face = np.asarray(cv2.GaussianBlur(face, (0, 0), sigma), np.float32)
        return resharpen(layer, sigma), face

    def _level(self, scale: float) -> int:
        """Return the texture's level for this size; it changes only when the size clearly does."""
        exact = float(np.log2(1 / max(scale, 1e-3)))
        level = self._memory.level
        if level is None or not level - 0.2 <= exact <= level + 1.2:
            level = int(np.clip(np.floor(exact), 0, len(self._reference.textures) - 1))
            self._memory.level = level
        return level

    def _fit_colours(
        self, piece: Piece, landmarks: Landmarks, posed: Posed, hand: Mask | None
    ) -> tuple[Floats, Floats]:
        """Return the colour curves and the light of this frame, worked out on the small piece."""
        reference = self._reference
        rows, columns = piece.small.shape[:2]
        points = piece.reduced(posed.points)
        seen = rasterise(points, posed.texture_points, self._triangles, columns, rows)
        exact = np.log2(1 / max(posed.scale * piece.factor[0], 1e-3))
        level = int(np.clip(np.floor(exact), 0, len(reference.textures) - 1))
        texture, weights = reference.textures[level], reference.weights[level]
        even = np.ones((1, 1), np.float32)
        plain, kinds = shade(seen, 0.5**level, texture, weights, curves=plain_curves(), gains=even)
        target_skin = _skin_area(piece.small, piece.reduced(landmarks))
        source_skin = _skin_area(piece.small, points) * (kinds[..., 0] > 0.6) * (plain[..., 3] > 0.9)
        if hand is not None:
            target_skin = target_skin * (hand < 0.1)
        curves = self._memory.tone.curves
        if self._memory.frames % _TONE_EVERY == 0:
            source = np.asarray(np.clip(_straight(plain), 0, 255), np.uint8)
            curves = self._memory.tone.fit(piece.small, source, target_skin, source_skin)
        fitted, _ = shade(seen, 0.5**level, texture, weights, curves=curves, gains=even)
        reach = 0.12 * piece.pixels * piece.factor[0]
        return curves, light(piece.small, _straight(fitted), target_skin, source_skin, reach)

    def _fit_sharpness(self, piece: Piece, layer: Floats, own: Landmarks, new: Landmarks) -> float:
        memory = self._memory
        memory.frames += 1
        if memory.frames % _SHARPNESS_EVERY != 1:
            return memory.sharpness.sigma
        box = bounding_box(np.concatenate([own[topology.OVAL], new[topology.OVAL]]))
        x0, y0 = np.maximum(np.floor(box[:2]), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(box[2:]), (piece.width, piece.height)).astype(int)
        if min(x1 - x0, y1 - y0) < 8:
            return memory.sharpness.sigma
        part = np.s_[y0:y1, x0:x1]
        head = np.asarray(np.clip(layer[part][..., :3], 0, 255), np.uint8)
        offset = np.array([x0, y0], np.float32)
        areas = [_skin_area(head, points[:, :2] - offset).astype(np.uint8) for points in (own, new)]
        areas[1] *= (layer[part][..., 3] > 0.9).astype(np.uint8)
        greys = [
            np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
            for picture in (piece.image[part], head)
        ]
        return memory.sharpness.fit(greys[0], greys[1], areas[0], areas[1])

    def _background(
        self,
        piece: Piece,
        person: Mask,
        landmarks: Landmarks,
        plate: Plate | None,
        others: Sequence[Landmarks],
    ) -> Background:
        """Return what to show where the old head was, and where that is."""
        face = piece.reduced(landmarks)
        growth = 0.035 * piece.pixels * piece.factor[0]
        old = old_head(person, face, [piece.reduced(other) for other in others], growth)
        if plate is None:
            picture, share = behind(piece.small, person, old, face, None)
            behind_piece = piece.image
        else:
            behind_piece = np.ascontiguousarray(plate.image[piece.part])
            small = Plate(piece.shrunk(behind_piece), piece.shrunk(plate.seen[piece.part]))
            picture, share = behind(piece.small, person, old, face, small)
        return Background(piece.enlarged(picture), piece.enlarged(share), behind_piece, piece.enlarged(old))

    def _person(self, frame: Frame, piece: Piece, posed: Posed) -> Mask:
        """Return the matte of the small piece, steadied over time in the head's own window."""
        centre = posed.landmarks[topology.OVAL, :2].mean(axis=0)
        side = max(_MATTE_SIDE * posed.scale * self._reference.face_width, 64.0)
        x0, y0 = float(centre[0]) - side / 2, float(centre[1]) - _MATTE_ABOVE * side
        person = self._memory.person
        if person is None or self._memory.frames % _MATTE_EVERY == 1:
            now = self._matte(frame, x0, y0, side)
            person = now if person is None else (1 - _MATTE_INERTIA) * now + _MATTE_INERTIA * person
            self._memory.person = person
        step = side / person.shape[0]
        across, down = piece.factor
        to_small = np.array(
            [[step * across, 0, (x0 - piece.x0) * across], [0, step * down, (y0 - piece.y0) * down]]
        )
        return np.asarray(cv2.warpAffine(person, to_small, piece.small.shape[1::-1]), np.float32)


def choose_mode(reference: Reference, samples: Sequence[tuple[Frame, Landmarks]], matte: Matte) -> Mode:
    """Return how much of this person to replace.

    Only the face where the head is cut off by the frame, or where the person's hair hangs down beside the jaw
    and the reference's does not: taken away it would leave a hole.

    Args:
        reference: The head to put on.
        samples: Some frames and the person's landmarks in them, spread over the video.
        matte: Tells people from background in a square window.
    """
    chosen = samples[:: max(1, len(samples) // _MOST_SAMPLES)]
    cut_off = [_cut_off(frame, landmarks) for frame, landmarks in chosen]
    if not chosen or float(np.mean(cut_off)) > 0.5:
        return Mode.FACE
    hanging = float(np.median([_hanging_hair(frame, landmarks, matte) for frame, landmarks in chosen]))
    return Mode.FACE if hanging - reference.hanging_hair > _LONG_HAIR else Mode.HEAD


def _cut_off(frame: Frame, landmarks: Landmarks) -> bool:
    """Tell whether the top or a side of the head lies beyond the frame."""
    height, width = frame.shape[:2]
    box = face_box(landmarks)
    reach = _CUT_OFF * face_width(landmarks)
    return bool(
        box[1] - 0.6 * reach < 0
        or box[0] - 0.4 * reach < 0
        or box[2] + 0.4 * reach > width
        or box[3] > height
    )


def _hanging_hair(frame: Frame, landmarks: Landmarks, matte: Matte) -> float:
    width = face_width(landmarks)
    centre = landmarks[topology.OVAL, :2].mean(axis=0)
    side = _MATTE_SIDE * width
    x0, y0 = float(centre[0]) - side / 2, float(centre[1]) - _MATTE_ABOVE * side
    person = matte(frame, x0, y0, side)
    scale = person.shape[0] / side
    placed = landmarks * np.float32(scale)
    placed[:, :2] -= np.array([x0, y0], np.float32) * np.float32(scale)
    return beside_jaw(person, placed)


def _skin_area(piece: Frame, landmarks: Floats) -> Mask:
    """Return 1 inside a face, its edge and the lips left out."""
    shape = piece.shape[:2]
    oval = np.round(landmarks[topology.OVAL, :2]).astype(np.int32)
    lips = np.round(landmarks[topology.OUTER_LIPS, :2]).astype(np.int32)
    area = cv2.fillPoly(np.zeros(shape, np.uint8), [oval], (1,))
    margin = max(1, round(0.04 * float(np.ptp(oval[:, 0]))))
    area = cv2.erode(area, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8), borderValue=0)
    return np.asarray(cv2.fillPoly(area, [lips], (0,)), np.float32)


def _of_face(triangles: NDArray[np.int32]) -> NDArray[np.int32]:
    """Leave out the hair."""
    hair = (triangles >= FIRST_RING) & (triangles < FIRST_EYE)
    return np.ascontiguousarray(triangles[~hair.any(axis=1)])


def _lid_line(eye: Eye, side: int) -> list[int]:
    """Return an eye's upper (0) or lower (1) lid from corner to corner."""
    return [eye.corners[0], *(pair[side] for pair in eye.pairs), eye.corners[1]]


def _straight(layer: Floats) -> Floats:
    """Return a premultiplied layer's colours."""
    return np.asarray(layer[..., :3] / np.maximum(layer[..., 3:], 1e-3), np.float32)
