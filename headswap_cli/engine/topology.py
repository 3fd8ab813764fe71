"""The 478 landmarks by name, and the triangles between them.

"Right" and "left" are the person's own; in an unmirrored frame the right eye is on the left. Indices are
those of the published face mesh: https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Edge = tuple[int, int]
Triangles = NDArray[np.int32]  # (n, 3): landmark indices

MESH_POINTS = 468
LANDMARKS = 478


# The published list, which is a Python file, and an edge in it.
_LISTED = re.compile(r"^FACEMESH_TESSELATION = frozenset\(\[((?:\s*\(\d+, *\d+\),?)+)\s*\]\)", re.MULTILINE)
_EDGE = re.compile(r"\((\d+), *(\d+)\)")


def _indices(*values: int) -> NDArray[np.int32]:
    array = np.array(values, np.int32)
    array.flags.writeable = False
    return array


# fmt: off
# Rings run clockwise in the frame from the top (OVAL), or along the lower and back along the upper edge.
OVAL = _indices(
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)
RIGHT_EYE = _indices(33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE = _indices(263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
INNER_LIPS = _indices(
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
)
OUTER_LIPS = _indices(
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
)
RIGHT_BROW = _indices(70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
LEFT_BROW = _indices(300, 293, 334, 296, 336, 285, 295, 282, 283, 276)

# Points that speech and expression move least: eye corners, nose, temples, forehead, ears' roots.
STABLE = _indices(
    33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 127, 356, 234, 454, 10, 151, 9, 8, 103, 332, 67, 297,
    54, 284, 21, 251, 162, 389, 98, 327, 2, 70, 300,
)
# fmt: on

RIGHT_IRIS = _indices(*range(468, 473))
LEFT_IRIS = _indices(*range(473, 478))
RIGHT_EYE_CORNERS = (33, 133)  # outer, inner
LEFT_EYE_CORNERS = (263, 362)
NOSE_TIP, FOREHEAD, CHIN, RIGHT_CHEEK, LEFT_CHEEK = 1, 10, 152, 234, 454
# The outline where ears end, and the corners of the mouth.
LOBES, MOUTH_CORNERS = _indices(132, 361), _indices(61, 291)
# Beside the nose, where no beard grows, and where one does.
CHEEKS = np.array([50, 101, 117, 118, 280, 330, 346, 347])
BEARD = np.array([32, 175, 194, 199, 200, 201, 208, 211, 262, 418, 421, 428, 431])

# (upper, lower), facing each other across the opening, outer to inner or right to left.
LIP_PAIRS = tuple(zip(INNER_LIPS[19:10:-1].tolist(), INNER_LIPS[1:10].tolist(), strict=True))
RIGHT_EYE_PAIRS = tuple(zip(RIGHT_EYE[15:8:-1].tolist(), RIGHT_EYE[1:8].tolist(), strict=True))
LEFT_EYE_PAIRS = tuple(zip(LEFT_EYE[15:8:-1].tolist(), LEFT_EYE[1:8].tolist(), strict=True))


def read_edges(path: Path) -> tuple[Edge, ...]:
    """Read the face mesh's edges from the published list, as data: nothing of the file is run.

    Args:
        path: ``face_mesh_connections.py`` of the fetched weights.

    Raises:
        ValueError: The file does not hold the list.
    """
    listed = _LISTED.search(path.read_text(encoding="utf-8"))
    if listed is None:
        raise ValueError(f"{path.name} lists no face mesh edges")
    return tuple((int(a), int(b)) for a, b in _EDGE.findall(listed[1]))


def read_triangles(path: Path) -> Triangles:
    """Return the mesh's faces, (n, 3), from the published list of its edges, see ``triangles``.

    Raises:
        ValueError: The file does not hold the list.
    """
    # Each caller has its own to write into; kernels are compiled anew for what is read-only.
    return _triangles_once(path).copy()


@cache
def _triangles_once(path: Path) -> Triangles:
    return triangles(read_edges(path))


def triangles(edges: Iterable[Edge]) -> Triangles:
    """Return the mesh's faces, (n, 3), in a fixed order; eyes and mouth stay open.

    Three landmarks joined to one another are a face, but for the outline of three smaller ones around a
    landmark: all of its edges have a face too many.
    """
    found = _joined_triples(edges)
    uses = Counter(side for face in found for side in combinations(face, 2))
    faces = [face for face in found if min(uses[side] for side in combinations(face, 2)) < 3]
    return np.array(faces, np.int32)


def _joined_triples(edges: Iterable[Edge]) -> list[tuple[int, int, int]]:
    neighbours: defaultdict[int, set[int]] = defaultdict(set)
    for a, b in edges:
        neighbours[a].add(b)
        neighbours[b].add(a)
    pairs = [(a, b) for a in sorted(neighbours) for b in sorted(neighbours[a]) if a < b]
    return [(a, b, c) for a, b in pairs for c in sorted(neighbours[a] & neighbours[b]) if b < c]
