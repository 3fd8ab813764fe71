"""Turn loops over pixels into machine code, at their first call and cached on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
_LOOPS: list[Any] = []


def kernel(loop: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile ``loop`` when it is first called; nothing is compiled at import.

    Arrays are handed over as they are: a loop fills the arrays of its last parameters.
    """
    compiled = numba.njit(cache=True, fastmath=True, nogil=True)(loop)
    _LOOPS.append(compiled)
    return cast("Callable[Parameters, Result]", compiled)


def count_ready() -> int:
    """Return how many kernels this process has compiled or read from disk, which takes much of a library."""
    return sum(len(loop.overloads) for loop in _LOOPS)
