"""Find what stands before a face, whatever it is: where the face does not look as the person's does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.channels import largest, tint, total
from headswap_cli.engine.extent import ALIKE, extended
from headswap_cli.engine.geometry import bounding_box
from headswap_cli.engine.glare import Glare
from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.shadow import shaded
from headswap_cli.engine.types import Mask
from headswap_cli.engine.unlike import Expected
from headswap_cli.engine.worn import Worn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.engine.appearance import Appearance
    from headswap_cli.engine.hand import Hand
    from headswap_cli.engine.piece import Piece
    from headswap_cli.engine.types import Landmarks
    from headswap_cli.engine.unlike import Compared

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# The face's width, pixels, at which it is compared.
_WORKED_ON = 64.0
# Parts of the face that are too small to be a thing.
_SPECK = 0.003
_SEED, _GROWN = 0.65, 0.25
# Of a thing in a colour that is mixed with what is behind it, at least.
_MIXED = 0.35
# The reddest hair's tint is not so far from skin's, parts of 1000.
_DYED = 150.0
_CLOSE = 0.05
# Face widths from its edge: hair begins there and reaches in so far; what reaches further may go on beyond.
_AT_EDGE, _HAIR, _THING = 0.025, 0.1, 0.13
_INERTIA = 0.35
# How far around an eye its lids and lashes lie, face widths.
_LID = 0.05
# What is bright and lies so much within the lips is teeth, though the steadied lips have not parted yet. How
# far the lips' outline may be off, face widths.
_WITHIN, _LIPS = 0.8, 0.02
# A thing that lies so much on worn glasses is they.
_ON_THEM = 0.5
# Of a pixel that an overlay has a share in, at least.
_SHARE = 0.1


class Front:
    """Watches one face from frame to frame.

    Args:
        appearance: How it looks when nothing stands before it.
        triangles: Of the face mesh, (n, 3); eyes and mouth open.
        hair_stays: Whether hair that hangs into the face is a thing before it, or goes with the old head.
    """

    def __init__(self, appearance: Appearance, triangles: NDArray[np.int32], *, hair_stays: bool) -> None:
        self._expected = Expected(appearance, triangles)
        self._hair_stays = hair_stays
        self._worn = Worn()
        self._glare, self._usual_glare = Glare(), Glare()
        self._before: Mask | None = None

    def reset(self) -> None:
        """Forget the frame before."""
        self._worn.reset()
        self._glare.reset()
        self._usual_glare.reset()
        self._before = None

    def find(
        self, piece: Piece, landmarks: Landmarks, overlay: Mask | None = None, hands: Sequence[Hand] = ()
    ) -> Mask | None:
        """Return how much of each pixel of the piece is covered, (height, width), 0 to 1; None where none is.

        Args:
            piece: The part of the frame that is worked on.
            landmarks: The person's, in pixels of the frame.
            overlay: What of the piece is known to be covered anyway, and is not looked for.
            hands: Those near the face, (21, 2) each, in pixels of the frame: they throw shadows on it and
                fold its skin.
        """
        points = piece.full(landmarks)[: topology.MESH_POINTS]
        box = bounding_box(points)
        x0, y0 = (int(value) for value in np.maximum(np.floor(box[:2]), 0))
        x1, y1 = (int(value) for value in np.minimum(np.ceil(box[2:]) + 1, (piece.width, piece.height)))
        if min(x1 - x0, y1 - y0) < 12:
            self.reset()
            return None
        shrink = min(1.0, _WORKED_ON / piece.pixels)
        size = (max(8, round((x1 - x0) * shrink)), max(8, round((y1 - y0) * shrink)))
        image = cv2.resize(piece.image[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
        to_size = np.array(size, np.float32) / (x1 - x0, y1 - y0)
        points[:, :2] = (points[:, :2] - (x0, y0) + 0.5) * to_size - 0.5
        beside = [
            np.asarray((piece.full(hand) - (x0, y0) + 0.5) * to_size - 0.5, np.float32) for hand in hands
        ]
        known = None if overlay is None else _reduced(overlay[y0:y1, x0:x1], size)
        found, goes_on, worn = self._compare(
            np.asarray(image, np.float32), points, piece.pixels * shrink, known, beside
        )
        if worn is None and not found.any():
            return None
        scale = np.array(piece.factor) * ((x1 - x0) / size[0], (y1 - y0) / size[1])
        shift = (np.array([x0, y0]) * piece.factor) + scale / 2 - 0.5
        place = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])

        def placed(part: Mask) -> Mask:
            return np.asarray(cv2.warpAffine(part, place, piece.small.shape[1::-1]), np.float32)

        mask = extended(piece, placed(found), piece.reduced(landmarks)[topology.OVAL] if goes_on else None)
        # Along clear rims there are no edges for a mask to lie along.
        return mask if worn is None else np.maximum(mask, piece.enlarged(placed(worn)))

    def _compare(
        self, image: Floats, points: Floats, width: float, known: Bools | None, hands: Sequence[Hand]
    ) -> tuple[Mask, bool, Mask | None]:
        """Return what does not look like the face, whether any of it may reach beyond, and glasses."""
        compared = self._expected.compare(image, points, width)
        if compared is None:
            self.reset()
            return np.zeros(image.shape[:2], np.float32), False, None
        if known is not None:
            compared.score[known] = 0
            compared.doubtful[known] = False
        found, usual = compared.score > _GROWN, compared.usual
        compared.score[self._glare.find(image, usual, compared.inside, found)] = 0
        compared.score[self._usual_glare.find(usual, image, compared.inside, found)] = 0
        if hands:
            compared.score[shaded(image, compared, compared.score > _GROWN, hands, width)] = 0
        things, goes_on = _things(image, points, compared, width, hair_stays=self._hair_stays)
        return self._steadied(things, compared), goes_on, self._worn.find(compared)

    def _steadied(self, found: Mask, compared: Compared) -> Mask:
        if self._before is not None:
            before = cv2.resize(self._before, found.shape[1::-1], interpolation=cv2.INTER_LINEAR)
            # Where the face shows again a thing has gone on.
            face = (compared.inside & (compared.score == 0) & ~compared.doubtful).view(np.uint8)
            before[cv2.erode(face, np.ones((5, 5), np.uint8), borderValue=0) > 0] = 0
            found = np.asarray((1 - _INERTIA) * found + _INERTIA * before, np.float32)
            found[found < 0.1] = 0
        self._before = found
        return found


def _reduced(overlay: Mask, size: tuple[int, int]) -> Bools:
    """Return what an overlay has a share in, and the pixels beside it."""
    share = cv2.resize(overlay, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.dilate(share, np.ones((3, 3), np.uint8)) > _SHARE, np.bool_)


def _things(
    image: Floats, points: Floats, compared: Compared, width: float, *, hair_stays: bool
) -> tuple[Mask, bool]:
    """Keep what hangs together, is sure somewhere and large enough; tell whether any lies deep inside."""
    inside = compared.inside
    kept, is_deep = np.zeros(inside.shape, np.uint8), False
    soft = np.asarray(cv2.GaussianBlur(compared.score, (0, 0), 0.8), np.float32)
    if float(soft.max()) <= _SEED:
        return kept.astype(np.float32), False
    count, labels = _together(soft > _GROWN)
    openings, depth = _openings(points, inside, width), _depth(inside, width)
    # Teeth, and the whites of eyes that are wider open than the steadied lids.
    bright = openings[0] | _filled(points[topology.OUTER_LIPS], inside.shape, _LIPS * width)
    # Size, surest pixel, least and greatest depth of each.
    found = np.tile(np.array([0, 0, np.inf, 0], np.float32), (count, 1))
    _survey(labels, soft, depth, found)
    for label in range(1, count):
        size, surest, nearest, deepest = found[label].tolist()
        if size < _SPECK * float(inside.sum()) or surest <= _SEED:
            continue
        area = labels == label
        if _shine(image[area], compared.usual[area], bright[area]):
            continue
        lies_like_hair = nearest < _AT_EDGE and deepest <= _HAIR
        if lies_like_hair and not hair_stays and not _is_dyed(image[area], compared.usual[area]):
            continue
        kept |= _over_features(image, compared, area, openings)
        is_deep |= _may_go_on(deepest, compared.worn[area])
    grown = cv2.dilate(_closed(kept.astype(np.float32), width), np.ones((3, 3), np.uint8))
    return np.asarray(cv2.GaussianBlur(grown, (0, 0), 0.8), np.float32), is_deep


def _may_go_on(deepest: float, worn: Bools) -> bool:
    """Whether a thing may reach beyond the face: what is worn on it ends with it."""
    return deepest > _THING and float(worn.mean()) < _ON_THEM


def _closed(mask: Mask, width: float) -> Mask:
    side = 2 * max(1, round(_CLOSE * width / 2)) + 1
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8)), np.float32)


def _over_features(image: Floats, compared: Compared, area: Bools, openings: tuple[Bools, Bools]) -> Bools:
    """Let a thing go on over brows, eyes and lips, where little is sure, as far as they are mixed with it."""
    colour = np.median(image[area], axis=0)
    rows, columns = np.nonzero(compared.doubtful & ~area)
    usual = compared.usual[rows, columns]
    change, most = image[rows, columns] - usual, colour - usual
    part = total(change * most) / (total(most * most) + 1)
    mixed = (part > _MIXED) & (largest(np.abs(change - part[:, np.newaxis] * most)) < ALIKE)
    alike = area.copy()
    alike[rows[mixed], columns[mixed]] = True
    same = cv2.inRange(image, colour - ALIKE, colour + ALIKE) > 0
    _bridge(same, *openings, alike)
    return _hung_together(alike, area)


@kernel
def _bridge(same: Bools, eyes: Bools, mouth: Bools, thing: Bools) -> None:
    """Add to a thing what of the mouth has its colour, and what of the eyes if that lies within the thing.

    A pupil is as dark as a rim.
    """
    height, width = same.shape
    added = np.zeros_like(thing)
    for y in range(height):
        for x in range(width):
            if same[y, x] and not thing[y, x]:
                added[y, x] = mouth[y, x] or (eyes[y, x] and _is_between(same, thing, y, x))
    thing |= added


@kernel
def _is_between(same: Bools, thing: Bools, y: int, x: int) -> bool:
    """Whether what has a thing's colour ends at the thing above and below a pixel, or on both sides of it."""
    height, width = same.shape
    for down in range(2):
        sides = 0
        for sign in (-1, 1):
            v, u = y, x
            while 0 < v < height - 1 and 0 < u < width - 1 and same[v, u] and not thing[v, u]:
                v, u = v + sign * down, u + sign * (1 - down)
            sides += thing[v, u]
        if sides > 1:
            return True
    return False


