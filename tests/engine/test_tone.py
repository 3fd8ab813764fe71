"""Whose skin tone the new head has: the person's in the video, the photo's, or one between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.colour import ToneFitter
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.head import HeadSwapper
from headswap_cli.engine.inner import face_alone
from headswap_cli.engine.piece import Piece, cut_piece
from headswap_cli.engine.shade import STEPS
from headswap_cli.engine.throat import toned
from headswap_cli.engine.types import Frame, Landmarks
from headswap_cli.models import Mode, Tone
from tests.engine import heads

if TYPE_CHECKING:
    from collections.abc import Sequence

SKIN = np.zeros((40, 40), np.float32)
SKIN[8:32, 8:32] = 1
# Both cheeks: no brows, no lips, no shadow of the nose.
CHEEKS = (50, 280)
CLIP, PHOTO = "single_face.mp4", "0-f1-su-ph.jpg"

_COLOUR = st.tuples(*[st.integers(80, 200)] * 3)


def _of_skin(lightness: float, hue: float, chroma: float) -> tuple[int, int, int]:
    lab = np.array([[[lightness, chroma * np.cos(hue), chroma * np.sin(hue)]]], np.float32)
    blue, green, red = (cv2.cvtColor(lab, cv2.COLOR_LAB2BGR)[0, 0] * 255).round().astype(int).tolist()
    return blue, green, red


_SKINS = st.builds(_of_skin, st.floats(45, 80), st.floats(0.4, 1.3), st.floats(12, 32))


def plain(colour: tuple[int, int, int]) -> Frame:
    return np.full((40, 40, 3), colour, np.uint8)


def fitted(tone: Tone, own: tuple[int, int, int], target: tuple[int, int, int]) -> NDArray[np.float64]:
    grade = ToneFitter(tone).fit(plain(target), plain(own), SKIN, SKIN)
    grey = float(np.array(own) @ (0.114, 0.587, 0.299))
    levels = np.clip(grey + (np.array(own) - grey) * float(grade.chroma[1]), 0, 255)
    return np.array([grade.curves[1, k, round(levels[k] * STEPS)] for k in range(3)], np.float64)


def cheeks(frame: Frame, landmarks: Landmarks) -> NDArray[np.float64]:
    """Return the mean colour of both cheeks, Lab."""
    lab = cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    reach = max(2, round(0.05 * float(np.ptp(landmarks[:, 0]))))
    parts = [
        lab[y - reach : y + reach, x - reach : x + reach].reshape(-1, 3)
        for x, y in landmarks[list(CHEEKS), :2].round().astype(int)
    ]
    return np.asarray(np.concatenate(parts).mean(axis=0), np.float64)


@settings(deadline=None)
@given(_SKINS, _SKINS)
# So much richer that its red is beyond white.
@example((176, 180, 251), (64, 106, 145))
def test_the_further_from_the_sources_tone_the_nearer_to_the_photos(
    own: tuple[int, int, int], target: tuple[int, int, int]
) -> None:
    moved = [np.abs(fitted(tone, own, target) - np.array(own)).sum() for tone in Tone]
    far = float(np.abs(np.array(own) - np.array(target)).sum())
    source, reference, blend = moved
    assert reference <= blend + 0.1 * far + 3
    assert blend <= source + 0.1 * far + 3


def _hue_and_chroma(colour: Sequence[float] | NDArray[np.float64]) -> tuple[float, float]:
    """Radians and length of a colour's a and b of Lab."""
    lab = cv2.cvtColor(np.array(colour, np.float32).reshape(1, 1, 3) / 255, cv2.COLOR_BGR2LAB)[0, 0]
    return float(np.arctan2(lab[2], lab[1])), float(np.hypot(lab[1], lab[2]))


