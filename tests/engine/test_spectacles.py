"""A reference photo's glasses: found, taken off the face, and put on again stiff, whatever the eyes do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from headswap_cli.engine import hull, topology
from headswap_cli.engine.geometry import face_box, face_width
from headswap_cli.engine.paint import Painter
from headswap_cli.engine.piece import cut_piece
from headswap_cli.engine.reference import read_photo
from headswap_cli.engine.retarget import Retargeter
from headswap_cli.engine.spectacles import without_glasses
from headswap_cli.engine.weights import MESH_EDGES
from tests import media
from tests.engine import heads, worse
from tests.engine.overlays import OVERLAYS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headswap_cli.engine.types import Frame, Landmarks

pytestmark = pytest.mark.media

BARE = ["astronaut.png", "0-f15-hao-ph.jpg", "0-f1-su-ph.jpg", "15-f13-anc-ph.jpg", "obama.jpg"]


def taken_off(photo: Frame, landmarks: Landmarks) -> tuple[Frame, NDArray[np.float32]] | None:
    edges = topology.read_edges(media.weights_dir() / MESH_EDGES)
    return without_glasses(photo, landmarks, topology.triangles(edges))


@pytest.mark.parametrize("name", [*BARE, "single_face.jpg", "45-m7-di-ph.jpg"])
def test_brows_lashes_and_shadows_are_no_glasses(name: str) -> None:
    photo = read_photo(media.photo(name))
    assert taken_off(photo, worse.face_of(photo)) is None


def test_a_clip_of_bare_faces_has_none_in_any_frame() -> None:
    for frame, landmarks in zip(*heads.scene("single_face.mp4", 0, 72), strict=True):
        assert taken_off(frame, landmarks) is None


@pytest.mark.parametrize("kind", ["glasses", "clear rims"])
@pytest.mark.parametrize("name", BARE)
def test_glasses_are_found_and_the_face_is_almost_as_it_was_without_them(name: str, kind: str) -> None:
    photo = read_photo(media.photo(name))
    landmarks = worse.face_of(photo)
    painted, drawn = OVERLAYS[kind](photo, landmarks)
    found = taken_off(painted, landmarks)
    assert found is not None
    bare, worn = found
    outline = np.round(landmarks[topology.OVAL, :2]).astype(np.int32)
    face = cv2.fillPoly(np.zeros(drawn.shape, np.uint8), [outline], 1)
    for eye in hull.EYES:
        lids = np.concatenate([landmarks[eye.lids, :2], landmarks[list(eye.creases), :2]])
        cv2.fillConvexPoly(face, cv2.convexHull(np.round(lids).astype(np.int32)), 0)
    inner = cv2.erode(face, np.ones((2 * round(0.05 * face_width(landmarks)) + 1,) * 2, np.uint8)) > 0
    rims = drawn & inner
    assert worn[rims].mean() > 0.85
    before, after = (np.abs(one[rims].astype(int) - photo[rims]).mean() for one in (painted, bare))
    assert after < 0.5 * before


def test_dark_lenses_stay_as_nobody_knows_what_is_behind_them() -> None:
    photo = read_photo(media.photo("0-f15-hao-ph.jpg"))
    assert taken_off(worse.shaded(photo, 0.3), worse.face_of(photo)) is None


def shut(landmarks: Landmarks) -> Landmarks:
    """The same face with its lids closed."""
    asleep = landmarks.copy()
    for eye in hull.EYES:
        for upper, lower in eye.pairs:
            asleep[upper] = asleep[lower]
    return asleep


def test_rims_stay_where_they_are_while_the_eyes_behind_them_shut() -> None:
    reference, photo = heads.reference("gracehopper.jpg"), read_photo(media.photo("astronaut.png"))
    awake = worse.face_of(photo)
    places = [awake] * 6 + [shut(awake)] * 2
    retargeter = Retargeter(reference.vertices, reference.texture_points, np.stack(places))
    piece = cut_piece(photo, face_box(awake), face_width(awake))
    assert piece is not None
    layers = []
    for place in (awake, shut(awake)):
        painter = Painter(reference, reference.triangles)
        posed = retargeter.pose(place)
        layers.append(painter.paint(piece, awake, posed, None, np.zeros(2, np.float32))[0])
    open_eyes, shut_eyes = (np.clip(layer[..., :3], 0, 255) for layer in layers)
    # From the reference to the piece: both faces are from the front.
    photos, pieces = (
        np.ascontiguousarray(points[: topology.MESH_POINTS, :2])
        for points in (reference.landmarks, piece.full(retargeter.pose(awake).still))
    )
    matrix, _ = cv2.estimateAffine2D(photos, pieces)
    assert reference.glasses is not None
    worn = reference.glasses.textures[0][..., 3] / np.float32(255)
    there = cv2.warpAffine(worn, matrix, open_eyes.shape[1::-1])
    rims = (there > 0.95) & (open_eyes.sum(axis=2) < 0.5 * np.median(open_eyes.sum(axis=2)[there < 0.05]))
    apart = np.abs(open_eyes - shut_eyes).max(axis=2)
    assert rims.sum() > 40
    assert np.median(apart[rims]) < 3
    assert apart.max() > 40


def test_a_rim_beside_a_nose_that_is_seen_aside_is_no_row_of_dots() -> None:
    reference = heads.reference("gracehopper.jpg")
    landmarks = reference.landmarks.copy()
    middle, (turn, _) = landmarks.mean(axis=0), cv2.Rodrigues(np.array([0.0, math.radians(20), 0.0]))
    landmarks = np.asarray(0.7 * (landmarks - middle) @ turn.T + (160, 160, 0), np.float32)
    retargeter = Retargeter(reference.vertices, reference.texture_points, landmarks[np.newaxis])
    piece = cut_piece(np.full((320, 320, 3), 150, np.uint8), face_box(landmarks), face_width(landmarks))
    assert piece is not None
    painter = Painter(reference, reference.triangles)
    posed = retargeter.pose(landmarks)
    drawn, _ = painter.paint(piece, landmarks, posed, None, np.zeros(2, np.float32))
    wing, bridge = np.round(piece.full(posed.landmarks)[[49, 6], :2]).astype(int)
    side = drawn[bridge[1] : wing[1], wing[0] : bridge[0], :3].mean(axis=2)
    # A dot is darker than what is above it and below.
    assert np.square(np.maximum(np.diff(side, 2, axis=0), 0)).mean() < 200