def _hung_together(mask: Bools, area: Bools) -> Bools:
    """Return what of a mask hangs together with an area."""
    count, labels = _together(mask)
    with_area = np.zeros(count, np.bool_)
    with_area[labels[area]] = True
    with_area[0] = False
    return np.asarray(with_area[labels], np.bool_)


def _together(mask: Bools) -> tuple[int, NDArray[np.int32]]:
    """Number what hangs together, over gaps of two pixels too: how many numbers, 0 included, and which."""
    wider = cv2.dilate(mask.view(np.uint8), np.ones((3, 3), np.uint8))
    count, labels = cv2.connectedComponents(wider, connectivity=8)
    return count, np.asarray(labels * mask, np.int32)


@kernel
def _survey(labels: NDArray[np.int32], soft: Mask, depth: Mask, found: Floats) -> None:
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            if label:
                found[label, 0] += 1
                found[label, 1] = max(found[label, 1], soft[y, x])
                found[label, 2] = min(found[label, 2], depth[y, x])
                found[label, 3] = max(found[label, 3], depth[y, x])


def _shine(colours: Floats, usual: Floats, within: Bools) -> bool:
    """Whether a thing lies within lips or lids and is brighter than they are."""
    return float(within.mean()) > _WITHIN and float(colours.mean()) > float(usual.mean())


