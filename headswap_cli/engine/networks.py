"""Run the small networks (TensorFlow Lite flatbuffers) on the processor."""

from __future__ import annotations

import contextlib
import os
import threading
from functools import cache
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from headswap_cli.engine.types import Frame

_STDERR = 2


class Network:
    """One network with one input image, loaded and ready; threads take turns.

    As long as one of a file is in use, further ones of the same share what it takes of memory.

    Args:
        path: The ``.tflite`` file.

    Raises:
        ValueError: The file is no such network.
    """

    def __init__(self, path: Path) -> None:
        with _LOADING:
            loaded = _LOADED.get(path)
            self._loaded = _LOADED[path] = loaded or _Loaded(path)
        self.size = self._loaded.size
        """Height and width of the input image, pixels."""

    def __call__(self, image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the outputs in the file's order, each without its batch axis.

        Args:
            image: (size, size, 3), RGB, in the range that the network was made for.
        """
        return self._loaded.run(image)


class _Loaded:
    """A network in memory."""

    def __init__(self, path: Path) -> None:
        self._turn = threading.Lock()
        with _muted_stderr():
            self._interpreter = Interpreter(model_path=str(path), num_threads=1)
            self._interpreter.allocate_tensors()
        entry = self._interpreter.get_input_details()[0]
        self._input: int = entry["index"]
        self._outputs: list[int] = [one["index"] for one in self._interpreter.get_output_details()]
        self.size = int(entry["shape"][1])

    def run(self, image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        with self._turn:
            self._interpreter.set_tensor(self._input, image[np.newaxis])
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(index)[0] for index in self._outputs]


_LOADING = threading.Lock()
_LOADED: WeakValueDictionary[Path, _Loaded] = WeakValueDictionary()


def to_input(image: Frame, *, low: float = 0.0, high: float = 1.0) -> NDArray[np.float32]:
    """Return a BGR image, (height, width, 3), as RGB with 0 at ``low`` and 255 at ``high``."""
    return np.asarray(cv2.LUT(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), _levels(low, high)), np.float32)


@cache
def _levels(low: float, high: float) -> NDArray[np.float32]:
    return np.arange(256, dtype=np.float32) * np.float32((high - low) / 255) + np.float32(low)


def sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logistic function of ``values``, of any shape, however large they are."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -60, 60))), np.float32)


@contextlib.contextmanager
def _muted_stderr() -> Iterator[None]:
    """Keep the runtime's greeting off the terminal: it has no switch and ignores Python's ``sys.stderr``."""
    try:
        kept = os.dup(_STDERR)
    except OSError:  # a process without a standard error has nothing to mute
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - there is no Path to the null device
            os.dup2(nowhere.fileno(), _STDERR)
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
