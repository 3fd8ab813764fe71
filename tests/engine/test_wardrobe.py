"""From photos to heads: what is refused, what is warned of, and that several photos show one person."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from unittest.mock import MagicMock

import cv2
import numpy as np
import pytest

from headswap_cli.engine.cancel import UnwantedError
from headswap_cli.engine.reference import read_photo
from headswap_cli.engine.types import MediaFault, PhotoFault
from headswap_cli.engine.wardrobe import Outfit, Wardrobe
from headswap_cli.models import Mode
from tests import media
from tests.engine import heads, worse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.media

CLIP = "WolfgangLanger_Pexels.mp4"


@pytest.fixture
def wardrobe() -> Wardrobe:
    return Wardrobe(media.weights_dir())


@pytest.fixture
def ahead(tmp_path: Path) -> Path:
    """One person from the front."""
    return worse.saved(worse.moment(CLIP, 240), tmp_path / "ahead.png")


@pytest.fixture
def aside(tmp_path: Path) -> Path:
    """The same person a quarter of the way to the side."""
    return worse.saved(worse.moment(CLIP, 360), tmp_path / "aside.png")


def test_each_photo_of_a_person_becomes_a_head_that_knows_its_pose(
    wardrobe: Wardrobe, ahead: Path, aside: Path
) -> None:
    outfit = wardrobe.outfits({0: [ahead, aside]})[0]
    front, side = outfit.heads
    assert outfit.main is front.reference
    assert abs(front.look.yaw) < 6
    assert side.look.yaw > 10


def test_photos_of_two_people_for_one_are_refused_with_the_distance(wardrobe: Wardrobe, ahead: Path) -> None:
    with pytest.raises(
        MediaFault,
        match=r"person 2: photos 1 and 2 show different people: leave one of them out \(distance 0\.\d\d",
    ):
        wardrobe.outfits({1: [ahead, media.photo("astronaut.png")]})


def test_two_people_may_have_photos_of_different_people(wardrobe: Wardrobe, ahead: Path) -> None:
    outfits = wardrobe.outfits({0: [ahead], 1: [media.photo("0-f15-hao-ph.jpg")]})
    assert [len(outfit.heads) for outfit in outfits.values()] == [1, 1]


def test_the_main_photo_must_be_from_the_front_and_a_further_one_need_not(
    wardrobe: Wardrobe, tmp_path: Path
) -> None:
    front = media.photo("0-f15-hao-ph.jpg")
    side = worse.saved(worse.turned("0-f15-hao-ph.jpg", 33), tmp_path / "side.png")
    assert len(wardrobe.outfits({0: [front, side]})[0].heads) == 2
    with pytest.raises(
        MediaFault, match="person 1: photo 1: the face in the reference photo is turned aside"
    ):
        wardrobe.outfits({0: [side, front]})


def test_the_work_can_be_ended_between_the_steps_of_each_photo_and_begun_anew(ahead: Path) -> None:
    pulses, last = 0, 0

    def pulse() -> None:
        nonlocal pulses
        pulses += 1
        if pulses == last:
            raise UnwantedError

    wardrobe = Wardrobe(media.weights_dir(), pulse)
    photos = {0: [ahead], 1: [media.photo("0-f15-hao-ph.jpg")]}
    for last in (1, 3, 6):
        pulses = 0
        with pytest.raises(UnwantedError):
            wardrobe.outfits(photos)
        assert pulses == last
    pulses, last = 0, 0
    outfits = wardrobe.outfits(photos)
    # The first person's photo was whole when the second one's was left.
    assert (len(outfits), pulses) == (2, 4)


def test_warnings_say_which_photo_they_are_about(wardrobe: Wardrobe, ahead: Path, tmp_path: Path) -> None:
    smiling = worse.saved(worse.moment(CLIP, 405), tmp_path / "smile.png")
    warnings = wardrobe.outfits({0: [ahead, smiling]})[0].warnings
    (smile,) = [warning for warning in warnings if "smiles" in warning]
    assert smile.startswith("photo 2: ")


def test_a_head_that_reaches_beyond_the_photo_is_warned_of(wardrobe: Wardrobe, ahead: Path) -> None:
    (told,) = [one for one in wardrobe.outfits({0: [ahead]})[0].of_outline if "cuts the head off" in one]
    assert float(told.split("along ")[1].split()[0]) > 0.2
    assert "up to 0.2 does no harm)" in told


def test_a_background_that_is_like_the_head_is_warned_of_with_how_much_of_it(wardrobe: Wardrobe) -> None:
    outfit = wardrobe.outfits({0: [media.photo("gracehopper.jpg")]})[0]
    (told,) = [one for one in outfit.told(None) if "background" in one]
    assert 8 < float(told.split("disagree over an area as large as ")[1].split()[0]) < 20
    assert "% of the face; up to 8 do no harm" in told
    # Of a face alone no outline is worn.
    assert told in outfit.told(Mode.HEAD)
    assert outfit.told(Mode.FACE) == outfit.warnings
    assert told not in outfit.warnings


@pytest.mark.parametrize("name", ["astronaut.png", "0-f15-hao-ph.jpg", "0-f1-su-ph.jpg", "15-f13-anc-ph.jpg"])
def test_a_wall_behind_the_head_is_warned_of_by_nothing(wardrobe: Wardrobe, name: str) -> None:
    outfit = wardrobe.outfits({0: [media.photo(name)]})[0]
    assert not any("background" in told for told in outfit.told(Mode.HEAD))


def test_glasses_are_warned_of_and_a_bare_face_is_not(wardrobe: Wardrobe) -> None:
    bare, with_them = (
        wardrobe.outfits({0: [media.photo(name)]})[0].warnings for name in ("obama.jpg", "gracehopper.jpg")
    )
    assert any("wears glasses" in told and "without glasses looks better" in told for told in with_them)
    assert not any("glasses" in told for told in bare)


@pytest.mark.parametrize("frame_index", [150, 225])
def test_a_hand_before_the_face_is_refused_with_how_much_it_covers(
    wardrobe: Wardrobe, tmp_path: Path, frame_index: int
) -> None:
    photo = worse.saved(worse.moment(CLIP, frame_index), tmp_path / "hand.png")
    with pytest.raises(MediaFault) as caught:
        wardrobe.outfits({0: [photo]})
    assert "a hand covers" in caught.value.reason
    assert "at most 5 may be" in caught.value.reason


def faults_of(wardrobe: Wardrobe, photos: dict[int, list[Path]]) -> dict[int, PhotoFault]:
    tried = wardrobe.tried(photos)
    return {number: one for number, one in tried.items() if isinstance(one, PhotoFault)}


def test_a_photo_is_judged_by_itself_though_the_one_before_was_refused_for_a_hand(
    wardrobe: Wardrobe, tmp_path: Path
) -> None:
    first, second = (
        worse.saved(worse.moment(CLIP, index), tmp_path / f"{index}.png") for index in (150, 168)
    )
    alone = faults_of(wardrobe, {1: [second]})[1]
    after = faults_of(wardrobe, {0: [first], 1: [second]})[1]
    assert after.reason == alone.reason


def test_hair_that_was_dyed_between_two_photos_is_warned_of(
    wardrobe: Wardrobe, ahead: Path, tmp_path: Path
) -> None:
    photo = read_photo(media.photo("0-f15-hao-ph.jpg"))
    hair = heads.reference("0-f15-hao-ph.jpg").hair_colour()
    assert hair is not None
    lab = cv2.cvtColor(photo, cv2.COLOR_BGR2LAB).astype(np.float32)
    near = np.exp(-(((lab - hair) ** 2).sum(axis=2, keepdims=True)) / 800)
    fair = np.clip(lab + near * np.array([70, 5, 25], np.float32), 0, 255).astype(np.uint8)
    dyed = worse.saved(cv2.cvtColor(fair, cv2.COLOR_LAB2BGR), tmp_path / "dyed.png")
    plain = media.photo("0-f15-hao-ph.jpg")
    outfit = wardrobe.outfits({0: [plain, dyed]})[0]
    assert any("photos 1 and 2 show different hair" in warning for warning in outfit.told(None))
    assert not any("different hair" in warning for warning in outfit.told(Mode.FACE))
    same = wardrobe.outfits({0: [plain, plain]})[0]
    assert not any("different hair" in warning for warning in same.told(None))


def test_a_tiny_face_is_refused_with_both_numbers(wardrobe: Wardrobe, tmp_path: Path) -> None:
    photo = worse.moment("single_face.mp4", 0)
    tiny = worse.saved(worse.shrunk(photo, 0.25), tmp_path / "tiny.png")
    with pytest.raises(
        MediaFault, match=r"person 1: the face in the reference photo is \d\d pixels wide; at"
    ):
        wardrobe.outfits({0: [tiny]})


def test_every_person_whose_photo_cannot_be_used_is_told_by_number(
    wardrobe: Wardrobe, ahead: Path, tmp_path: Path
) -> None:
    tiny = worse.saved(worse.shrunk(worse.moment("single_face.mp4", 0), 0.25), tmp_path / "tiny.png")
    crowd = media.photo("multi_face.jpg")
    faults = faults_of(wardrobe, {0: [crowd], 1: [ahead], 2: [ahead, tiny]})
    assert sorted(faults) == [0, 2]
    assert faults[0].reason.startswith("the reference photo shows 5 faces")
    assert faults[2].reason.startswith("photo 2: the face in the reference photo is ")


def test_five_faces_are_refused(wardrobe: Wardrobe) -> None:
    with pytest.raises(MediaFault, match=r"person 1: the reference photo shows \d faces"):
        wardrobe.outfits({0: [media.photo("multi_face.jpg")]})


def test_heads_are_made_once_and_anew_when_what_is_in_the_file_has_changed(
    wardrobe: Wardrobe, ahead: Path, aside: Path
) -> None:
    assert faults_of(wardrobe, {7: [ahead]}) == {}
    first = wardrobe.outfits({0: [ahead]})[0]
    # The engine notes in a file's date that it is in use.
    os.utime(ahead, (1, 1))
    assert wardrobe.outfits({0: [ahead]})[0] is first
    aside.replace(ahead)
    assert wardrobe.outfits({0: [ahead]})[0] is not first
    assert wardrobe.outfits({0: [ahead]})[0].heads[0].look.yaw > 10


def test_of_photos_that_are_judged_one_after_the_other_the_last_heads_are_kept_and_no_more(
    wardrobe: Wardrobe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def outfit(self: Wardrobe, paths: Sequence[Path]) -> Outfit:
        made.extend(paths)
        return Outfit(heads=(MagicMock(),) * len(paths), warnings=())

    monkeypatch.setattr(Wardrobe, "_outfit", outfit)
    photos = [tmp_path / f"{number}.png" for number in range(12)]
    for number, photo in enumerate(photos):
        photo.write_bytes(bytes([number]))
        assert faults_of(wardrobe, {0: [photo]}) == {}
    assert faults_of(wardrobe, {0: photos[4:8], 1: photos[8:9]}) == {}
    # Four heads of one person took the place of four others.
    made.clear()
    assert faults_of(wardrobe, {0: photos[8:9], 1: photos[11:]}) == {}
    assert made == []
    wardrobe.outfits({0: photos[4:8], 1: photos[:1], 2: photos[11:]})
    assert made == photos[:1]
