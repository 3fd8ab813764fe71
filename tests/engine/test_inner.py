"""A face alone: no hair in it, as far as the jaw's edge, and nothing of it beyond the person's own face."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from headswap_cli.engine import topology
from headswap_cli.engine.appearance import Appearance, learn, of_face
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.head import HeadSwapper
from headswap_cli.engine.inner import face_alone
from headswap_cli.engine.retarget import Retargeter
from headswap_cli.engine.silhouette import inside
from headswap_cli.engine.types import Frame, Landmarks
from headswap_cli.models import Mode
from tests.engine import heads

pytestmark = pytest.mark.media


# Over the brows, where a fringe hangs, and the temple on whose side it hangs lower.
_FRINGE = [9, 299, 333, 298, 301, 383]


def lightness(picture: Frame, landmarks: Landmarks, places: list[int] | np.ndarray) -> float:
    """The places' median luma, each with its neighbours."""
    grey = cv2.blur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (5, 5))
    x, y = np.round(landmarks[places, :2]).astype(int).T
    return float(np.median(grey[y, x]))


def swapped(frames: list[Frame], landmarks: Landmarks, appearance: Appearance | None = None) -> Frame:
    alone = face_alone(heads.reference())
    head = HeadSwapper(alone, landmarks, Mode.FACE, heads.matte(), appearance=appearance)
    return [head.apply(*pair).image for pair in zip(frames, landmarks, strict=True)][-1]


def test_hair_that_hangs_into_the_photos_face_is_skin_in_a_face_alone() -> None:
    whole = heads.reference()
    alone = face_alone(whole)
    shares = [
        lightness(np.ascontiguousarray(head.textures[0][..., :3]), whole.landmarks, _FRINGE)
        / lightness(np.ascontiguousarray(head.textures[0][..., :3]), whole.landmarks, topology.CHEEKS)
        for head in (whole, alone)
    ]
    assert shares[0] < 0.75
    assert shares[1] > 0.85


def test_glasses_stay_on_a_face_alone() -> None:
    whole = heads.reference("gracehopper.jpg")
    # Above the eyes, from temple to temple: there the rims are black.
    x0, y0 = int(whole.landmarks[70, 0]), int(whole.landmarks[[105, 334], 1].min())
    x1, y1 = int(whole.landmarks[300, 0]), int(whole.landmarks[[159, 386], 1].min())
    glasses = face_alone(whole).glasses
    assert glasses is not None
    part = glasses.textures[0][y0:y1, x0:x1]
    dark = part[..., :3].max(axis=2) < 60
    assert dark.mean() > 0.02
    assert (part[..., 3] > 200)[dark].mean() > 0.9


def test_an_inner_face_reaches_near_the_jaw_and_over_the_brows() -> None:
    whole = heads.reference()
    alone = face_alone(whole)
    middle = whole.landmarks[[1]]
    jaw = whole.landmarks[topology.OVAL[11:26]]
    near_the_jaw = jaw + 0.12 * (middle - jaw)
    brows = whole.landmarks[np.concatenate([topology.RIGHT_BROW, topology.LEFT_BROW])]
    for places in (near_the_jaw, brows):
        x, y = np.round(places[:, :2]).astype(int).T
        assert alone.weights[0][y, x, 1].min() > 200


@pytest.mark.parametrize("photo", ["astronaut.png", "15-f13-anc-ph.jpg"])
def test_an_inner_face_covers_lashes_where_they_reach_beyond_the_outer_corners(photo: str) -> None:
    whole = heads.reference(photo)
    x, y = np.round(whole.landmarks[[31, 35, 261, 265], :2]).astype(int).T
    assert face_alone(whole).weights[0][y, x, 1].min() > 200


def test_an_inner_face_goes_over_softly_to_the_persons_cheeks() -> None:
    whole = heads.reference()
    shows = face_alone(whole).weights[0][..., 1]
    outline, middle = whole.landmarks[topology.OVAL[[8, 9, 27, 28]], :2], whole.landmarks[1, :2]
    steps = []
    for way in (0.04, 0.08, 0.16):
        inwards = (middle - outline) / np.linalg.norm(middle - outline, axis=1, keepdims=True)
        x, y = np.round(outline + way * whole.face_width * inwards).astype(int).T
        steps.append(shows[y, x])
    assert steps[0].max() < 90
    assert steps[1].max() < 200
    assert steps[2].min() > 250


