"""Boxes, square crops and rigid fits: the plane and solid geometry that several stages share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology

if TYPE_CHECKING:
    from headswap_cli.engine.types import Box, Frame, Landmarks

Points = NDArray[np.floating]  # (n, 2) or (n, 3)
Matrix = NDArray[np.float64]  # (2, 3): affine map of the plane


@dataclass(frozen=True, slots=True)
class Similarity:
    """A turn, a uniform scale and a shift in space: ``scale * rotation @ point + shift``.

    ``rotation`` (3, 3) has determinant 1; ``shift`` (3,).
    """

    scale: float
    rotation: NDArray[np.float64]
    shift: NDArray[np.float64]

    def apply(self, points: Points) -> NDArray[np.float64]:
        """Map points, (n, 3)."""
        mapped: NDArray[np.float64] = self.scale * points @ self.rotation.T + self.shift
        return mapped

    def inverse(self) -> Similarity:
        """Return the map back."""
        back = self.rotation.T
        return Similarity(1 / self.scale, back, -(back @ self.shift) / self.scale)


@dataclass(frozen=True, slots=True)
class Crop:
    """A square piece of a frame, turned by ``angle`` (radians, clockwise as seen) about its centre (x, y)."""

    x: float
    y: float
    side: float
    angle: float = 0.0

    def matrix(self, size: int) -> Matrix:
        """Return the map, (2, 3), from frame pixels to those of a ``size`` by ``size`` image of the piece.

        In both, whole numbers are the middles of pixels, as OpenCV has it.
        """
        scale = size / self.side
        cos, sin = scale * math.cos(self.angle), scale * math.sin(self.angle)
        half = (size - 1) / 2
        return np.array(
            [[cos, sin, half - cos * self.x - sin * self.y], [-sin, cos, half + sin * self.x - cos * self.y]]
        )

    def take(self, frame: Frame, size: int) -> Frame:
        """Return the piece as a ``size`` by ``size`` image; beyond the frame its edge is repeated."""
        matrix = self.matrix(size)
        shrink = int(self.side / size)
        if shrink >= 2:  # warpAffine looks at four pixels only: what it would skip is averaged before
            frame, step = self._shrunk(frame, shrink)
            matrix = matrix @ np.vstack([step, (0, 0, 1)])
        image = cv2.warpAffine(frame, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(image, np.uint8)

    def _shrunk(self, frame: Frame, shrink: int) -> tuple[Frame, Matrix]:
        """Return the frame around the piece, ``shrink`` times smaller, and the map from it to the frame."""
        reach = self.side * (abs(math.cos(self.angle)) + abs(math.sin(self.angle))) / 2 + shrink
        height, width = frame.shape[:2]
        left, right = _span(self.x, reach, width)
        top, bottom = _span(self.y, reach, height)
        part = frame[top:bottom, left:right]
        columns, rows = max(1, part.shape[1] // shrink), max(1, part.shape[0] // shrink)
        # Whole steps are averaged three times as fast.
        part = part[: rows * shrink, : columns * shrink]
        small = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
        x_step, y_step = part.shape[1] / columns, part.shape[0] / rows
        offset = (left + (x_step - 1) / 2, top + (y_step - 1) / 2)
        return np.asarray(small, np.uint8), np.array([[x_step, 0, offset[0]], [0, y_step, offset[1]]])

    def to_frame(self, points: Points, size: int) -> NDArray[np.float32]:
        """Map points (n, 2) or (n, 3) that a network found in the ``size`` by ``size`` image to the frame.

        Networks count from the image's edge (0) to its other edge (``size``); depth is only scaled.
        """
        mapped = np.empty(points.shape, np.float32)
        mapped[:, :2] = transform(invert(self.matrix(size)), points[:, :2] - 0.5)
        mapped[:, 2:] = points[:, 2:] * (self.side / size)
        return mapped


def _span(middle: float, reach: float, limit: int) -> tuple[int, int]:
    """Return the first pixel and the one past the last within ``reach``; never empty."""
    first = min(max(0, math.floor(middle - reach)), limit - 1)
    return first, max(first + 1, min(limit, math.ceil(middle + reach)))


def similarity(source: Points, target: Points) -> Similarity:
    """Return the rotation, scale and shift that best map ``source`` onto ``target``, least squares.

    Args:
        source: Points in space, (n, 3), n >= 3.
        target: Their counterparts, (n, 3).

    Raises:
        ValueError: All points of ``source`` coincide.
    """
    return similarities(source, target[np.newaxis])[0]


def similarities(source: Points, targets: Points) -> list[Similarity]:
    """Return as many as there are targets, (m, n, 3), see ``similarity``.

    Source: Umeyama, IEEE TPAMI 13(4), 1991, eq. 40-42.
    """
    start, ends = source.mean(axis=0, dtype=np.float64), targets.mean(axis=1, dtype=np.float64)
    spread = float(((source - start) ** 2).sum())
    if spread == 0:
        raise ValueError("all points coincide: they fit any scale")
    left, values, right = np.linalg.svd((targets - ends[:, np.newaxis]).mT @ (source - start))
    signs = np.ones_like(values)
    signs[:, 2] = np.where(np.linalg.det(left @ right) >= 0, 1.0, -1.0)
    rotations = (left * signs[:, np.newaxis]) @ right
    scales = (values * signs).sum(axis=1) / spread
    shifts = ends - scales[:, np.newaxis] * (rotations @ start)
    return [
        Similarity(float(scale), rotation, shift)
        for scale, rotation, shift in zip(scales, rotations, shifts, strict=True)
    ]


def transform(matrix: Matrix, points: Points) -> NDArray[np.float64]:
    """Map points (n, 2) by an affine matrix (2, 3)."""
    mapped: NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
    return mapped


def invert(matrix: Matrix) -> Matrix:
    """Return the affine map back, (2, 3)."""
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def bounding_box(points: Points) -> Box:
    """Return the smallest box around points (n, 2 or more)."""
    # Rows of many columns are gone through seven times as fast as columns of many rows.
    plane = np.ascontiguousarray(points[:, :2].T)
    return np.concatenate([plane.min(axis=1), plane.max(axis=1)]).astype(np.float32)


def face_box(landmarks: Landmarks) -> Box:
    """Return the box, (4,): x0, y0, x1, y1, around the face mesh, irises left out."""
    return bounding_box(landmarks[: topology.MESH_POINTS])


def face_width(landmarks: Landmarks) -> float:
    """Return the distance from cheek to cheek, pixels, depth included: it hardly changes as a head turns."""
    return math.dist(landmarks[topology.LEFT_CHEEK].tolist(), landmarks[topology.RIGHT_CHEEK].tolist())


def yaw_sine(landmarks: Landmarks) -> float:
    """Return the sine of a face's yaw, by its cheeks' depths: above 0 where it looks to the frame's right."""
    depth = float(landmarks[topology.LEFT_CHEEK, 2] - landmarks[topology.RIGHT_CHEEK, 2])
    return depth / max(1e-3, face_width(landmarks))


