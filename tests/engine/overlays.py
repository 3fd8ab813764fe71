"""Things drawn before a face, with the pixels that they cover: what stands in front must stay in front."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.geometry import face_box, face_width

if TYPE_CHECKING:
    from collections.abc import Callable

    from headswap_cli.engine.types import Frame, Landmarks

Drawn = tuple["Frame", NDArray[np.bool_]]


def microphone(frame: Frame, landmarks: Landmarks) -> Drawn:
    """A dark microphone held before the mouth; it moves with the head, but not quite."""
    x, y = landmarks[14, :2]
    width = face_width(landmarks)
    drift = 0.05 * width * np.sin(0.3 * x)
    mask = np.zeros(frame.shape[:2], np.uint8)
    top = (round(float(x + drift)), round(float(y)))
    low = (round(float(x + drift + 0.25 * width)), round(float(y + 1.2 * width)))
    cv2.line(mask, top, low, (1,), max(2, round(0.13 * width)))
    cv2.circle(mask, top, max(2, round(0.14 * width)), (1,), -1)
    return _painted(frame, mask, (38, 36, 34))


def lettering(frame: Frame, landmarks: Landmarks) -> Drawn:
    """Bright words that stand still in the picture, across the cheeks of a face in its usual place."""
    height, across = frame.shape[:2]
    mask = np.zeros((height, across), np.uint8)
    scale = across / 420
    cv2.putText(
        mask,
        "BREAKING NEWS",
        (round(0.12 * across), round(0.5 * height)),
        cv2.FONT_HERSHEY_SIMPLEX,
        scale,
        (1,),
        max(2, round(2.6 * scale)),
    )
    return _painted(frame, mask, (40, 235, 250))


def glasses(frame: Frame, landmarks: Landmarks) -> Drawn:
    """Black rims about the eyes, sitting on the face in every frame."""
    thick = max(1, round(0.035 * face_width(landmarks)))
    return _painted(frame, _spectacles(frame, landmarks, thick, lens=thick), (25, 25, 28))


def sunglasses(frame: Frame, landmarks: Landmarks) -> Drawn:
    """Dark lenses that nothing is seen through, sitting on the face in every frame."""
    thick = max(1, round(0.035 * face_width(landmarks)))
    return _painted(frame, _spectacles(frame, landmarks, thick, lens=cv2.FILLED), (34, 30, 26))


def _spectacles(frame: Frame, landmarks: Landmarks, thick: int, lens: int) -> NDArray[np.uint8]:
    """Return where glasses are; ``lens`` is how thick their outlines are drawn, pixels."""
    mask = np.zeros(frame.shape[:2], np.uint8)
    rims = []
    for outer, inner, below in ((33, 133, 119), (263, 362, 348)):
        middle = landmarks[[outer, inner], :2].mean(axis=0)
        reach = float(np.linalg.norm(landmarks[outer, :2] - landmarks[inner, :2]))
        size = (round(0.78 * reach), round(0.75 * float(abs(landmarks[below, 1] - middle[1]))))
        cv2.ellipse(mask, (round(float(middle[0])), round(float(middle[1]))), size, 0, 0, 360, (1,), lens)
        rims.append((middle, size[0]))
    (right, first), (left, second) = rims
    bridge = (right + np.array([first, 0]), left - np.array([second, 0]))
    ends = [(round(float(x)), round(float(y))) for x, y in bridge]
    cv2.line(mask, ends[0], ends[1], (1,), thick)
    return mask


def clear_rims(frame: Frame, landmarks: Landmarks) -> Drawn:
    """Glasses black above and of amber below, which cheeks shine through; they slip to and fro a little."""
    width = face_width(landmarks)
    slip = 0.025 * width * np.sin(0.3 * landmarks[1, 0])
    black, amber = (np.zeros(frame.shape[:2], np.uint8) for _ in range(2))
    size, thick = (round(0.17 * width), round(0.135 * width)), max(1, round(0.025 * width))
    ends = []
    for corners, sign in (([33, 133], 1), ([263, 362], -1)):
        eye = landmarks[corners, :2].mean(axis=0)
        x, y = round(float(eye[0] + slip - 0.01 * sign * width)), round(float(eye[1] + 0.05 * width))
        cv2.ellipse(amber, (x, y), size, 0, -10, 190, (1,), thick)
        cv2.ellipse(black, (x, y), size, 0, 180, 360, (1,), thick + 1)
        ends.append((x + sign * size[0], y))
    cv2.line(black, ends[0], ends[1], (1,), thick)
    soft = 0.5 * cv2.GaussianBlur(amber.astype(np.float32), (0, 0), 0.7)[..., np.newaxis]
    shining = np.asarray(frame * (1 - soft) + np.array([20, 60, 110]) * soft, np.uint8)
    painted, above = _painted(shining, black, (25, 25, 28))
    return painted, (amber > 0) | above


def passing_bar(frame: Frame, landmarks: Landmarks) -> Drawn:
    """A blue upright bar that crosses the picture as the face moves aside."""
    x0, _, x1, _ = face_box(landmarks)
    place = x0 + (0.2 + 0.6 * (0.5 + 0.5 * np.sin(0.21 * landmarks[1, 0]))) * (x1 - x0)
    mask = np.zeros(frame.shape[:2], np.uint8)
    half = max(1, round(0.06 * face_width(landmarks)))
    mask[:, max(0, round(float(place)) - half) : round(float(place)) + half] = 1
    return _painted(frame, mask, (150, 70, 40))


OVERLAYS: dict[str, Callable[[Frame, Landmarks], Drawn]] = {
    "microphone": microphone,
    "lettering": lettering,
    "glasses": glasses,
    "sunglasses": sunglasses,
    "clear rims": clear_rims,
    "passing bar": passing_bar,
}


def face_mask(shape: tuple[int, ...], landmarks: Landmarks) -> NDArray[np.bool_]:
    """Return the pixels of the face, eyes and inner mouth left out: there a result shows the source's too."""
    from headswap_cli.engine import topology

    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(landmarks[topology.OVAL, :2]).astype(np.int32)], (1,))
    for ring in (topology.RIGHT_EYE, topology.LEFT_EYE, topology.INNER_LIPS):
        cv2.fillPoly(mask, [np.round(landmarks[ring, :2]).astype(np.int32)], (0,))
    return mask > 0


def eyes(shape: tuple[int, ...], landmarks: Landmarks) -> list[NDArray[np.bool_]]:
    """Return the pixels between each eye's lids."""
    from headswap_cli.engine import topology

    masks = []
    for ring in (topology.RIGHT_EYE, topology.LEFT_EYE):
        mask = np.zeros(shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.round(landmarks[ring, :2]).astype(np.int32)], (1,))
        masks.append(mask > 0)
    return masks


def _painted(frame: Frame, mask: NDArray[np.uint8], colour: tuple[int, int, int]) -> Drawn:
    painted = frame.copy()
    painted[mask > 0] = colour
    # A camera's edges are soft.
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7)[..., np.newaxis]
    mixed = frame * (1 - soft) + cv2.GaussianBlur(painted, (0, 0), 0.7) * soft
    return np.asarray(np.clip(mixed, 0, 255), np.uint8), mask > 0
