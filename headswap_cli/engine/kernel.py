"""Turn loops over pixels into machine code, at their first call and cached on disk."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar, cast

import cv2
import numba
import numpy as np

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
_LOOPS: list[Any] = []
# What reading a file raises that is empty, cut short or all zeros, as one may be after the power went.
_DAMAGED = (EOFError, pickle.UnpicklingError)


def kernel(loop: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile ``loop`` when it is first called; nothing is compiled at import.

    Arrays are handed over as they are: a loop fills the arrays of its last parameters.
    """
    compiled = numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")(loop)
    _LOOPS.append(compiled)
    return cast("Callable[Parameters, Result]", compiled)


def count_ready() -> int:
    """Return how many kernels this process has compiled or read from disk, which takes much of a library."""
    return sum(len(loop.overloads) for loop in _LOOPS)


def make_ready() -> None:
    """Read all kernels that are on the disk: half a second that nobody waits for, if it is done in time.

    One whose file is damaged is forgotten, and so compiled anew when it is wanted.
    """
    # The first conversion to Lab of a process makes tables, in 50 ms.
    cv2.cvtColor(np.zeros((1, 1, 3), np.uint8), cv2.COLOR_BGR2Lab)
    for loop in _LOOPS:
        try:
            for signature in _on_disk(loop):
                loop.compile(signature)
        except _DAMAGED:
            with suppress(OSError):
                loop._cache.flush()


def _on_disk(loop: Any) -> Iterator[Any]:
    """Return the signatures for which a loop need not be compiled."""
    # Numba names this for itself alone: where it is named otherwise, kernels are read when they are wanted.
    with suppress(AttributeError):
        cache, codegen = loop._cache, loop.targetctx.codegen()
        for key in cache._cache_file._load_index():
            if key == cache._index_key(key[0], codegen):
                yield key[0]
