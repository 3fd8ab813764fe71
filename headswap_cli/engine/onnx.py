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


# A message in pieces: weights are copied once, when all is joined.
_Pieces = list["bytes | memoryview"]


class Model:
    """A network in the making: each call adds a layer and returns the name of its output.

    Args:
        shape: Of the one input, which is called ``input``.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._layers: list[_Pieces] = []
        self._weights: list[_Pieces] = []

    def layer(self, kind: str, *inputs: str, **attributes: tuple[int, ...] | str) -> str:
        """Add a layer of an ONNX operator.

        Args:
            kind: The operator, as ONNX calls it.
            inputs: Names of outputs and weights.
            attributes: The operator's, whole numbers or a text each.
        """
        output = f"layer{len(self._layers)}"
        content = [_field(1, name) for name in inputs]
        content += [_field(2, output), _field(3, output), _field(4, kind)]
        content += [_field(5, _attribute(name, value)) for name, value in attributes.items()]
        self._layers.append(_joined(content))
        return output

    def weights(self, values: NDArray[np.float32]) -> str:
        """Add weights, of any shape; return their name."""
        name = f"weights{len(self._weights)}"
        content = [_field(1, size) for size in values.shape]
        numbers = np.ascontiguousarray(values, "<f4").data.cast("B")
        self._weights.append(_joined([*content, _field(2, _FLOAT), _field(8, name), _field(9, [numbers])]))
        return name

    def written(self, output: str, shape: tuple[int, ...]) -> bytes:
        """Return the file that ends in a layer's output of some shape."""
        graph = [
            *(_field(1, layer) for layer in self._layers),
            _field(2, "network"),
            *(_field(5, values) for values in self._weights),
            _field(11, _port("input", self._shape)),
            _field(12, _port(output, shape)),
        ]
        operators = _joined([_field(1, ""), _field(2, _OPSET)])
        return b"".join(_joined([_field(1, _IR_VERSION), _field(7, _joined(graph)), _field(8, operators)]))


def _attribute(name: str, value: tuple[int, ...] | str) -> _Pieces:
    if isinstance(value, str):
        return _joined([_field(1, name), _field(4, value), _field(20, _KIND_TEXT)])
    return _joined([_field(1, name), *(_field(8, one) for one in value), _field(20, _KIND_INTEGERS)])


def _port(name: str, shape: tuple[int, ...]) -> _Pieces:
    sizes = _joined([_field(1, _field(1, size)) for size in shape])
    kind = _field(1, _joined([_field(1, _FLOAT), _field(2, sizes)]))
    return _joined([_field(1, name), _field(2, kind)])


def _field(number: int, value: int | str | _Pieces) -> _Pieces:
    if isinstance(value, int):
        return [_varint(number << 3) + _varint(value)]
    content = [value.encode()] if isinstance(value, str) else value
    return [_varint(number << 3 | 2) + _varint(sum(map(len, content))), *content]


def _joined(fields: list[_Pieces]) -> _Pieces:
    return [piece for field in fields for piece in field]


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*groups, value))