@settings(deadline=None)
@given(_SKINS, _COLOUR)
def test_the_photos_own_tone_keeps_its_hue_but_for_the_light(
    own: tuple[int, int, int], target: tuple[int, int, int]
) -> None:
    hue, chroma = _hue_and_chroma(own)
    found, richness = _hue_and_chroma(fitted(Tone.REFERENCE, own, target))
    assume(15 < chroma < 30)
    assert abs(np.angle(np.exp(1j * (found - hue)))) < 0.3
    assert 0.75 * chroma < richness < 1.5 * chroma


def test_yellowish_skin_of_its_own_tone_is_redder_and_richer_where_the_scenes_skin_is() -> None:
    own, ruddy, grey = (151, 178, 212), (88, 112, 165), (108, 111, 113)
    (hue, chroma), (aim, _) = _hue_and_chroma(own), _hue_and_chroma(ruddy)
    found, richness = _hue_and_chroma(fitted(Tone.REFERENCE, own, ruddy))
    assert aim < found < hue - 0.1
    assert 1.03 * chroma < richness
    found, richness = _hue_and_chroma(fitted(Tone.REFERENCE, own, grey))
    assert found == pytest.approx(hue, abs=0.05)
    assert richness < 1.05 * chroma


def test_skin_that_the_photo_makes_orange_gets_a_skins_chroma_unless_the_scenes_has_as_much() -> None:
    orange, pale, warm = (70, 110, 190), (100, 115, 140), (60, 100, 170)
    assert _hue_and_chroma(orange)[1] > 40
    assert 25 < _hue_and_chroma(fitted(Tone.REFERENCE, orange, pale))[1] < 31
    assert _hue_and_chroma(fitted(Tone.REFERENCE, orange, warm))[1] > 35


@pytest.mark.media
@pytest.mark.parametrize(
    ("tone", "to_video", "to_photo"),
    [(Tone.SOURCE, 4.1, 16.6), (Tone.BLEND, 7.8, 10.6), (Tone.REFERENCE, 12.0, 6.0)],
)
def test_cheeks_stay_as_far_from_the_videos_and_the_photos_as_they_were_measured(
    tone: Tone, to_video: float, to_photo: float
) -> None:
    frames, landmarks = heads.scene(CLIP, 0, 6)
    swapper = HeadSwapper(heads.reference(PHOTO), landmarks, Mode.HEAD, heads.matte(), tone=tone)
    results = [swapper.apply(*pair).image for pair in zip(frames, landmarks, strict=True)]
    photo, _ = heads.faces(PHOTO)
    found, _ = heads.mesh().from_detection(photo, heads.faces(PHOTO)[1][0])
    made = cheeks(results[-1], landmarks[-1])
    apart = [
        float(np.linalg.norm(made - other))
        for other in (cheeks(frames[-1], landmarks[-1]), cheeks(photo, found))
    ]
    assert apart == pytest.approx([to_video, to_photo], abs=2.5)


def _swapped(tone: Tone, mode: Mode = Mode.HEAD) -> tuple[Frame, Frame, Landmarks]:
    frames, landmarks = heads.scene(CLIP, 0, 6)
    reference = heads.reference(PHOTO) if mode is Mode.HEAD else face_alone(heads.reference(PHOTO))
    head = HeadSwapper(reference, landmarks, mode, heads.matte(), tone=tone)
    for frame, shape in zip(frames, landmarks, strict=True):
        made = head.apply(frame, shape)
    assert (made.image[~made.changed] == frames[-1][~made.changed]).all()
    return frames[-1], made.image, landmarks[-1]


def _below_the_chin(landmarks: Landmarks, by: float) -> tuple[slice, slice]:
    chin, width = landmarks[topology.CHIN, :2], face_width(landmarks)
    x, y = round(float(chin[0])), round(float(chin[1] + by * width))
    return np.s_[y - 4 : y + 4, x - 8 : x + 8]


def _redness(picture: NDArray[np.uint8]) -> float:
    blue, green, red = picture.reshape(-1, 3).mean(axis=0)
    return float((red - green) / (red + green + blue))


