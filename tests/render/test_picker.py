"""Choosing people and photos by keys, without a terminal."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from headswap_cli.models import Person
from headswap_cli.render.keys import Key
from headswap_cli.render.picker import LeftError, PeopleList, PhotoLine, pick

if TYPE_CHECKING:
    from collections.abc import Sequence

TWO = (Person(1, 0, screen_share=0.8, first_time_s=0.0), Person(2, 1, screen_share=0.2, first_time_s=62.5))
MANY = tuple(Person(number, number - 1) for number in range(1, 8))
STEERING = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def picked(
    keys: Sequence[Key | str], people: Sequence[Person] = TWO, *, columns: int = 80
) -> tuple[list[tuple[int, str]], str]:
    """Return whom these keys choose with which photo, and all that was drawn."""
    screen = io.StringIO()

    def check(photo: str) -> str | None:
        return None if photo.endswith(".jpg") else f"no such file: {photo}"

    found = pick(people, iter(keys), screen, check, columns=lambda: columns)
    return [(person.person, photo) for person, photo in found], screen.getvalue()


def test_enter_takes_the_person_under_the_cursor() -> None:
    assert picked([Key.ENTER, "me.jpg", Key.ENTER])[0] == [(1, "me.jpg")]
    assert picked([Key.DOWN, Key.ENTER, "me.jpg", Key.ENTER])[0] == [(2, "me.jpg")]
    assert picked([Key.UP, Key.ENTER, "me.jpg", Key.ENTER])[0] == [(2, "me.jpg")]


def test_space_marks_several_and_each_is_asked_for_in_turn() -> None:
    keys = [" ", Key.DOWN, " ", Key.ENTER, "a.jpg", Key.ENTER, "b.jpg", Key.ENTER]
    assert picked(keys)[0] == [(1, "a.jpg"), (2, "b.jpg")]


def test_a_digit_marks_that_person_and_a_second_time_takes_the_mark_away() -> None:
    assert picked(["2", Key.ENTER, "a.jpg", Key.ENTER])[0] == [(2, "a.jpg")]
    assert picked(["2", "2", "1", Key.ENTER, "a.jpg", Key.ENTER])[0] == [(1, "a.jpg")]


def test_somebody_alone_is_not_asked_for() -> None:
    found, drawn = picked(["me.jpg", Key.ENTER], TWO[:1])
    assert found == [(1, "me.jpg")]
    assert "Who gets" not in drawn


def test_no_more_people_are_marked_than_one_task_takes() -> None:
    who = PeopleList(MANY)
    for digit in "123456":
        who.press(digit)
    assert who.chosen == {0, 1, 2, 3, 4}
    assert "at most 5" in who.lines()[-1]
    who = PeopleList(MANY)
    who.press("a")
    assert len(who.chosen) == 5


def test_the_list_tells_number_obj_id_share_and_first_time() -> None:
    lines = [STEERING.sub("", line) for line in PeopleList(TWO).lines()]
    assert lines[1:3] == [
        "> [ ] person 1 (obj_id 0)  80 % from 0:00.0",
        "  [ ] person 2 (obj_id 1)  20 % from 1:02.5",
    ]


def test_a_photo_that_cannot_be_used_is_told_and_can_be_mended() -> None:
    keys = [Key.ENTER, "gone.png", Key.ENTER, *[Key.BACKSPACE] * 3, "jpg", Key.ENTER]
    found, drawn = picked(keys)
    assert found == [(1, "gone.jpg")]
    assert "no such file: gone.png" in drawn


def test_an_empty_line_is_no_photo_and_a_line_can_be_cleared() -> None:
    keys = [Key.ENTER, Key.ENTER, "wrong", Key.CLEAR, "'my photo.jpg' ", Key.ENTER]
    assert picked(keys)[0] == [(1, "my photo.jpg")]


@pytest.mark.parametrize(
    "keys", [[Key.ESCAPE], [Key.INTERRUPT], [], [Key.ENTER, "a", Key.ESCAPE], [Key.ENTER, "a.jpg"]]
)
def test_escape_control_c_and_the_end_of_the_keys_leave(keys: list[Key | str]) -> None:
    with pytest.raises(LeftError):
        picked(keys)


def test_what_is_pasted_steers_nothing() -> None:
    line = PhotoLine(TWO[0], lambda _: None)
    line.press("\x1b[2J\r\x03evil\x9b31m.jpg")
    shown = line.lines()[1]
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", shown)
    assert "evil" in shown


def test_names_that_tab_finds_steer_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("names")
    (folder / "a\x1b]0;owned\x07.jpg").touch()
    (folder / "b.jpg").touch()
    line = PhotoLine(TWO[0], lambda _: None)
    line.press(f"{folder}/")
    line.press(Key.TAB)
    assert "b.jpg" in line.lines()[2]
    assert not re.search(r"[\x07\x1b]", STEERING.sub("", line.lines()[2]))


KEYS = st.lists(
    st.sampled_from([key for key in Key if key is not Key.TAB]) | st.text(max_size=4), max_size=20
)


@given(KEYS, st.integers(1, 7), st.integers(12, 200))
def test_whatever_is_pressed_ends_and_no_line_wraps(keys: list[Key | str], count: int, columns: int) -> None:
    screen = io.StringIO()
    try:
        found = pick(MANY[:count], iter(keys), screen, lambda _: None, columns=lambda: columns)
        assert 1 <= len(found) <= 5
    except LeftError:
        assert screen.getvalue().endswith("\r\x1b[J")
    drawn = STEERING.sub("", screen.getvalue())
    asked = [line for line in re.split(r"[\r\n]+", drawn) if not line.startswith("person ")]
    assert max(map(cell_len, asked), default=0) < columns
