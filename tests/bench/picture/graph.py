"""The little of TensorFlow.js that a MobileNet asks for: its graph, worked out in NumPy."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Values = NDArray[np.float32]


class Graph:
    """A network of TensorFlow.js, as far as a MobileNet goes; pictures are (height, width, channels).

    Args:
        nodes: Of the model's topology.
        weights: By name.
    Raises: KeyError: It has an operation that is not known here.
    """

    def __init__(self, nodes: Iterable[dict[str, Any]], weights: dict[str, Values]) -> None:
        self._nodes = {node["name"]: node for node in nodes}
        self._weights = weights

    def run(self, output: str, picture: Values) -> Values:
        """Return what a node makes of a picture, (height, width, 3), float32."""
        values = {**self._weights}
        for name in self._order(output):
            node = self._nodes[name]
            if node["op"] == "Placeholder":
                values[name] = picture
            elif name not in values:
                given = [values[one] for one in node.get("input", ())]
                values[name] = np.asarray(_OPERATIONS[node["op"]](given, _step(node)), np.float32)
        return values[output]

    def _order(self, output: str) -> list[str]:
        order: list[str] = []
        for name in self._nodes[output].get("input", ()):
            order += [one for one in self._order(name) if one not in order]
        return [*order, output]


def _step(node: dict[str, Any]) -> int:
    return int(node.get("attr", {}).get("strides", {"list": {"i": [1, 1]}})["list"]["i"][1])


def _padded(picture: Values, side: int, step: int) -> Values:
    """Pad as TensorFlow's SAME does: the odd pixel right and below."""
    (top, bottom), (left, right) = (
        (lack // 2, lack - lack // 2)
        for lack in (max(0, (-(-size // step) - 1) * step + side - size) for size in picture.shape[:2])
    )
    return np.pad(picture, ((top, bottom), (left, right), (0, 0)))


def _shifted(given: list[Values], step: int) -> Iterator[tuple[Values, Values]]:
    """Return a picture moved to each place of a kernel, and the kernel's values there."""
    picture, kernel = given
    side = kernel.shape[0]
    padded = _padded(picture, side, step)
    rows, columns = (-(-size // step) for size in picture.shape[:2])
    for down, across in np.ndindex(side, side):
        yield padded[down::step, across::step][:rows, :columns], kernel[down, across]


def _convolution(given: list[Values], step: int) -> Values:
    return _added(_mixed(moved, values) for moved, values in _shifted(given, step))


def _by_channel(given: list[Values], step: int) -> Values:
    return _added(moved * values[:, 0] for moved, values in _shifted(given, step))


def _mixed(picture: Values, values: Values) -> Values:
    # As one product: NumPy would else make one a row.
    rows, columns, channels = picture.shape
    return (picture.reshape(-1, channels) @ values).reshape(rows, columns, -1)


def _added(pictures: Iterator[Values]) -> Values:
    return reduce(np.add, pictures)


_OPERATIONS: dict[str, Callable[[list[Values], int], Values]] = {
    "Conv2D": _convolution,
    "DepthwiseConv2dNative": _by_channel,
    "Add": lambda given, _: given[0] + given[1],
    "Mul": lambda given, _: given[0] * given[1],
    "Relu": lambda given, _: np.maximum(given[0], 0),
    "Minimum": lambda given, _: np.minimum(given[0], given[1]),
    "Maximum": lambda given, _: np.maximum(given[0], given[1]),
    "Mean": lambda given, _: given[0].mean(axis=(0, 1)),
}


def read_weights(manifest: Iterable[dict[str, Any]], content: bytes) -> dict[str, Values]:
    """Return the weights by name, as the model's manifest parts a file of them."""
    weights: dict[str, Values] = {}
    place = 0
    for one in manifest:
        kind = np.dtype(one.get("quantization", one)["dtype"])
        count = int(np.prod(one["shape"], dtype=int))
        values = np.frombuffer(content, kind, count, place)
        weights[one["name"]] = values.astype(np.float32).reshape(one["shape"])
        place += count * kind.itemsize
    return weights
