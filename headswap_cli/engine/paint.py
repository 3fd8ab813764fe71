"""Draw the posed head as the frame's own camera would have taken it: its colours, light and sharpness."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.colour import SHARES, Grade, ToneFitter, plain_grade
from headswap_cli.engine.folds import smooth_folds
from headswap_cli.engine.geometry import bounding_box
from headswap_cli.engine.hull import EYES
from headswap_cli.engine.lashes import finish_eye, lid_line
from headswap_cli.engine.light import LightFitter
from headswap_cli.engine.mouth import fill_mouth
from headswap_cli.engine.outline import soften_steps
from headswap_cli.engine.raster import rasterise
from headswap_cli.engine.shade import INNER_FACE, SKIN, Levels, shade
from headswap_cli.engine.sharpness import SharpnessFitter, resharpen
from headswap_cli.engine.skin import FEATURES, LOOK_EVERY, OTHER_LIGHT, skin_area
from headswap_cli.engine.smear import ShutterFitter, is_fast, smeared
from headswap_cli.models import Tone

if TYPE_CHECKING:
    from headswap_cli.engine.piece import Piece
    from headswap_cli.engine.reference import Reference
    from headswap_cli.engine.retarget import Posed
    from headswap_cli.engine.types import Landmarks, Mask

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_SHARPNESS_EVERY = 3
# By what part of its height or width a piece that is cut otherwise differs.
_OTHER_SIZE = 0.03
# Share of the piece that may be covered where the shutter is measured.
_SPECKS = 0.005
# Faces narrower than this are drawn larger and reduced: outlines would be jagged, and lids and lips that move
# by a part of a pixel would jump or stay. So large, pixels, but no more times than that.
_COARSE_FACE, _DRAWN_FACE, _FINEST = 90.0, 120.0, 4
# What lies further apart in the face from one pixel to the next hides something, in face widths, as the wing
# of a nose some of the cheek; and in pixels as they are drawn where nothing is hidden.
_HIDES, _APART = 0.025, 3.0
# Likewise where glasses run along a side that is hardly seen, and their rims are less than a pixel thick.
_SQUEEZED = 1.7
_EVEN = np.ones((1, 1), np.float32)
_LIPS = (topology.OUTER_LIPS,)


@dataclass(slots=True)
class _Memory:
    """What is carried from frame to frame of one track."""

    tone: ToneFitter
    light: LightFitter
    gains: Floats = field(default_factory=_EVEN.copy)
    brightness: float = -255.0
    size: tuple[int, ...] = (0, 0, 0)
    sharpness: SharpnessFitter = field(default_factory=SharpnessFitter)
    shutter: ShutterFitter = field(default_factory=ShutterFitter)
    level: int | None = None
    frames: int = 0


class Painter:
    """Draws one head; frames of a track are given in order.

    Args:
        reference: The head.
        triangles: Those of its mesh that are drawn, (n, 3).
        tone: Whose skin tone it is to have.
    """

    def __init__(self, reference: Reference, triangles: NDArray[np.int32], tone: Tone = Tone.SOURCE) -> None:
        self._reference = reference
        self._triangles = triangles
        self._tone = tone
        self._head = Levels(reference.textures, reference.weights)
        glasses = reference.glasses
        self._worn = None if glasses is None else Levels(glasses.textures, glasses.weights)
        self._memory = _Memory(ToneFitter(tone), LightFitter(SHARES[tone].brightness))

    def reset(self, skin: Floats | None = None) -> None:
        """Forget the frame before, but for what is known of the person's skin, see ``SkinFollower``."""
        self._memory = _Memory(ToneFitter(self._tone, skin), LightFitter(SHARES[self._tone].brightness))

    @property
    def skin_gains(self) -> Floats:
        """See ``ToneFitter.gains``, (3,), BGR."""
        return self._memory.tone.gains

    def paint(
        self, piece: Piece, landmarks: Landmarks, posed: Posed, hand: Mask | None, motion: Floats
    ) -> tuple[Floats, Mask]:
        """Return the posed head in the piece with the frame's colours, and how much of it is inner face.

        Args:
            piece: The part of the frame that is worked on.
            landmarks: The person's, in pixels of the frame.
            posed: The head's mesh in the frame.
            hand: What of the small piece is covered by something in front, 0 to 1.
            motion: How far the face came since the frame before, (2,), pixels across and down.

        Returns: BGR times alpha and alpha, (height, width, 4); and (height, width), 0 to 1.
        """
        grade, gains = self._fit_colours(piece, landmarks, posed, hand)
        fine = _times(piece.pixels)
        level = self._level(posed.scale * fine)
        points = _finer(piece.full(posed.points), fine)
        seen = rasterise(
            points, posed.texture_points, self._triangles, piece.width * fine, piece.height * fine
        )
        layer, face = shade(seen, 0.5**level, self._head[level], grade=grade, gains=gains, weight=INNER_FACE)
        layer, face = _coarser(layer, piece, fine), _coarser(face, piece, fine)
        if fine == 1:
            soften_steps(layer, seen, max(_HIDES * self._reference.face_width, _APART / posed.scale))
        else:
            soften_steps(layer)
        own, new = piece.full(landmarks), piece.full(posed.landmarks)
        smooth_folds(layer, new, piece.pixels, posed.less_smile)
        for eye, opening in zip(EYES, posed.openings, strict=True):
            finish_eye(layer, new[lid_line(eye, 0), :2], new[lid_line(eye, 1), :2], opening)
        if self._worn is not None:
            _lay(layer, self._glasses(self._worn, piece, posed, (grade, gains), fine))
        self._memory.frames += 1
        if is_fast(motion):
            layer, face = self._smeared(piece, (layer, face), (own, new), motion, is_clear=_is_clear(hand))
        resharpen(layer, face, self._fit_sharpness(piece, layer, own, new))
        # What is the frame's own is as sharp as the frame.
        feather = max(0.4, 0.012 * piece.pixels)
        fill_mouth(layer, piece.image, own, new, gap=posed.mouth_gap, feather=feather, covered=hand)
        return layer, face

    def _level(self, scale: float) -> int:
        """Return the texture's level for this size; it changes only when the size clearly does."""
        level = self._memory.level = self._head.fitting(scale, self._memory.level)
        return level

    def _glasses(
        self, worn: Levels, piece: Piece, posed: Posed, colours: tuple[Grade, Floats], fine: int
    ) -> Floats:
        """Return the glasses in the piece, BGR times alpha and alpha, (height, width, 4)."""
        level = self._level(posed.scale * fine)
        face = self._triangles[(self._triangles < topology.MESH_POINTS).all(axis=1)]
        points, places = _finer(piece.full(posed.still), fine), self._reference.texture_points
        seen = rasterise(points, places[: topology.LANDMARKS], face, piece.width * fine, piece.height * fine)
        grade, gains = colours
        drawn, _ = shade(seen, 0.5**level, worn[level], grade=grade, gains=gains, weight=INNER_FACE)
        if fine == 1:
            soften_steps(drawn, seen, _SQUEEZED / posed.scale)
        return _coarser(drawn, piece, fine)

    def _fit_colours(
        self, piece: Piece, landmarks: Landmarks, posed: Posed, hand: Mask | None
    ) -> tuple[Grade, Floats]:
        """Return the grade and the light of this frame, or those before it where they are as good."""
        memory = self._memory
        brightness = float(cv2.mean(cv2.cvtColor(piece.small, cv2.COLOR_BGR2GRAY))[0])
        is_lit_alike = abs(brightness - memory.brightness) < OTHER_LIGHT
        # Else the light would be stretched over another part of the head.
        is_cut_alike = np.allclose(piece.small.shape, memory.size, rtol=_OTHER_SIZE)
        if memory.frames % LOOK_EVERY == 0 or not (is_lit_alike and is_cut_alike):
            memory.brightness, memory.size = brightness, piece.small.shape
            memory.gains = self._fitted_light(piece, landmarks, posed, hand)
        return memory.tone.grade, memory.gains

    def _fitted_light(self, piece: Piece, landmarks: Landmarks, posed: Posed, hand: Mask | None) -> Floats:
        """Fit the tone; return the light. Both are worked out on the small piece."""
        rows, columns = piece.small.shape[:2]
        points = piece.reduced(posed.points)
        seen = rasterise(points, posed.texture_points, self._triangles, columns, rows)
        level = self._head.fitting(posed.scale * piece.factor[0])
        texture = self._head[level]
        tone, light = self._memory.tone, self._memory.light
        plain, skin = shade(seen, 0.5**level, texture, grade=plain_grade(), gains=_EVEN, weight=SKIN)
        target_skin = skin_area(piece.small, piece.reduced(landmarks), FEATURES)
        source_skin = skin_area(piece.small, points, FEATURES) * (skin > 0.6) * (plain[..., 3] > 0.9)
        if hand is not None:
            target_skin = target_skin * (hand < 0.1)
        tone.fit(piece.small, _straight(plain), target_skin, source_skin)
        fitted, _ = shade(seen, 0.5**level, texture, grade=tone.grade, gains=_EVEN, weight=SKIN)
        reach = 0.12 * piece.pixels * piece.factor[0]
        return light.fit(piece.small, _brightness(fitted), target_skin, source_skin, reach)

    def _smeared(
        self,
        piece: Piece,
        drawn: tuple[Floats, Mask],
        faces: tuple[Landmarks, Landmarks],
        motion: Floats,
        *,
        is_clear: bool,
    ) -> tuple[Floats, Mask]:
        """Return the layer and its inner face blurred along the motion as the frame is."""
        layer, face = drawn
        memory = self._memory
        due = is_clear and memory.frames % _SHARPNESS_EVERY == 1
        views = _views(piece, layer, *faces) if due else None
        if views:
            memory.shutter.fit(*views, motion)
        way = memory.shutter.way(motion)
        return (smeared(layer, way), smeared(face, way)) if way.any() else (layer, face)

    def _fit_sharpness(self, piece: Piece, layer: Floats, own: Landmarks, new: Landmarks) -> float:
        memory = self._memory
        views = _views(piece, layer, own, new) if memory.frames % _SHARPNESS_EVERY == 1 else None
        if views is None:
            return memory.sharpness.sigma
        greys, areas = views
        return memory.sharpness.fit(*greys, *areas)


