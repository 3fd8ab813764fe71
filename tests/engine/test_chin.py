"""The chin of a reference photo: lit to its edge, where the photo's own throat lies in its shadow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from headswap_cli.engine import topology
from headswap_cli.engine.chin import lit_chin
from tests.engine import heads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headswap_cli.engine.types import Frame, Landmarks

pytestmark = pytest.mark.media


def head(photo: str) -> tuple[Frame, Landmarks]:
    """A photo's upright face and its landmarks."""
    reference = heads.reference(photo)
    side = reference.textures[0].shape[1]
    return np.ascontiguousarray(reference.textures[0][:side, :, :3]), reference.landmarks


def below_the_lips(
    landmarks: Landmarks, size: int, least: float, most: float, reach: float = 0.15
) -> NDArray[np.bool_]:
    """Where the face's outline is so far away, face widths, up to ``reach`` beside the chin or above it."""
    outline = np.round(landmarks[topology.OVAL, :2]).astype(np.int32)
    oval = cv2.fillPoly(np.zeros((size, size), np.uint8), [outline], 1)
    width = float(np.ptp(landmarks[topology.OVAL, 0]))
    depth = cv2.distanceTransform(oval, cv2.DIST_L2, 5) / width
    rows, columns = np.indices(oval.shape)
    near = np.abs(columns - landmarks[topology.CHIN, 0]) < reach * width
    low = rows > landmarks[topology.OUTER_LIPS, 1].max()
    return np.asarray(near & low & (depth > least) & (depth < most), np.bool_)


def light(colours: Frame, where: NDArray[np.bool_]) -> float:
    return float(np.median(cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY)[where]))


def test_a_chin_whose_throat_lies_in_black_shadow_has_no_dark_rim() -> None:
    colours, landmarks = head("gracehopper.jpg")
    rim, above = (below_the_lips(landmarks, len(colours), *ends) for ends in ((0.0, 0.03), (0.1, 0.15)))
    assert light(colours, rim) > 0.65 * light(colours, above)


def test_a_shadow_below_the_chin_is_lit_and_what_is_above_it_stays() -> None:
    colours, landmarks = head("astronaut.png")
    shaded, rim = colours.copy(), below_the_lips(landmarks, len(colours), 0.0, 0.04)
    shaded[rim] //= 4
    lit = lit_chin(shaded, landmarks)
    above = below_the_lips(landmarks, len(colours), 0.11, 1.0)
    assert light(lit, rim) > 0.65 * light(colours, above)
    np.testing.assert_array_equal(lit[above], colours[above])


def test_a_thin_beard_along_the_jaw_stays_as_it_is() -> None:
    colours, landmarks = head("astronaut.png")
    bearded, beard = colours.copy(), below_the_lips(landmarks, len(colours), 0.0, 0.06, 0.45)
    bearded[beard] = bearded[beard] * 0.65
    np.testing.assert_array_equal(lit_chin(bearded, landmarks)[beard], bearded[beard])
    shaded, below = colours.copy(), below_the_lips(landmarks, len(colours), 0.0, 0.06)
    shaded[below] = shaded[below] * 0.65
    assert light(lit_chin(shaded, landmarks), below) > 1.05 * light(shaded, below)


def test_a_beard_stays_as_dark_as_it_is() -> None:
    colours, landmarks = head("astronaut.png")
    bearded, beard = colours.copy(), below_the_lips(landmarks, len(colours), -1.0, 1.0)
    bearded[beard] = 40
    np.testing.assert_allclose(lit_chin(bearded, landmarks)[beard].mean(), 40, atol=3)


@pytest.mark.parametrize("photo", ["0-f1-su-ph.jpg", "0-f15-hao-ph.jpg", "obama.jpg"])
def test_a_chin_that_is_lit_stays_as_it_is(photo: str) -> None:
    colours, landmarks = head(photo)
    inside = below_the_lips(landmarks, len(colours), 0.0, 1.0)
    apart = np.abs(lit_chin(colours, landmarks)[inside].astype(int) - colours[inside])
    assert apart.mean() < 0.5
