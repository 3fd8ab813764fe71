"""Mattes and foregrounds on pictures whose strands, colours and backgrounds are known to the pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headswap_cli.engine.foreground import foreground_of
from headswap_cli.engine.matting import solve_alpha
from headswap_cli.engine.mixture import unmix
from headswap_cli.engine.spill import without_spill
from tests.engine import heads, strands

BACKGROUNDS = {"green": (40, 170, 40), "red": (40, 40, 200), "wall": (205, 205, 210), "night": (10, 10, 12)}
ALPHA = strands.tuft()
NO_FACE = np.zeros(ALPHA.shape, np.bool_)
ALL_HAIR = {"face": NO_FACE, "crown": ~NO_FACE, "head": ~NO_FACE}
_COLOUR = st.tuples(*[st.integers(0, 255)] * 3)


def matted(background: tuple[int, int, int]) -> np.ndarray:
    picture = strands.laid_on(ALPHA, strands.hair(), background)
    firm, bare = strands.known_parts(ALPHA)
    mixture = unmix(picture, np.full(ALPHA.shape, 0.5, np.float32), firm, bare, **ALL_HAIR)
    return solve_alpha(picture, mixture.alpha, mixture.trust)


@pytest.mark.parametrize("background", BACKGROUNDS.values(), ids=BACKGROUNDS)
def test_strands_thinner_than_a_pixel_are_found(background: tuple[int, int, int]) -> None:
    found = matted(background)
    firm, bare = strands.known_parts(ALPHA)
    wrong = np.abs(found - ALPHA)[~(firm | bare)]
    assert wrong.mean() < 0.05
    flying = (ALPHA > 0.3) & (ALPHA < 0.9)
    assert np.corrcoef(found[flying], ALPHA[flying])[0, 1] > 0.6


def test_green_and_red_behind_give_the_same_matte_and_the_same_colours() -> None:
    mattes = [matted(BACKGROUNDS[name]) for name in ("green", "red")]
    pictures = [strands.laid_on(ALPHA, strands.hair(), BACKGROUNDS[name]) for name in ("green", "red")]
    colours = [foreground_of(*pair).astype(int) for pair in zip(pictures, mattes, strict=True)]
    assert np.abs(mattes[0] - mattes[1]).mean() < 0.01
    shown = ALPHA > 0.3
    assert np.abs(colours[0] - colours[1])[shown].mean() < 4


@settings(deadline=None, max_examples=20)
@given(_COLOUR)
def test_where_the_matte_is_right_the_background_leaves_no_fringe(background: tuple[int, int, int]) -> None:
    picture = strands.laid_on(ALPHA, strands.hair(), background)
    found = foreground_of(picture, ALPHA).astype(int)
    thin = (ALPHA > 0.1) & (ALPHA < 0.9)
    apart = np.abs(found - strands.hair().astype(int))[thin]
    assert apart.mean() < 12


def test_what_is_known_is_kept_and_all_lies_between_nothing_and_everything() -> None:
    rng = np.random.default_rng(5)
    picture = rng.integers(0, 255, (90, 70, 3)).astype(np.uint8)
    guess = (rng.uniform(size=(90, 70)) > 0.5).astype(np.float32)
    trust = np.where(rng.uniform(size=(90, 70)) > 0.5, 1, 0.2).astype(np.float32)
    found = solve_alpha(picture, guess, trust)
    assert found.min() >= 0
    assert found.max() <= 1
    assert np.abs(found - guess)[trust == 1].max() < 0.1


def test_a_larger_picture_is_solved_from_its_smaller_ones_with_the_same_outcome() -> None:
    alpha = strands.tuft(480, strands=60)
    picture = strands.laid_on(alpha, strands.hair(480), BACKGROUNDS["green"])
    firm, bare = strands.known_parts(alpha, reach=70)
    mixture = unmix(
        picture,
        np.full(alpha.shape, 0.5, np.float32),
        firm,
        bare,
        face=np.zeros(alpha.shape, np.bool_),
        crown=np.ones(alpha.shape, np.bool_),
        head=np.ones(alpha.shape, np.bool_),
    )
    found = solve_alpha(picture, mixture.alpha, mixture.trust)
    assert np.abs(found - alpha)[~(firm | bare)].mean() < 0.04


def test_a_gap_within_the_hair_that_shows_the_wall_is_seen_through() -> None:
    alpha = strands.tuft()
    alpha[56:64, 50:70] = 0
    picture = strands.laid_on(alpha, strands.hair(), BACKGROUNDS["green"])
    firm, bare = strands.known_parts(strands.tuft())
    mixture = unmix(picture, np.full(alpha.shape, 0.9, np.float32), firm, bare, **ALL_HAIR)
    assert solve_alpha(picture, mixture.alpha, mixture.trust)[58:62, 54:66].max() < 0.2


def test_a_rail_as_dark_as_the_hair_that_runs_behind_it_is_none_of_it() -> None:
    picture = strands.laid_on(ALPHA, strands.hair(), BACKGROUNDS["wall"])
    rail = np.s_[23:26, :]
    behind = ALPHA[rail] < 0.02
    picture[rail][behind] = strands.HAIR
    firm, bare = strands.known_parts(ALPHA)
    prior = np.where(firm, 1, 0.5).astype(np.float32)
    mixture = unmix(picture, prior, firm, bare, **ALL_HAIR)
    found = solve_alpha(picture, mixture.alpha, mixture.trust)
    assert found[rail][behind].mean() < 0.1


def test_a_bright_hat_is_none_of_the_wall_though_something_as_bright_stands_further_off() -> None:
    picture = strands.laid_on(ALPHA, strands.hair(), BACKGROUNDS["green"])
    firm, bare = strands.known_parts(ALPHA)
    hat, flag = np.s_[22:32, 45:75], np.s_[:, :8]
    picture[hat] = picture[flag] = (235, 240, 245)
    prior = np.where(ALPHA > 0.5, 1, 0).astype(np.float32)
    prior[hat] = 1
    bare[18:36, 41:79] = False
    mixture = unmix(picture, prior, firm, bare, **ALL_HAIR)
    found = solve_alpha(picture, mixture.alpha, mixture.trust)
    assert found[hat].min() > 0.9
    assert found[flag].max() < 0.1


@pytest.mark.parametrize("whole", [True, False])
def test_a_picture_of_nothing_but_foreground_or_background_stays_as_the_prior_has_it(*, whole: bool) -> None:
    picture = strands.hair()
    everywhere, nowhere = np.ones(ALPHA.shape, np.bool_), NO_FACE
    firm, bare = (everywhere, nowhere) if whole else (nowhere, everywhere)
    mixture = unmix(picture, ALPHA, firm, bare, **ALL_HAIR)
    assert (mixture.alpha == float(whole)).all()
    assert (mixture.trust == 1).all()


def test_without_a_background_to_compare_with_the_prior_decides() -> None:
    mixture = unmix(strands.hair(), ALPHA, ALPHA > 0.9, NO_FACE, **ALL_HAIR)
    np.testing.assert_array_equal(mixture.alpha[ALPHA <= 0.9], ALPHA[ALPHA <= 0.9])
    assert mixture.trust[ALPHA <= 0.9].max() < 1


def test_a_wholly_opaque_picture_keeps_its_colours() -> None:
    picture = strands.laid_on(ALPHA, strands.hair(), (10, 200, 90))
    found = foreground_of(picture, np.ones(ALPHA.shape, np.float32)).astype(int)
    assert np.abs(found - picture.astype(int)).max() <= 1


def striped(wall: tuple[int, int, int]) -> tuple[np.ndarray, ...]:
    """Hair with a gap through which a wall shows in shade, beside it: picture, hair, wall, gap."""
    picture = np.full((60, 100, 3), wall, np.uint8)
    picture[:, :60] = (40, 50, 60)
    picture[:, 10:20] = (22, 24, 26)
    picture[:, 40:44] = np.array(wall) // 2
    hair, bare, gap = (np.zeros((60, 100), np.bool_) for _ in range(3))
    hair[:, :30], bare[:, 70:], gap[:, 40:44] = True, True, True
    return picture, hair, bare, gap


def test_a_gap_in_hair_that_shows_a_coloured_wall_loses_its_tint_and_lets_another_through() -> None:
    picture, hair, bare, gap = striped((160, 90, 60))
    whole, everywhere = np.ones(hair.shape, np.float32), np.ones(hair.shape, np.bool_)
    colours, alpha = without_spill(picture, picture, whole, hair, bare, everywhere)
    np.testing.assert_array_equal(colours[hair], picture[hair])
    np.testing.assert_array_equal(alpha[hair], 1)
    assert (alpha[gap] < 0.7).all()
    assert (np.ptp(colours[gap].astype(int), axis=1) < 12).all()
    kept, whole = without_spill(picture, picture, whole, hair, bare, ~everywhere)
    np.testing.assert_array_equal(kept, picture)
    np.testing.assert_array_equal(whole, 1)


@pytest.mark.parametrize("wall", [(120, 120, 120), (40, 52, 64)])
def test_before_a_grey_wall_or_one_of_its_own_hue_hair_stays_as_it_is(wall: tuple[int, int, int]) -> None:
    picture, hair, bare, _ = striped(wall)
    whole, everywhere = np.ones(hair.shape, np.float32), np.ones(hair.shape, np.bool_)
    colours, alpha = without_spill(picture, picture, whole, hair, bare, everywhere)
    np.testing.assert_array_equal(colours, picture)
    np.testing.assert_array_equal(alpha, whole)


@pytest.mark.media
def test_no_blue_of_the_wall_is_left_in_the_tips_of_black_hair() -> None:
    head = heads.reference("0-f1-su-ph.jpg")
    texture, weights = head.textures[0], head.weights[0]
    lab = cv2.cvtColor(np.ascontiguousarray(texture[..., :3]), cv2.COLOR_BGR2LAB)
    hair = (texture[..., 3] > 128) & (weights[..., 0] < 60) & (weights[..., 1] < 20)
    assert (lab[hair][:, 2] < 115).mean() < 0.01
