"""A reference head and people to wear it, made once for all tests of the picture."""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli.engine import topology
from headswap_cli.engine.detect import FaceDetector
from headswap_cli.engine.matte import PersonMatte
from headswap_cli.engine.mesh import FaceMesh
from headswap_cli.engine.reference import Reference, build_reference, read_photo, select_face
from headswap_cli.engine.weights import MESH_EDGES
from tests import media

if TYPE_CHECKING:
    from headswap_cli.engine.types import Detection, Frame, Landmarks


@cache
def detector() -> FaceDetector:
    return FaceDetector(media.weights_dir())


@cache
def mesh() -> FaceMesh:
    return FaceMesh(media.weights_dir())


@cache
def matte() -> PersonMatte:
    return PersonMatte(media.weights_dir())


def faces(photo: str) -> tuple[Frame, list[Detection]]:
    image = read_photo(media.photo(photo))
    return image, detector()(image)


@cache
def reference(photo: str = "astronaut.png") -> Reference:
    return head_of(read_photo(media.photo(photo)))


def head_of(image: Frame) -> Reference:
    """The head on a photo."""
    landmarks, _ = mesh().from_detection(image, select_face(detector()(image)))
    edges = topology.read_edges(media.weights_dir() / MESH_EDGES)
    return build_reference(image, landmarks, matte(), topology.triangles(edges))


@cache
def scene(clip: str, start: int, count: int) -> tuple[tuple[Frame, ...], Landmarks]:
    """Some frames of a clip, and the largest face's landmarks in each, (count, 478, 3)."""
    frames = tuple(islice(media.frames_of(media.clip(clip), start=start), count))
    largest = max(detector()(frames[0]), key=lambda face: float(face.box[2] - face.box[0]))
    landmarks, _ = mesh().from_detection(frames[0], largest)
    found = [landmarks]
    for frame in frames[1:]:
        landmarks, _ = mesh().from_landmarks(frame, landmarks)
        found.append(landmarks)
    return frames, np.stack(found)
