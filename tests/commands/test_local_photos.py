"""Reference photos from the command line to the embedded engine: several of one person, and bad ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests import media
from tests.engine import worse

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Headswap

pytestmark = pytest.mark.media


@pytest.fixture(scope="session")
def carphone() -> Path:
    return media.clip("carphone_pristine.mp4")


@pytest.fixture
def two_photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One person, calm and smiling."""
    folder = tmp_path_factory.mktemp("photos")
    moments = [worse.moment("single_face.mp4", index) for index in (0, 40)]
    return [worse.saved(moment, folder / f"{k}.png") for k, moment in enumerate(moments)]


def test_several_photos_of_one_person_and_a_tone_make_one_video(
    local: Headswap, carphone: Path, two_photos: list[Path]
) -> None:
    faces = [word for photo in two_photos for word in ("--face", f"1={photo}")]
    value = local("run", carphone, *faces, "--tone", "blend", "--json").value
    assert value["status"] == "completed"
    assert [mapping["face"] for mapping in value["mappings"]] == [str(photo) for photo in two_photos]
    assert {mapping["person"] for mapping in value["mappings"]} == {1}


def test_photos_of_two_people_for_one_are_refused_with_the_distance(
    local: Headswap, carphone: Path, two_photos: list[Path]
) -> None:
    other = media.photo("astronaut.png")
    told = local("run", carphone, "--face", f"1={two_photos[0]}", "--face", f"1={other}", code=2).err
    assert (
        f"{two_photos[0]}, {other}: photos 1 and 2 show different people: leave one of them out (distance 0."
        in " ".join(told.split("\n"))
    )
    assert not list(local.cwd.iterdir())


def test_a_blurred_photo_is_refused_with_value_and_limit(
    local: Headswap, carphone: Path, two_photos: list[Path]
) -> None:
    blurred = worse.blurred(worse.moment("single_face.mp4", 0), 5)
    photo = worse.saved(blurred, two_photos[0].with_name("blurred.png"))
    told = local("run", carphone, "--face", f"1={photo}", code=2).err
    assert "is blurred: take a sharp one" in told
    assert "at least 32 are needed" in told


def test_more_than_five_photos_of_one_person_are_refused_before_the_engine_starts(
    local: Headswap, carphone: Path, two_photos: list[Path]
) -> None:
    faces = ["--face", f"1={two_photos[0]}"] * 6
    told = local("run", carphone, *faces, code=2).err
    assert "Person 1 was given 6 photos; a person takes at most 5" in told


def test_a_result_that_would_be_the_source_is_a_failed_task_and_nothing_is_saved(
    local: Headswap, carphone: Path, tmp_path: Path
) -> None:
    # The frame's edge cuts off a part of the face.
    seen = media.frames_of(carphone, count=20)
    cut = [np.pad(frame, ((0, 0), (80, 0), (0, 0)))[:, :-80] for frame in seen]
    frames = [*cut, *cut[::-1]] * 2
    clip = media.written(tmp_path / "in.mp4", frames)
    told = local("run", clip, "--face", f"1={media.photo('astronaut.png')}", code=3).err.replace("\n", " ")
    assert "error: The task failed: nobody was swapped in any of the 80 frames" in told
    assert "too small or cut off by the frame's edge" in told
    assert "hint: " in told
    assert not list(local.cwd.iterdir())


def test_what_is_behind_the_head_in_a_photo_is_warned_of_unless_the_face_alone_is_worn(
    local: Headswap, carphone: Path
) -> None:
    run = ("run", carphone, "--face", f"1={media.photo('gracehopper.jpg')}")
    ahead = local(*run, "--dry-run").err
    assert "the reference photo's background can hardly be told from the head" in ahead
    alone = local(*run, "--mode", "face").err
    assert "wears glasses" in alone
    assert "background" not in alone
