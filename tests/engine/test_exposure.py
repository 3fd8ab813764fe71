"""However dark or bleached a scene is, the new head is as dark or as bleached as the person's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.head import HeadSwapper, Rendered
from headswap_cli.engine.inner import face_alone
from headswap_cli.engine.types import Frame, Landmarks
from headswap_cli.models import Mode
from tests.engine import heads

pytestmark = pytest.mark.media

CLIP, PHOTO = "single_face.mp4", "astronaut.png"
# How coded values grow with light.
GAMMA = 2.2
# A tenth of the light, of candles; and a flash, of all channels.
CANDLES, FLASH = (0.045, 0.075, 0.12), (6.0, 5.5, 5.0)
CHEEKS, FOREHEAD = (50, 280), 10
EVEN = (1.0, 1.0, 1.0)


def relit(frame: Frame, light: tuple[float, float, float]) -> Frame:
    """Return a frame in another light, so many times as bright, BGR."""
    return np.asarray(255 * np.clip((frame / 255) ** GAMMA * light, 0, 1) ** (1 / GAMMA) + 0.5, np.uint8)


def swapped(mode: Mode, lights: list[tuple[float, float, float]]) -> tuple[Frame, Rendered, Landmarks]:
    """Swap a head in as many frames as there are lights; return the last: source, result, landmarks."""
    frames, landmarks = heads.scene(CLIP, 0, len(lights))
    reference = heads.reference(PHOTO)
    reference = reference if mode is Mode.HEAD else face_alone(reference)
    head = HeadSwapper(reference, landmarks, mode, heads.matte())
    for frame, light, face in zip(frames, lights, landmarks, strict=True):
        source = relit(frame, light)
        made = head.apply(source, face)
    return source, made, landmarks[-1]


def around(picture: Frame, points: NDArray[np.float32], reach: float) -> NDArray[np.float64]:
    """Return the mean colour around some points, BGR."""
    side = max(2, round(reach))
    parts = [
        picture[y - side : y + side, x - side : x + side].reshape(-1, 3)
        for x, y in points[:, :2].round().astype(int)
    ]
    return np.asarray(np.concatenate(parts).mean(axis=0), np.float64)


def cheeks(picture: Frame, face: Landmarks) -> NDArray[np.float64]:
    return around(picture, face[list(CHEEKS)], 0.05 * face_width(face))


def lab(colour: NDArray[np.float64]) -> NDArray[np.float64]:
    pixel = (colour[np.newaxis, np.newaxis] / 255).astype(np.float32)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_BGR2LAB)[0, 0], np.float64)


@pytest.mark.parametrize("mode", [Mode.FACE, Mode.HEAD])
def test_cheeks_by_candle_light_are_as_dim_and_as_warm_as_the_persons(mode: Mode) -> None:
    source, made, face = swapped(mode, [CANDLES] * 6)
    assert np.linalg.norm(lab(cheeks(made.image, face)) - lab(cheeks(source, face))) < 5


def test_hair_by_candle_light_is_as_dim_as_the_skin_below_it() -> None:
    dim, lit = (swapped(Mode.HEAD, [light] * 6) for light in (CANDLES, EVEN))
    shares = []
    for _, made, face in (dim, lit):
        above = face[[FOREHEAD]] - (0, 0.2 * face_width(face), 0)
        shares.append(
            around(made.image, above, 0.06 * face_width(face)).mean() / cheeks(made.image, face).mean()
        )
    assert shares[0] < 1.3 * shares[1]


@pytest.mark.parametrize("mode", [Mode.FACE, Mode.HEAD])
def test_a_flash_bleaches_the_new_face_in_its_own_frame_and_leaves_it_in_the_next(mode: Mode) -> None:
    for lights in ([EVEN] * 5 + [FLASH], [EVEN] * 5 + [FLASH, EVEN]):
        source, made, face = swapped(mode, lights)
        assert np.linalg.norm(lab(cheeks(made.image, face)) - lab(cheeks(source, face))) < 5
