"""Turn the reference photo into a head that can be posed: texture, mesh and what each pixel is."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli import pictures, wire
from headswap_cli.engine import hull, topology
from headswap_cli.engine.cheek import texture_shift, whole_cheek
from headswap_cli.engine.chin import lit_chin
from headswap_cli.engine.eyeball import bare_eyeballs
from headswap_cli.engine.geometry import Crop, bounding_box, face_width
from headswap_cli.engine.hair import HeadCut, cut_head
from headswap_cli.engine.lips import plain_lips
from headswap_cli.engine.spectacles import without_glasses
from headswap_cli.engine.strand import strand_ends
from headswap_cli.engine.types import Detection, Frame, Landmarks, Matte, PhotoFault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Bytes = NDArray[np.uint8]

# More pixels than this show no more of a face.
_PHOTO_SIDE = 2400
_MINIMAL_FACE = 48
# A second face this large, as a part of the largest one's width, is not background.
_RIVAL = 0.4
# The square around the head, in face heights, and how far up of the face its centre lies.
_SQUARE, _RAISED = 2.9, 0.22
# Hair that the photo cuts off ends softly over so many face widths, and in strands where it hangs down.
_EDGE_FADE, _TAILS = 0.14, 0.4
# The edge itself, in parts of that, and how long a piece of it may run through the head, in face widths.
_AT_EDGE, CUT_OFF = 0.3, 0.2
# How much of the background may be taken for the head at one look and not at another, squared face widths: of
# plain photos a half of that, and before a flag of a cap's colour one and a half of it.
ALIKE = 0.08
# Where the head's outline runs beyond the edge: its opacity in the last pixels before it.
_CROSSING, _LAST_PIXELS = 0.5, 3.0
_TEXTURE_SIDES = (512, 1024)
_SMALLEST_LEVEL = 64
# Less of the texture than this is no hairdo.
_LEAST_HAIR = 0.005
# Rims are darker than the first, grey levels, and what is brighter than the second is skin behind glasses.
_RIMS = (30.0, 110.0)
# How far beside the ears and the jaw hair hangs, in face widths from the middle; the eyes' outer corners.
_BESIDE_EARS, _BESIDE_JAW, _EYES = (0.6, 0.75), (0.6, 0.85), (33, 263)
# How far eyeballs are graded as skin, of 255: wholly, their whites would be hard to tell from lids.
_EYEBALL_SKIN = 140


@dataclass(frozen=True, slots=True)
class Glasses:
    """Glasses that sit on a head, stiff, whatever its face does.

    Levels and pixels are the head's own: ``textures`` hold BGR and how far a pixel is covered, ``weights`` as
    the head's what of that is skin that shows through.
    """

    textures: tuple[Bytes, ...]
    weights: tuple[Bytes, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A head ready to be posed. Never changed, so one serves several people and processes.

    ``textures`` hold BGR and alpha, ``weights`` skin (not hair) and inner face, each level half the size of
    the one before; ``vertices`` (n, 3) are landmarks, hair rings and eyeballs in pixels of the upright photo,
    ``texture_points`` (n, 2) the same in pixels of the first texture; ``triangles`` (m, 3);
    ``hanging_hair`` tells how much of the space beside the jaw the hair fills, 0 to 1; ``cut_off`` how long
    the photo's edge runs through the head above the chin, in face widths; ``doubt``: see ``HeadCut``; of
    ``glasses`` nothing is in the textures.
    """

    textures: tuple[Bytes, ...]
    weights: tuple[Bytes, ...]
    vertices: NDArray[np.float32]
    texture_points: NDArray[np.float32]
    triangles: NDArray[np.int32]
    face_width: float
    hanging_hair: float
    cut_off: float
    doubt: float
    glasses: Glasses | None = None

    @property
    def landmarks(self) -> Landmarks:
        """The face's landmarks in pixels of the upright photo, (478, 3)."""
        return self.vertices[: topology.LANDMARKS]

    @property
    def is_cut_off(self) -> bool:
        """Whether the photo ends in the middle of the head."""
        return self.cut_off > CUT_OFF

    @property
    def is_doubtful(self) -> bool:
        """Whether the photo's background can hardly be told from the head."""
        return self.doubt > ALIKE

    def hair_colour(self) -> NDArray[np.float32] | None:
        """Return the hair's median colour, Lab as OpenCV scales it, (3,); None of next to no hair."""
        texture, weights = self.textures[1], self.weights[1]
        hair = (texture[..., 3] > 230) & (weights[..., 0] < 60) & (weights[..., 1] < 20)
        if hair.sum() < _LEAST_HAIR * hair.size:
            return None
        lab = cv2.cvtColor(texture[hair][np.newaxis, :, :3], cv2.COLOR_BGR2LAB)
        return np.asarray(np.median(lab[0], axis=0), np.float32)


