"""Golden figures of the stages that no test of their own measures, on one real face and one photo.

Areas are in squares of the face's width. The bounds allow for networks and codecs of other processors; what
goes further changed the picture: look at it, then write the new figure down here.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from headswap_cli.engine import topology
from headswap_cli.engine.appearance import Appearance, learn, of_face
from headswap_cli.engine.flat import SIDE
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.headmatte import head_window
from headswap_cli.engine.sample import between
from headswap_cli.engine.silhouette import silhouette
from headswap_cli.engine.unlike import Compared, Expected
from tests.engine import heads
from tests.engine.overlays import OVERLAYS

pytestmark = pytest.mark.media


@cache
def usual() -> Appearance:
    """How the face of the clip looks as a rule."""
    found = learn(list(zip(*heads.scene("carphone_pristine.mp4", 0, 12), strict=True)), skin())
    assert found is not None
    return found


def skin() -> np.ndarray:
    return of_face(heads.reference().triangles)


def compared(overlay: str | None = None) -> tuple[Compared, np.ndarray]:
    """Return how the first frame compares with the rule, and where something was laid over it."""
    frames, track = heads.scene("carphone_pristine.mp4", 0, 12)
    frame, thing = frames[0], np.zeros(frames[0].shape[:2], np.bool_)
    if overlay:
        frame, thing = OVERLAYS[overlay](frame, track[0])
    points = track[0][: topology.MESH_POINTS]
    found = Expected(usual(), skin()).compare(frame.astype(np.float32), points, face_width(track[0]))
    assert found is not None
    return found, thing


def test_the_matte_of_a_head_and_shoulders_covers_as_much_of_its_window_as_it_did() -> None:
    frames, track = heads.scene("carphone_pristine.mp4", 0, 12)
    middle = track[0][topology.OVAL, :2].mean(axis=0)
    found = heads.matte()(frames[0], *head_window(middle, face_width(track[0])))
    assert found.shape == (256, 256)
    assert float(found.mean()) == pytest.approx(0.430, abs=0.02)


def test_the_silhouette_of_head_and_shoulders_is_as_large_as_it_was() -> None:
    frames, track = heads.scene("carphone_pristine.mp4", 0, 12)
    found = silhouette(frames[0].shape, track[0])
    assert float(found.sum()) / face_width(track[0]) ** 2 == pytest.approx(4.56, rel=0.05)
    assert found[tuple(np.round(track[0][topology.NOSE_TIP, 1::-1]).astype(int))] == pytest.approx(
        1, abs=1e-3
    )


def test_the_head_cut_from_a_photo_has_as_much_hair_skin_and_face_as_it_had() -> None:
    reference = heads.reference()
    square = face_width(reference.landmarks) ** 2
    alpha, weights = reference.textures[0][..., 3] / 255, reference.weights[0] / 255
    assert float(alpha.sum()) / square == pytest.approx(3.01, rel=0.04)
    assert float((alpha * weights[..., 0]).sum()) / square == pytest.approx(1.45, rel=0.04)
    assert float(weights[..., 1].sum()) / square == pytest.approx(1.78, rel=0.04)
    hair = reference.hair_colour()
    assert hair is not None
    np.testing.assert_allclose(hair, (107, 131, 153), atol=4)


def test_a_face_laid_flat_has_the_cheeks_colour_and_the_spread_that_it_had() -> None:
    found = usual()
    assert found.colours.shape == (SIDE, SIDE, 3)
    columns, rows = np.round(found.layout[topology.CHEEKS]).astype(int).T
    np.testing.assert_allclose(found.colours[rows, columns].mean(axis=0), (108, 125, 148), atol=4)
    assert float(np.median(found.spread)) == pytest.approx(4.2, abs=0.6)


def test_a_bare_face_is_like_itself_to_a_few_grey_levels() -> None:
    found, _ = compared()
    assert float((found.score[found.inside] > 0.5).mean()) < 0.005
    frame = heads.scene("carphone_pristine.mp4", 0, 12)[0][0]
    assert float(np.abs(found.usual - frame)[found.inside].mean()) == pytest.approx(3.6, abs=0.6)


@pytest.mark.parametrize(
    ("overlay", "share"),
    [("microphone", 0.48), ("lettering", 0.87), ("glasses", 0.43), ("passing bar", 0.96)],
)
def test_of_what_is_before_a_face_as_many_pixels_are_unlike_it_as_were(overlay: str, share: float) -> None:
    found, thing = compared(overlay)
    unlike = found.score > 0.5
    assert float(unlike[found.inside & thing].mean()) == pytest.approx(share, abs=0.06)
    assert float(unlike[found.inside & ~thing].mean()) < 0.01


@pytest.mark.parametrize(("x", "y", "value"), [(1, 1, 30), (2, 1.5, 50), (2.25, 1.75, 57.5), (-3, 9, 60)])
def test_between_pixels_a_slope_is_read_as_it_is_and_its_edge_is_repeated(
    x: float, y: float, value: float
) -> None:
    columns, rows = np.meshgrid(np.arange(5), np.arange(4))
    picture = (10 * columns + 20 * rows).astype(np.uint8)[..., np.newaxis]
    assert between(picture, float(x), float(y), 0) == pytest.approx(value, abs=1e-4)


def test_between_pixels_a_thin_dark_gap_is_darker_than_straight_lines_would_read_it() -> None:
    picture = np.full((7, 7, 1), 200, np.uint8)
    picture[3:5] = 40
    straight = 40 + 0.25 * (200 - 40)
    assert between(picture, 3.0, 2.75, 0) < straight - 5
