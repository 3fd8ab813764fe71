"""Write a small network down as ONNX, for OpenCV to run: layers one after the other, weights and all.

Source: the protocol buffers of ONNX, https://github.com/onnx/onnx/blob/v1.16.0/onnx/onnx.proto, and their
encoding, https://protobuf.dev/programming-guides/encoding/; the numbers of fields are from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_IR_VERSION, _OPSET = 7, 9
_FLOAT, _KIND_TEXT, _KIND_INTEGERS = 1, 3, 7


class Model:
    """A network in the making: each call adds a layer and returns the name of its output.

    Args:
        shape: Of the one input, which is called ``input``.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._nodes: list[bytes] = []
        self._weights: list[bytes] = []

    def layer(self, kind: str, *inputs: str, **attributes: tuple[int, ...] | str) -> str:
        """Add a layer of an ONNX operator.

        Args:
            kind: The operator, as ONNX calls it.
            inputs: Names of outputs and weights.
            attributes: The operator's, whole numbers or a text each.
        """
        output = f"layer{len(self._nodes)}"
        parts = [_field(1, name) for name in inputs]
        parts += [_field(2, output), _field(3, output), _field(4, kind)]
        parts += [_field(5, _attribute(name, value)) for name, value in attributes.items()]
        self._nodes.append(b"".join(parts))
        return output

    def weights(self, values: NDArray[np.float32]) -> str:
        """Add weights; return their name."""
        name = f"weights{len(self._weights)}"
        shape = b"".join(_field(1, size) for size in values.shape)
        content = np.ascontiguousarray(values, "<f4").tobytes()
        self._weights.append(shape + _field(2, _FLOAT) + _field(8, name) + _field(9, content))
        return name

    def written(self, output: str, shape: tuple[int, ...]) -> bytes:
        """Return the file that ends in a layer's output of some shape."""
        graph = b"".join(
            (
                *(_field(1, node) for node in self._nodes),
                _field(2, "network"),
                *(_field(5, values) for values in self._weights),
                _field(11, _port("input", self._shape)),
                _field(12, _port(output, shape)),
            )
        )
        return _field(1, _IR_VERSION) + _field(7, graph) + _field(8, _field(1, "") + _field(2, _OPSET))


def _attribute(name: str, value: tuple[int, ...] | str) -> bytes:
    if isinstance(value, str):
        return _field(1, name) + _field(4, value) + _field(20, _KIND_TEXT)
    return _field(1, name) + b"".join(_field(8, one) for one in value) + _field(20, _KIND_INTEGERS)


def _port(name: str, shape: tuple[int, ...]) -> bytes:
    sizes = b"".join(_field(1, _field(1, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, _FLOAT) + _field(2, sizes)))


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*groups, value))
