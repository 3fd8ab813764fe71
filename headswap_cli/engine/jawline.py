"""Cut a head off its neck along the jaw that the photo shows: the mesh's outline runs beside that."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import disc, face_width, sixteenths
from headswap_cli.engine.types import Frame, Landmarks, Mask

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# The outline from ear to ear.
_EAR_TO_EAR = topology.OVAL[10:27]
# How far to either side of the mesh's outline the jaw is looked for, in face widths, in such steps, and at
# places so far apart along it.
_REACH, _STEP, _APART = 0.06, 0.0025, 0.01
# A jaw is a line that is darker than the cheek above it and the neck below by such a part of the cheek, and
# by so many grey levels; neither is further off than this, in face widths.
_DARKER, _LEAST, _BESIDE = 0.035, 3.0, 0.05
# Skin is smoothed so far across it and along, in face widths: pores are darker than that.
_ACROSS, _ALONG = 0.004, 0.03
# Where it is not seen it goes on, hardly after twice the first, of which a trace is seen.
_GOES_ON, _TRACE = 0.05, 0.02
# It runs evenly: spurs shorter than twice the first go, and what is left turns over the second.
_SPUR, _EVEN = 0.03, 0.03
# Beside background the cut goes no further than this, in face widths: hair may hang there. So near to the
# lobes of the ears nothing is cut; the cut is so soft, and so far before the line.
_RIM, _EARS, _SOFT, _BEFORE = 0.015, 0.05, 0.008, 0.008
# What goes on beyond a cut is as dark as what is within so far of it, in face widths, down to such a part of
# itself, and softly.
_NEAR, _LEAST_LIGHT, _BLENDS = 0.02, 0.7, 0.004


def above_jaw(image: Frame, person: Mask, kept: Mask, hair_like: Bools, landmarks: Landmarks) -> Mask:
    """Return 0 between the jaw and where a head ends by its mesh, softly, and 1 elsewhere, (height, width).

    Args:
        image: The upright portrait, (height, width, 3), BGR.
        person: Its matte, (height, width).
        kept: What of that is head, by the mesh, likewise.
        hair_like: Where its colours are nearer to the hair's than to the skin's, likewise.
        landmarks: Of its face.
    """
    width = face_width(landmarks)
    line, outwards = _outline(landmarks, width)
    offsets = np.arange(-_REACH, _REACH + _STEP / 2, _STEP, dtype=np.float32)
    places = line[:, np.newaxis] + (offsets * np.float32(width))[:, np.newaxis] * outwards[:, np.newaxis]
    x, y = np.ascontiguousarray(places[..., 0]), np.ascontiguousarray(places[..., 1])
    levels = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.float32)
    grey, there, head, locks = (
        np.asarray(cv2.remap(one, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
        for one in (levels, person, kept, (kept * hair_like).astype(np.float32))
    )
    beyond, hair = there[:, -1] > 0.5, there[:, -1] * locks[:, -1] > 0.5
    neck = beyond & ~hair
    ends = _ends(np.where(neck[:, np.newaxis], head, there))
    smooth = np.asarray(cv2.GaussianBlur(grey, (0, 0), _ACROSS / _STEP, sigmaY=_ALONG / _APART), np.float32)
    jaw = _gone_on(offsets[_darkest(smooth, ends)], offsets[ends])
    from_ = _even(np.where(neck, jaw - np.float32(_BEFORE), offsets[ends]))
    to = np.where(beyond, np.float32(_REACH), offsets[ends] + np.float32(_RIM))
    along = np.arange(len(line)) * _APART
    cuts = ~hair & (np.minimum(along, along[::-1]) > _EARS)
    between = np.stack([from_, to], axis=1)[..., np.newaxis] * width * outwards[:, np.newaxis]
    gone = np.zeros(person.shape, np.uint8)
    for quad in _quads(line[:, np.newaxis] + between, cuts):
        cv2.fillConvexPoly(gone, sixteenths(quad), (255,), shift=4)
    soft = cv2.GaussianBlur(gone, (0, 0), max(1.0, _SOFT * width))
    return np.asarray(1 - soft * np.float32(1 / 255), np.float32)


def turning(colours: Floats, cut: Floats, width: float) -> Floats:
    """Return colours that get no lighter beyond a cut: what turns away from the light ends in its own shade.

    Args:
        colours: (height, width, 3), BGR of 0 to 255, gone on beyond the cut.
        cut: How far each pixel is beyond it, (height, width, 1), 0 to 1.
        width: Of the face, pixels.
    """
    grey = cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY)
    light = cv2.erode(grey, disc(_NEAR * width)) / np.maximum(grey, 1)
    soft = cv2.GaussianBlur(np.clip(light, _LEAST_LIGHT, 1), (0, 0), max(0.7, _BLENDS * width))
    return np.asarray(colours * (1 + (soft[..., np.newaxis] - 1) * cut), np.float32)


def _outline(landmarks: Landmarks, width: float) -> tuple[Floats, Floats]:
    """Return places on the mesh's outline from ear to ear, rounded, (n, 2), and the ways out of the face."""
    corners = landmarks[_EAR_TO_EAR, :2].astype(np.float32)
    way = np.concatenate([[0], np.linalg.norm(np.diff(corners, axis=0), axis=1).cumsum()])
    steps = np.arange(0, way[-1], _APART * width)
    line = _smoothed(np.stack([np.interp(steps, way, corners[:, axis]) for axis in (0, 1)], axis=1))
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    return line, np.stack([along[:, 1], -along[:, 0]], axis=1).astype(np.float32)


