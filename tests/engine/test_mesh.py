"""The face mesh: its topology, and where it comes to lie on real faces."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headswap_cli.engine import hull, topology
from headswap_cli.engine.detect import FaceDetector
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.mesh import FaceMesh
from headswap_cli.engine.types import Frame, Landmarks
from tests import media


@pytest.fixture(scope="module")
def mesh() -> FaceMesh:
    return FaceMesh(media.weights_dir())


@pytest.fixture(scope="module")
def portrait() -> Frame:
    return np.asarray(cv2.imread(str(media.photo("astronaut.png"))), np.uint8)


@pytest.fixture(scope="module")
def placed(mesh: FaceMesh, portrait: Frame) -> Landmarks:
    detection = FaceDetector(media.weights_dir())(portrait)[0]
    return mesh.from_detection(portrait, detection)[0]


_POINTS = st.integers(0, 477)


@given(edges=st.lists(st.tuples(_POINTS, _POINTS), min_size=1))
def test_edges_are_read_as_they_are_listed(
    tmp_path_factory: pytest.TempPathFactory, edges: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("edges") / "connections.py"
    path.write_text(f"OTHER = frozenset([(1, 2)])\nFACEMESH_TESSELATION = frozenset({edges!r})\n")

    assert topology.read_edges(path) == tuple(edges)


@pytest.mark.parametrize(
    "text", ["", "FACEMESH_TESSELATION = 3", "FACEMESH_TESSELATION = frozenset([open('witness', 'w')])"]
)
def test_a_list_of_edges_is_read_and_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "connections.py"
    path.write_text(text)

    with pytest.raises(ValueError, match=r"edges|malformed"):
        topology.read_edges(path)

    assert not (tmp_path / "witness").exists()


def test_a_triangle_around_three_smaller_ones_is_no_face() -> None:
    edges = [(0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3), (0, 4), (1, 4), (1, 5), (2, 5), (2, 6), (0, 6)]

    faces = {tuple(face) for face in topology.triangles(edges).tolist()}

    assert faces == {(0, 1, 3), (0, 2, 3), (1, 2, 3), (0, 1, 4), (1, 2, 5), (0, 2, 6)}


@pytest.mark.media
def test_the_mesh_is_one_surface_open_at_its_outline_the_eyes_and_the_mouth() -> None:
    edges = topology.read_edges(media.weights_dir() / "face_mesh_connections.py")

    faces = topology.triangles(edges)

    uses = Counter(tuple(sorted(side)) for face in faces.tolist() for side in combinations(face, 2))
    rims = (topology.OVAL, topology.RIGHT_EYE, topology.LEFT_EYE, topology.INNER_LIPS)
    open_sides = {
        tuple(sorted((int(a), int(b)))) for rim in rims for a, b in zip(rim, np.roll(rim, -1), strict=True)
    }
    assert set(uses.values()) == {1, 2}
    assert {side for side, count in uses.items() if count == 1} == open_sides
    assert set(faces.ravel().tolist()) == set(range(topology.MESH_POINTS))


@pytest.mark.media
def test_who_writes_into_the_triangles_that_are_kept_changes_nobody_elses() -> None:
    path = media.weights_dir() / "face_mesh_connections.py"
    mine, others = topology.read_triangles(path), topology.read_triangles(path).tolist()

    mine[:] = 0

    assert topology.read_triangles(path).tolist() == others


@pytest.mark.media
def test_landmarks_lie_where_eyes_nose_and_mouth_are(placed: Landmarks) -> None:
    """The portrait's features were read off an enlargement by eye; the face is 90 pixels wide."""
    expected = {"right iris": (203, 101), "left iris": (247, 104), "nose": (226, 127), "mouth": (226, 145)}
    found = {
        "right iris": placed[topology.RIGHT_IRIS[0]],
        "left iris": placed[topology.LEFT_IRIS[0]],
        "nose": placed[topology.NOSE_TIP],
        "mouth": placed[topology.INNER_LIPS].mean(axis=0),
    }

    for name, place in expected.items():
        np.testing.assert_allclose(found[name][:2], place, atol=4, err_msg=name)


