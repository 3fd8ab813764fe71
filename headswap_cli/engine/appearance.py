"""Learn how one person's face looks when nothing stands before it: from views all over the video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.channels import largest
from headswap_cli.engine.flat import flattened, inside_of, layout_of
from headswap_cli.engine.veil import passing, unveiled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.engine.types import Frame, Landmarks, Mask

Floats = NDArray[np.float32]

# Fewer views do not tell what belongs to the face and what passed by.
_FEWEST = 3
# Of a view's own light to the common one.
_GAINS = (0.4, 2.5)
# Views that differ by more differ by what passed before the face.
_MOST_SPREAD = 8.0
_MAD = 1.4826
# A shaven chin has at least 0.82 of the cheeks' light, a full beard about two thirds.
_BEARDED = 0.75


@dataclass(frozen=True, slots=True)
class Appearance:
    """A face laid flat.

    ``colours`` (SIDE, SIDE, 3), BGR; ``spread`` (SIDE, SIDE), by how many grey levels the views differ there,
    as a standard deviation; ``layout`` (468, 2) where the mesh lies in them, pixels; ``worn`` (SIDE, SIDE)
    where clear glasses are in most of the views.
    """

    colours: Floats
    spread: Mask
    layout: Floats
    worn: NDArray[np.bool_]


def learn(views: Sequence[tuple[Frame, Landmarks]], triangles: NDArray[np.int32]) -> Appearance | None:
    """Return how a face usually looks, None where too little of it was seen.

    What covers a place in some of the views is forgotten: each place has the median of those views in which
    skin shows there, of all where too few do.

    Args:
        views: Frames, BGR, and the person's landmarks in them, pixels.
        triangles: The face mesh's, (n, 3); eyes and mouth open.
    """
    if len(views) < _FEWEST:
        return None
    layout = layout_of([landmarks for _, landmarks in views])
    flat = np.stack([flattened(frame, landmarks, layout, triangles) for frame, landmarks in views])
    inside = inside_of(layout, triangles)
    common = np.median(flat, axis=0)
    # Each view's light is taken out as a whole, by the median: what passes before a face must not tint it.
    gains = np.median((common[inside] + 8) / (flat[:, inside] + 8), axis=1)
    flat = np.asarray(flat * np.clip(gains, *_GAINS)[:, np.newaxis, np.newaxis], np.float32)
    covered = passing(flat, np.asarray(np.median(flat, axis=0), np.float32), layout, inside)
    bare = np.ones(flat.shape[:3], np.bool_) if covered is None else ~covered
    bare |= bare.sum(axis=0) < _FEWEST
    colours = _median(flat, bare)
    spread = _MAD * _median(largest(np.abs(flat - colours))[..., np.newaxis], bare)[..., 0]
    skin, veiled, worn = unveiled(np.asarray(colours, np.float32), layout, inside)
    spread[veiled] = np.median(spread[inside])
    np.minimum(spread, _MOST_SPREAD, out=spread)
    spread = np.asarray(cv2.GaussianBlur(spread.astype(np.float32), (0, 0), 1.0), np.float32)
    return Appearance(skin, spread, layout, worn)


def has_beard(colours: NDArray[np.generic], points: Landmarks) -> bool:
    """Whether a face's chin is so much darker than its cheeks as nothing but a beard makes it.

    Args:
        colours: A picture of it, (height, width, 3), BGR.
        points: Where the mesh lies in that, (468 or more, 2 or 3), pixels.
    """
    chin, cheeks = (
        np.median(colours[tuple(np.round(points[places, 1::-1]).astype(int).T)], axis=0)
        for places in (topology.BEARD, topology.CHEEKS)
    )
    return bool(chin.sum() < _BEARDED * cheeks.sum())


def _median(values: NDArray[np.floating], known: NDArray[np.bool_]) -> Floats:
    """Return the median over the first axis of (n, height, width, channels), of what is known only."""
    ordered = np.sort(np.where(known[..., np.newaxis], values, np.inf), axis=0)
    count = known.sum(axis=0)
    low, high = ((count - 1) // 2)[np.newaxis, ..., np.newaxis], (count // 2)[np.newaxis, ..., np.newaxis]
    both = np.take_along_axis(ordered, low, axis=0) + np.take_along_axis(ordered, high, axis=0)
    return np.asarray(both[0] / 2, np.float32)


def of_face(triangles: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return those of a head's triangles, (n, 3), that are facial skin: no hair, eyes or open mouth."""
    skin = (triangles < topology.MESH_POINTS).all(axis=1)
    mouth = np.isin(triangles, topology.INNER_LIPS).all(axis=1)
    return np.ascontiguousarray(triangles[skin & ~mouth])
