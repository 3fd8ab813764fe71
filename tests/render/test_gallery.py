"""How large the people are drawn."""

from __future__ import annotations

import pytest

from headswap_cli.models import Person
from headswap_cli.render.gallery import gallery
from headswap_cli.render.terminal import Graphics, Terminal
from tests.render.test_drawing import encoded, picture


@pytest.mark.parametrize("columns", [80, 240])
@pytest.mark.parametrize("people", [1, 2])
def test_pictures_of_blocks_are_no_taller_than_fourteen_lines_on_a_tall_terminal(
    columns: int, people: int
) -> None:
    contents = {number: encoded(picture(200, 220)) for number in range(1, people + 1)}
    everybody = [Person(number, number - 1) for number in contents]
    drawn, faults = gallery(everybody, contents, Terminal(Graphics.BLOCKS, columns, 90))
    assert not faults
    assert sum("▀" in line for line in drawn.splitlines()) == 14


def test_pictures_leave_room_for_the_table_on_a_low_terminal() -> None:
    drawn, _ = gallery([Person(1, 0)], {1: encoded(picture(200, 220))}, Terminal(Graphics.BLOCKS, 80, 18))
    assert sum("▀" in line for line in drawn.splitlines()) == 9