def _times(face_width: float) -> int:
    """Return how many times larger a face is drawn than it is, pixels."""
    if face_width >= _COARSE_FACE:
        return 1
    return min(_FINEST, math.ceil(_DRAWN_FACE / max(face_width, 1.0)))


def _finer(points: Floats, fine: int) -> Floats:
    """Return a piece's points in a picture of it that is so many times larger."""
    points[:, :2] = (points[:, :2] + 0.5) * fine - 0.5
    return points


def _coarser(picture: Floats, piece: Piece, fine: int) -> Floats:
    """Return a picture of a piece in its own size."""
    if fine == 1:
        return picture
    return np.asarray(
        cv2.resize(picture, (piece.width, piece.height), interpolation=cv2.INTER_AREA), np.float32
    )


def _lay(layer: Floats, over: Floats) -> None:
    """Put one layer over another in place."""
    layer *= 1 - over[..., 3:]
    layer += over


def _is_clear(hand: Mask | None) -> bool:
    """Whether nothing to speak of is before the head: that moves in a way of its own."""
    return hand is None or float(hand.mean()) < _SPECKS


def _views(
    piece: Piece, layer: Floats, own: Landmarks, new: Landmarks
) -> tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]] | None:
    """Return the frame's and the head's faces, grey, and where they are; None where too little shows."""
    box = bounding_box(np.concatenate([own[topology.OVAL], new[topology.OVAL]]))
    x0, y0 = np.maximum(np.floor(box[:2]), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(box[2:]), (piece.width, piece.height)).astype(int)
    if min(x1 - x0, y1 - y0) < 8:
        return None
    part = np.s_[y0:y1, x0:x1]
    frame, head = piece.image[part], layer[part]
    offset = np.array([x0, y0], np.float32)
    areas = [skin_area(frame, points[:, :2] - offset, _LIPS).astype(np.uint8) for points in (own, new)]
    areas[1] *= (head[..., 3] > 0.9).astype(np.uint8)
    greys = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.minimum(cv2.cvtColor(head, cv2.COLOR_BGRA2GRAY), 255)
    return (np.asarray(greys[0], np.uint8), np.asarray(greys[1], np.uint8)), (areas[0], areas[1])


def _brightness(layer: Floats) -> Floats:
    """Return a premultiplied layer's grey."""
    return np.asarray(cv2.cvtColor(layer, cv2.COLOR_BGRA2GRAY) / np.maximum(layer[..., 3], 1e-3), np.float32)


def _straight(layer: Floats) -> Floats:
    """Return a premultiplied layer's colours."""
    return np.asarray(layer[..., :3] / np.maximum(layer[..., 3:], 1e-3), np.float32)