def test_a_face_that_must_fit_takes_on_the_persons_outline() -> None:
    _, landmarks = heads.scene("single_face.mp4", 0, 6)
    reference, width = heads.reference(), face_width(landmarks[-1])
    apart = []
    for fits in (False, True):
        retargeter = Retargeter(reference.vertices, reference.texture_points, landmarks, fits=fits)
        posed = retargeter.pose(landmarks[-1]).landmarks
        edges = np.linalg.norm((posed - landmarks[-1])[topology.OVAL, :2], axis=1)
        apart.append(float(edges.max()) / width)
    assert apart[0] > 0.05
    assert apart[1] < 0.02


def test_nothing_of_a_face_shows_beyond_the_persons_own_when_that_is_turned_aside() -> None:
    image = heads.faces("45-m7-di-ph.jpg")[0]
    landmarks, _ = heads.mesh().from_detection(image, heads.faces("45-m7-di-ph.jpg")[1][0])
    track = np.repeat(landmarks[np.newaxis], 4, axis=0)
    result = swapped([image] * 4, track)
    own = inside(image.shape, landmarks, of_face(heads.reference().triangles)) > 0
    side = 2 * round(0.03 * face_width(landmarks)) + 1
    beyond = cv2.dilate(own.view(np.uint8), np.ones((side, side), np.uint8)) == 0
    change = np.abs(result.astype(np.int16) - image).max(axis=2)
    assert np.percentile(change[own], 50) > 5
    assert change[beyond].max() <= 12


def test_the_rim_of_a_beard_does_not_stay_around_a_face_without_one() -> None:
    frames, track = heads.scene("jwpIntro.mp4", 0, 6)
    result, landmarks = swapped(list(frames), track), track[-1]
    jaw = topology.OVAL[13:24]
    middle = landmarks[[topology.NOSE_TIP]]
    rim = landmarks.copy()
    rim[jaw] += 0.12 * (middle - landmarks[jaw])
    shares = [
        lightness(picture, rim, jaw) / lightness(picture, landmarks, topology.CHEEKS)
        for picture in (frames[-1], result)
    ]
    assert shares[0] < 0.65
    assert shares[1] > 0.75


def test_a_beard_goes_as_far_as_it_hangs_below_the_jaw_where_the_photo_has_none() -> None:
    frames, track = heads.scene("jwpIntro.mp4", 0, 6)
    appearance = learn(list(zip(frames, track, strict=True)), of_face(heads.reference().triangles))
    landmarks, shares = track[-1], []
    below, reach = landmarks.copy(), 0.05 * face_width(landmarks)
    below[topology.OVAL, 1] += reach
    results = [swapped(list(frames), track, known) for known in (None, appearance)]
    for picture in (frames[-1], *results):
        light = lightness(picture, below, topology.OVAL[15:22])
        shares.append(light / lightness(picture, landmarks, topology.CHEEKS))
    assert max(shares[:2]) < 0.3
    assert shares[2] > 0.4
    neck = round(float(landmarks[topology.CHIN, 1]) + 4 * reach)
    np.testing.assert_array_equal(results[1][neck:], frames[-1][neck:])


def test_the_photos_beard_stays_on_a_face_alone() -> None:
    whole = heads.head_of(heads.scene("jwpIntro.mp4", 0, 6)[0][0])
    alone = face_alone(whole)
    cheeks_below_the_ears = [*topology.OVAL[11:14], *topology.OVAL[23:26]]
    x, y = (
        np.round(0.85 * whole.landmarks[cheeks_below_the_ears, :2] + 0.15 * whole.landmarks[14, :2])
        .astype(int)
        .T
    )
    before, after = (head.textures[0][y, x, :3].astype(int) for head in (whole, alone))
    np.testing.assert_allclose(after, before, atol=12)


def test_inside_a_face_is_all_and_its_edge_nothing() -> None:
    _, tracks = heads.scene("single_face.mp4", 0, 1)
    landmarks = tracks[0]
    mask = inside((400, 700), landmarks, of_face(heads.reference().triangles))
    for place in (topology.NOSE_TIP, 13, 468, 473, *topology.CHEEKS):
        x, y = np.round(landmarks[place, :2]).astype(int)
        assert mask[y, x] == pytest.approx(1)
    x, y = np.round(landmarks[topology.OVAL, :2]).astype(int).T
    assert mask[y, x].max() < 0.3
