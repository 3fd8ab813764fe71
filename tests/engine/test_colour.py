"""Tone, light and sharpness follow the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headswap_cli.engine.colour import ToneFitter, plain_grade
from headswap_cli.engine.shade import STEPS
from headswap_cli.engine.types import Frame
from headswap_cli.models import Tone

if TYPE_CHECKING:
    from headswap_cli.engine.colour import Grade

SIZE = 40
HALF = np.zeros((SIZE, SIZE), np.float32)
HALF[8:32, 8:32] = 1

LUMA = np.array([0.114, 0.587, 0.299])
HAIR, SKIN = 0, 1
# Skin and hair in daylight.
PALE, BLOND, BLACK = (110, 140, 190), (60, 100, 125), (30, 28, 32)

_COLOUR = st.tuples(*[st.integers(70, 210)] * 3)


def skin(colour: tuple[int, int, int], spread: float = 12, seed: int = 1) -> Frame:
    noise = np.random.default_rng(seed).normal(0, spread, (SIZE, SIZE, 1))
    return np.asarray(np.clip(np.array(colour) + noise, 0, 255), np.uint8)


def mapped(grade: Grade, colour: tuple[int, int, int], kind: int = SKIN) -> NDArray[np.float32]:
    """Return what becomes of a colour of hair or skin."""
    grey = float(np.array(colour) @ LUMA)
    levels = np.clip(grey + (np.array(colour) - grey) * float(grade.chroma[kind]), 0, 255)
    return np.array([grade.curves[kind, k, round(levels[k] * STEPS)] for k in range(3)])


@settings(deadline=None)
@given(_COLOUR, _COLOUR)
def test_skin_comes_near_the_targets_tone_and_curves_never_fall(
    own: tuple[int, int, int], target: tuple[int, int, int]
) -> None:
    grade = ToneFitter().fit(skin(target), skin(own), HALF, HALF)
    assert (np.diff(grade.curves, axis=2) >= 0).all()
    assert grade.curves.min() >= 0
    assert grade.curves.max() <= 255
    left = np.abs(mapped(grade, own) - np.array(target))
    assert (left <= 0.12 * np.abs(np.array(target) - np.array(own)) + 16).all()


def test_the_same_tone_is_left_as_it_is() -> None:
    grade = ToneFitter().fit(skin((110, 140, 190)), skin((110, 140, 190)), HALF, HALF)
    plain = plain_grade().curves
    for channel, level in enumerate((110, 140, 190)):
        around = slice((level - 15) * STEPS, (level + 15) * STEPS)
        np.testing.assert_allclose(grade.curves[SKIN, channel, around], plain[SKIN, channel, around], atol=2)
    np.testing.assert_allclose(mapped(grade, BLOND, HAIR), BLOND, atol=2)


def test_one_strange_frame_hardly_moves_the_tone() -> None:
    fitter = ToneFitter()
    own, usual = skin((90, 120, 160)), skin((110, 140, 190))
    before = mapped(fitter.fit(usual, own, HALF, HALF), (90, 120, 160))
    strange = np.where(HALF[..., np.newaxis] > 0, skin((20, 20, 20)), usual).astype(np.uint8)
    after = mapped(fitter.fit(strange, own, HALF, HALF), (90, 120, 160))
    assert (np.abs(after - before) < 25).all()


def test_what_passes_beside_a_face_is_no_other_light() -> None:
    fitter = ToneFitter()
    own, usual = skin((90, 120, 160)), skin((110, 140, 190))
    before = mapped(fitter.fit(usual, own, HALF, HALF), (90, 120, 160))
    beside = np.where(HALF[..., np.newaxis] > 0, usual, 255).astype(np.uint8)
    after = mapped(fitter.fit(beside, own, HALF, HALF), (90, 120, 160))
    assert (np.abs(after - before) < 1).all()


@pytest.mark.parametrize("target", [(18, 26, 45), (250, 250, 250)])
def test_skin_comes_as_near_to_a_tone_that_is_nearly_black_or_white(target: tuple[int, int, int]) -> None:
    grade = ToneFitter().fit(skin(target, spread=1), skin(PALE), HALF, HALF)
    assert (np.diff(grade.curves, axis=2) >= 0).all()
    assert np.abs(mapped(grade, PALE) - np.array(target)).max() < 6


def test_a_face_hidden_from_the_start_keeps_its_own_colours() -> None:
    nothing = np.zeros_like(HALF)
    grade = ToneFitter().fit(skin((1, 2, 3)), skin((200, 100, 50)), nothing, HALF)
    np.testing.assert_array_equal(grade.curves, plain_grade().curves)
    np.testing.assert_array_equal(grade.chroma, 1)


def drained(colour: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    """Return a colour with so much of its distance from grey."""
    grey = float(np.array(colour) @ LUMA)
    blue, green, red = (round(grey + (channel - grey) * share) for channel in colour)
    return blue, green, red


def distance_from_grey(colour: NDArray[np.float32] | tuple[int, int, int]) -> float:
    levels = np.asarray(colour, np.float64)
    return float(np.ptp(levels) / levels.mean())


def test_hair_is_as_drained_of_colour_as_the_scenes_skin() -> None:
    grade = ToneFitter().fit(skin(drained(PALE, 0.5)), skin(PALE), HALF, HALF)
    hair = mapped(grade, BLOND, HAIR)
    assert distance_from_grey(hair) < 0.65 * distance_from_grey(BLOND)
    assert hair[0] < hair[1] < hair[2]


def test_lips_are_no_redder_than_a_drained_scene_allows() -> None:
    red = (90, 90, 190)
    grade = ToneFitter().fit(skin(drained(PALE, 0.5)), skin(PALE), HALF, HALF)
    assert distance_from_grey(mapped(grade, red)) < 0.7 * distance_from_grey(red)


@settings(deadline=None)
@given(_COLOUR, _COLOUR)
def test_whatever_the_skins_black_hair_stays_black_and_blond_hair_is_no_wig(
    own: tuple[int, int, int], target: tuple[int, int, int]
) -> None:
    grade = ToneFitter().fit(skin(target), skin(own), HALF, HALF)
    black, blond = (mapped(grade, colour, HAIR) for colour in (BLACK, BLOND))
    assert black.max() < 50
    assert distance_from_grey(blond) < 1.7 * distance_from_grey(BLOND)
    assert black.mean() < blond.mean()


def test_a_dark_scene_darkens_hair_at_least_as_much_as_skin() -> None:
    dim = (66, 84, 114)
    grade = ToneFitter().fit(skin(dim), skin(PALE), HALF, HALF)
    share = np.array(dim) @ LUMA / (np.array(PALE) @ LUMA)
    assert mapped(grade, BLOND, HAIR) @ LUMA < 1.05 * share * (np.array(BLOND) @ LUMA)


def test_hair_beside_the_photos_own_skin_tone_keeps_its_own_colour() -> None:
    grade = ToneFitter(Tone.REFERENCE).fit(skin(drained(PALE, 0.5)), skin(PALE), HALF, HALF)
    assert distance_from_grey(mapped(grade, BLOND, HAIR)) > 0.95 * distance_from_grey(BLOND)
