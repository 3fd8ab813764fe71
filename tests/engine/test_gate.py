"""The gate before reference photos: real ones made worse are refused or warned of, with value and limit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headswap_cli import wire
from headswap_cli.engine import topology
from headswap_cli.engine.gate import ASIDE, blur_of, judge
from headswap_cli.engine.reference import read_photo
from headswap_cli.engine.types import Frame, MediaFault
from tests import media
from tests.engine import heads, worse

pytestmark = pytest.mark.media

PORTRAITS = ["astronaut.png", "0-f15-hao-ph.jpg", "0-f1-su-ph.jpg"]


def refusal(photo: Frame) -> str:
    with pytest.raises(MediaFault) as caught:
        judge(photo, worse.face_of(photo))
    assert caught.value.code == wire.INVALID_PARAMETER
    return caught.value.reason


@pytest.mark.parametrize("name", PORTRAITS)
def test_plain_portraits_pass(name: str) -> None:
    photo = read_photo(media.photo(name))
    verdict = judge(photo, worse.face_of(photo))
    assert abs(verdict.look.yaw) < 3
    assert verdict.detail > 60


@pytest.mark.parametrize("name", PORTRAITS)
@pytest.mark.parametrize("degrees", [-40, 40])
def test_a_head_turned_by_forty_degrees_is_refused_with_angle_and_limit(name: str, degrees: int) -> None:
    told = refusal(worse.turned(name, degrees))
    assert "turned aside: take one from the front (turned by" in told
    assert "at most 25 can be used" in told
    assert float(told.split("about ")[1].split()[0]) == pytest.approx(40, abs=8)


@pytest.mark.parametrize("name", PORTRAITS)
def test_a_head_turned_by_fifteen_degrees_passes(name: str) -> None:
    photo = worse.turned(name, 15)
    assert judge(photo, worse.face_of(photo)).look.yaw == pytest.approx(-15, abs=5)


def test_a_further_photo_may_be_turned_more_than_the_main_one() -> None:
    photo = worse.turned("0-f15-hao-ph.jpg", 35)
    assert judge(photo, worse.face_of(photo), turn_limit=ASIDE).look.yaw == pytest.approx(-35, abs=6)


@pytest.mark.parametrize("tilt", [-60, -30, 30, 60])
def test_a_photo_lying_aslant_is_no_turned_head(tilt: float) -> None:
    photo = read_photo(media.photo("astronaut.png"))
    slant = cv2.getRotationMatrix2D((220, 120), tilt, 1)
    tilted = np.asarray(cv2.warpAffine(photo, slant, (512, 512), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    judge(tilted, worse.face_of(tilted))


@pytest.mark.parametrize(("name", "sigma"), [("astronaut.png", 2.5), (PORTRAITS[1], 9), (PORTRAITS[2], 9)])
def test_a_blurred_face_is_refused_with_what_it_shows_and_what_is_needed(name: str, sigma: float) -> None:
    told = refusal(worse.blurred(read_photo(media.photo(name)), sigma))
    assert "is blurred: take a sharp one" in told
    assert "at least 32 are needed" in told
    assert float(told.split("sharp one of ")[1].split()[0]) < 32


@pytest.mark.parametrize("upwards", [False, True])
def test_a_shaken_camera_is_found_along_either_axis(*, upwards: bool) -> None:
    photo = read_photo(media.photo("astronaut.png"))
    assert "is blurred" in refusal(worse.shaken(photo, 15, upwards=upwards))


def test_a_soft_face_is_warned_of_with_its_figure() -> None:
    photo = worse.blurred(read_photo(media.photo("astronaut.png")), 1.0)
    warnings = judge(photo, worse.face_of(photo)).warnings
    assert any("shows no more than a sharp one" in told and "well from 56 on" in told for told in warnings)


@pytest.mark.parametrize("sigma", [1.5, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("name", PORTRAITS[1:])
def test_the_blur_that_was_added_is_measured(name: str, sigma: float) -> None:
    photo = read_photo(media.photo(name))
    landmarks = worse.face_of(photo)
    own = blur_of(photo, landmarks)
    together = float(np.hypot(own, sigma))
    assert blur_of(worse.blurred(photo, sigma), landmarks) == pytest.approx(together, rel=0.3)


@pytest.mark.parametrize("frame_index", [105, 120, 460])
def test_shut_eyes_are_refused_with_how_far_they_are_open(frame_index: int) -> None:
    told = refusal(worse.moment("WolfgangLanger_Pexels.mp4", frame_index))
    assert "eyes in the reference photo are shut" in told
    assert "at least 14 are needed" in told


def test_eyes_behind_dark_glasses_are_refused_and_behind_tinted_ones_warned_of() -> None:
    photo = read_photo(media.photo("astronaut.png"))
    told = refusal(worse.shaded(photo, 0.05))
    assert "as behind dark glasses" in told
    assert "at least 20 are needed" in told
    tinted = worse.shaded(photo, 0.25)
    warnings = judge(tinted, worse.face_of(tinted)).warnings
    assert any("as behind tinted glasses" in told and "well from 34 on" in told for told in warnings)


def test_a_face_that_the_edge_cuts_off_is_refused_with_how_much_of_it() -> None:
    photo = read_photo(media.photo("astronaut.png"))
    left = float(worse.face_of(photo)[topology.OVAL, 0].min())
    half = np.ascontiguousarray(photo[:, round(left) + 30 :])
    told = refusal(half)
    assert 10 < float(told.split("(")[1].split()[0]) < 50
    assert "at most 5 may be" in told


def test_a_face_in_the_dark_is_warned_of() -> None:
    photo = read_photo(media.photo("astronaut.png"))
    dark = np.asarray(photo * 0.12, np.uint8)
    warnings = judge(dark, worse.face_of(dark)).warnings
    assert any("is dark" in told and "of 255; well from 30 on" in told for told in warnings)


@pytest.mark.parametrize("frame_index", [180, 240, 300])
def test_open_eyes_pass(frame_index: int) -> None:
    photo = worse.moment("WolfgangLanger_Pexels.mp4", frame_index)
    assert judge(photo, worse.face_of(photo)).look.openness > 0.2


@pytest.mark.parametrize("name", PORTRAITS[:2])
def test_a_smile_is_warned_of_with_how_high_the_corners_are(name: str) -> None:
    photo = read_photo(media.photo(name))
    (told,) = judge(photo, worse.face_of(photo)).warnings
    assert "smiles: one with a mouth at rest looks better (its corners are" in told
    assert "at rest by up to 4.5" in told


def test_an_open_mouth_is_warned_of() -> None:
    photo = read_photo(media.photo("0-f1-su-ph.jpg"))
    (told,) = judge(photo, worse.face_of(photo)).warnings
    assert "is open: one with a closed mouth looks better (open by 1" in told


@pytest.mark.parametrize(
    ("clip", "frame_index"),
    [("single_face.mp4", 0), ("WolfgangLanger_Pexels.mp4", 195), ("face_noface.mov", 0)],
)
def test_a_face_at_rest_is_warned_of_by_nothing(clip: str, frame_index: int) -> None:
    photo = worse.moment(clip, frame_index)
    assert judge(photo, worse.face_of(photo)).warnings == ()


@settings(deadline=None)
@given(st.floats(-400, 400), st.floats(-400, 400))
def test_a_face_that_reaches_beyond_the_photo_is_measured_all_the_same(right: float, down: float) -> None:
    photo = read_photo(media.photo("astronaut.png"))
    landmarks = heads.reference().landmarks + np.array([right, down, 0], np.float32)
    assert blur_of(photo, landmarks) > 0
