"""The folds of a smile go with the smile, and nothing else does."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from headswap_cli.engine.folds import smooth_folds
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.types import Landmarks
from tests.engine import heads

pytestmark = pytest.mark.media

SKIN = (120, 140, 180)


def face() -> tuple[Landmarks, float]:
    landmarks = heads.reference().landmarks
    return landmarks, face_width(landmarks)


def creased() -> tuple[np.ndarray, np.ndarray]:
    """A head of plain skin with a dark line beside nose and mouth, and where that line is."""
    landmarks, width = face()
    layer = np.ones((800, 800, 4), np.float32)
    layer[..., :3] = SKIN
    line = np.round(landmarks[[203, 206, 216], :2]).astype(np.int32)
    mask = cv2.polylines(np.zeros((800, 800), np.uint8), [line], False, (1,), max(1, round(0.02 * width)))
    layer[mask > 0, :3] *= 0.5
    return layer, mask > 0


def test_a_fold_is_filled_with_the_skin_beside_it() -> None:
    layer, line = creased()
    smooth_folds(layer, *face(), 1.0)
    # The smooth fill keeps a tenth of a fold at its most, and its ends lie at the band's soft edge.
    assert np.median(layer[line][:, 1]) > 0.9 * SKIN[1]
    np.testing.assert_allclose(layer[~line][:, :3], np.broadcast_to(SKIN, (int((~line).sum()), 3)), atol=0.5)


@pytest.mark.parametrize(("amount", "width"), [(0.0, None), (1.0, 12.0)])
def test_a_smile_keeps_its_folds_and_a_tiny_face_is_left_alone(amount: float, width: float | None) -> None:
    layer, _ = creased()
    kept = layer.copy()
    smooth_folds(layer, face()[0], width or face()[1], amount)
    np.testing.assert_array_equal(layer, kept)


def test_lips_keep_their_dark_line() -> None:
    landmarks, width = face()
    layer = np.ones((800, 800, 4), np.float32)
    layer[..., :3] = SKIN
    lips = np.round(landmarks[[78, 13, 308], :2]).astype(np.int32)
    line = cv2.polylines(np.zeros((800, 800), np.uint8), [lips], False, (1,), 2) > 0
    layer[line, :3] *= 0.4
    kept = layer[line].copy()
    smooth_folds(layer, landmarks, width, 1.0)
    assert np.abs(layer[line] - kept).max(axis=1).mean() < 0.1 * SKIN[2]


def test_folds_beyond_the_picture_are_passed_over() -> None:
    landmarks, width = face()
    layer = np.full((60, 60, 4), 100, np.float32)
    smooth_folds(layer, landmarks + 4000, width, 1.0)
    assert (layer == 100).all()