def read_photo(path: Path) -> Frame:
    """Read a photo as it is meant to be seen: turned by its EXIF, transparent parts on grey, not too large.

    Returns: (height, width, 3), BGR; the longer side has 2400 pixels at most.

    Raises:
        PhotoFault: It is empty, no image, or one that is too large.
    """
    return decode_photo(path.read_bytes())


def decode_photo(content: bytes) -> Frame:
    """Return a photo as ``read_photo`` does, of a file's content."""
    _require_picture(content)
    image = _decoded(content)
    shrink = _PHOTO_SIDE / max(image.shape[:2])
    if shrink < 1:
        smaller = [max(1, round(side * shrink)) for side in image.shape[1::-1]]
        image = np.asarray(cv2.resize(image, smaller, interpolation=cv2.INTER_AREA), np.uint8)
    return image


def select_face(detections: Sequence[Detection]) -> Detection:
    """Return the one face of a reference photo, as ``only_face``; it must be large enough to be worn.

    Raises:
        PhotoFault: There is none, more than one, or it is too small; the reason is a sentence for the user.
    """
    face = only_face(detections)
    if _width(face) < _MINIMAL_FACE:
        raise PhotoFault(
            wire.INVALID_PARAMETER,
            f"the face in the reference photo is {_width(face):.0f} pixels wide; "
            f"at least {_MINIMAL_FACE} are needed",
        )
    return face


def only_face(detections: Sequence[Detection]) -> Detection:
    """Return the one face of a photo, however small; smaller ones in the background don't count.

    Raises:
        PhotoFault: There is none, or more than one.
    """
    if not detections:
        raise PhotoFault(
            wire.INVALID_PARAMETER,
            "the reference photo shows no face: it must be upright, sharp"
            f" and at least {_MINIMAL_FACE} pixels wide",
        )
    ordered = sorted(detections, key=_width, reverse=True)
    largest = _width(ordered[0])
    rivals = sum(_width(face) >= _RIVAL * largest for face in ordered)
    if rivals > 1:
        raise PhotoFault(
            wire.INVALID_PARAMETER, f"the reference photo shows {rivals} faces; use one that shows one person"
        )
    return ordered[0]


def build_reference(
    photo: Frame, landmarks: Landmarks, matte: Matte, mesh_triangles: NDArray[np.int32]
) -> Reference:
    """Cut the head out of a photo and lay the mesh on it.

    Args:
        photo: What ``read_photo`` returned, (height, width, 3), BGR.
        landmarks: Of its face, (478, 3), pixels.
        matte: Tells people from background in a square window.
        mesh_triangles: The face mesh's, (n, 3), see ``topology.triangles``.

    Whether it is good enough is for ``gate.judge`` to say.
    """
    image, upright, to_edge = _upright(photo, landmarks)
    image = plain_lips(image, upright)
    cut, found = cut_head(image, upright, matte), without_glasses(image, upright, mesh_triangles)
    if found is not None:
        behind = (found[0] != image).any(axis=2)
        colours = np.where(behind[..., np.newaxis], found[0], cut.colours)
        cut = replace(cut, colours=colours, skin=np.maximum(cut.skin, behind))
    colours, alpha, cheek = whole_cheek(lit_chin(cut.colours, upright), cut.alpha, upright)
    cut = replace(cut, colours=colours, alpha=alpha, skin=np.maximum(cut.skin, cheek))
    width = face_width(upright)
    to_cut = _to_cut(to_edge, cut.alpha, width)
    inside = np.clip(to_cut / _EDGE_FADE, 0, 1)
    alpha = cut.alpha * inside * _tails(to_cut, cut.skin, upright)
    eyes = [hull.eye_nodes(upright, eye) for eye in hull.EYES]
    vertices = np.concatenate([upright, hull.ring_points(upright), *eyes]).astype(np.float32)
    textures, weights, texture_points = _atlas(image, cut, alpha, vertices)
    triangles = [
        mesh_triangles,
        hull.ring_triangles(vertices, alpha, 0.06 * width),
        hull.mouth_triangles(),
        hull.eye_triangles(),
    ]
    return Reference(
        textures=pyramid(textures),
        weights=pyramid(weights),
        vertices=vertices,
        texture_points=texture_points,
        triangles=np.ascontiguousarray(np.concatenate(triangles), np.int32),
        face_width=width,
        hanging_hair=beside_jaw(cut.alpha * inside, upright),
        cut_off=_cut_off(cut.alpha, inside, upright),
        doubt=cut.doubt,
        glasses=None if found is None else _glasses(image, found[1], textures.shape[0]),
    )


