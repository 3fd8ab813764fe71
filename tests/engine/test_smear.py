"""A head that moves is blurred along its way as the face it replaces, and else not at all."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from headswap_cli.engine.geometry import face_box, face_width
from headswap_cli.engine.head import HeadSwapper
from headswap_cli.engine.paint import Painter
from headswap_cli.engine.piece import cut_piece
from headswap_cli.engine.reference import read_photo, select_face
from headswap_cli.engine.retarget import Retargeter
from headswap_cli.engine.smear import ShutterFitter, is_fast, smeared
from headswap_cli.engine.types import Frame, Landmarks
from headswap_cli.models import Mode
from tests import media
from tests.engine import heads

Floats = NDArray[np.float32]
SIDE, EXPOSURES, COUNT = 400, 12, 8
_EDGE = 300


def way(across: float, down: float) -> Floats:
    return np.array([across, down], np.float32)


def panned(motion: Floats, shutter: float) -> tuple[list[Frame], Landmarks]:
    """A photo filmed by a moving camera whose shutter is open for a share of the time between frames."""
    photo = read_photo(media.photo("astronaut.png"))
    still, _ = heads.mesh().from_detection(photo, select_face(heads.detector()(photo)))
    wide = cv2.copyMakeBorder(photo, _EDGE, _EDGE, _EDGE, _EDGE, cv2.BORDER_REFLECT).astype(np.float32)
    start = SIDE / 2 - still[:, :2].mean(axis=0)
    frames, track = [], []
    for time in np.arange(COUNT) - COUNT / 2:
        open_for = time + ((np.arange(EXPOSURES) + 0.5) / EXPOSURES - 0.5) * shutter
        places = [start - _EDGE + motion * moment for moment in open_for]
        seen = [cv2.warpAffine(wide, np.column_stack([np.eye(2), at]), (SIDE, SIDE)) for at in places]
        frames.append(np.asarray(np.mean(seen, axis=0) + 0.5, np.uint8))
        track.append(still + np.array([*(start + motion * time), 0]))
    return frames, np.stack(track).astype(np.float32)


def swapped(frames: list[Frame], track: Landmarks) -> list[Frame]:
    head = HeadSwapper(heads.reference(), track, Mode.HEAD, heads.matte())
    head.start_track(0, track[1])
    return [head.apply(frame, place).image for frame, place in zip(frames, track, strict=True)]


def edge_width(frame: Frame, landmarks: Landmarks, motion: Floats) -> float:
    """How many pixels of the way a face's contrast takes."""
    x0, y0, x1, y1 = (face_box(landmarks) + 0.15 * face_width(landmarks) * np.array([1, 1, -1, -1])).astype(
        int
    )
    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).astype(np.float32)[y0:y1, x0:x1]
    right, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(grey, cv2.CV_32F, 0, 1) / 8
    steps = (right * motion[0] + down * motion[1]) / np.hypot(*motion)
    return float(grey.std() / np.sqrt((steps**2).mean()))


@pytest.mark.media
@pytest.mark.parametrize("motion", [(12, 0), (20, 0), (0, 12), (-10, 8)])
def test_a_head_in_a_fast_pan_is_at_once_as_soft_along_it_as_the_face_was_and_as_sharp_across_it(
    motion: tuple[float, float],
) -> None:
    frames, track = panned(way(*motion), 0.5)
    found = swapped(frames, track)
    for index in (0, -1):
        for direction in (way(*motion), way(-motion[1], motion[0])):
            wanted = edge_width(frames[index], track[index], direction)
            assert edge_width(found[index], track[index], direction) == pytest.approx(wanted, rel=0.15)


@pytest.mark.media
def test_a_fast_pan_through_a_short_shutter_leaves_the_head_sharp() -> None:
    motion = way(12, 0)
    sharp, track = panned(motion, 0.0)
    wanted = edge_width(sharp[-1], track[-1], motion)
    # Highlights and hollows are drawn to the person's, which takes some of an edge's way.
    assert edge_width(swapped(sharp, track)[-1], track[-1], motion) == pytest.approx(wanted, rel=0.09)


@pytest.mark.media
def test_a_head_that_hardly_moves_is_drawn_as_one_that_stands_still_to_the_bit() -> None:
    frames, track = panned(way(12, 0), 0.5)
    reference = heads.reference()

    def _drawn(motion: Floats) -> Floats:
        painter = Painter(reference, reference.triangles)
        retargeter = Retargeter(reference.vertices, reference.texture_points, track)
        for frame, place in zip(frames, track, strict=True):
            piece = cut_piece(frame, face_box(place), face_width(place))
            assert piece is not None
            layer, _ = painter.paint(piece, place, retargeter.pose(place), None, motion)
        return layer

    still = _drawn(way(0, 0))
    np.testing.assert_array_equal(_drawn(way(2, 2)), still)
    assert np.abs(_drawn(way(12, 0)) - still).max() > 10


@pytest.mark.parametrize("motion", [(8, 0), (0, -8), (6, 6), (-7, 3)])
def test_a_dot_becomes_a_line_of_the_ways_length_and_direction(motion: tuple[float, float]) -> None:
    dot = np.zeros((41, 41, 4), np.float32)
    dot[20, 20] = 100
    line = smeared(dot, way(*motion))
    assert line.sum() == pytest.approx(dot.sum(), rel=1e-4)
    places = np.indices((41, 41))[::-1] - 20
    weights = line[..., 0] / line[..., 0].sum()
    assert [float((axis * weights).sum()) for axis in places] == pytest.approx([0, 0], abs=0.01)
    # An even line's variance is its length's square over 12; sharing out between pixels adds up to 1 / 4.
    for axis, one in zip(places, motion, strict=True):
        assert -0.05 <= float((axis**2 * weights).sum()) - one**2 / 12 <= 0.3


def test_smearing_keeps_what_is_even_and_fades_at_the_edge_of_the_picture() -> None:
    even = np.full((20, 30), 7, np.float32)
    found = smeared(even, way(6, 0))
    np.testing.assert_allclose(found[:, 5:-5], 7, rtol=1e-5)
    assert (found[:, 0] < 5).all()


@pytest.mark.parametrize("shutter", [0.2, 0.4])
def test_the_shutter_is_read_from_the_blur_and_never_taken_for_longer_than_half(shutter: float) -> None:
    rough = np.random.default_rng(2).integers(0, 256, (90, 90)).astype(np.uint8)
    head = np.asarray(cv2.GaussianBlur(rough, (0, 0), 1.0), np.uint8)
    inside, motion = np.ones_like(head), way(9, 5)
    for share, wanted in ((shutter, shutter), (0.9, 0.5)):
        fitter = ShutterFitter()
        frame = np.asarray(smeared(head, motion * np.float32(share)), np.uint8)
        fitter.fit((frame, head), (inside, inside), motion)
        assert np.hypot(*fitter.way(motion)) == pytest.approx(wanted * np.hypot(*motion), rel=0.15)


def test_nothing_is_blurred_before_the_shutter_was_measured_nor_in_slow_motion() -> None:
    fitter = ShutterFitter()
    assert not fitter.way(way(40, 0)).any()
    assert is_fast(way(0, 3.1))
    assert not is_fast(way(2, 2))
    nothing = np.zeros((9, 9), np.uint8)
    fitter.fit((nothing, nothing), (nothing, nothing), way(40, 0))
    assert not fitter.way(way(40, 0)).any()
