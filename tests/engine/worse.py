"""Real photos made worse, so that each fault of a reference photo is there to be found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from headswap_cli.engine import hull
from headswap_cli.engine.raster import rasterise
from headswap_cli.engine.reference import select_face
from tests import media
from tests.engine import heads

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.engine.types import Frame, Landmarks

_GREY = 127


def face_of(photo: Frame) -> Landmarks:
    """Return the landmarks of a photo's face."""
    landmarks, _ = heads.mesh().from_detection(photo, select_face(heads.detector()(photo)))
    return landmarks


def turned(name: str, degrees: float) -> Frame:
    """Return the head of a photo turned aside before grey, by the depth that the mesh sees in it."""
    photo, _ = heads.faces(name)
    landmarks = face_of(photo)
    points = np.concatenate([landmarks, hull.ring_points(landmarks)]).astype(np.float32)
    mesh = heads.reference(name).triangles
    fans = [
        (eye.lids[0], eye.lids[k], eye.lids[k + 1]) for eye in hull.EYES for k in range(1, len(eye.lids) - 1)
    ]
    triangles = np.concatenate([mesh[(mesh < hull.FIRST_EYE).all(axis=1)], np.array(fans, np.int32)])
    middle, angle = landmarks[168], math.radians(degrees)
    turn = np.array(
        [[math.cos(angle), 0, math.sin(angle)], [0, 1, 0], [-math.sin(angle), 0, math.cos(angle)]], np.float32
    )
    placed = (points - middle) @ turn.T + middle
    seen = rasterise(placed, points[:, :2], triangles, photo.shape[1], photo.shape[0])
    drawn = cv2.remap(photo, seen[..., 0], seen[..., 1], cv2.INTER_LINEAR)
    return np.asarray(np.where(seen[..., :1] >= 0, drawn, _GREY), np.uint8)


def blurred(photo: Frame, sigma: float) -> Frame:
    """Return a photo out of focus."""
    return np.asarray(cv2.GaussianBlur(photo, (0, 0), sigma), np.uint8)


def shaken(photo: Frame, pixels: int, *, upwards: bool = False) -> Frame:
    """Return a photo whose camera moved."""
    path = np.full((1, pixels), 1 / pixels, np.float32)
    return np.asarray(cv2.filter2D(photo, -1, path.T if upwards else path), np.uint8)


def shaded(photo: Frame, light: float) -> Frame:
    """Return a face with round glasses on that let so much light through."""
    landmarks, glasses = face_of(photo), np.zeros(photo.shape[:2], np.uint8)
    for eye in hull.EYES:
        middle, width = hull.eye_frame(landmarks, eye)
        cv2.circle(glasses, (round(float(middle[0])), round(float(middle[1]))), round(0.9 * width), 1, -1)
    return np.asarray(np.where(glasses[..., np.newaxis] > 0, photo * light, photo), np.uint8)


def shrunk(photo: Frame, part: float) -> Frame:
    """Return a photo with fewer pixels."""
    return np.asarray(cv2.resize(photo, None, fx=part, fy=part, interpolation=cv2.INTER_AREA), np.uint8)


def moment(clip: str, frame_index: int) -> Frame:
    """Return one frame of a clip, as if it were a photo."""
    return next(media.frames_of(media.clip(clip), start=frame_index))


def saved(photo: Frame, path: Path) -> Path:
    """Write a photo; the name's ending says how."""
    cv2.imwrite(str(path), photo)
    return path
