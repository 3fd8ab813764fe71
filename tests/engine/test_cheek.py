"""The far cheek of a head that its photo shows turned: skin up to its edge, and then hair."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from headswap_cli.engine.cheek import texture_shift, whole_cheek
from headswap_cli.engine.raster import rasterise
from headswap_cli.engine.reference import Reference
from tests.engine import heads

pytestmark = pytest.mark.media

TURNED, FRONTAL = "15-f13-anc-ph.jpg", ["0-f1-su-ph.jpg", "obama.jpg", "gracehopper.jpg"]
_SKIN = np.array([0.5, 1.5, 1.5])


def turned(reference: Reference, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """The head's colours and opacity as they show when it is turned so far, like its photo."""
    turn = np.radians(degrees)
    rotation = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    size = reference.textures[0].shape[1]
    middle = reference.landmarks.mean(axis=0)
    points = (reference.vertices - middle) @ rotation.T + middle
    seen = rasterise(points.astype(np.float32), reference.texture_points, reference.triangles, size, size)
    shown = cv2.remap(reference.textures[0], seen[..., 0], seen[..., 1], cv2.INTER_LINEAR)
    shown[seen[..., 0] < 0] = 0
    return shown, points


@pytest.mark.parametrize("degrees", [-15, -30])
def test_a_turned_photos_far_cheek_is_skin_from_the_front_though_a_strand_lay_there(degrees: float) -> None:
    reference = heads.reference(TURNED)
    shown, points = turned(reference, degrees)
    lab = cv2.cvtColor(np.ascontiguousarray(shown[..., :3]), cv2.COLOR_BGR2LAB).astype(float)
    skin = lab[tuple(np.round(points[[50, 205, 4, 195], 1::-1]).astype(int).T)].mean(axis=0)
    # Between the mouth's corner and the mesh's outline, from the lobe down to the jaw.
    cheek = np.round(points[[93, 132, 58, 172, 136, 214, 192, 213], :2]).astype(np.int32)
    area = cv2.fillConvexPoly(np.zeros(shown.shape[:2], np.uint8), cv2.convexHull(cheek), 1) > 0
    assert np.linalg.norm((lab[area] - skin) * _SKIN, axis=1).max() < 40
    assert (shown[area][:, 3] > 230).mean() > 0.97


@pytest.mark.parametrize("degrees", [-12, -20])
def test_a_far_cheek_that_is_lit_from_behind_has_no_pale_edge(degrees: float) -> None:
    shown, points = turned(heads.reference("single_face.jpg"), degrees)
    light = cv2.cvtColor(np.ascontiguousarray(shown[..., :3]), cv2.COLOR_BGR2LAB)[..., 0].astype(float)
    # From the mesh's outline to the cheek, in the ear's height.
    for edge, cheek in ((234, 123), (93, 147)):
        way = np.linspace(points[edge, :2], points[cheek, :2], 24)
        along = light[tuple(np.round(way).astype(int).T[::-1])]
        assert along.max() - np.median(along) < 8


@pytest.mark.parametrize("photo", FRONTAL)
def test_a_photo_from_the_front_keeps_its_cheeks_and_its_outline(photo: str) -> None:
    reference = heads.reference(photo)
    size = reference.textures[0].shape[1]
    texture = reference.textures[0][:size]
    alpha = np.asarray(texture[..., 3] / np.float32(255), np.float32)
    colours, kept, found = whole_cheek(np.ascontiguousarray(texture[..., :3]), alpha, reference.landmarks)
    np.testing.assert_array_equal(colours, texture[..., :3])
    np.testing.assert_array_equal(kept, alpha)
    assert not found.any()
    assert np.abs(texture_shift(reference.vertices)).max() < 0.01 * reference.face_width
