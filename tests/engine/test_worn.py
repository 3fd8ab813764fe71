"""Glasses that a person wears are shown whole where they are, and not at all when they are off."""

from __future__ import annotations

import cv2
import numpy as np

from headswap_cli.engine.unlike import Compared
from headswap_cli.engine.worn import Worn

SHAPE = (40, 60)


def ring(shift: tuple[int, int] = (0, 0)) -> np.ndarray:
    drawn = np.zeros(SHAPE, np.uint8)
    cv2.circle(drawn, (30 + shift[0], 20 + shift[1]), 12, (1,), 3)
    return drawn > 0


def seen(score: np.ndarray, worn: np.ndarray) -> Compared:
    nothing = np.zeros(SHAPE, np.bool_)
    return Compared(
        score.astype(np.float32), nothing, np.zeros((*SHAPE, 3), np.float32), np.ones(SHAPE, np.bool_), worn
    )


def test_of_glasses_that_show_in_half_all_is_kept() -> None:
    half = ring()
    half[20:] = False
    found = Worn().find(seen(half, ring()))
    assert found is not None
    assert found[ring()].mean() > 0.7
    assert found[20, 30] == 0


def test_glasses_that_slip_on_the_nose_are_followed() -> None:
    half = ring((2, 1))
    half[24:] = False
    found = Worn().find(seen(half, ring()))
    assert found is not None
    assert found[ring((2, 1))].mean() > found[ring()].mean() + 0.1


def test_glasses_that_are_off_are_gone_within_a_few_frames() -> None:
    worn, nothing = Worn(), np.zeros(SHAPE, np.bool_)
    assert worn.find(seen(ring(), ring())) is not None
    faded = [worn.find(seen(nothing, ring())) for _ in range(4)]
    assert faded[0] is not None
    assert faded[0].max() < 0.5
    assert faded[-1] is None


def test_who_wears_none_has_none_whatever_is_before_the_face() -> None:
    assert Worn().find(seen(ring(), np.zeros(SHAPE, np.bool_))) is None


def test_glasses_that_could_not_be_looked_for_are_found_as_if_for_the_first_time() -> None:
    nothing, slipped = np.zeros(SHAPE, np.bool_), seen(ring((2, 1)), ring())
    worn = Worn()
    worn.find(seen(ring(), ring()))
    worn.find(seen(nothing, nothing))
    found, first = worn.find(slipped), Worn().find(slipped)
    assert found is not None
    assert first is not None
    np.testing.assert_array_equal(found, first)