def _smoothed(values: NDArray[np.floating], over: float = _EVEN) -> Floats:
    """Return values, (n,) or (n, m), smoothed from one place to the next over so many face widths."""
    way = cv2.getGaussianKernel(6 * round(over / _APART) + 1, over / _APART)
    flat = values.reshape(len(values), -1).astype(np.float32)
    soft = cv2.sepFilter2D(flat, -1, np.ones(1), way, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft, np.float32).reshape(values.shape)


def _gone_on(jaw: Floats, ends: Floats) -> Floats:
    """Return a jaw, (n,), that goes on near by where it is not seen: there it is where the head ends."""
    seen = (jaw < ends).astype(np.float32)
    share = _smoothed(seen, _GOES_ON)
    near = _smoothed(jaw * seen, _GOES_ON) / np.maximum(share, _TRACE)
    return np.where((seen == 0) & (share > _TRACE), np.minimum(near, ends), jaw)


def _ends(there: Floats) -> NDArray[np.intp]:
    """Return the first step at which each row, (n, steps), ends; the last where it goes on."""
    over = there < 0.5
    over[:, -1] = True
    return np.asarray(over.argmax(axis=1), np.intp)


def _darkest(grey: Floats, ends: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the step of the dark line between cheek and neck in each row, (n, steps); its end without."""
    beside = round(_BESIDE / _STEP)
    found = ends.copy()
    for row, levels in enumerate(grey):
        step = int(levels[: ends[row] + 1].argmin())
        cheek, neck = levels[max(0, step - beside) : step + 1].max(), levels[step : step + beside].max()
        if min(cheek, neck) - levels[step] > max(_LEAST, _DARKER * cheek):
            found[row] = step
    return found


def _even(limit: Floats) -> Floats:
    """Return an outline, (n,), without its spurs and its corners, nowhere beyond what it was for long."""
    side = 2 * round(_SPUR / _APART) + 1
    padded = np.pad(limit, side // 2, mode="edge")
    middle = np.median(np.lib.stride_tricks.sliding_window_view(padded, side), axis=1)
    low = np.lib.stride_tricks.sliding_window_view(np.pad(middle, side // 2, mode="edge"), side).min(axis=1)
    return _smoothed(low)


def _quads(borders: NDArray[np.floating], cuts: Bools) -> NDArray[np.floating]:
    """Return the pieces, (n, 4, 2), between neighbouring places that are both cut; borders (n, 2, 2)."""
    pieces = np.stack([borders[:-1, 0], borders[:-1, 1], borders[1:, 1], borders[1:, 0]], axis=1)
    return np.asarray(pieces[cuts[:-1] & cuts[1:]])