def _glasses(photo: Frame, worn: NDArray[np.float32], height: int) -> Glasses:
    """Return glasses in a texture of so many rows."""
    texture = np.zeros((height, photo.shape[1], 4), np.uint8)
    weights = np.zeros((*texture.shape[:2], 2), np.uint8)
    texture[: len(photo)] = np.dstack([photo, np.round(255 * worn).astype(np.uint8)])
    grey = cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY).astype(np.float32)
    weights[: len(photo), :, 0] = 255 * np.clip((grey - _RIMS[0]) / (_RIMS[1] - _RIMS[0]), 0, 1)
    weights[..., 1] = 255
    return Glasses(pyramid(texture), pyramid(weights))


def beside_jaw(person: NDArray[np.float32], landmarks: Landmarks) -> float:
    """Return how much of the space left and right of the jaw hair fills (the fuller side), 0 to 1.

    What comes down from beside the eyes is hair; the shoulders of who leans forward come up to the jaw alone.

    Args:
        person: A matte, (height, width), 0 to 1.
        landmarks: (478, 3), in its pixels.
    """
    width = face_width(landmarks)
    middle = float(landmarks[topology.OVAL, 0].mean())
    eyes, mouth, chin = (float(landmarks[place, 1].mean()) for place in (list(_EYES), 13, topology.CHIN))
    ears = mouth - 0.1 * width
    filled = [0.0]
    for side in (-1, 1):
        hair = _filled(person, (eyes, ears), [middle + side * part * width for part in _BESIDE_EARS])
        jaw = _filled(person, (ears, chin), [middle + side * part * width for part in _BESIDE_JAW])
        filled.append(min(hair, jaw))
    return max(filled)


def _filled(person: NDArray[np.float32], rows: tuple[float, float], columns: list[float]) -> float:
    """Return how much of a rectangle, pixels, somebody fills; 0 beyond the edge."""
    (top, bottom), (left, right) = rows, sorted(columns)
    part = person[max(0, int(top)) : max(1, int(bottom)), max(0, int(left)) : max(0, int(right))]
    return float(part.mean()) if part.size else 0.0


def _cut_off(alpha: NDArray[np.float32], inside: NDArray[np.float32], landmarks: Landmarks) -> float:
    """Return how long the photo's edge runs through the head, face widths, the ends of long hair left out."""
    rim = (inside > 0) & (inside < _AT_EDGE)
    rim[int(landmarks[topology.CHIN, 1]) :] = False
    return float(alpha[rim].sum()) / (_AT_EDGE * _EDGE_FADE * face_width(landmarks) ** 2)


def _width(face: Detection) -> float:
    return float(face.box[2] - face.box[0])


def _require_picture(content: bytes) -> None:
    if not content:
        raise PhotoFault(wire.UNREADABLE, "the reference photo is empty (0 bytes)")
    size = pictures.size_of(io.BytesIO(content))
    fault = pictures.excess(size) if size else "is not an image that can be read (use JPEG, PNG or WebP)"
    if fault is not None:
        raise PhotoFault(wire.UNREADABLE, f"the reference photo {fault}")


def _decoded(content: bytes) -> Frame:
    data = np.frombuffer(content, np.uint8)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        raw = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise PhotoFault(wire.UNREADABLE, "the reference photo is too large or damaged") from error
    if image is None or raw is None:
        raise PhotoFault(wire.UNREADABLE, "the reference photo is damaged (use JPEG, PNG or WebP)")
    has_alpha = raw.ndim == 3 and raw.shape[2] == 4
    return _on_grey(np.asarray(raw, raw.dtype)) if has_alpha else np.asarray(image, np.uint8)


def _on_grey(raw: NDArray[np.integer]) -> Frame:
    """Lay a picture with transparency on grey; 16-bit values are reduced."""
    values = raw.astype(np.float32) / np.iinfo(raw.dtype).max
    opacity = values[..., 3:]
    return np.asarray((values[..., :3] * opacity + 0.5 * (1 - opacity)) * 255, np.uint8)


