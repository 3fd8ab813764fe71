"""Put a reference's head on one person of a video, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.appearance import has_beard, of_face
from headswap_cli.engine.beneath import with_heads
from headswap_cli.engine.blend import Background, compose, join_bands
from headswap_cli.engine.channels import medians
from headswap_cli.engine.erase import behind, old_head
from headswap_cli.engine.fade import Fade, jumps
from headswap_cli.engine.front import Front
from headswap_cli.engine.geometry import bounding_box, face_box, face_width, yaw_sine
from headswap_cli.engine.hand import hand_mask
from headswap_cli.engine.headmatte import HeadMatte
from headswap_cli.engine.held import may_be_taken_for_things, with_held
from headswap_cli.engine.hull import FIRST_EYE, FIRST_RING
from headswap_cli.engine.paint import Painter
from headswap_cli.engine.piece import Piece, cut_piece
from headswap_cli.engine.remains import remains_of
from headswap_cli.engine.retarget import Posed, Retargeter
from headswap_cli.engine.silhouette import clothes, inside, silhouette
from headswap_cli.engine.throat import REACH, toned
from headswap_cli.engine.tresses import beside_jaw
from headswap_cli.engine.types import ALONE, Laid, Plate
from headswap_cli.models import Mode, Tone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headswap_cli.engine.appearance import Appearance
    from headswap_cli.engine.bearing import Bearing
    from headswap_cli.engine.reference import Reference
    from headswap_cli.engine.types import Backdrop, Frame, Landmarks, Mask, Matte, Others

Floats = NDArray[np.float32]

# From so much on a pixel is somebody's.
_THERE = 0.5
# How far around the old face its hair may reach, in face widths: sideways, up; down, the throat is seen.
_OLD_ASIDE, _OLD_UP, _OLD_DOWN = 0.5, 0.8, 0.45
# Further on the side from which a head looks away.
_SKULL = 0.7
# How far below the mesh's jaw a face without a beard fades over one, face widths.
_RIM = 0.14
# How far around a face there is more skin.
_EARS = 0.3
# Likewise sideways and down, where it falls below the ears.
_FALLING = (0.95, 1.05)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A frame with the head swapped; outside ``changed`` (height, width) it is the source's to the bit.

    ``head`` (height, width) is where the new one is; ``swapped`` is False where the face could not be done
    well and the source shows. ``laid`` is the new head for who takes that of somebody before it away, None
    where nobody is.
    """

    image: Frame
    changed: NDArray[np.bool_]
    head: NDArray[np.bool_]
    swapped: bool
    laid: Laid | None = None


