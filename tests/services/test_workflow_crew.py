"""Many workflows on a few real threads."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from headswap_cli.errors import InputError, Stopped
from headswap_cli.services.crew import Crew, Ended, Job

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

BOUND_S = 30.0


def made(*steps: Callable[[], None], then: str = "over") -> Generator[float, None, str]:
    """A workflow that does these things, one a step."""
    for step in steps:
        step()
        yield 0.0
    return then


def crew(
    steps: Iterable[Generator[float, None, str]], *, at_once: int = 8, workers: int = 8
) -> Crew[int, str]:
    return Crew((Job(key, one) for key, one in enumerate(steps)), at_once=at_once, workers=workers)


def ends(running: Crew[int, str]) -> dict[int, Ended[int, str]]:
    with closing(running.run()) as run:
        return {ended.key: ended for ended in run if ended is not None}


def test_every_workflow_is_brought_to_its_end_and_its_value_handed_back() -> None:
    found = ends(crew(made(*[lambda: None] * (key % 7), then=str(key)) for key in range(500)))
    assert {key: ended.value for key, ended in found.items()} == {key: str(key) for key in range(500)}


def test_no_thread_is_left_when_all_is_over() -> None:
    before = threading.active_count()
    ends(crew(made(lambda: None) for _ in range(50)))
    assert threading.active_count() == before


def test_one_that_fails_does_not_stop_the_others() -> None:
    def fail() -> None:
        raise InputError("No.")

    found = ends(crew([made(fail), made(lambda: None)]))
    assert isinstance(found[0].error, InputError)
    assert (found[1].error, found[1].value) == (None, "over")


def test_no_more_are_under_way_than_allowed() -> None:
    lock, under_way, most = threading.Lock(), 0, 0

    def counted() -> Generator[float, None, str]:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        for _ in range(5):
            yield 0.0
        with lock:
            under_way -= 1
        return "over"

    ends(crew((counted() for _ in range(60)), at_once=3))
    assert most <= 3


def test_a_step_that_waits_for_another_workflow_blocks_one_thread_only() -> None:
    opened = threading.Event()

    def wait() -> None:
        assert opened.wait(BOUND_S)

    found = ends(crew([made(wait) for _ in range(7)] + [made(opened.set)]))
    assert {ended.value for ended in found.values()} == {"over"}


def test_workflows_that_move_files_do_not_take_the_places_of_those_that_look() -> None:
    opened = threading.Event()
    running: Crew[int, str]

    def move() -> None:
        running.move()
        running.move()
        assert opened.wait(BOUND_S)

    running = crew([made(move), made(move), made(opened.set)], workers=2)
    assert {ended.value for ended in ends(running).values()} == {"over"}


def test_after_a_halt_no_other_begins() -> None:
    running: Crew[int, str]

    def fail() -> None:
        running.halt()

    running = crew((made(fail) for _ in range(100)), at_once=1, workers=1)
    assert list(ends(running)) == [0]


def test_what_is_unwanted_is_closed_between_two_steps_and_makes_no_end() -> None:
    closed: list[int] = []
    running: Crew[int, str]

    def patient(key: int) -> Generator[float, None, str]:
        try:
            yield 1000.0
        finally:
            closed.append(key)
        return "never"

    def halting() -> Generator[float, None, str]:
        dropped: list[int] = []
        while len(dropped) < 3:
            dropped += running.halt(lambda key: key < 3)
            yield 0.01
        return "over"

    running = crew([patient(0), patient(1), patient(2), halting()])
    assert list(ends(running)) == [3]
    assert sorted(closed) == [0, 1, 2]


def test_giving_up_closes_what_is_waiting_and_ends_what_sleeps() -> None:
    closed, asleep = threading.Event(), threading.Event()
    running: Crew[int, str]

    def patient() -> Generator[float, None, str]:
        try:
            yield 1000.0
        finally:
            closed.set()
        return "never"

    def sleeping() -> Generator[float, None, str]:
        yield 0.0
        asleep.set()
        with pytest.raises(Stopped):
            running.sleep(1000.0)
        return "woken"

    running = crew([patient(), sleeping()])
    with closing(running.run(every_s=0.01)) as run:
        while not asleep.is_set():
            next(run)
    assert closed.is_set()


def test_while_nothing_ends_the_owner_hears_so_now_and_then() -> None:
    opened = threading.Event()

    def wait() -> None:
        assert opened.wait(BOUND_S)

    with closing(crew([made(wait)]).run(every_s=0.001)) as run:
        assert next(run) is None
        opened.set()
        assert [one.value for one in run if one is not None] == ["over"]


def test_a_hold_keeps_everybody_from_the_next_step() -> None:
    now = 0.0
    running = Crew([Job(0, made(lambda: None))], at_once=1, clock=lambda: now)
    running.hold(60.0)
    with closing(running.run(every_s=0.01)) as run:
        assert next(run) is None