def _is_dyed(colours: Floats, usual: Floats) -> bool:
    """Whether a thing has a colour that neither hair nor its shadow on skin has."""
    apart = tint(np.median(colours, axis=0)) - tint(np.median(usual, axis=0))
    return bool(np.abs(apart).max() > _DYED)


def _openings(points: Floats, inside: Bools, width: float) -> tuple[Bools, Bools]:
    """Return where eyes with their lids are in a face, and where the mouth is open."""
    right, left = (
        _filled(points[ring], inside.shape, _LID * width) for ring in (topology.RIGHT_EYE, topology.LEFT_EYE)
    )
    mouth = np.zeros(inside.shape, np.uint8)
    cv2.fillPoly(mouth, [points[topology.INNER_LIPS, :2].round().astype(np.int32)], (1,))
    return right | left, (mouth > 0) & ~inside


def _filled(outline: Floats, shape: tuple[int, ...], around: float) -> Bools:
    """Return what lies within an outline, (n, 2 or 3), and so many pixels around it, one at least."""
    mask = cv2.fillPoly(np.zeros(shape, np.uint8), [outline[:, :2].round().astype(np.int32)], (1,))
    side = 2 * max(1, round(around)) + 1
    return np.asarray(cv2.dilate(mask, np.ones((side, side), np.uint8)) > 0, np.bool_)


def _depth(inside: Bools, width: float) -> Mask:
    """Return how far each pixel lies from the outer edge of the face, in face widths."""
    outlines, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = cv2.drawContours(np.zeros(inside.shape, np.uint8), outlines, -1, (1,), cv2.FILLED)
    padded = cv2.copyMakeBorder(whole, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0,))
    far = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_3)[1:-1, 1:-1]
    return np.asarray(far / width, np.float32)
