"""Make of a head the face alone: as far as the jaw's edge, and skin where hair hangs into it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import hull, topology
from headswap_cli.engine.appearance import has_beard
from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.geometry import bounding_box, inside_hull, ramp
from headswap_cli.engine.reference import Reference, pyramid

if TYPE_CHECKING:
    from headswap_cli.engine.types import Landmarks, Mask

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

# Face widths from the face's edge: hair hangs in so far, over brows less; what the edge itself shows may be
# of the background.
_BAND, _BAND_END, _BROWS, _EDGE = 0.12, 0.17, 0.05, 0.02
# By how much hair differs from the skin beside it: a distance in Lab, as OpenCV scales it.
_ALIKE, _UNLIKE = 36.0, 56.0
# Hair's shadow on the skin goes with it, so far, face widths: above the eyes, where brows are, and below.
_SHADOW = (0.05, 0.08)
# Thinner than this are glasses, face widths.
_THIN = 0.06
# The face ends softly within its edge: over so much beside the cheeks, where wrinkles and glasses would stop
# short, and along the jaw, where a beard would stay; it goes beyond brows so far, face widths.
_FADES, _AROUND = (0.12, 0.06), 0.025
# How softly the jaw begins at the ears' lobes, and how far around the face is worked on, face widths.
_BELOW, _MARGIN = 0.075, 0.1
# Less of the inner face than this is covered by hair.
_COVERED, _HAIR = 0.9, 0.3
# Below and beside the outer corners of the eyes, as far as lashes reach.
_LASHES = ((35, 143, 111), (265, 372, 340))
_FEATURES = (
    *(topology.RIGHT_EYE, topology.LEFT_EYE, topology.RIGHT_BROW, topology.LEFT_BROW),
    topology.OUTER_LIPS,
)


class _Layout(NamedTuple):
    """Where things are in a head's texture: ``depth`` inside the face, face widths; features are no skin.

    What is below eyes and ears is told by rows, (height, 1).
    """

    depth: Floats
    features: Mask
    brows: Mask
    below_eyes: Mask
    below_ears: Mask
    width: float


def face_alone(reference: Reference) -> Reference:
    """Return a head whose inner face reaches to the jaw and covers both brows, with no hair in it.

    Where hair hangs into the face the frame's own skin shows, and its colours must not seep into that: a
    band's seam is wider than a strand. What the photo hides is guessed by the skin around it.

    Source: see ``push_pull``.
    """
    texture, kinds = reference.textures[0].copy(), reference.weights[0].copy()
    part, landmarks = _part(reference)
    head, weights = texture[part], kinds[part]
    layout = _layout(landmarks, reference.face_width, head.shape[:2])
    inner = weights[..., 1] * np.float32(1 / 255)
    hair = _hair(head[..., :3], inner, layout)
    if has_beard(head[..., :3], landmarks):
        hair *= 1 - layout.below_ears
    skin = (hair < 0.1) & (layout.depth > _EDGE) & (layout.features < 0.1)
    colours = head[..., :3].astype(np.float32)
    bare = colours + (push_pull(colours, skin.astype(np.float32)) - colours) * hair[..., np.newaxis]
    head[..., :3] = np.clip(bare + 0.5, 0, 255)
    head[..., 3][layout.depth > 0] = 255
    fades = _FADES[0] + (_FADES[1] - _FADES[0]) * layout.below_ears
    soft = np.minimum(layout.depth / fades, 1)
    shows = np.maximum(np.maximum(inner, layout.below_ears) * soft, layout.brows)
    weights[..., 0] = np.maximum(weights[..., 0], 255 * hair * (layout.depth > 0))
    weights[..., 1] = np.round(255 * shows)
    # Below the head are the eyeballs: half graded they are blue in a brown face.
    kinds[kinds.shape[1] :, :, 0] = 255
    return replace(reference, textures=pyramid(texture), weights=pyramid(kinds))


def _part(reference: Reference) -> tuple[tuple[slice, slice], Landmarks]:
    """Return where in its first texture a head's face is, and the landmarks in that part."""
    side = reference.textures[0].shape[1]
    box, margin = bounding_box(reference.landmarks[topology.OVAL]), _MARGIN * reference.face_width
    x0, y0 = np.clip(np.floor(box[:2] - margin).astype(int), 0, side - 1).tolist()
    x1, y1 = np.clip(np.ceil(box[2:] + margin).astype(int), 1, side).tolist()
    return np.s_[y0:y1, x0:x1], reference.landmarks - np.array([x0, y0, 0], np.float32)