def _upright(photo: Frame, landmarks: Landmarks) -> tuple[Frame, Landmarks, NDArray[np.float32]]:
    """Return the square around the head, the landmarks in it, and how far its edge is, face widths."""
    box = bounding_box(landmarks[: topology.MESH_POINTS])
    tall = float(box[3] - box[1])
    eyes = landmarks[topology.LEFT_EYE_CORNERS[0]] - landmarks[topology.RIGHT_EYE_CORNERS[0]]
    centre_x, centre_y = (box[:2] + box[2:]) / 2
    crop = Crop(
        float(centre_x),
        float(centre_y) - _RAISED * tall,
        _SQUARE * tall,
        math.atan2(float(eyes[1]), float(eyes[0])),
    )
    size = int(np.clip(round(crop.side / 16) * 16, *_TEXTURE_SIDES))
    matrix = crop.matrix(size)
    enlarge = cv2.INTER_CUBIC if crop.side < size else cv2.INTER_AREA
    image = cv2.warpAffine(photo, matrix, (size, size), flags=enlarge, borderMode=cv2.BORDER_REPLICATE)
    covered = cv2.warpAffine(np.ones(photo.shape[:2], np.float32), matrix, (size, size))
    # Beyond the square there is no edge of the photo.
    whole = cv2.copyMakeBorder((covered > 0.99).astype(np.uint8), *(1,) * 4, cv2.BORDER_REPLICATE)
    to_edge = cv2.distanceTransform(whole, cv2.DIST_L2, cv2.DIST_MASK_3)[1:-1, 1:-1]
    placed = landmarks.copy()
    placed[:, :2] = landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    placed[:, 2] *= size / crop.side
    away = np.maximum(to_edge - 2, 0) / face_width(placed)
    return np.asarray(image, np.uint8), placed.astype(np.float32), np.asarray(away, np.float32)


def _to_cut(to_edge: NDArray[np.float32], alpha: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    """Return how far it is to where the photo's edge runs through the head, face widths; 0 beyond the edge.

    Args:
        to_edge: How far it is to any edge, likewise, (height, width).
        alpha: The head.
        width: Of the face, pixels.
    """
    inside = to_edge > 0
    cut = inside & (to_edge * width < _LAST_PIXELS) & (alpha > _CROSSING)
    away = cv2.distanceTransform((~cut).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
    return np.asarray(np.where(inside, away / width, 0), np.float32)


def _tails(
    to_cut: NDArray[np.float32], skin: NDArray[np.float32], landmarks: Landmarks
) -> NDArray[np.float32]:
    """Return how much is left, 0 to 1, of hair that hangs down out of the photo: strand by strand it ends."""
    width = face_width(landmarks)
    ears = float(landmarks[topology.LOBES, 1].mean())
    low = np.clip((np.arange(len(to_cut)) - ears) / (_TAILS * width), 0, 1)[:, np.newaxis]
    hanging = low * np.clip(1 - 2 * skin, 0, 1)
    ends = strand_ends(np.clip(to_cut / _TAILS, 0, 1).astype(np.float32), width)
    return np.asarray(1 - hanging * (1 - ends), np.float32)


def _atlas(
    image: Frame, cut: HeadCut, alpha: NDArray[np.float32], vertices: NDArray[np.float32]
) -> tuple[Bytes, Bytes, NDArray[np.float32]]:
    """Return texture, weights and texture points: the head, and below it both eyeballs without lids."""
    size = image.shape[0]
    landmarks = vertices[: topology.LANDMARKS]
    head = np.dstack([cut.colours, np.round(alpha * 255).astype(np.uint8)])
    kinds = np.dstack([cut.skin, cut.face])
    nodes = vertices[hull.FIRST_EYE :].reshape(2, -1, 3)[..., :2]
    low, high = np.floor(nodes.min(axis=1)).astype(int) - 4, np.ceil(nodes.max(axis=1)).astype(int) + 5
    strip = int(math.ceil((high - low)[:, 1].max() / 16) * 16)
    texture = np.zeros((size + strip, size, 4), np.uint8)
    weights = np.zeros((size + strip, size, 2), np.uint8)
    texture[:size], weights[:size] = head, np.clip(kinds * 255, 0, 255)
    points = vertices[:, :2] + texture_shift(vertices)
    bare = bare_eyeballs(image, landmarks)
    for number, (x0, y0) in enumerate(low):
        x1, y1 = high[number]
        left = number * (size // 2)
        texture[size : size + y1 - y0, left : left + x1 - x0, :3] = bare[y0:y1, x0:x1]
        first = hull.FIRST_EYE + number * hull.EYE_POINTS
        points[first : first + hull.EYE_POINTS] += (left - x0, size - y0)
    texture[size:, :, 3] = 255
    weights[size:] = (_EYEBALL_SKIN, 255)
    return texture, weights, points


def pyramid(picture: Bytes) -> tuple[Bytes, ...]:
    """Return a picture, (height, width, n), and smaller ones, each half the size of the one before."""
    levels = [picture]
    while levels[-1].shape[1] > _SMALLEST_LEVEL:
        levels.append(np.ascontiguousarray(cv2.pyrDown(levels[-1]), np.uint8))
    return tuple(levels)
