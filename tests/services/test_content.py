"""What makes two wishes the same, and what makes them different."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.errors import InputError
from headswap_cli.models import FaceMapping, Mode, Place, Quality, SwapOptions, Tone
from headswap_cli.services.content import content_of, hashes_of, purchase_key

if TYPE_CHECKING:
    from pathlib import Path

VIDEO, FACE = "https://example.com/a.mp4", "https://example.com/me.jpg"
USUAL = SwapOptions()


def key(*faces: FaceMapping, video: str = VIDEO, options: SwapOptions = USUAL, profile: str = "akool") -> str:
    return content_of(profile, video, faces, options).key


def test_a_wish_is_known_by_what_is_in_its_files_whatever_their_names(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("a.mp4", "b.mp4", "c.mp4"))
    first.write_bytes(b"one")
    second.write_bytes(b"one")
    third.write_bytes(b"two")
    assert key(video=str(first)) == key(video=str(second)) != key(video=str(third))


def test_a_file_that_was_rewritten_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"one")
    before = key(video=str(path))
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert key(video=str(path)) != before


def test_a_file_that_is_gone_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone"):
        hashes_of([str(tmp_path / "gone.mp4")])


@pytest.mark.parametrize(
    "other",
    [
        key(FaceMapping(FACE, person=1), video=f"{VIDEO}?2"),
        key(FaceMapping(FACE, person=2)),
        key(FaceMapping(FACE, obj_id=1)),
        key(FaceMapping(FACE)),
        key(FaceMapping(FACE, place=Place.LEFT)),
        key(FaceMapping(f"{FACE}?2", person=1)),
        key(FaceMapping(FACE, person=1), FaceMapping(FACE, person=2)),
        key(FaceMapping(FACE, person=1), profile="other"),
        key(FaceMapping(FACE, person=1), options=replace(USUAL, resolution="480p")),
        key(FaceMapping(FACE, person=1), options=replace(USUAL, keep_sound=False)),
        key(FaceMapping(FACE, person=1), options=replace(USUAL, mode=Mode.FACE)),
        key(FaceMapping(FACE, person=1), options=replace(USUAL, quality=Quality.HIGH)),
        key(FaceMapping(FACE, person=1), options=replace(USUAL, tone=Tone.BLEND)),
    ],
)
def test_what_changes_the_result_changes_the_key(other: str) -> None:
    assert other != key(FaceMapping(FACE, person=1))


def test_who_is_told_of_the_end_does_not_change_the_key() -> None:
    told = replace(USUAL, webhook_url="https://example.com/hook")
    assert key(FaceMapping(FACE), options=told) == key(FaceMapping(FACE))


@pytest.mark.parametrize("said", [{"quality": Quality.STANDARD}, {"tone": Tone.SOURCE}])
def test_to_say_what_holds_unless_said_changes_no_key(said: dict[str, Any]) -> None:
    options = replace(USUAL, **said)
    assert key(FaceMapping(FACE), options=options) == key(FaceMapping(FACE))
    bought = [(0, FACE)], {FACE: None}
    assert purchase_key("local", "a1", *bought, options) == purchase_key("local", "a1", *bought, USUAL)


def test_the_keys_stay_those_that_journals_hold() -> None:
    """A key that changes with a version would let the same command pay again."""
    face = FaceMapping(FACE, person=1)
    assert key(face) == "3297d370054cba6beae18135ee37cccd7375297b2c2996176a005d05c1e26259"
    assert (
        purchase_key("akool", "a1", [(0, FACE)], {FACE: None}, USUAL)
        == "f827de20bc6653c57c3ef3d31ed17c76ef129753727e410dacc3da6efe4ead85"
    )


@given(st.permutations([FaceMapping(f"{FACE}?{number}", person=number) for number in range(1, 6)]))
def test_the_order_of_people_does_not_matter(faces: list[FaceMapping]) -> None:
    assert key(*faces) == key(*sorted(faces, key=lambda face: face.person or 0))


def test_the_order_of_photos_of_one_person_does_for_the_first_is_the_main_one() -> None:
    first, second = FaceMapping(FACE, person=1), FaceMapping(f"{FACE}?2", person=1)
    assert key(first, second) != key(second, first)
