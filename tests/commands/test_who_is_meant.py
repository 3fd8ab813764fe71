"""People named by a place or by likeness, from the command line to the request that costs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests import media

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

VIDEO, FACE = "https://example.com/clip.mp4", "https://example.com/me.jpg"
WOMAN, MAN = "WolfgangLanger_Pexels.mp4", "single_face.mp4"


def moment(clip: str, frame_index: int, target: Path) -> Path:
    """Save a frame of a clip."""
    (frame,) = media.frames_of(media.clip(clip), start=frame_index, count=1)
    cv2.imwrite(str(target), frame)
    return target


@pytest.fixture
def couple(service: HeadSwapService, tmp_path: Path) -> dict[str, str]:
    """Let the service find a woman and a man; return the environment with what compares faces."""
    service.people = 2
    service.media.files["0.jpg"] = moment(WOMAN, 10, tmp_path / "0.jpg").read_bytes()
    service.media.files["1.jpg"] = moment(MAN, 10, tmp_path / "1.jpg").read_bytes()
    return {"HEADSWAP_CACHE_DIR": str(media.weights_dir().parent)}


def sent(service: HeadSwapService) -> list[int]:
    """Return the API's numbers of the people who got a face."""
    return [mapping["obj_id"] for create in service.creates for mapping in create.json["mappings"]]


@pytest.mark.media
def test_the_person_who_looks_like_the_photo_gets_the_face_on_a_cloud_service_too(
    cloud: Headswap, service: HeadSwapService, couple: dict[str, str], tmp_path: Path
) -> None:
    photo = moment(MAN, 60, tmp_path / "him.png")
    ran = cloud("run", VIDEO, "--face", f"like:{photo}={FACE}", code=0, stdin="", **couple)
    assert sent(service) == [1]
    assert "him.png looks like person 2 (distance 0." in ran.err


@pytest.mark.media
def test_a_stranger_is_refused_with_the_people_and_nothing_is_paid(
    cloud: Headswap, service: HeadSwapService, couple: dict[str, str]
) -> None:
    photo = media.photo("astronaut.png")
    value = cloud("run", VIDEO, "--face", f"like:{photo}={FACE}", "--json", code=2, stdin="", **couple).value
    assert "Nobody in the video looks like" in value["error"]["message"]
    assert "People in the video: 1 (obj_id 0), 2 (obj_id 1)" in value["error"]["message"]
    assert value["error"]["analysis_id"]
    assert service.creates == []


@pytest.mark.media
def test_a_cast_of_two_on_a_clip_with_one_of_them_is_told_which_entry_to_leave_out(
    cloud: Headswap, service: HeadSwapService, couple: dict[str, str], tmp_path: Path
) -> None:
    service.people = 1
    moment(WOMAN, 60, cloud.cwd / "her.png")
    moment(MAN, 60, cloud.cwd / "him.png")
    rows = [f'[[cast]]\nlike = "{name}.png"\nfaces = ["{FACE}?{name}"]' for name in ("him", "her")]
    (cloud.cwd / "cast.toml").write_text("\n".join(rows))
    told = cloud("run", VIDEO, "--mapping", "cast.toml", code=2, stdin="", **couple).err
    assert "her.png looks like person 1" in told
    assert "Nobody in the video looks like 'him.png'" in re.sub(r"'[^']*/", "'", told)
    assert "its [[cast]] in the mapping file" in " ".join(told.split())
    assert "--face 1" not in told
    assert service.creates == []


@pytest.mark.media
def test_a_finished_analysis_is_cast_by_likeness_too(
    cloud: Headswap, service: HeadSwapService, couple: dict[str, str], tmp_path: Path
) -> None:
    photo = moment(WOMAN, 200, tmp_path / "her.png")
    analysis_id = cloud("analyze", VIDEO, "-q").out.strip()
    cloud("swap", analysis_id, "--face", f"like:{photo}={FACE}", code=0, stdin="", **couple)
    assert sent(service) == [0]


def test_a_photo_to_liken_that_is_not_there_is_named_before_anything_is_sent(
    cloud: Headswap, service: HeadSwapService
) -> None:
    ran = cloud("run", VIDEO, "--face", f"like:gone.jpg={FACE}", code=2)
    assert "gone.jpg" in ran.err
    assert service.requests == []


def test_everybody_gets_the_face_of_all(cloud: Headswap, service: HeadSwapService) -> None:
    service.people = 3
    cloud("run", VIDEO, "--face", f"all={FACE}")
    assert sent(service) == [0, 1, 2]


@pytest.mark.parametrize("place", ["left", "right", "largest"])
def test_the_cloud_does_not_tell_places_and_nothing_is_paid(
    cloud: Headswap, service: HeadSwapService, place: str
) -> None:
    service.people = 2
    ran = cloud("run", VIDEO, "--face", f"{place}={FACE}", code=2)
    assert "does not tell where people are" in ran.err
    assert "1 (obj_id 0), 2 (obj_id 1)" in ran.err
    assert service.creates == []