def area(box: Box) -> float:
    """Return a box's area, square pixels, 0 where it is turned inside out."""
    return max(0.0, float(box[2] - box[0])) * max(0.0, float(box[3] - box[1]))


def intersection(first: Box, second: Box) -> float:
    """Return the area that two boxes share, square pixels."""
    return area(np.concatenate([np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])]))


def overlap(first: Box, second: Box) -> float:
    """Return the shared area as a part of the area that both cover, 0 to 1: intersection over union."""
    shared = intersection(first, second)
    return shared / (area(first) + area(second) - shared) if shared else 0.0


def containment(first: Box, second: Box) -> float:
    """Return the shared area as a part of the smaller box, 0 to 1."""
    shared = intersection(first, second)
    return shared / min(area(first), area(second)) if shared else 0.0


def sixteenths(points: NDArray[np.floating]) -> NDArray[np.int32]:
    """Return points, pixels, as OpenCV draws them with ``shift=4``, between pixels too; of any shape."""
    return np.round(points * 16).astype(np.int32)


def inside(outline: NDArray[np.floating], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return 1 within an outline and 0 beyond it, (height, width).

    Args:
        outline: Its corners in order, (n, 2 or 3), pixels.
        shape: Of the picture; what comes after height and width is not looked at.
    """
    corners = np.round(outline[:, :2]).astype(np.int32)
    return np.asarray(cv2.fillPoly(np.zeros(shape[:2], np.uint8), [corners], (1,)), np.uint8)


def inside_hull(points: NDArray[np.floating], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return 1 within the convex hull of points, (n, 2 or 3), in any order; else as ``inside``."""
    hull = cv2.convexHull(np.round(points[:, :2]).astype(np.int32))
    return np.asarray(cv2.fillConvexPoly(np.zeros(shape[:2], np.uint8), hull, (1,)), np.uint8)


def disc(radius: float) -> NDArray[np.uint8]:
    """Return a disc to dilate and erode by, of at least one pixel's radius: (side, side), 1 within."""
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def ramp(values: NDArray[np.floating], start: float, end: float) -> NDArray[np.float32]:
    """Return how far values are on the way from ``start``, 0, to ``end``, 1, which may be less."""
    return np.asarray(np.clip((values - start) / (end - start), 0, 1), np.float32)
