"""Finding faces on real photos and in real frames."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from headswap_cli.engine.detect import FaceDetector
from headswap_cli.engine.geometry import overlap
from headswap_cli.engine.types import Frame
from tests import media

pytestmark = pytest.mark.media


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector(media.weights_dir())


def _photo(name: str) -> Frame:
    return np.asarray(cv2.imread(str(media.photo(name))), np.uint8)


@pytest.mark.parametrize(
    ("name", "faces"),
    [("astronaut.png", 1), ("0-f1-su-ph.jpg", 1), ("0-f15-hao-ph.jpg", 1), ("multi_face.jpg", 5)],
)
def test_every_face_of_a_photo_is_found_once(detector: FaceDetector, name: str, faces: int) -> None:
    assert len(detector(_photo(name))) == faces


def test_faces_come_surest_first_and_lie_in_the_frame(detector: FaceDetector) -> None:
    photo = _photo("multi_face.jpg")

    found = detector(photo)

    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for one in found:
        x0, y0, x1, y1 = one.box
        assert -5 < x0 < x1 < photo.shape[1] + 5
        assert -5 < y0 < y1 < photo.shape[0] + 5
        right_eye, left_eye, nose, mouth = one.keypoints[:4]
        assert right_eye[0] < left_eye[0]
        assert right_eye[1] < nose[1] < mouth[1]


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (300, 60), (760, 100)])
def test_a_face_is_found_wherever_it_stands_in_a_wide_frame(detector: FaceDetector, dx: int, dy: int) -> None:
    face = cv2.resize(_photo("astronaut.png"), (200, 200), interpolation=cv2.INTER_AREA)
    alone = detector(np.asarray(face, np.uint8))[0]
    wide = np.full((360, 1000, 3), 90, np.uint8)
    wide[dy : dy + 200, dx : dx + 200] = face

    (found,) = detector(wide)

    assert overlap(found.box, alone.box + np.array([dx, dy, dx, dy], np.float32)) > 0.7


def test_tiles_find_a_face_that_is_too_small_for_the_whole_frame(detector: FaceDetector) -> None:
    face = cv2.resize(_photo("astronaut.png"), (200, 200), interpolation=cv2.INTER_AREA)
    wide = np.full((540, 1920, 3), 90, np.uint8)
    wide[200:400, 860:1060] = face

    assert len(detector(wide, tiles=True)) == 1
    assert detector(wide, tiles=False) == []


@pytest.mark.parametrize("name", ["bigbuckbunny.mp4", "no_face.mp4"])
def test_nobody_is_found_where_nobody_is(detector: FaceDetector, name: str) -> None:
    frames = list(media.frames_of(media.clip(name)))[::20]

    assert [len(detector(frame, threshold=0.8)) for frame in frames] == [0] * len(frames)


def test_a_frame_of_a_few_pixels_holds_no_face(detector: FaceDetector) -> None:
    assert detector(np.zeros((2, 3, 3), np.uint8)) == []
