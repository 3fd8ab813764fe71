"""Describe a face by dlib's face recognition network, read from dlib's own file and run by OpenCV.

dlib itself takes six times as long for it on one core, and lets no other thread of Python run meanwhile.
"""

from __future__ import annotations

import math
from mmap import ACCESS_READ, mmap
from typing import TYPE_CHECKING

import cv2
import numpy as np

from headswap_cli.engine.onnx import Model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from headswap_cli.engine.types import Embedding, Frame

SIDE = 150
"""Height and width of the image that the network takes, pixels."""
_MEAN = (122.782, 117.001, 104.298)
_RANGE = 256
_OUTPUTS = 128
# Channels of each level, how many blocks, whether the first of them halves the picture.
_LEVELS = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))


class FaceNet:
    """The network, a ResNet of 29 layers, loaded and ready; not for several threads at once.

    Args:
        path: ``dlib_face_recognition_resnet_model_v1.dat``.

    Raises:
        ValueError: The file is another.

    Source: https://github.com/davisking/dlib/blob/v20.0/examples/dnn_face_recognition_ex.cpp; He, Zhang, Ren
        and Sun, Deep residual learning for image recognition, CVPR 2016.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            model = _assembled(_Weights(content))
        self._network = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
        # It would keep each weight seven times over.
        self._network.enableWinograd(False)

    def __call__(self, face: Frame) -> Embedding:
        """Return the 128 numbers of a face, (SIDE, SIDE, 3), BGR, upright, with some room around."""
        blob = cv2.dnn.blobFromImage(face, 1 / _RANGE, mean=_MEAN, swapRB=True)
        self._network.setInput(blob)
        return np.array(self._network.forward()[0], np.float64)


class _Weights:
    """The weights of dlib's file in order, from the input on.

    A whole number is one byte that counts bytes, then those; a tensor is the number 2, four numbers of its
    shape and 4-byte floats. The file is one of a kind, known by its checksum: layers are found by name.
    """

    def __init__(self, content: mmap) -> None:
        self._content = content
        self._place = 0

    def convolution(self, channels: int, side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the next filters (n, channels, side, side) and biases (n,), with the scale after them."""
        values = self._tensor(b"con_4")
        gain, shift = np.split(self._tensor(b"affine_"), 2)
        filters, biases = np.split(values, [-len(gain)])
        return (
            filters.reshape(len(gain), channels, side, side) * gain[:, np.newaxis, np.newaxis, np.newaxis],
            biases * gain + shift,
        )

    def projection(self) -> NDArray[np.float32]:
        """Return the last layer's weights, (n, 128)."""
        return self._tensor(b"fc_2", numbers_before=2).reshape(-1, _OUTPUTS)

    def _tensor(self, layer: bytes, *, numbers_before: int = 0) -> NDArray[np.float32]:
        found = self._content.find(layer, self._place)
        if found < 0:
            raise ValueError(f"no layer {layer.decode()} of dlib's where one should be")
        self._place = found + len(layer)
        for _ in range(numbers_before):
            self._number()
        if self._number() != 2:
            raise ValueError("no tensor of dlib's where one should be")
        size = math.prod([self._number() for _ in range(4)])
        values = np.frombuffer(self._content[self._place : self._place + 4 * size], "<f4")
        self._place += values.nbytes
        return np.asarray(values, np.float32)

    def _number(self) -> int:
        start = self._place + 1
        self._place = start + self._content[start - 1]
        return int.from_bytes(self._content[start : self._place], "little")


def _assembled(weights: _Weights) -> bytes:
    """Return the network as ONNX."""
    model = Model((1, 3, SIDE, SIDE))
    place = _convolved(model, weights, "input", (3, 7, 2))
    place = model.layer("Relu", place)
    place = model.layer("MaxPool", place, kernel_shape=(3, 3), strides=(2, 2))
    side, channels = ((SIDE - 7) // 2 + 1 - 3) // 2 + 1, _LEVELS[0][0]
    for wider, blocks, halves in _LEVELS:
        for block in range(blocks):
            halved = halves and block == 0
            beside = model.layer("Relu", _convolved(model, weights, place, (channels, 3, 1 + halved)))
            beside = _convolved(model, weights, beside, (wider, 3, 1))
            if halved:
                place = _pooled(model, place, channels, wider)
                beside = _widened(model, beside, side // 2 - (side - 1) // 2)
                side, channels = side // 2, wider
            place = model.layer("Relu", model.layer("Add", beside, place))
    place = model.layer("Flatten", model.layer("GlobalAveragePool", place))
    place = model.layer("Gemm", place, model.weights(weights.projection()))
    return model.written(place, (1, _OUTPUTS))


def _convolved(model: Model, weights: _Weights, place: str, form: tuple[int, int, int]) -> str:
    """Add a convolution of some channels, side and stride; without a stride it keeps the size."""
    channels, side, stride = form
    filters, biases = weights.convolution(channels, side)
    edge = side // 2 if stride == 1 else 0
    return model.layer(
        "Conv",
        place,
        model.weights(filters),
        model.weights(biases),
        kernel_shape=(side, side),
        strides=(stride, stride),
        pads=(edge,) * 4,
    )


def _pooled(model: Model, place: str, channels: int, wider: int) -> str:
    """Add the mean of two by two pixels, for further channels zero: what dlib adds where sizes differ."""
    quarter = np.zeros((wider, channels, 2, 2), np.float32)
    quarter[range(channels), range(channels)] = 1 / 4
    return model.layer("Conv", place, model.weights(quarter), kernel_shape=(2, 2), strides=(2, 2))


def _widened(model: Model, place: str, lacking: int) -> str:
    """Add rows and columns of zeros after the last: what dlib adds where sizes differ."""
    if not lacking:
        return place
    return model.layer("Pad", place, mode="constant", pads=(0, 0, 0, 0, 0, 0, lacking, lacking))
