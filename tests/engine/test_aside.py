"""Work that is done beside one's own: in order, and no error of it is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from headswap_cli.engine.aside import Aside


def test_every_item_comes_with_what_was_seen_in_it_in_order() -> None:
    with Aside() as aside:
        assert list(aside.ahead(range(9), lambda item: item * item, 3)) == [(n, n * n) for n in range(9)]


def test_no_more_items_are_taken_than_may_be_looked_at_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(9):
            taken.append(item)
            yield item

    with Aside() as aside:
        next(aside.ahead(items(), lambda item: item, 2))

    assert taken == [0, 1, 2]


def test_all_is_done_in_order_by_one_other_thread_when_the_block_ends() -> None:
    done: list[tuple[int, int]] = []
    with Aside() as aside:
        for number in range(20):
            aside.later(lambda number: done.append((number, threading.get_ident())), number)

    assert [number for number, _ in done] == list(range(20))
    assert len({thread for _, thread in done} - {threading.get_ident()}) == 1


def _fail() -> None:
    raise ValueError("broken")


def test_an_error_of_the_last_work_comes_out_of_the_block() -> None:
    with pytest.raises(ValueError, match="broken"), Aside() as aside:
        aside.later(_fail)


def test_an_error_of_a_look_comes_when_it_is_the_items_turn() -> None:
    seen: list[int] = []

    def look(item: int) -> int:
        return 6 // (2 - item)

    with pytest.raises(ZeroDivisionError), Aside() as aside:
        seen.extend(result for _, result in aside.ahead(range(5), look, 4))

    assert seen == [3, 6]


def _failing_twice(aside: Aside) -> None:
    with aside:
        aside.later(_fail)
        raise KeyError("own")


def test_an_error_of_ones_own_is_told_rather_than_one_of_the_work() -> None:
    with pytest.raises(KeyError, match="own"):
        _failing_twice(Aside())
