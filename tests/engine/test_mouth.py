"""The open mouth is the person's own, and so is the shade of the lips."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import face_box, face_width
from headswap_cli.engine.mouth import fill_mouth
from headswap_cli.engine.paint import Painter
from headswap_cli.engine.piece import Piece, cut_piece
from headswap_cli.engine.reference import read_photo, select_face
from headswap_cli.engine.retarget import Retargeter
from headswap_cli.engine.sample import between
from headswap_cli.engine.types import Frame, Landmarks
from tests import media
from tests.engine import heads

SIZE, LIP = 60, 5


def face(x: float = 30, y: float = 30, wide: float = 12, high: float = 6) -> Landmarks:
    """Landmarks of which only the lips mean anything: each as high as ``LIP``, hardly wider."""
    landmarks = np.zeros((topology.LANDMARKS, 3), np.float32)
    turn = np.linspace(np.pi, 3 * np.pi, len(topology.INNER_LIPS), endpoint=False)
    for ring, more in ((topology.INNER_LIPS, 0), (topology.OUTER_LIPS, 1)):
        landmarks[ring, 0] = x + (wide + more) * np.cos(turn)
        landmarks[ring, 1] = y - (high + more * LIP) * np.sin(turn)
    return landmarks


def head() -> np.ndarray:
    layer = np.full((SIZE, SIZE, 4), 100, np.float32)
    layer[..., 3] = 1
    return layer


def test_an_open_mouth_shows_what_is_in_the_persons() -> None:
    piece = np.full((SIZE, SIZE, 3), 40, np.uint8)
    piece[18:22, 8:32] = 230
    layer = head()
    fill_mouth(layer, piece, face(x=20, y=20), face(), gap=0.2, feather=0.7)
    np.testing.assert_allclose(layer[30, 30, :3], 230, atol=2)
    np.testing.assert_array_equal(layer[..., 3], 1)
    np.testing.assert_array_equal(layer[:19], head()[:19])
    np.testing.assert_array_equal(layer[:, 48:], head()[:, 48:])


def test_what_is_before_the_mouth_does_not_move_along_with_it() -> None:
    piece = np.full((SIZE, SIZE, 3), 200, np.uint8)
    covered = np.zeros((SIZE // 2, SIZE // 2), np.float32)
    piece[16:24, 16:22] = 10
    covered[8:12, 8:11] = 1
    shown = []
    for hidden in (None, covered):
        layer = head()
        fill_mouth(layer, piece, face(x=20, y=20), face(), gap=0.2, feather=0.7, covered=hidden)
        shown.append(layer[28:33, 24:36, :3].min())
    assert shown[0] < 20
    assert shown[1] > 180


@pytest.mark.parametrize("place", [slice(17, 24), slice(9, 19)])
def test_teeth_and_lips_go_on_behind_what_is_before_them(place: slice) -> None:
    wide = face(x=20, y=20, wide=16, high=7)
    piece = np.full((SIZE, SIZE, 3), 200, np.uint8)
    piece[15:20, 3:38] = 240
    piece[20:25, 3:38] = 30
    covered = np.zeros((SIZE, SIZE), np.float32)
    covered[:, place] = 1
    layers = []
    for hidden in (None, covered):
        layer, seen = head(), piece.copy()
        if hidden is not None:
            seen[hidden > 0] = 120
        fill_mouth(layer, seen, wide, face(wide=16, high=7), gap=0.2, feather=0.7, covered=hidden)
        layers.append(layer)
    between = np.s_[27:33, 20:41, :3]
    apart = np.abs(layers[1][between] - layers[0][between])
    # A guess that is smooth would be grey between teeth and tongue.
    assert np.ptp(layers[1][between]) > 200
    assert apart.mean() < 12


def test_a_mouth_that_is_wholly_covered_is_dark_inside() -> None:
    piece = np.full((SIZE, SIZE, 3), 200, np.uint8)
    layer = head()
    everywhere = np.ones((SIZE, SIZE), np.float32)
    fill_mouth(layer, piece, face(x=20, y=20), face(), gap=0.2, feather=0.7, covered=everywhere)
    assert layer[30, 30, :3].max() < 30


def test_a_mouth_that_fills_the_frame_may_be_covered_as_well() -> None:
    piece = np.full((300, 400, 3), 200, np.uint8)
    layer = np.ones((300, 400, 4), np.float32)
    everywhere = np.ones((300, 400), np.float32)
    wide = face(x=200, y=150, wide=170, high=120)
    fill_mouth(layer, piece, wide, wide, gap=0.2, feather=0.7, covered=everywhere)
    assert layer[150, 200, :3].max() < 30


@pytest.mark.parametrize("gap", [0.0, 0.012])
def test_shut_lips_keep_the_heads_colour_and_have_the_persons_shade(gap: float) -> None:
    for brightness in (70, 180):
        layer, piece = head(), np.full((SIZE, SIZE, 3), brightness, np.uint8)
        fill_mouth(layer, piece, face(high=0), face(high=0), gap=gap, feather=0.7)
        np.testing.assert_allclose(layer, head(), atol=2)
    layer = head()
    # The shade on an upper lip.
    piece[26:29] = 90
    fill_mouth(layer, piece, face(high=0), face(high=0), gap=gap, feather=0.7)
    assert layer[27, 30, :3].max() < 85
    np.testing.assert_array_equal(layer[:22], head()[:22])
    np.testing.assert_array_equal(layer[..., 3], 1)


def test_between_lips_that_hardly_part_is_what_is_in_the_persons_mouth_and_no_tooth_of_the_photo() -> None:
    slit = face(high=1)
    layer = head()
    layer[28:33, 18:42, :3] = 240
    fill_mouth(layer, np.full((SIZE, SIZE, 3), 30, np.uint8), slit, slit, gap=0.03, feather=0.7)
    assert layer[30, 22:39, 0].max() < 60
    above = layer[24:37, 22:39, 0]
    # Its outline runs between the rows: it is drawn with half covered pixels.
    assert ((above > 60) & (above < 220)).any()


def test_a_mouth_beyond_the_piece_is_passed_over() -> None:
    layer = head()
    fill_mouth(layer, np.zeros((SIZE, SIZE, 3), np.uint8), face(x=-80), face(x=-80), gap=0.2, feather=0.7)
    np.testing.assert_array_equal(layer, head())


def lips_alone(landmarks: Landmarks, lips: tuple[int, int, int], shade: float) -> Frame:
    """A white mouth whose lips are of one colour, but darker by ``shade`` where they part."""
    piece = np.full((SIZE, SIZE, 3), 200, np.uint8)
    inner, outer = (landmarks[ring, :2] for ring in (topology.INNER_LIPS, topology.OUTER_LIPS))
    edge = inner + 0.3 * (outer - inner)
    for ring, colour in (
        (outer, lips),
        (edge, tuple(shade * channel for channel in lips)),
        (inner, (240, 240, 240)),
    ):
        cv2.fillPoly(piece, [np.round(ring * 16).astype(np.int32)], colour, cv2.LINE_8, 4)
    return piece


def test_where_lips_part_they_are_shaded_as_the_persons_and_coloured_as_the_heads() -> None:
    """A photo that laughs has teeth there, by the mesh."""
    here = face(wide=20, high=8)
    here[topology.OUTER_LIPS] += 1.4 * (here[topology.OUTER_LIPS] - here[topology.INNER_LIPS])
    layer = head()
    layer[..., :3] = lips_alone(here, (80, 60, 160), 1)
    layer[:, :, :3][layer[..., 0] == 240] = 255
    fill_mouth(layer, lips_alone(here, (120, 120, 120), 0.4), here, here, gap=0.3, feather=0.7)
    edge, lip = layer[40, 30, :3], layer[44, 30, :3]
    assert (edge < 0.75 * lip).all()
    np.testing.assert_allclose(edge / edge.sum(), np.array([80, 60, 160]) / 300, atol=0.03)
    np.testing.assert_allclose(layer[30, 30, :3], 240, atol=2)


def painted(frame: Frame, place: Landmarks) -> tuple[np.ndarray, Piece]:
    """The reference head in a piece of a frame, its own expression kept."""
    reference = heads.reference()
    piece = cut_piece(frame, face_box(place), face_width(place))
    assert piece is not None
    track = np.repeat(place[np.newaxis], 8, axis=0)
    posed = Retargeter(reference.vertices, reference.texture_points, track).pose(place)
    layer, _ = Painter(reference, reference.triangles).paint(
        piece, place, posed, None, np.zeros(2, np.float32)
    )
    return layer, piece


@pytest.mark.media
def test_the_mouth_goes_over_into_the_lips_within_a_thirtieth_of_the_face() -> None:
    photo = read_photo(media.photo("astronaut.png"))
    frame = np.asarray(cv2.resize(photo, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC), np.uint8)
    place, _ = heads.mesh().from_detection(frame, select_face(heads.detector()(frame)))
    drawn = []
    for grey in (80, 140):
        cv2.fillPoly(frame, [np.round(place[topology.OUTER_LIPS, :2]).astype(np.int32)], (grey,) * 3)
        layer, piece = painted(frame, place)
        drawn.append(layer[..., 1])
    # Lips keep the head's colour, whatever the person's is.
    lips = piece.full(place)
    upper, lower, column = lips[13, 1], lips[14, 1], round(float(lips[[13, 14], 0].mean()))
    across = (drawn[1] - drawn[0])[round((upper + lower) / 2) : round(2 * lower - upper), column] / 60
    edge = np.interp([0.1, 0.9], across[::-1], np.arange(len(across))[::-1])
    assert float(-np.diff(edge)[0]) / face_width(place) == pytest.approx(1 / 30, abs=0.012)


@pytest.mark.media
def test_teeth_in_a_frame_that_is_not_sharp_are_not_blurred_once_more() -> None:
    photo = read_photo(media.photo("astronaut.png"))
    place, _ = heads.mesh().from_detection(photo, select_face(heads.detector()(photo)))
    frame = np.asarray(cv2.GaussianBlur(photo, (0, 0), 2), np.uint8)
    layer, piece = painted(frame, place)
    lips = np.round(piece.full(place)[topology.INNER_LIPS, :2]).astype(int)
    (x0, y0), (x1, y1) = lips.min(axis=0), lips.max(axis=0)
    middle = np.s_[y0 + 3 : y1 - 2, x0 + 8 : x1 - 8]
    drawn, seen = (
        np.abs(cv2.Laplacian(picture[middle].astype(np.float32), cv2.CV_32F)).mean()
        for picture in (layer[..., :3], piece.image)
    )
    assert drawn > 0.9 * seen


def test_a_dark_gap_of_a_pixel_stays_as_dark_between_pixels_as_it_is_at_them() -> None:
    picture = np.full((9, 9, 3), 200, np.uint8)
    picture[4] = 20
    darkest = min(between(picture, 4.5, 3.5 + step / 16, 0) for step in range(17))
    assert darkest == pytest.approx(20, abs=1)
    halfway = between(picture, 4.5, 4.5, 0)
    # Along a straight line it would be 110.
    assert halfway < 105
    assert between(picture, -5, 1, 0) == between(picture, 30, 1, 0) == pytest.approx(200)
