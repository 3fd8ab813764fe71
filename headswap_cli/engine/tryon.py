"""Try a head on before it is worn: draw it as the person holds theirs, and look how it is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.aside import Aside
from headswap_cli.engine.bearing import UNITS, Bearing, learned
from headswap_cli.engine.colour import plain_grade
from headswap_cli.engine.folds import smooth_folds
from headswap_cli.engine.geometry import face_width, sixteenths, transform
from headswap_cli.engine.mesh import crop_of_landmarks
from headswap_cli.engine.raster import rasterise
from headswap_cli.engine.retarget import Retargeter
from headswap_cli.engine.shade import SKIN, Levels, shade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headswap_cli.engine.geometry import Crop, Matrix
    from headswap_cli.engine.mesh import FaceMesh
    from headswap_cli.engine.reference import Reference
    from headswap_cli.engine.retarget import Posed
    from headswap_cli.engine.types import Frame

Floats = NDArray[np.float32]

# So many views are drawn; of fewer than the second nothing is learned.
_VIEWS, _FEWEST = 24, 8
# Grey levels behind the head and between its lips, BGR: the photo's teeth are not shown.
_BEHIND, _MOUTH = 128.0, (40.0, 30.0, 60.0)
# About as sharp as a head in a frame, pixels.
_SOFT = 1.0
_EVEN = np.ones((1, 1), np.float32)
_PRESENT = 0.5


def try_on(reference: Reference, habits: Floats, mesh: FaceMesh) -> Bearing:
    """Return how a person's new head must be held: its likeness is flat where the photo shows nothing.

    Args:
        reference: The head.
        habits: The person's landmarks, (n, 478, 3).
        mesh: Sees the drawn face as it saw the person's.
    """
    retargeter = Retargeter(reference.vertices, reference.texture_points, habits)
    sights = retargeter.sights(habits)
    asked, seen = [], []
    drawer = _Drawer(reference, mesh.side)

    def views() -> Iterator[tuple[int, Frame, Crop]]:
        for index in _far_apart(np.array(sights) / UNITS):
            crop = crop_of_landmarks(habits[index])
            matrix = crop.matrix(mesh.side)
            yield index, drawer.drawn(retargeter.pose(habits[index]), matrix, mesh.side / crop.side), crop

    with Aside() as aside:
        # While one is looked at the next one is drawn.
        for (index, *_), (face, presence) in aside.ahead(views(), lambda one: mesh.of_square(*one[1:]), 1):
            if presence >= _PRESENT:
                asked.append(sights[index])
                seen += retargeter.sights(face[np.newaxis])
    return learned(asked, seen) if len(asked) >= _FEWEST else Bearing()


class _Drawer:
    """Draws a head in its photo's own colours before grey, in a square of so many pixels."""

    def __init__(self, reference: Reference, side: int) -> None:
        self._reference = reference
        self._side = side
        self._levels = Levels(reference.textures, reference.weights)

    def drawn(self, posed: Posed, matrix: Matrix, scale: float) -> Frame:
        """Return a posed head as it is seen in the square.

        Args:
            posed: In pixels of the frame.
            matrix: From these to the square's.
            scale: Pixels of the square per pixel of the frame.
        """
        points = posed.points.copy()
        points[:, :2] = transform(matrix, points[:, :2])
        points[:, 2] *= scale
        size = (self._side, self._side)
        seen = rasterise(points, posed.texture_points, self._reference.triangles, *size)
        level = self._levels.fitting(posed.scale * scale)
        layer, _ = shade(seen, 0.5**level, self._levels[level], grade=plain_grade(), gains=_EVEN, weight=SKIN)
        face = points[: topology.LANDMARKS]
        smooth_folds(layer, face, face_width(face), posed.less_smile)
        view = layer[..., :3] + np.float32(_BEHIND) * (1 - layer[..., 3:])
        cv2.fillPoly(view, [sixteenths(face[topology.INNER_LIPS, :2])], _MOUTH, shift=4)
        return np.asarray(np.clip(cv2.GaussianBlur(view, (0, 0), _SOFT), 0, 255), np.uint8)


def _far_apart(points: NDArray[np.float64]) -> list[int]:
    """Return which points to take so that the others are near to one of them.

    Source: Gonzalez, Clustering to minimize the maximum intercluster distance, Theoretical Computer Science
        38, 1985.
    """
    chosen = [int(np.linalg.norm(points - points.mean(axis=0), axis=1).argmin())]
    near = np.linalg.norm(points - points[chosen[0]], axis=1)
    while len(chosen) < min(_VIEWS, len(points)):
        chosen.append(int(near.argmax()))
        near = np.minimum(near, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return chosen