@pytest.mark.media
def test_places_are_those_of_the_picture_on_the_local_engine(local: Headswap, tmp_path: Path) -> None:
    clip = media.side_by_side(media.clip(MAN), media.clip(WOMAN), tmp_path / "two.mp4", count=72)
    photo = media.photo("astronaut.png")
    faces = ("--face", f"left={photo}", "--face", f"right={photo}")
    value = local("run", clip, *faces, "--any-length", "--dry-run", "--json").value
    boxes = {person["person"]: person["box"] for person in value["people"]}
    left, right = (mapping["person"] for mapping in value["mappings"])
    assert boxes[left][2] < boxes[right][0]
    told = " ".join(local("run", clip, "--face", photo, "--any-length", "--dry-run", code=2).err.split())
    for number, word in ((left, "left"), (right, "right")):
        assert f"{number} (obj_id {number - 1}, {word}, in " in told
    assert "--face left=" in told
    largest = local("run", clip, "--face", f"largest={photo}", "--any-length", "--dry-run", "--json").value
    (chosen,) = (mapping["person"] for mapping in largest["mappings"])
    widths = {person: box[2] - box[0] for person, box in boxes.items()}
    assert widths[chosen] == max(widths.values())


@pytest.mark.media
def test_a_saved_cast_finds_the_same_people_on_the_next_clip(local: Headswap, tmp_path: Path) -> None:
    two = media.side_by_side(media.clip(WOMAN), media.clip(MAN), tmp_path / "two.mp4", count=72)
    abab = media.concatenated([media.clip(MAN), media.clip(WOMAN)] * 2, tmp_path / "abab.mp4", count=24)
    hers, his = media.photo("astronaut.png"), media.photo("0-f1-su-ph.jpg")
    usual = ("--any-length", "--dry-run", "--json")
    faces = ("--face", f"left={hers}", "--face", f"right={his}")
    first = local("run", two, *faces, "--save-mapping", "cast.toml", *usual)
    assert "saved " in first.err
    second = local("run", abab, "--mapping", "cast.toml", *usual)
    assert [mapping["face"] for mapping in second.value["mappings"]] == [str(hers), str(his)]
    said = [line for line in second.err.splitlines() if "looks like person" in line]
    assert len(said) == 2
    # In the first clip the woman was on the left; here the man is seen first and as long.
    assert {mapping["person"] for mapping in second.value["mappings"]} == {1, 2}
    woman = moment(WOMAN, 200, tmp_path / "her.png")
    by_photo = local("run", abab, "--face", f"like:{woman}={hers}", *usual).value
    assert by_photo["mappings"][0]["person"] == second.value["mappings"][0]["person"]


@pytest.mark.media
def test_a_saved_cast_of_a_small_face_is_found_again_in_that_clip_and_in_another(
    local: Headswap, tmp_path: Path
) -> None:
    # The face is 41 pixels wide: too small for a photo to be worn, not to be known by.
    frames = media.frames_of(media.clip(MAN), count=48)
    small = (
        cv2.copyMakeBorder(cv2.resize(one, (142, 80)), 80, 80, 89, 89, cv2.BORDER_REPLICATE) for one in frames
    )
    clip = media.written(tmp_path / "small.mp4", (np.asarray(one, np.uint8) for one in small))
    usual = ("--any-length", "--dry-run", "--json")
    local("run", clip, "--face", f"1={media.photo('astronaut.png')}", "--save-mapping", "cast.toml", *usual)
    for video in (clip, media.clip(MAN)):
        (mapping,) = local("run", video, "--mapping", "cast.toml", *usual).value["mappings"]
        assert mapping["person"] == 1


@pytest.mark.media
def test_somebody_whose_picture_shows_two_faces_is_not_saved_as_he_would_not_be_found_again(
    local: Headswap, tmp_path: Path
) -> None:
    above = (frame[122:305, 115:481] for frame in media.frames_of(media.clip(MAN), count=48))
    below = (frame[108:344, 205:677] for frame in media.frames_of(media.clip(WOMAN), count=48))
    both = (
        np.vstack([cv2.resize(one, (240, 120)) for one in pair]) for pair in zip(above, below, strict=True)
    )
    clip = media.written(tmp_path / "stack.mp4", (np.asarray(one, np.uint8) for one in both))
    words = ("run", clip, "--face", f"1={media.photo('astronaut.png')}", "--save-mapping", "cast.toml")
    told = " ".join(local(*words, "--any-length", code=2).err.split())
    assert "Person 1 has no picture to be found again by (it shows 2 faces" in told
    assert not list(local.cwd.iterdir())


def test_a_mapping_that_cannot_be_saved_is_refused_before_anything_is_sent(
    cloud: Headswap, service: HeadSwapService
) -> None:
    (cloud.cwd / "cast.toml").touch()
    ran = cloud("run", VIDEO, "--face", f"1={FACE}", "--save-mapping", "cast.toml", code=2)
    assert "is there already" in ran.err
    assert service.requests == []


def test_a_cast_whose_pictures_cannot_be_had_is_not_saved_and_nothing_is_paid(
    cloud: Headswap, service: HeadSwapService
) -> None:
    ran = cloud("run", VIDEO, "--face", f"1={FACE}", "--save-mapping", "cast.toml", code=2)
    assert "Person 1 has no picture" in ran.err
    assert not (cloud.cwd / "cast.toml").exists()
    assert service.creates == []


def test_a_mapping_that_is_not_there_is_named(cloud: Headswap, service: HeadSwapService) -> None:
    ran = cloud("swap", "an1", "--mapping", "gone.toml", code=2)
    assert "gone.toml" in ran.err
    assert service.requests == []
