"""What the flags mean."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.commands.values import parse_face, parse_id
from headswap_cli.config import parse_duration
from headswap_cli.errors import InputError
from headswap_cli.models import FaceMapping, Place

if TYPE_CHECKING:
    from tests.conftest import Headswap


@pytest.mark.parametrize(
    ("value", "mapping"),
    [
        ("1=me.jpg", FaceMapping("me.jpg", person=1)),
        ("12=a=b.jpg", FaceMapping("a=b.jpg", person=12)),
        ("obj:0=me.jpg", FaceMapping("me.jpg", obj_id=0)),
        ("me.jpg", FaceMapping("me.jpg")),
        ("2=https://example.com/a?b=c", FaceMapping("https://example.com/a?b=c", person=2)),
        ("https://example.com/a?b=c", FaceMapping("https://example.com/a?b=c")),
        ("1=C:\\me.jpg", FaceMapping("C:\\me.jpg", person=1)),
        ("left=me.jpg", FaceMapping("me.jpg", place=Place.LEFT)),
        ("right=https://a/me.jpg?b=c", FaceMapping("https://a/me.jpg?b=c", place=Place.RIGHT)),
        ("largest=me.jpg", FaceMapping("me.jpg", place=Place.LARGEST)),
        ("all=a=b.jpg", FaceMapping("a=b.jpg", place=Place.ALL)),
        ("like:anna.jpg=me.jpg", FaceMapping("me.jpg", like="anna.jpg")),
        ("like:C:\\anna.jpg=a=b.jpg", FaceMapping("a=b.jpg", like="C:\\anna.jpg")),
    ],
)
def test_a_face_names_a_person_an_obj_id_or_nobody(value: str, mapping: FaceMapping) -> None:
    assert parse_face(value) == mapping


@pytest.mark.parametrize(
    "words",
    [("--face", "-o", "x.mp4"), ("-q", "--face", "-o", "x.mp4", "--", "-y.mp4"), ("-o", "-", "--face", "-o")],
)
def test_a_forgotten_value_is_named_with_its_option(headswap: Headswap, words: tuple[str, ...]) -> None:
    said = headswap("run", "clip.mp4", *words, code=2).err
    assert said == "error: Option '--face' needs a value, and '-o' is an option.\nhint: headswap run --help\n"


def test_what_turns_something_off_is_no_value_either(headswap: Headswap) -> None:
    said = headswap("analyze", "clip.mp4", "--previews", "--no-images", code=2).err
    assert said.startswith("error: Option '--previews' needs a value, and '--no-images' is an option.\n")


def test_behind_two_dashes_names_of_options_are_names_of_files(headswap: Headswap) -> None:
    said = headswap("run", "--face", "me.jpg", "--", "--face", "-o", code=2).err
    assert "video 2: no such file" in said


@pytest.mark.parametrize(
    "value",
    ["like:=me.jpg", "like:anna.jpg", "like:anna.jpg=", "left=", "middle=me.jpg", "like:http://a/b=me.jpg"],
)
def test_what_names_nobody_is_refused_with_the_ways_to_name_somebody(value: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_face(value)
    assert "like:anna.jpg=me.jpg" in (caught.value.hint or "")


FACES = st.sampled_from(["", "1=", "obj:2=", "left=", "all=", "like:", "like:a.jpg=", "="]).flatmap(
    lambda start: st.text().map(lambda rest: start + rest)
)


@given(st.text() | FACES)
def test_any_text_is_a_face_or_an_input_error(value: str) -> None:
    with suppress(InputError):
        mapping = parse_face(value)
        assert mapping.image
        assert value.endswith(mapping.image)


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_a_duration_adds_up_its_parts(hours: int, minutes: int, seconds: int) -> None:
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


@given(st.text(max_size=12))
def test_any_text_is_a_duration_or_an_input_error(value: str) -> None:
    with suppress(InputError):
        assert parse_duration(value) >= 0


@given(st.text())
def test_any_text_is_an_id_without_blanks_and_control_characters_or_an_input_error(value: str) -> None:
    try:
        identifier = parse_id(value)
    except InputError:
        return
    assert identifier
    assert identifier.isprintable()
    assert " " not in identifier


@pytest.mark.parametrize("image", ["./a=b.jpg", "../a=b.jpg", "/tmp/1=b.jpg", "photos/a=b.jpg"])
def test_a_path_that_shows_to_be_one_may_hold_an_equals_sign(image: str) -> None:
    assert parse_face(image) == FaceMapping(image)
    assert parse_face(f"2={image}") == FaceMapping(image, person=2)
