"""Give a head that the photo shows turned the far cheek's edge, which it hides: skin to there, then hair."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import hull, topology
from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.geometry import disc, face_width, inside_hull
from headswap_cli.engine.types import Frame, Landmarks, Mask

Floats = NDArray[np.float32]
Area = NDArray[np.uint8]

# The mesh is no surer than this of where a cheek ends; so far beyond that end it is filled, in face widths.
_UNSURE, _MARGIN = 0.012, 0.01
# How deep along that edge what is no skin is looked for, in face widths; further from the skin's colour than
# this, scaled Lab, it is none.
_RIM, _NO_SKIN = 0.05, 30.0
# So far within the face most is skin, in face widths; a matte of less than this shows what is behind, too.
_SURELY, _WHOLE = 0.08, 0.95
_SCALE = np.array([0.5, 1.5, 1.5], np.float32)
# Rings of hair up to this one, in distances of the oval, give way.
_GIVES_WAY = 1.5
# How soft that skin's edge is, and over so much it begins below the eyes or the cheek, in face widths.
_SOFT, _BEGINS = 0.006, 0.15
# From so far beside the face's middle on, and wholly from so far: the chin's own shadow stays.
_CHIN = (0.15, 0.3)


def texture_shift(vertices: Floats) -> Floats:
    """Return how far from where they are in the photo vertices take their texture, (n, 2), pixels.

    Of a turned head the mesh's outline lies behind the cheek: there it would show the cheek a second time.

    Args:
        vertices: Landmarks, then rings, see ``hull``.
    """
    shift = np.zeros((len(vertices), 2), np.float32)
    outline = vertices[topology.OVAL, :2]
    middle = outline.mean(axis=0)
    behind = _behind(vertices[: topology.MESH_POINTS])[:, np.newaxis]
    reach = np.linalg.norm(outline - middle, axis=1, keepdims=True)
    outwards = (outline - middle) / reach * behind
    shift[topology.OVAL] = outwards
    for number, ring in enumerate(hull.RINGS):
        first = hull.FIRST_RING + number * hull.RING_POINTS
        share = max(0.0, (_GIVES_WAY - ring) / (_GIVES_WAY - 1))
        shift[first : first + hull.RING_POINTS] = share * outwards
    return shift


def whole_cheek(colours: Frame, alpha: Mask, landmarks: Landmarks) -> tuple[Frame, Mask, Mask]:
    """Return colours and matte with skin up to the far cheek's edge, and where it was put, 0 to 1.

    Args:
        colours: The head's, (height, width, 3), BGR.
        alpha: Its matte.
        landmarks: Of its face.
    """
    width, size = face_width(landmarks), alpha.shape
    face = inside_hull(landmarks[: topology.MESH_POINTS, :2], size)
    where = _far_side(face, landmarks)
    if where is None:
        return colours, alpha, np.zeros(size, np.float32)
    lab = cv2.cvtColor(colours, cv2.COLOR_BGR2LAB).astype(np.float32)
    skin = np.median(lab[cv2.erode(face, disc(_SURELY * width)) > 0], axis=0)
    other = (np.linalg.norm((lab - skin) * _SCALE, axis=2) > _NO_SKIN) | (alpha < _WHOLE)
    inner = cv2.erode(face, disc(_RIM * width)) > 0
    # What reaches further into the face is a beard, or glasses.
    _, labels = cv2.connectedComponents((other & (where > 0)).astype(np.uint8))
    kept = np.isin(labels, np.unique(labels[inner & (labels > 0)])) & (labels > 0)
    foreign = (labels > 0) & ~kept
    patch = (cv2.dilate(foreign.astype(np.uint8), disc(_MARGIN * width)) > 0) & ~inner
    found = cv2.GaussianBlur((patch * where).astype(np.float32), (0, 0), max(0.7, _SOFT * width))
    known = (face > 0) & ~other & ~patch
    spread = push_pull(colours.astype(np.float32), known.astype(np.float32))
    share = found[..., np.newaxis]
    whole = np.clip(colours * (1 - share) + spread * share, 0, 255).astype(np.uint8)
    return whole, np.maximum(alpha, found), np.asarray(found, np.float32)


def _far_side(face: Area, landmarks: Landmarks) -> Mask | None:
    """Return 1 on the side where the mesh reaches beyond its outline, from there on down; None of no turn."""
    width, size = face_width(landmarks), face.shape
    beyond = np.asarray(face & (1 - inside_hull(landmarks[topology.OVAL, :2], size)), np.uint8)
    rows, columns = np.nonzero(cv2.morphologyEx(beyond, cv2.MORPH_OPEN, disc(_UNSURE * width)))
    if not rows.size:
        return None
    middle = float(landmarks[topology.OVAL, 0].mean())
    aside = (np.arange(size[1]) - middle) * np.sign(float(columns.mean()) - middle) / width
    side = np.clip((aside - _CHIN[0]) / (_CHIN[1] - _CHIN[0]), 0, 1)
    corners = [*topology.RIGHT_EYE_CORNERS, *topology.LEFT_EYE_CORNERS]
    top = min(float(rows.min()), float(landmarks[corners, 1].mean()))
    begins = np.clip((np.arange(size[0])[:, np.newaxis] - top) / (_BEGINS * width), 0, 1)
    return np.asarray(begins * side * cv2.dilate(face, disc(_MARGIN * width)), np.float32)


def _behind(points: Landmarks) -> Floats:
    """Return how far the mesh surely reaches beyond each point of its outline, (36,), pixels."""
    width = face_width(points)
    corners = cv2.convexHull(points[:, :2].astype(np.float32))
    inside = [cv2.pointPolygonTest(corners, (float(x), float(y)), True) for x, y in points[topology.OVAL, :2]]
    return np.asarray(np.maximum(np.array(inside) - _UNSURE * width, 0), np.float32)
