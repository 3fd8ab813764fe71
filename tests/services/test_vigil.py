"""Waiting for many ids at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.errors import NotFoundError
from headswap_cli.models import Status
from headswap_cli.services.status import StatusResult
from headswap_cli.services.vigil import watch_each

if TYPE_CHECKING:
    from collections.abc import Generator


class Clock:
    """A clock that goes on only when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def done(identifier: str) -> StatusResult:
    return StatusResult(identifier, "task", Status.COMPLETED, 100.0, None, None)


def wait(
    identifier: str, pauses: list[float], clock: Clock, looks: list[tuple[str, float]]
) -> Generator[float, None, StatusResult]:
    """Look after each of the pauses."""
    for pause_s in pauses:
        looks.append((identifier, clock()))
        yield pause_s
    looks.append((identifier, clock()))
    return done(identifier)


@given(st.lists(st.lists(st.floats(0.1, 60), max_size=5), min_size=1, max_size=6))
def test_each_is_looked_at_when_it_is_due_and_all_take_as_long_as_the_longest(
    pauses: list[list[float]],
) -> None:
    clock, looks = Clock(), list[tuple[str, float]]()
    waits = {str(number): wait(str(number), each, clock, looks) for number, each in enumerate(pauses)}
    found = watch_each(waits, {}, sleep=clock.sleep, clock=clock)
    assert [result.identifier for result in found] == [str(number) for number in range(len(pauses))]
    assert abs(clock() - max(sum(each) for each in pauses)) < 1e-6
    for number, each in enumerate(pauses):
        at = [when for identifier, when in looks if identifier == str(number)]
        assert all(abs(when - sum(each[:index])) < 1e-6 for index, when in enumerate(at))


def test_what_ends_one_wait_leaves_the_others_going_and_its_last_state_known() -> None:
    def fails() -> Generator[float, None, StatusResult]:
        yield 1.0
        raise NotFoundError("gone")

    clock = Clock()
    waits = {"a": fails(), "b": wait("b", [5.0], clock, []), "c": fails()}
    seen = StatusResult("a", "task", Status.PROCESSING, 40.0, None, None)
    first, second, third = watch_each(waits, {"a": seen}, sleep=clock.sleep, clock=clock)
    assert (first.kind, first.status, first.progress, first.error) == (
        "task",
        Status.PROCESSING,
        40.0,
        "gone",
    )
    assert isinstance(first.fault, NotFoundError)
    assert second == done("b")
    assert (third.kind, third.status) == (None, Status.UNKNOWN)