@pytest.mark.media
@pytest.mark.parametrize(
    ("ring", "pairs", "outwards"),
    [
        (topology.RIGHT_EYE, topology.RIGHT_EYE_PAIRS, -1),
        (topology.LEFT_EYE, topology.LEFT_EYE_PAIRS, 1),
    ],
)
def test_eyelids_run_from_the_outer_corner_to_the_inner_with_the_upper_lid_above(
    placed: Landmarks,
    ring: NDArray[np.int32],
    pairs: tuple[tuple[int, int], ...],
    outwards: int,
) -> None:
    lower, upper = placed[ring[:9], 0], placed[ring[[0, *range(15, 8, -1), 8]], 0]

    assert (np.diff(lower * outwards) < 0).all()
    assert (np.diff(upper * outwards) < 0).all()
    assert all(placed[above, 1] < placed[below, 1] for above, below in pairs)


@pytest.mark.media
def test_the_nose_is_nearer_to_the_camera_than_the_cheeks(placed: Landmarks) -> None:
    assert placed[topology.NOSE_TIP, 2] < placed[topology.RIGHT_CHEEK, 2]
    assert placed[topology.NOSE_TIP, 2] < placed[topology.LEFT_CHEEK, 2]


@pytest.mark.media
def test_a_mirrored_face_gets_mirrored_landmarks(mesh: FaceMesh, portrait: Frame, placed: Landmarks) -> None:
    mirrored = np.ascontiguousarray(portrait[:, ::-1])
    detection = FaceDetector(media.weights_dir())(mirrored)[0]

    landmarks, _ = mesh.from_detection(mirrored, detection)

    right_in_mirror = portrait.shape[1] - 1 - landmarks[topology.LEFT_EYE, 0]
    apart = np.abs(right_in_mirror - placed[topology.RIGHT_EYE, 0]).mean()
    assert apart < 0.03 * face_width(placed)


@pytest.mark.media
def test_eyes_that_are_hardly_open_are_seen_to_move_in_a_mirror_as_without_one(mesh: FaceMesh) -> None:
    frames = list(islice(media.frames_of(media.clip("WolfgangLanger_Pexels.mp4")), 0, 72, 2))
    mirrored = [np.ascontiguousarray(frame[:, ::-1]) for frame in frames]

    seen, seen_in_mirror = _gaps(mesh, frames), _gaps(mesh, mirrored)

    assert np.corrcoef(seen, seen_in_mirror)[0, 1] > 0.94


@pytest.mark.media
@pytest.mark.parametrize(("clip", "start"), [("carphone_pristine.mp4", 32), ("single_face.mp4", 18)])
def test_in_a_blink_eyes_are_seen_less_than_half_open(mesh: FaceMesh, clip: str, start: int) -> None:
    gaps = _gaps(mesh, list(islice(media.frames_of(media.clip(clip)), start, start + 20)))

    assert min(gaps) < 0.5 * max(gaps)


def _gaps(mesh: FaceMesh, frames: list[Frame]) -> list[float]:
    """Return how far apart the lids of both eyes are in frames of one face, in eye widths."""
    landmarks, _ = mesh.from_detection(frames[0], FaceDetector(media.weights_dir())(frames[0])[0])
    gaps = []
    for frame in frames:
        landmarks, _ = mesh.from_landmarks(frame, landmarks)
        gaps.append(float(np.mean([_gap(landmarks, eye) for eye in hull.EYES])))
    return gaps


def _gap(landmarks: Landmarks, eye: hull.Eye) -> float:
    upper, lower = (landmarks[list(side), :2] for side in zip(*eye.pairs, strict=True))
    return float(np.linalg.norm(upper - lower, axis=1).mean()) / hull.eye_frame(landmarks, eye)[1]


@pytest.mark.media
def test_landmarks_follow_a_face_that_moves(mesh: FaceMesh, portrait: Frame, placed: Landmarks) -> None:
    matrix = np.array([[1, 0, 9], [0, 1, -6]], np.float32)
    moved = np.asarray(cv2.warpAffine(portrait, matrix, portrait.shape[1::-1]), np.uint8)

    landmarks, presence = mesh.from_landmarks(moved, placed)

    shift = np.median(landmarks[:, :2] - placed[:, :2], axis=0)
    np.testing.assert_allclose(shift, (9, -6), atol=1)
    assert presence > 0.9


@pytest.mark.media
def test_no_face_has_no_presence(mesh: FaceMesh, placed: Landmarks) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (512, 512, 3)).astype(np.uint8)

    assert mesh.from_landmarks(noise, placed)[1] < 0.5
