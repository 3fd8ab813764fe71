"""The picture of a person that the user chooses by."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.engine import topology
from headswap_cli.engine.detect import FaceDetector
from headswap_cli.engine.geometry import face_box
from headswap_cli.engine.mesh import FaceMesh
from headswap_cli.engine.preview import portrait, quality
from headswap_cli.engine.types import Frame, Landmarks
from tests import media


def _disc(x: float, y: float, radius: float) -> Landmarks:
    """Return landmarks spread over a disc, as a face without features."""
    angles = np.arange(topology.LANDMARKS) * 2.4
    reach = radius * np.sqrt(np.arange(topology.LANDMARKS) / topology.MESH_POINTS)
    flat = np.stack([x + reach * np.cos(angles), y + reach * np.sin(angles), 0 * angles], axis=1)
    return flat.astype(np.float32)


_FRAME = np.random.default_rng(2).integers(0, 255, (360, 640, 3)).astype(np.uint8)


@given(x=st.floats(-30, 670), y=st.floats(-30, 390), radius=st.floats(8, 300))
def test_a_portrait_is_a_piece_of_the_frame_with_the_face_where_it_says(
    x: float, y: float, radius: float
) -> None:
    face = _disc(x, y, radius)

    image, placed = portrait(_FRAME, face, ())

    assert min(image.shape[:2]) >= 1
    assert max(image.shape[:2]) <= 512
    scale = (placed[9, 0] - placed[0, 0]) / (face[9, 0] - face[0, 0])
    assert 0 < scale <= 1.001
    if scale > 0.999:
        left, top = np.round(face[0, :2] - placed[0, :2]).astype(int)
        piece = _FRAME[top : top + image.shape[0], left : left + image.shape[1]]
        np.testing.assert_array_equal(image, piece)


def test_a_portrait_keeps_the_neighbour_out() -> None:
    face, neighbour = _disc(200, 180, 60), _disc(345, 180, 60)

    image, placed = portrait(_FRAME, face, [neighbour])

    right_edge = 200 - placed[0, 0] + image.shape[1]
    assert right_edge <= (face_box(face)[2] + face_box(neighbour)[0]) / 2 + 1
    assert image.shape[1] > 120


def test_a_portrait_is_the_callers_own() -> None:
    frame = _FRAME.copy()

    image, _ = portrait(frame, _disc(300, 180, 50), ())
    frame[:] = 0

    assert image.any()


@pytest.fixture(scope="module")
def view() -> tuple[Frame, Landmarks]:
    photo = np.asarray(cv2.imread(str(media.photo("astronaut.png"))), np.uint8)
    detection = FaceDetector(media.weights_dir())(photo)[0]
    return photo, FaceMesh(media.weights_dir()).from_detection(photo, detection)[0]


@pytest.mark.media
def test_a_good_portrait_photo_is_a_good_view(view: tuple[Frame, Landmarks]) -> None:
    assert 0.7 < quality(*view, presence=1.0) <= 1


@pytest.mark.media
def test_blur_smallness_and_a_frames_edge_make_a_view_worse(view: tuple[Frame, Landmarks]) -> None:
    photo, landmarks = view
    best = quality(photo, landmarks, presence=1.0)
    blurred = np.asarray(cv2.GaussianBlur(photo, (0, 0), 4), np.uint8)
    small = np.asarray(cv2.resize(photo, (128, 128), interpolation=cv2.INTER_AREA), np.uint8)
    cut = photo[:, 220:]

    assert quality(blurred, landmarks, presence=1.0) < 0.7 * best
    assert quality(small, (landmarks / 4).astype(np.float32), presence=1.0) < 0.7 * best
    assert quality(cut, (landmarks - (220, 0, 0)).astype(np.float32), presence=1.0) < 0.7 * best
    assert quality(photo, landmarks, presence=0.5) == pytest.approx(best / 2)


@pytest.mark.media
def test_closed_eyes_and_a_turned_head_make_a_view_worse(view: tuple[Frame, Landmarks]) -> None:
    photo, landmarks = view
    best = quality(photo, landmarks, presence=1.0)
    asleep, turned = landmarks.copy(), landmarks.copy()
    for upper, lower in (*topology.RIGHT_EYE_PAIRS, *topology.LEFT_EYE_PAIRS):
        asleep[upper] = asleep[lower]
    turned[topology.NOSE_TIP, 0] += 30

    assert quality(photo, asleep, presence=1.0) < 0.6 * best
    assert quality(photo, turned, presence=1.0) < 0.6 * best