@pytest.mark.media
def test_the_neck_has_the_heads_tone_and_the_clothes_keep_theirs() -> None:
    before, made, landmarks = _swapped(Tone.REFERENCE)
    neck, shirt = _below_the_chin(landmarks, 0.18), _below_the_chin(landmarks, 0.45)
    _, as_source, _ = _swapped(Tone.SOURCE)
    chin = _below_the_chin(landmarks, -0.12)
    assert abs(_redness(made[neck]) - _redness(made[chin])) < abs(
        _redness(before[neck]) - _redness(made[chin])
    )
    assert np.abs(made[neck].astype(int) - before[neck]).mean() > 6
    assert np.abs(made[shirt].astype(int) - before[shirt]).mean() < 2
    assert np.abs(as_source[neck].astype(int) - before[neck]).mean() < 3


@pytest.mark.media
def test_around_a_face_that_is_worn_alone_forehead_and_neck_have_its_tone_and_clothes_and_wall_theirs() -> (
    None
):
    before, made, landmarks = _swapped(Tone.REFERENCE, Mode.FACE)
    _, as_source, _ = _swapped(Tone.SOURCE, Mode.FACE)
    neck, shirt = _below_the_chin(landmarks, 0.18), _below_the_chin(landmarks, 0.45)
    x, y = landmarks[topology.FOREHEAD, :2].round().astype(int)
    forehead, cheek = np.s_[y : y + 4, x - 8 : x + 8], cheeks(made, landmarks)
    for skin in (neck, forehead):
        was, now = (_mean_lab(picture[skin]) for picture in (before, made))
        # Lightness aside: a neck lies in the jaw's shadow.
        assert np.linalg.norm((now - cheek)[1:]) < 0.75 * np.linalg.norm((was - cheek)[1:])
        assert np.abs(as_source[skin].astype(int) - before[skin]).mean() < 4
    wall = np.s_[:40, :60]
    for kept in (shirt, wall):
        assert np.abs(made[kept].astype(int) - before[kept]).mean() < 2


def _mean_lab(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    return np.asarray(lab.reshape(-1, 3).mean(axis=0), np.float64)


def _around_the_chin(frame: Frame, landmarks: Landmarks) -> Piece:
    width, middle = face_width(landmarks), landmarks[topology.CHIN, :2]
    box = np.array([*(middle - 1.2 * width), *(middle + 1.2 * width)], np.float32)
    piece = cut_piece(frame, box, width)
    assert piece is not None
    return piece


@pytest.mark.media
def test_a_neck_in_the_jaws_shadow_has_the_heads_tone_and_so_has_what_lends_it_its_colour() -> None:
    frames, landmarks = heads.scene(CLIP, 0, 1)
    frame, neck = frames[0].copy(), _below_the_chin(landmarks[0], 0.18)
    frame[neck[0].start - 6 :] = (frame[neck[0].start - 6 :] * 0.6).astype(np.uint8)
    piece = _around_the_chin(frame, landmarks[0])
    everybody = np.ones(piece.small.shape[:2], np.float32)
    made = toned(piece, everybody, landmarks[0], np.array([1.4, 1.4, 1.4], np.float32), None)
    after = frame.copy()
    after[piece.part] = made.image
    for skin in (neck, _below_the_chin(landmarks[0], -0.12)):
        assert after[skin].mean() / frame[skin].mean() == pytest.approx(1.4, abs=0.1)


@pytest.mark.media
def test_a_hand_before_the_neck_keeps_its_colours() -> None:
    frames, landmarks = heads.scene(CLIP, 0, 1)
    piece = _around_the_chin(frames[0], landmarks[0])
    everybody = np.ones(piece.small.shape[:2], np.float32)
    gains = np.array([1.2, 0.9, 1.3], np.float32)
    bare = toned(piece, everybody, landmarks[0], gains, None)
    assert (bare.image != piece.image).any()
    hidden = toned(piece, everybody, landmarks[0], gains, everybody)
    np.testing.assert_array_equal(hidden.image, piece.image)