class HeadSwapper:
    """Swaps one person's head; frames of a track are given in order.

    Args:
        reference: The head to put on.
        shapes: What of the person's landmarks tells how the face moves, (n, 478, 3), see ``retarget.habits``.
        mode: The whole head, or the inner face only.
        matte: Tells people from background in a square window.
        appearance: How the person's face looks with nothing before it; None leaves out what else is.
        tone: Whose skin tone the head is to have.
        cuts_hair: Whether the person's hair hangs down beside the jaw, from where it must be taken away.
        faded: How much of the swap shows in the frame before, by frame index, where a track goes on.
        bearing: How the head must be held to be seen as the person is, see ``tryon``.
    """

    def __init__(
        self,
        reference: Reference,
        shapes: Floats,
        mode: Mode,
        matte: Matte,
        *,
        appearance: Appearance | None = None,
        tone: Tone = Tone.SOURCE,
        cuts_hair: bool = False,
        faded: Mapping[int, float | None] | None = None,
        bearing: Bearing | None = None,
    ) -> None:
        self._reference = reference
        self._mode = mode
        self._cuts_hair = cuts_hair
        self._beard = appearance is not None and has_beard(appearance.colours, appearance.layout)
        new = reference.textures[0][..., :3], reference.texture_points
        self._hangs = cuts_hair or may_be_taken_for_things(appearance)
        self._shaves = mode is Mode.FACE and self._beard and not has_beard(*new)
        self._tone = tone
        self._wants_matte = mode is Mode.HEAD or tone is not Tone.SOURCE
        self._matte = HeadMatte(matte)
        self._front = (
            Front(appearance, of_face(reference.triangles), hair_stays=mode is Mode.FACE)
            if appearance
            else None
        )
        self._triangles = reference.triangles if mode is Mode.HEAD else _without_hair(reference.triangles)
        self._used = np.unique(self._triangles)
        self._skin = of_face(reference.triangles)
        self._retargeter = Retargeter(
            reference.vertices,
            reference.texture_points,
            shapes,
            fits=mode is Mode.FACE,
            beyond=_RIM if self._shaves else 0.0,
            bearing=bearing,
        )
        self._painter = Painter(reference, self._triangles, tone)
        self._faded = faded or {}
        self._fade = Fade()
        self._last: Landmarks | None = None
        self._following: Landmarks | None = None

    def start_track(
        self, frame_index: int = 0, following: Landmarks | None = None, skin: Floats | None = None
    ) -> None:
        """Forget the frame before: a cut, or another track of the same person.

        Args:
            frame_index: The next frame's; in the middle of a track the swap shows as much as it did before.
            following: The face in the frame after that one, pixels, where it is known.
            skin: What is known of the person's, see ``SkinFollower``.
        """
        self._painter.reset(skin)
        self._matte.reset()
        self._fade = Fade(self._faded.get(frame_index))
        self._last, self._following = None, following
        if self._front:
            self._front.reset()

    def apply(
        self, frame: Frame, landmarks: Landmarks, plate: Backdrop | None = None, others: Others = ALONE
    ) -> Rendered:
        """Return the frame with this person's head swapped.

        Args:
            frame: Whole, (height, width, 3), BGR; it is not changed.
            landmarks: This person's, (478, 3), smoothed, in pixels of the frame.
            plate: The frame's background, where that is known.
            others: The other people in the frame: their heads stay.
        """
        motion = self._motion(landmarks)
        posed, strength, piece = self._begin(frame, landmarks)
        if piece is None:
            nothing = np.zeros(frame.shape[:2], np.bool_)
            return Rendered(frame, nothing, nothing, swapped=False)
        person = self._person(frame, piece, posed) if self._wants_matte else None
        thing = self._in_front(landmarks, piece, others, person)
        covered = _with_people(piece, thing, others)
        hidden = None if covered is None else _shrunk(piece, covered)
        layer, face = self._painter.paint(piece, landmarks, posed, hidden, motion)
        laid = _laid(piece, layer, _shown(piece, thing, strength), others)
        shown = _shown(piece, covered, strength)
        image = frame.copy()
        changed, head = (np.zeros(frame.shape[:2], np.bool_) for _ in range(2))
        scene = self._toned(piece, person, landmarks, hidden, strength)
        if self._mode is Mode.HEAD and person is not None:
            # Here a job's memory peaks.
            del face
            background = self._background(
                scene,
                person,
                landmarks,
                new=_shrunk(piece, layer[..., 3]),
                hidden=hidden,
                plate=plate,
                others=others,
            )
            where = compose(scene.image, background, layer, shown, image[piece.part])
            changed[piece.part], head[piece.part] = where
        else:
            outline = self._outline(landmarks, posed)
            face *= piece.enlarged(inside(piece.small.shape, piece.reduced(outline), self._skin))
            head[piece.part] = face * shown > _THERE
            changed[piece.part] = join_bands(scene.image, layer, face, shown, image[piece.part])
        if scene is not piece:
            changed[piece.part] |= (image[piece.part] != piece.image).any(axis=2)
        return Rendered(image, changed, head, swapped=strength > 0.5, laid=laid)

    def _begin(self, frame: Frame, landmarks: Landmarks) -> tuple[Posed, float, Piece | None]:
        posed = self._retargeter.pose(landmarks)
        strength = self._fade.follow(frame.shape[:2], landmarks, posed.yaw)
        return posed, strength, self._piece(frame, landmarks, posed) if strength > 0 else None

    def _in_front(
        self, landmarks: Landmarks, piece: Piece, others: Others, person: Mask | None = None
    ) -> Mask | None:
        """Return how much of each pixel of the piece a thing or a hand covers, None where nothing does."""
        overlay = None if others.overlay is None else others.overlay[piece.part] * np.float32(1 / 255)
        thing = self._front.find(piece, landmarks, overlay, others.hands) if self._front else None
        hand = hand_mask(others.hands, piece.small, (piece.x0, piece.y0), piece.factor[0], piece.image)
        found = [mask for mask in (thing, hand) if mask is not None]
        if found and person is not None and self._mode is Mode.HEAD:
            covered = np.asarray(np.maximum.reduce(found), np.float32)
            found = [with_held(piece, covered, person, landmarks, others.hands, hangs=self._hangs)]
        found += [] if overlay is None else [overlay]
        return np.asarray(np.maximum.reduce(found), np.float32) if found else None

    def _person(self, frame: Frame, piece: Piece, posed: Posed) -> Mask:
        middle = posed.landmarks[topology.OVAL, :2].mean(axis=0)
        width = posed.scale * self._reference.face_width
        return self._matte.of_piece(frame, piece, middle, width)

    def _motion(self, landmarks: Landmarks) -> Floats:
        """Return how far the face came since the frame before, pixels; after a jump it is another's.

        In a track's first frame: how far it will go.
        """
        last, following = self._last, self._following
        self._last, self._following = landmarks, None
        before, after = (landmarks, following) if last is None else (last, landmarks)
        if before is None or after is None:
            return np.zeros(2, np.float32)
        if not jumps(before, after):
            return np.asarray(medians(after[:, :2] - before[:, :2]), np.float32)
        if last is not None:
            self.start_track()
            self._last = landmarks
        return np.zeros(2, np.float32)

    def _piece(self, frame: Frame, landmarks: Landmarks, posed: Posed) -> Piece | None:
        width = face_width(landmarks)
        if self._mode is Mode.HEAD:
            box, old = bounding_box(posed.points[self._used]), face_box(landmarks)
            beside, down = _FALLING if self._cuts_hair else (_OLD_ASIDE, _OLD_DOWN)
            down = down if self._tone is Tone.SOURCE else max(down, REACH)
            behind_it = _SKULL * yaw_sine(landmarks)
            left, right = beside + max(0.0, behind_it), beside + max(0.0, -behind_it)
            old += np.array([-left, -_OLD_UP, right, down], np.float32) * width
            box = np.concatenate([np.minimum(box[:2], old[:2]), np.maximum(box[2:], old[2:])])
        else:
            beside, down = (0.1, 0.1) if self._tone is Tone.SOURCE else (_EARS, REACH)
            reach = np.array([-beside, -beside, beside, down], np.float32)
            box = face_box(posed.landmarks) + np.float32(width) * reach
        return cut_piece(frame, box, width)

    def _outline(self, landmarks: Landmarks, posed: Posed) -> Landmarks:
        """Return the landmarks within whose outline the new face shows: the person's, and what it shaves."""
        if not self._shaves:
            return landmarks
        wider = landmarks.copy()
        wider[topology.OVAL] = posed.landmarks[topology.OVAL]
        return wider

    def _toned(
        self, piece: Piece, person: Mask | None, landmarks: Landmarks, hidden: Mask | None, strength: float
    ) -> Piece:
        """Return the piece with the skin that stays in the new one's tone, where that is not the person's."""
        if self._tone is Tone.SOURCE or person is None:
            return piece
        gains = 1 + (self._painter.skin_gains - 1) * np.float32(strength)
        return toned(piece, person, landmarks, gains, hidden, head_stays=self._mode is Mode.FACE)

    def _background(
        self,
        piece: Piece,
        person: Mask,
        landmarks: Landmarks,
        *,
        new: Mask,
        hidden: Mask | None,
        plate: Backdrop | None,
        others: Others,
    ) -> Background:
        """Return what to show where the old head was, and where that is."""
        face = piece.reduced(landmarks)
        growth = 0.035 * piece.pixels * piece.factor[0]
        kept = [piece.reduced(other) for other in others.beside]
        known, small = None if plate is None else plate.part(piece.part), None
        if known is not None:
            small = Plate(piece.shrunk(known.image), piece.shrunk(known.seen), known.is_mended)
        beside = beside_jaw(piece.small, person, face, is_long=self._cuts_hair)
        hair = beside.hair
        if small is not None:
            found = remains_of(piece.small, person, face, hair, small)
            person, hair = found.person, np.maximum(hair, found.strands)
        for other in others.before:
            hair *= 1 - clothes(hair.shape, piece.reduced(other))
        old = old_head(person, face, kept, growth, hair, beard=self._beard, neither=beside.neither)
        for there in _behind(piece, others):
            np.minimum(old, silhouette(old.shape, face), out=old, where=there)
        behind_piece, laid = piece.image if known is None else known.image, None
        if others.laid:
            behind_piece, share = with_heads(None if known is None else behind_piece, piece.part, others.laid)
            laid = _shrunk(piece, share)
        scenery = behind(
            piece.small, person, (old, new), face, small, hidden=hidden, beard=self._beard, laid=laid
        )
        return Background(
            scenery.picture,
            scenery.share,
            scenery.skin,
            scenery.shown,
            behind_piece,
            piece.enlarged(old),
        )


