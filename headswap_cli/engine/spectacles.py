"""Take the glasses off a photo's face: eyes move beneath them, and they sit on it as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import hull, topology
from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.flat import flattened, inside_of, layout_of
from headswap_cli.engine.geometry import disc, face_width, inside
from headswap_cli.engine.raster import rasterise
from headswap_cli.engine.veil import glasses_on

if TYPE_CHECKING:
    from headswap_cli.engine.types import Frame, Landmarks, Mask

# How far around glasses skin lies in their shade, and how softly they end, face widths.
_SHADE, _SOFT = 0.015, 0.006
# Pixels are theirs from so many grey levels on from the skin around them, and wholly from so many.
_UNLIKE = (14.0, 34.0)
# Towards the face's edge they are taken off no more: between these, face widths from it.
_EDGE = (0.015, 0.05)
# What gleams on lids must be so much brighter.
_GLEAM = 30.0
# A soft edge is moved outwards by that; less than a trace of them is none.
_WIDER, _TRACE = 1.5, 0.1


def without_glasses(
    colours: Frame, landmarks: Landmarks, triangles: NDArray[np.int32]
) -> tuple[Frame, Mask] | None:
    """Return a face as if it had no glasses on, and how far they cover each pixel; None if it has none.

    Args:
        colours: The photo's, (height, width, 3), BGR.
        landmarks: Of its face, pixels.
        triangles: The face mesh's, (n, 3); eyes and mouth open.
    """
    layout = layout_of([landmarks])
    found = glasses_on(flattened(colours, landmarks, layout, triangles), layout, inside_of(layout, triangles))
    if found is None:
        return None
    height, across = colours.shape[:2]
    width = face_width(landmarks)
    seen = rasterise(landmarks[: topology.MESH_POINTS], layout, triangles, across, height)
    there = cv2.remap(found.astype(np.float32), seen[..., 0], seen[..., 1], cv2.INTER_LINEAR)
    there = np.asarray(there * _within(landmarks, width, (height, across)), np.float32)
    near = cv2.dilate(there, disc(_SHADE * width))
    own = colours.astype(np.float32)
    skin = push_pull(own, np.asarray((seen[..., 0] >= 0) & (near < _TRACE), np.float32))
    lighter = (own - skin).min(axis=2)
    eyes, spare = _eyes(landmarks, width, (height, across))
    unlike = np.maximum(-lighter * spare, lighter - _GLEAM * (1 - spare)) - _UNLIKE[0]
    blur = max(0.7, _SOFT * width)
    worn = np.clip(unlike / (_UNLIKE[1] - _UNLIKE[0]), 0, 1) * near * (1 - eyes)
    worn = cv2.GaussianBlur(worn.astype(np.float32), (0, 0), blur)
    share = cv2.GaussianBlur(cv2.dilate(worn, disc(_SHADE * width)), (0, 0), blur)
    bare = own + (skin - own) * (np.clip(_WIDER * share, 0, 1) * (1 - eyes))[..., np.newaxis]
    worn = np.asarray(np.clip(_WIDER * worn, 0, 1), np.float32)
    return np.clip(bare + 0.5, 0, 255).astype(np.uint8), worn


def _within(landmarks: Landmarks, width: float, shape: tuple[int, int]) -> Mask:
    """Return 1 on the face, 0 towards its edge: what goes on beyond it is hair's."""
    oval = inside(landmarks[topology.OVAL], shape)
    depth = cv2.distanceTransform(oval, cv2.DIST_L2, cv2.DIST_MASK_5) / np.float32(width)
    return np.asarray(np.clip((depth - _EDGE[0]) / (_EDGE[1] - _EDGE[0]), 0, 1), np.float32)


def _eyes(landmarks: Landmarks, width: float, shape: tuple[int, int]) -> tuple[Mask, Mask]:
    """Return 1 in the eyes, which show through glasses, and 0 on lids, whose lashes and folds are dark."""
    eyes, lids = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for eye in hull.EYES:
        opening = landmarks[eye.lids, :2]
        both = np.concatenate([opening, landmarks[list(eye.creases), :2]])
        cv2.fillPoly(eyes, [np.round(opening).astype(np.int32)], (1.0,))
        cv2.fillConvexPoly(lids, cv2.convexHull(np.round(both).astype(np.int32)), (1.0,))
    soft = cv2.GaussianBlur(lids, (0, 0), max(0.7, _SOFT * width))
    return eyes, np.asarray(1 - soft, np.float32)
