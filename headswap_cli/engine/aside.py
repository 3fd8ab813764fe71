"""Have work done beside one's own: by one thread, in order, so that the outcome is the same anywhere."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future
    from types import TracebackType

Parameters = ParamSpec("Parameters")
Item = TypeVar("Item")
Result = TypeVar("Result")


class Aside:
    """A thread that works while its block lasts; what is left undone at an error is dropped."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="aside")
        self._begun: deque[Future[None]] = deque()

    def __enter__(self) -> Aside:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End when all is done; at an error, at once.

        Raises: whatever the work raised, unless there was an error before.
        """
        self._executor.shutdown(cancel_futures=kind is not None)
        if kind is None:
            self._check()

    def ahead(
        self, items: Iterable[Item], look: Callable[[Item], Result], count: int
    ) -> Iterator[tuple[Item, Result]]:
        """Return items, each with what was seen in it, while up to ``count`` later ones are being looked at.

        Raises: what ``items`` raise, at once; what ``look`` raises, when it is the turn of that item.
        """
        coming: deque[tuple[Item, Future[Result]]] = deque()
        for item in items:
            coming.append((item, self._executor.submit(look, item)))
            if len(coming) > count:
                first, seen = coming.popleft()
                yield first, seen.result()
        while coming:
            first, seen = coming.popleft()
            yield first, seen.result()

    def later(
        self, work: Callable[Parameters, None], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> None:
        """Have something done, after all that was asked for before.

        Raises: what earlier work raised.
        """
        self._check()
        self._begun.append(self._executor.submit(work, *args, **kwargs))

    def _check(self) -> None:
        while self._begun and self._begun[0].done():
            self._begun.popleft().result()