def _behind(piece: Piece, others: Others) -> Iterator[NDArray[np.bool_]]:
    """Return where in the small piece people behind this one are: as they were, and with their new heads."""
    for face in others.behind:
        yield silhouette(piece.small.shape, piece.reduced(face)) > _THERE
    if others.drawn is not None:
        yield piece.shrunk(others.drawn[piece.part] * np.uint8(255)) > 255 * _THERE


def _with_people(piece: Piece, covered: Mask | None, others: Others) -> Mask | None:
    """Return what of the piece is covered where the people before it cover some as well."""
    for face in others.before:
        person = piece.enlarged(silhouette(piece.small.shape, piece.reduced(face)))
        covered = person if covered is None else np.maximum(covered, person)
    return covered


def _shown(piece: Piece, covered: Mask | None, strength: float) -> Mask:
    """Return how much of the new head shows in each pixel."""
    if covered is None:
        return np.full((piece.height, piece.width), strength, np.float32)
    shown = 1 - covered
    shown *= strength
    return shown


def _laid(piece: Piece, layer: Floats, shown: Mask, others: Others) -> Laid | None:
    return Laid(piece.part, layer * shown[..., np.newaxis]) if others.before else None


def _shrunk(piece: Piece, mask: Mask) -> Mask:
    return np.asarray(cv2.resize(mask, piece.small.shape[1::-1], interpolation=cv2.INTER_AREA), np.float32)


def _without_hair(triangles: NDArray[np.int32]) -> NDArray[np.int32]:
    """Leave out the hair."""
    hair = (triangles >= FIRST_RING) & (triangles < FIRST_EYE)
    return np.ascontiguousarray(triangles[~hair.any(axis=1)])