def _layout(landmarks: Landmarks, width: float, shape: tuple[int, ...]) -> _Layout:
    oval = _filled([landmarks[topology.OVAL]], shape)
    depth = cv2.distanceTransform(oval, cv2.DIST_L2, cv2.DIST_MASK_5) / np.float32(width)
    brows = [
        landmarks[[*brow, *eye.above, *eye.lids, *lashes]]
        for brow, eye, lashes in zip(
            (topology.RIGHT_BROW, topology.LEFT_BROW), hull.EYES, _LASHES, strict=True
        )
    ]
    features = [landmarks[ring] for ring in _FEATURES]
    corners = [*topology.RIGHT_EYE_CORNERS, *topology.LEFT_EYE_CORNERS]
    rows = np.arange(len(oval), dtype=np.float32)[:, np.newaxis]
    below_eyes, below_ears = (
        ramp(rows, line - _BELOW * width, line + _BELOW * width)
        for line in (float(landmarks[places, 1].mean()) for places in (corners, topology.LOBES))
    )
    return _Layout(
        depth,
        _soft(_filled(features, shape), 0.5 * _AROUND * width),
        _soft(_filled(brows, shape), _AROUND * width) * (depth > 0),
        below_eyes,
        below_ears,
        width,
    )


def _hair(colours: Bytes, inner: Floats, layout: _Layout) -> Mask:
    """Return how much of each pixel is hair that hangs into the face, 0 to 1."""
    core = (layout.depth > _BROWS) & (inner > _COVERED) & (layout.features < 0.1)
    lab = cv2.cvtColor(colours, cv2.COLOR_BGR2LAB).astype(np.float32)
    usual = push_pull(lab, core.astype(np.float32))
    unlike = ramp(np.sqrt(np.square(lab - usual).sum(axis=2)), _ALIKE, _UNLIKE)
    band = 1 - ramp(layout.depth, _BAND, _BAND_END)
    band *= np.maximum(1 - layout.features, 1 - ramp(layout.depth, _BROWS, _BAND))
    fringe = (inner < _COVERED) & (layout.depth > _BAND) & (layout.features < 0.5)
    hair = _from_outside(np.maximum(unlike * band, fringe), layout)
    upper, lower = (_shaded(hair, reach * layout.width) for reach in _SHADOW)
    return np.asarray(upper + (lower - upper) * layout.below_eyes, np.float32)


def _shaded(hair: Mask, reach: float) -> Mask:
    """Return hair and its shadow beside it, softly."""
    side = 2 * max(1, round(reach)) + 1
    wider = cv2.dilate(hair, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return np.asarray(cv2.GaussianBlur(wider, (0, 0), max(1.0, 0.3 * reach)), np.float32)


def _from_outside(hair: Mask, layout: _Layout) -> Mask:
    """Return what of it hangs together with what is around the face: brows and glasses do not."""
    around = layout.depth <= _EDGE
    side = 2 * max(1, round(_THIN / 2 * layout.width)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    thick = cv2.morphologyEx((around | (hair > _HAIR)).astype(np.uint8), cv2.MORPH_OPEN, disc)
    count, labels = cv2.connectedComponents(thick)
    outside = np.zeros(count, np.bool_)
    outside[labels[around]] = True
    return np.asarray(hair * (outside[labels] & (labels > 0)), np.float32)


def _filled(outlines: list[Floats], shape: tuple[int, ...]) -> Bytes:
    mask = np.zeros(shape, np.uint8)
    for outline in outlines:
        mask |= inside_hull(outline, shape)
    return mask


def _soft(area: Bytes, reach: float) -> Mask:
    """Return an area, widened by ``reach`` pixels, that ends softly beyond its own edge."""
    side = 2 * max(1, round(reach)) + 1
    wider = cv2.dilate(area, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return np.asarray(cv2.GaussianBlur(wider.astype(np.float32), (0, 0), max(1.0, 0.5 * reach)), np.float32)
