"""The head stands in the frame's light."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from headswap_cli.engine.colour import SHARES
from headswap_cli.engine.light import LightFitter
from headswap_cli.models import Tone

SIZE = 40
HALF = np.zeros((SIZE, SIZE), np.float32)
HALF[8:32, 8:32] = 1


def lit_as(
    target: NDArray[np.floating],
    head: NDArray[np.floating],
    target_skin: NDArray[np.float32],
    head_skin: NDArray[np.float32],
    reach: float,
    *,
    tone: Tone = Tone.SOURCE,
) -> NDArray[np.float32]:
    """Return the gains that a first frame gets."""
    grey = np.asarray(cv2.cvtColor(head.astype(np.float32), cv2.COLOR_BGR2GRAY), np.float32)
    frame = np.asarray(np.clip(target, 0, 255), np.uint8)
    return LightFitter(SHARES[tone].brightness).fit(frame, grey, target_skin, head_skin, reach)


def test_light_from_one_side_brightens_that_side_and_ends_away_from_the_face() -> None:
    head = np.full((SIZE, SIZE, 3), 120, np.float32)
    lit = head.copy()
    lit[:, : SIZE // 2] = 180
    gains = lit_as(lit, head, HALF, HALF, 3.0)
    assert gains[20, 10] > 1.15
    assert abs(gains[20, 30] - 1) < 0.05
    assert abs(gains[0, 39] - 1) < 0.04


def test_light_goes_on_from_the_face_over_the_hair_beside_it() -> None:
    head = np.full((120, 120, 3), 120, np.float32)
    lit = head.copy()
    lit[:, :60] = 170
    face = np.zeros((120, 120), np.float32)
    face[40:90, 40:80] = 1
    gains = lit_as(lit, head, face, face, 5.0)
    beside = [float(gains[60, column]) for column in (34, 28, 22)]
    assert beside[0] > beside[1] > beside[2] > 1.02
    assert gains[60, 86] < 1.1
    assert gains[2, 2] == pytest.approx(1, abs=0.03)


def test_equal_light_changes_nothing() -> None:
    picture = np.random.default_rng(1).normal((100, 130, 170), 12, (SIZE, SIZE, 3))
    gains = lit_as(picture, picture, HALF, HALF, 3.0)
    np.testing.assert_allclose(gains, 1, atol=0.01)


def test_a_darker_skin_is_not_lit_until_it_is_as_bright_as_the_sources() -> None:
    target, dark = np.full((SIZE, SIZE, 3), 100.0), np.full((SIZE, SIZE, 3), 70.0)
    gains = {tone: lit_as(target, dark, HALF, HALF, 4.0, tone=tone)[20, 20] for tone in Tone}
    assert gains[Tone.SOURCE] > gains[Tone.BLEND] > gains[Tone.REFERENCE]
    assert gains[Tone.REFERENCE] < 1.25


def test_light_from_one_side_falls_on_any_skin() -> None:
    target = np.full((SIZE, SIZE, 3), 120.0)
    target[:, 20:] = 190
    dark = np.full((SIZE, SIZE, 3), 70.0)
    gains = lit_as(target, dark, HALF, HALF, 2.0, tone=Tone.REFERENCE)
    assert gains[20, 27] > gains[20, 12] + 0.15


def _spotted(height: float) -> NDArray[np.float32]:
    """Skin with bright spots on a third of it, and hollows of a tenth of its brightness elsewhere."""
    wave = np.sin(np.indices((SIZE, SIZE)).sum(axis=0) * 0.9)
    return np.dstack([np.where(wave > 0, 120 * (1 + height * wave), 120 * (1 + 0.1 * wave))] * 3)


def test_a_photos_gloss_is_no_brighter_than_the_persons_own() -> None:
    glossy, person = _spotted(0.4), _spotted(0.1)
    lit = glossy[..., 0] * lit_as(person, glossy, HALF, HALF, 5.0)
    before, after, own = (np.percentile(one[10:30, 10:30], 95) for one in (glossy, lit, person))
    assert after - own < 0.5 * (before - own)


def test_skin_without_gloss_gets_none() -> None:
    matt, glossy = _spotted(0.1), _spotted(0.4)
    lit = matt[..., 0] * lit_as(glossy, matt, HALF, HALF, 5.0)
    assert np.percentile(lit[10:30, 10:30], 95) < 1.1 * np.percentile(matt[10:30, 10:30], 95)
