"""Reference photos: what is read, what is refused, and what becomes of the head."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headswap_cli import wire
from headswap_cli.engine import hull, topology
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.hair import HeadCut, cut_head
from headswap_cli.engine.reference import Reference, read_photo, select_face
from headswap_cli.engine.strand import strand_ends
from headswap_cli.engine.types import Detection, Frame, Mask, MediaFault
from tests import media
from tests.engine import heads, strands

# A photo "turned right to be upright" (EXIF orientation 6), as phones write them.
_EXIF_TURNED = bytes.fromhex("ffe1002245786966000049492a000800000001001201030001000000060000000000")


def face(width: float, x: float = 0) -> Detection:
    box = np.array([x, 0, x + width, width], np.float32)
    return Detection(0.9, box, np.zeros((6, 2), np.float32))


def two_tone(path: Path) -> Path:
    """A picture 40 wide and 20 high, its left half white."""
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:, :20] = 255
    cv2.imwrite(str(path), picture)
    return path


def test_an_empty_photo_is_refused_and_its_path_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "secret.jpg"
    path.touch()
    with pytest.raises(MediaFault, match=r"the reference photo is empty \(0 bytes\)") as caught:
        read_photo(path)
    assert caught.value.code == wire.UNREADABLE
    assert "secret" not in caught.value.reason


def test_a_text_file_is_no_photo(tmp_path: Path) -> None:
    path = tmp_path / "me.jpg"
    path.write_text("not a picture")
    with pytest.raises(MediaFault, match="not an image that can be read") as caught:
        read_photo(path)
    assert caught.value.code == wire.UNREADABLE


def test_a_photo_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    plain = two_tone(tmp_path / "plain.jpg").read_bytes()
    path = tmp_path / "turned.jpg"
    path.write_bytes(plain[:2] + _EXIF_TURNED + plain[2:])
    image = read_photo(path)
    assert image.shape == (40, 20, 3)
    assert image[5, 10].min() > 240
    assert image[35, 10].max() < 15


def test_transparent_parts_are_grey_and_the_rest_is_kept(tmp_path: Path) -> None:
    picture = np.zeros((8, 8, 4), np.uint8)
    picture[:, :4] = (10, 200, 30, 255)
    path = tmp_path / "cutout.png"
    cv2.imwrite(str(path), picture)
    image = read_photo(path)
    np.testing.assert_allclose(image[:, 5:], 127, atol=1)
    np.testing.assert_allclose(image[:, :3], np.broadcast_to((10, 200, 30), (8, 3, 3)), atol=1)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tiff"])
def test_common_formats_are_read(tmp_path: Path, suffix: str) -> None:
    assert read_photo(two_tone(tmp_path / f"photo{suffix}")).shape == (20, 40, 3)


def test_a_huge_photo_is_made_smaller(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    cv2.imwrite(str(path), np.zeros((3000, 1500, 3), np.uint8))
    assert read_photo(path).shape == (2400, 1200, 3)


def test_no_face_is_refused_in_words() -> None:
    with pytest.raises(MediaFault, match="the reference photo shows no face") as caught:
        select_face([])
    assert caught.value.code == wire.INVALID_PARAMETER


def test_a_small_face_is_refused_with_both_numbers() -> None:
    with pytest.raises(MediaFault, match="is 31 pixels wide; at least 48 are needed"):
        select_face([face(31)])


@settings(deadline=None)
@given(st.floats(60, 900), st.lists(st.floats(0.02, 1.0), max_size=5))
def test_a_second_face_counts_from_two_fifths_of_the_largest_on(largest: float, parts: list[float]) -> None:
    # Boxes have single precision: at the very limit either answer is right.
    assume(all(abs(part - 0.4) > 1e-4 for part in parts))
    found = [face(largest), *(face(largest * part, x=1000) for part in parts)]
    rivals = sum(part * largest >= 0.4 * largest for part in parts)
    if rivals:
        with pytest.raises(MediaFault, match=f"shows {rivals + 1} faces"):
            select_face(found)
    else:
        assert select_face(found[::-1]).box[2] == pytest.approx(largest)


@pytest.mark.media
def test_a_photo_of_five_people_is_refused() -> None:
    with pytest.raises(MediaFault, match=r"shows \d faces; use one that shows one person"):
        select_face(heads.faces("multi_face.jpg")[1])


@pytest.mark.media
def test_a_landscape_has_no_face() -> None:
    frame = next(media.frames_of(media.clip("no_face.mp4")))
    with pytest.raises(MediaFault, match="no face"):
        select_face(heads.detector()(frame))


@pytest.mark.media
def test_the_head_is_cut_out_with_its_hair_and_without_neck_clothes_and_background() -> None:
    reference = heads.reference()
    alpha = reference.textures[0][..., 3]
    forehead, chin = (reference.landmarks[index, :2] for index in (topology.FOREHEAD, topology.CHIN))
    width = reference.face_width

    def at(x: float, y: float) -> int:
        return int(alpha[round(y), round(x)])

    assert at(*reference.landmarks[topology.NOSE_TIP, :2]) == 255
    assert at(forehead[0], forehead[1] - 0.2 * width) > 240
    assert at(forehead[0], forehead[1] - 0.9 * width) == 0
    assert at(chin[0], chin[1] + 0.2 * width) == 0
    assert at(chin[0] - 1.2 * width, chin[1]) == 0
    assert at(chin[0] + 1.2 * width, forehead[1]) == 0


@pytest.mark.media
def test_hair_is_not_skin_and_the_inner_face_is_within_the_face() -> None:
    reference = heads.reference()
    skin, inner = np.moveaxis(reference.weights[0], 2, 0)
    cheek = reference.landmarks[50, :2].round().astype(int)
    forehead = reference.landmarks[topology.FOREHEAD, :2].round().astype(int)
    above = forehead[1] - round(0.25 * reference.face_width)
    assert skin[cheek[1], cheek[0]] > 200
    assert skin[above, forehead[0]] < 60
    assert inner[cheek[1], cheek[0]] > 200
    assert inner[above, forehead[0]] == 0


@pytest.mark.media
def test_levels_halve_and_every_corner_lies_in_the_texture() -> None:
    reference = heads.reference()
    for before, after in zip(reference.textures, reference.textures[1:], strict=False):
        assert after.shape[0] == (before.shape[0] + 1) // 2
    height, width = reference.textures[0].shape[:2]
    used = reference.texture_points[np.unique(reference.triangles)]
    inside = (used >= -1).all(axis=1) & (used[:, 0] <= width) & (used[:, 1] <= height)
    assert inside.mean() > 0.97
    assert inside[-2 * hull.EYE_POINTS :].all()


@pytest.mark.media
def test_eyeballs_have_no_lids() -> None:
    reference = heads.reference()
    texture = reference.textures[0].astype(float)
    for number, eye in enumerate(hull.EYES):
        first = hull.FIRST_EYE + number * hull.EYE_POINTS
        nodes = reference.texture_points[first : first + hull.EYE_POINTS].reshape(
            hull.EYE_ROWS, hull.EYE_COLUMNS, 2
        )
        iris = reference.landmarks[eye.iris[0], :2] - reference.vertices[first, :2] + nodes[0, 0]
        radius = hull.iris_radius(reference.landmarks, eye)
        centre, above = (
            texture[round(iris[1] - up), round(iris[0]), :3].mean() for up in (0.3 * radius, 0.8 * radius)
        )
        beside = texture[round(iris[1] - 0.8 * radius), round(iris[0] + 1.8 * radius), :3].mean()
        assert centre < 120
        assert above < 130
        assert beside > above + 20


@pytest.mark.media
def test_hanging_hair_is_told_from_short_hair() -> None:
    assert heads.reference().hanging_hair < 0.2
    assert heads.reference("0-f15-hao-ph.jpg").hanging_hair > 0.4


def test_a_coloured_wall_does_not_stay_around_the_hair() -> None:
    reference = heads.reference("0-f1-su-ph.jpg")
    texture = reference.textures[0][: reference.textures[0].shape[1]].astype(int)
    landmarks, width = reference.landmarks, reference.face_width
    crown = int(landmarks[topology.FOREHEAD, 1] - 0.25 * width)
    blue_wall = (texture[..., 0] - texture[..., 2] > 60) & (texture[..., 1] > 80) & (texture[..., 3] > 128)
    assert blue_wall[:crown].sum() < 0.002 * width**2


@pytest.mark.parametrize("photo", ["0-f1-su-ph.jpg", "0-f15-hao-ph.jpg", "astronaut.png"])
def test_the_head_is_of_one_piece(photo: str) -> None:
    reference = heads.reference(photo)
    alpha = reference.textures[0][: reference.textures[0].shape[1], :, 3]
    count, _, stats, _ = cv2.connectedComponentsWithStats((alpha > 100).astype(np.uint8))
    sizes = sorted(stats[1:count, cv2.CC_STAT_AREA])
    assert sum(sizes[:-1]) < 0.002 * sizes[-1]


def test_no_dark_collar_or_shoulder_beside_the_jaw_comes_along_as_hair() -> None:
    reference = heads.reference("single_face.jpg")
    texture = reference.textures[0][: reference.textures[0].shape[1]]
    width, outline = reference.face_width, reference.landmarks[topology.OVAL, :2]
    lobes = float(reference.landmarks[[132, 361], 1].mean())
    left = texture[round(lobes) : round(lobes + 0.3 * width), : round(outline[:, 0].min() - 0.03 * width), 3]
    assert left.max() < 30
    # The jaw where the collar is before it.
    columns, rows = np.round(reference.landmarks[[58, 172, 136, 150], :2]).astype(int).T
    light = texture[rows, columns, :3].astype(int).sum(axis=1)
    x, y = np.round(reference.landmarks[200, :2]).astype(int)
    assert light.min() > 0.7 * texture[y, x, :3].astype(int).sum()


def test_wall_and_collar_between_the_jaw_and_hair_are_hardly_hair() -> None:
    reference = heads.reference("0-f1-su-ph.jpg")
    middle, width = reference.landmarks[topology.OVAL, :2].mean(axis=0), reference.face_width
    alpha = reference.textures[0][..., 3] / 255
    for left, right, top, bottom in ((-0.54, -0.47, 0.44, 0.5), (0.38, 0.48, 0.4, 0.48)):
        x0, x1 = (int(middle[0] + edge * width) for edge in (left, right))
        y0, y1 = (int(middle[1] + edge * width) for edge in (top, bottom))
        assert alpha[y0:y1, x0:x1].mean() < 0.5


def test_a_cap_comes_along_whole_and_the_flag_and_the_cord_behind_it_do_not() -> None:
    reference = heads.reference("gracehopper.jpg")
    texture = reference.textures[0][: reference.textures[0].shape[1]]
    alpha, width, landmarks = texture[..., 3], reference.face_width, reference.landmarks
    outline, top = landmarks[topology.OVAL, :2], float(landmarks[topology.FOREHEAD, 1])
    middle = float(outline[:, 0].mean())

    def within(across: tuple[float, float], up: tuple[float, float]) -> np.ndarray:
        columns = slice(*(round(middle + part * width) for part in across))
        return texture[round(top - up[1] * width) : round(top - up[0] * width), columns]

    # The white crown left and right of the badge; above it there was a star.
    assert within((-0.35, -0.28), (0.3, 0.38))[..., 3].mean() > 230
    assert within((0.28, 0.42), (0.3, 0.38))[..., 3].mean() > 230
    assert within((-0.5, -0.1), (0.65, 0.85))[..., 3].max() < 30
    blue, green, red = np.moveaxis(texture[:, : round(middle - 0.6 * width), :3].astype(int), 2, 0)
    cord = (red > 150) & (green > 100) & (blue < 90) & (alpha[:, : round(middle - 0.6 * width)] > 60)
    assert cord.sum() < 0.0005 * width**2
    # Her ears, though the flag and the wall have other colours than her hair is mixed with.
    ears = [landmarks[index, :2] + (side * 0.06 * width, 0) for index, side in ((234, -1), (454, 1))]
    for x, y in np.round(ears).astype(int):
        assert alpha[y : y + round(0.05 * width), x].min() > 180


def test_the_ends_of_hair_beside_the_jaw_have_the_hairs_colour_and_no_skins() -> None:
    reference = heads.reference("0-f1-su-ph.jpg")
    texture = reference.textures[0][: reference.textures[0].shape[1]]
    width, outline = reference.face_width, reference.landmarks[topology.OVAL, :2]
    face = cv2.fillConvexPoly(
        np.zeros(texture.shape[:2], np.uint8), cv2.convexHull(outline.astype(np.int32)), (1,)
    )
    away = cv2.distanceTransform(1 - face, cv2.DIST_L2, cv2.DIST_MASK_5) > 0.05 * width
    mouth = round(float(reference.landmarks[[61, 291], 1].mean()))
    ends = (texture[mouth:, :, 3] > 60) & away[mouth:]
    red, blue = (texture[mouth:][ends][:, channel].astype(int) for channel in (2, 0))
    assert ends.sum() > 0.01 * width**2
    assert ((red > 130) & (red - blue > 25)).sum() < 0.02 * ends.sum()


def test_hair_that_the_photo_cuts_off_ends_softly() -> None:
    reference = heads.reference("0-f15-hao-ph.jpg")
    alpha = reference.textures[0][: reference.textures[0].shape[1], :, 3].astype(int)
    chin_x = reference.landmarks[topology.CHIN, 0]
    alpha[:, np.abs(np.arange(alpha.shape[1]) - chin_x) < 0.4 * reference.face_width] = 0
    tip = np.flatnonzero((alpha > 20).sum(axis=1) > 20).max()
    columns = alpha[tip - 5] > 20
    fading = alpha[: tip + 1, columns].mean(axis=1)[tip - int(0.12 * reference.face_width) :]
    assert fading[0] > 150
    assert np.abs(np.diff(fading)).max() < 30


def _crown(below_crown: float) -> tuple[np.ndarray, float]:
    """The head's opacity, 0 to 1, down from where it begins above the nose, and its face's width.

    The photo's upper edge is so many face widths below the top of the hair.
    """
    photo, (found,) = heads.faces("15-f13-anc-ph.jpg")
    whole = heads.reference("15-f13-anc-ph.jpg")
    landmarks, _ = heads.mesh().from_detection(photo, found)
    top = np.flatnonzero(whole.textures[0][..., 3].max(axis=1) > 200)[0]
    scale = face_width(landmarks) / whole.face_width
    crown = landmarks[topology.FOREHEAD, 1] - scale * (whole.landmarks[topology.FOREHEAD, 1] - top)
    edge = round(float(crown + below_crown * face_width(landmarks)))
    head = heads.head_of(np.ascontiguousarray(photo[edge:]))
    column = head.textures[0][:, round(float(head.landmarks[topology.FOREHEAD, 0])), 3] / 255
    return column[np.flatnonzero(column > 0.05)[0] :], head.face_width


def test_hair_that_begins_just_below_the_photos_edge_is_whole() -> None:
    column, width = _crown(-0.04)
    assert column[round(0.04 * width) : round(0.3 * width)].min() > 0.95


def test_hair_that_the_photos_upper_edge_cuts_off_fades_towards_it() -> None:
    column, width = _crown(0.2)
    fading = column[: round(0.12 * width)]
    assert 0.3 < fading.mean() < 0.7
    assert np.abs(np.diff(fading)).max() < 0.1


_WALLS = {"green": (40, 170, 40), "red": (40, 40, 200), "white": (205, 205, 205), "grey": (110, 110, 110)}


@cache
def _before(wall: str) -> HeadCut:
    """The astronaut cut out anew from before a wall of one colour; what lies on it was itself cut out."""
    reference = heads.reference()
    upright = reference.textures[0][: reference.textures[0].shape[1]]
    alpha = np.asarray(upright[..., 3] / np.float32(255), np.float32)
    painted = strands.laid_on(alpha, upright[..., :3], _WALLS[wall])
    return cut_head(painted, reference.landmarks, heads.matte())


@pytest.mark.media
@pytest.mark.parametrize("wall", ["red", "white", "grey"])
def test_hair_has_the_same_colours_and_outline_before_any_wall(wall: str) -> None:
    green, other = _before("green"), _before(wall)
    shown = np.maximum(green.alpha, other.alpha) > 0
    # There is no neck on these pictures from which a jaw could be told.
    shown[round(float(heads.reference().landmarks[topology.LOBES, 1].mean())) :] = False
    assert np.abs(green.alpha - other.alpha)[shown].mean() < 0.012
    edge = (np.minimum(green.alpha, other.alpha) > 0.1) & (green.alpha < 0.95)
    assert np.abs(green.colours.astype(int) - other.colours)[edge].mean() < 6


def _over(wall: NDArray[np.floating]) -> tuple[HeadCut, Mask]:
    """Cut a man with short hair out from before a wall; return the head, and where his hair surely is."""
    reference = heads.reference("obama.jpg")
    upright, alpha = _shown(reference)
    painted = upright[..., :3] * alpha[..., np.newaxis] + wall * (1 - alpha[..., np.newaxis])
    grain = np.random.default_rng(1).normal(0, 1.5, painted.shape)
    picture = np.asarray(np.clip(painted + grain, 0, 255), np.uint8)
    return cut_head(picture, reference.landmarks, heads.matte()), _crown_of(reference)


def _shown(reference: Reference) -> tuple[Frame, Mask]:
    upright = reference.textures[0][: reference.textures[0].shape[1]]
    return upright, np.asarray(upright[..., 3] / np.float32(255), np.float32)


def _crown_of(reference: Reference) -> Mask:
    _, alpha = _shown(reference)
    high = np.arange(len(alpha))[:, np.newaxis] < reference.landmarks[topology.FOREHEAD, 1]
    return np.asarray((alpha > 0.95) & high, np.float32)


@pytest.mark.media
def test_short_hair_before_stones_and_curtains_of_its_own_colours_is_whole() -> None:
    reference = heads.reference("obama.jpg")
    upright, alpha = _shown(reference)
    rng = np.random.default_rng(4)
    own = upright[_crown_of(reference) > 0][:, :3]
    count = tuple(length // 6 + 1 for length in alpha.shape)
    stones = own[rng.integers(0, len(own), count)] * rng.uniform(0.8, 1.5, (*count, 1))
    wall = np.kron(stones, np.ones((6, 6, 1)))[: alpha.shape[0], : alpha.shape[1]]
    wall[:, np.arange(alpha.shape[1]) // 30 % 2 > 0] = (48, 58, 140)
    cut, hair = _over(cv2.GaussianBlur(np.clip(wall, 0, 255).astype(np.float32), (0, 0), 1.2))
    assert cut.alpha[hair > 0].mean() > 0.97
    beside = cv2.dilate(alpha, np.ones((5, 5), np.uint8)) < 0.02
    beside[round(float(reference.landmarks[topology.LOBES, 1].mean())) :] = False
    assert cut.alpha[beside].mean() < 0.02


@pytest.mark.media
def test_what_has_hairs_colour_beside_a_head_and_is_thicker_than_a_lock_is_hardly_any_of_it() -> None:
    reference = heads.reference("obama.jpg")
    upright, alpha = _shown(reference)
    width, row = reference.face_width, round(float(reference.landmarks[105, 1]))
    inside = np.flatnonzero(alpha[row] > 0.5)
    wall = np.full((*alpha.shape, 3), (150, 165, 175), np.float32)
    blots = np.zeros(alpha.shape, np.uint8)
    for gap, up in ((0.05, 0.0), (0.09, 0.25)):
        for left in (inside[0] - (gap + 0.09) * width, inside[-1] + gap * width):
            corner = np.round([left, row - up * width]).astype(int)
            end = corner + np.round([0.09 * width, 0.12 * width]).astype(int)
            cv2.rectangle(blots, corner.tolist(), end.tolist(), (1,), -1)
    blots[alpha > 0.02] = 0
    wall[blots > 0] = np.median(upright[_crown_of(reference) > 0][:, :3], axis=0)
    cut, hair = _over(wall)
    assert cut.alpha[hair > 0].mean() > 0.97
    assert cut.alpha[blots > 0].mean() < 0.33


@pytest.mark.media
def test_a_rail_on_the_wall_is_not_taken_for_strands() -> None:
    reference = heads.reference("0-f1-su-ph.jpg")
    width, top = reference.face_width, float(reference.landmarks[topology.FOREHEAD, 1])
    above = reference.textures[0][: round(top - 0.38 * width), :, 3] > 20
    assert above.sum() < 0.0025 * width**2


def test_hair_that_must_end_ends_in_strands_of_many_lengths() -> None:
    fading = np.repeat(np.linspace(1, 0, 60, dtype=np.float32)[:, np.newaxis], 200, axis=1)
    ends = strand_ends(fading, 100)
    assert ends[0].min() == 1
    assert ends[-1].max() == 0
    lengths = (ends > 0.5).sum(axis=0)
    assert lengths.std() > 5
    assert np.abs(np.diff(lengths)).max() < 12


def test_loose_strands_stay_where_the_wall_is_even() -> None:
    reference = heads.reference("0-f1-su-ph.jpg")
    alpha = reference.textures[0][: reference.textures[0].shape[1], :, 3].astype(np.float32) / 255
    width = reference.face_width
    mass = cv2.morphologyEx(
        (alpha > 0.5).astype(np.uint8), cv2.MORPH_OPEN, np.ones((round(0.08 * width),) * 2)
    )
    flying = alpha[mass == 0].sum() / width**2
    assert flying > 0.02
