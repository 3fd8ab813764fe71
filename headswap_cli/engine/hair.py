"""Cut the head out of the reference photo: hair and face stay, neck, clothes and background go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.types import Frame, Landmarks, Mask

# (frame, x0, y0, side) -> (256, 256): how much each pixel of the window shows a person.
Matte = Callable[[Frame, float, float, float], Mask]

# Graph cuts take seconds on large pictures and gain nothing from them.
_CUT_SIZE = 512
# How far the edge of the hair may be mixed with what is behind, in face widths.
_FRINGE = 0.12
# Colours behind the head: how many, from how far around it in face widths, from how many pixels.
_PALETTE, _NEAR, _MOST_SAMPLES = 5, 1.3, 4000
_WISP = 0.35
# Lightness matters less than hue when skin is told from hair.
_SKIN_SCALE = np.array([0.5, 1.5, 1.5], np.float32)
_DARK_HAIR = np.array([30, 128, 128], np.float32)


@dataclass(frozen=True, slots=True)
class HeadCut:
    """The head alone, all (height, width).

    ``colours`` (height, width, 3) go on beyond the edge without the old background in them; ``alpha`` is the
    head with its hair, ``skin`` how much a pixel is skin and not hair, ``face`` the inner face.
    """

    colours: Frame
    alpha: Mask
    skin: Mask
    face: Mask


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things are in the upright square picture, pixels."""

    oval: NDArray[np.uint8]
    rows: NDArray[np.float32]
    columns: NDArray[np.float32]
    width: float
    middle: float
    top: float
    ears: float
    chin: float
    brows: float


def cut_head(image: Frame, landmarks: Landmarks, matte: Matte) -> HeadCut:
    """Return the head of an upright portrait.

    Args:
        image: Square, the face upright and near the middle.
        landmarks: Of that face in ``image``.
        matte: Tells people from background.
    """
    layout = _layout(image, landmarks)
    lab = cv2.cvtColor(image, cv2.COLOR_BGR2LAB).astype(np.float32)
    person = _person(image, layout, matte)
    to_skin, to_hair = _colour_distances(lab, person, layout)
    keep = _keep(person, to_hair < to_skin, layout)
    inner = cv2.erode(layout.oval, _disc(0.012 * layout.width)).astype(np.float32)
    soft = cv2.GaussianBlur(_thinned(image, person, layout), (0, 0), 0.012 * layout.width)
    alpha = np.clip((np.maximum(soft, inner) * keep - 0.1) / 0.8, 0, 1).astype(np.float32)
    fringe = np.clip((layout.brows + 0.02 * layout.width - layout.rows) / (0.06 * layout.width), 0, 1)
    fringe = np.asarray(fringe * (to_hair < 1.1 * to_skin), np.float32)
    return HeadCut(
        colours=_decontaminated(image, alpha, layout),
        alpha=alpha,
        skin=_skin(lab, to_skin, to_hair, fringe, layout),
        face=_inner_face(fringe, layout),
    )


def _layout(image: Frame, landmarks: Landmarks) -> _Layout:
    grid = np.indices(image.shape[:2]).astype(np.float32)
    outline = np.round(landmarks[topology.OVAL, :2]).astype(np.int32)
    oval = cv2.fillConvexPoly(np.zeros(image.shape[:2], np.uint8), cv2.convexHull(outline), (1,))
    return _Layout(
        oval=np.asarray(oval, np.uint8),
        rows=grid[0],
        columns=grid[1],
        width=face_width(landmarks),
        middle=float(landmarks[topology.OVAL, 0].mean()),
        top=float(landmarks[topology.FOREHEAD, 1]),
        ears=float(landmarks[[132, 361], 1].mean()),
        chin=float(landmarks[topology.CHIN, 1]),
        brows=float(landmarks[[105, 334], 1].mean()),
    )


def _person(image: Frame, layout: _Layout, matte: Matte) -> Mask:
    """Matte at two scales, sharpened by a graph cut, laid on the picture's own edges."""
    size = image.shape[0]
    soft = np.zeros((size, size), np.float32)
    for part in (1.0, 0.8):
        side = size * part
        x0, y0 = (size - side) / 2, (size - side) * 0.3
        to_image = np.array([[side / 256, 0, x0], [0, side / 256, y0]])
        soft = np.maximum(soft, cv2.warpAffine(matte(image, x0, y0, side), to_image, (size, size)))
    mixed = 0.5 * soft + 0.5 * _graph_cut(image, soft, layout.oval)
    fine = _guided(image, mixed, max(2, round(0.04 * layout.width)), 1e-4)
    return np.asarray(np.clip((fine - 0.2) / 0.6, 0, 1), np.float32)


def _graph_cut(image: Frame, soft: Mask, oval: NDArray[np.uint8]) -> Mask:
    size = image.shape[0]
    small = min(size, _CUT_SIZE)
    shape = (small, small)
    person = cv2.resize(soft, shape, interpolation=cv2.INTER_AREA)
    labels = np.full(shape, cv2.GC_BGD, np.uint8)
    for label, threshold in ((cv2.GC_PR_BGD, 0.08), (cv2.GC_PR_FGD, 0.5), (cv2.GC_FGD, 0.95)):
        labels[person > threshold] = label
    labels[cv2.resize(oval, shape, interpolation=cv2.INTER_NEAREST) > 0] = cv2.GC_FGD
    if not np.isin(labels, (cv2.GC_BGD, cv2.GC_PR_BGD)).any():
        return soft
    picture = cv2.resize(image, shape, interpolation=cv2.INTER_AREA)
    cv2.setRNGSeed(1)
    cv2.grabCut(picture, labels, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    kept = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    return np.asarray(cv2.resize(kept, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)


def _guided(image: Frame, mask: Mask, radius: int, smoothness: float) -> Mask:
    """Lay a mask on the edges of a colour picture.

    Source: He, Sun, Tang, Guided Image Filtering, IEEE TPAMI 35(6), 2013, eq. 19-21.
    """
    guide = image.astype(np.float32) / 255

    def mean(array: NDArray[np.floating]) -> NDArray[np.float32]:
        return np.asarray(cv2.blur(array, (2 * radius + 1, 2 * radius + 1)), np.float32)

    centre, level = mean(guide), mean(mask)
    spread = np.empty((*mask.shape, 3, 3), np.float32)
    for i, j in np.ndindex(3, 3):
        spread[..., i, j] = mean(guide[..., i] * guide[..., j]) - centre[..., i] * centre[..., j]
    spread += smoothness * np.eye(3, dtype=np.float32)
    slope = mean(guide * mask[..., np.newaxis]) - centre * level[..., np.newaxis]
    for row in range(len(slope)):
        # Row by row: solved at once, a photo's matrices take a quarter of a gigabyte.
        slope[row] = np.linalg.solve(spread[row], slope[row, :, :, np.newaxis])[..., 0]
    offset = level - (slope * centre).sum(-1)
    result = (mean(np.asarray(slope, np.float32)) * guide).sum(-1) + mean(np.asarray(offset, np.float32))
    return np.asarray(result, np.float32)


def _thinned(image: Frame, person: Mask, layout: _Layout) -> Mask:
    """Take out of the hair's edge what has the background's colour rather than the hair's.

    Each pixel near the edge is a mixture of the colours beyond it and within; where these differ clearly, its
    place between them is the better matte.
    """
    picture, width = image.astype(np.float32), layout.width
    firm = cv2.erode((person > 0.95).astype(np.uint8), _disc(_FRINGE * width))
    bare = cv2.erode((person < 0.05).astype(np.uint8), _disc(0.03 * width))
    if not (firm.any() and bare.any()):
        return person
    within, beyond = (push_pull(picture, area.astype(np.float32)) for area in (firm, bare))
    beyond = _likest_background(picture, beyond, _around(np.asarray(bare > 0), layout))
    across = within - beyond
    length = (across**2).sum(axis=-1)
    place = ((picture - beyond) * across).sum(axis=-1) / np.maximum(length, 1)
    sure = np.clip((np.sqrt(length) - 30) / 50, 0, 1) * (1 - firm)
    sure *= 1 - cv2.dilate(layout.oval, _disc(0.06 * width))
    mixed = cv2.GaussianBlur(np.clip((place - 0.12) / 0.5, 0, 1), (0, 0), max(0.7, 0.004 * width))
    thinned = person + (np.minimum(person, mixed) - person) * sure
    # A highlight can have the background's colour: what lies within the hair stays.
    _, labels = cv2.connectedComponents((thinned < 0.6).astype(np.uint8))
    open_air = np.isin(labels, np.unique(labels[(bare > 0) & (labels > 0)]))
    outside = cv2.GaussianBlur(open_air.astype(np.float32), (0, 0), max(1.0, 0.015 * width)) * 2
    thinned = person + (thinned - person) * np.clip(outside, 0, 1)
    return np.asarray(thinned * _attached(thinned > _WISP, layout), np.float32)


def _attached(area: NDArray[np.bool_], layout: _Layout) -> Mask:
    """Return 1 where an area hangs together with the face, softly: no specks float beside the head."""
    _, labels = cv2.connectedComponents(area.astype(np.uint8))
    face = np.bincount(labels[(layout.oval > 0) & area], minlength=1).argmax()
    near = cv2.dilate((labels == max(face, 1)).astype(np.uint8), _disc(0.01 * layout.width))
    return np.asarray(cv2.GaussianBlur(near.astype(np.float32), (0, 0), 0.006 * layout.width), np.float32)


def _around(area: NDArray[np.bool_], layout: _Layout) -> NDArray[np.bool_]:
    """Return where a picture is near the head."""
    across, down = layout.columns - layout.middle, layout.rows - (layout.top + layout.ears) / 2
    return np.asarray((np.hypot(across, down) < _NEAR * layout.width) & area)


def _likest_background(
    picture: NDArray[np.float32], beyond: NDArray[np.float32], area: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return for each pixel the colour among ``beyond`` and the main ones of ``area`` that it is most like.

    A wall may show between hair and something else behind, and be found nowhere straight beyond the edge.
    """
    samples = picture[area]
    if len(samples) < _PALETTE:
        return beyond
    samples = samples[:: max(1, len(samples) // _MOST_SAMPLES)]
    cv2.setRNGSeed(1)
    stop = (cv2.TERM_CRITERIA_COUNT, 10, 0)
    _, _, palette = cv2.kmeans(samples, _PALETTE, np.empty(0), stop, 1, cv2.KMEANS_PP_CENTERS)
    likest, least = beyond, ((picture - beyond) ** 2).sum(axis=-1)
    for colour in palette:
        apart = ((picture - colour) ** 2).sum(axis=-1)
        likest = np.where((apart < least)[..., np.newaxis], colour, likest)
        least = np.minimum(least, apart)
    return np.asarray(likest, np.float32)


def _colour_distances(
    lab: NDArray[np.float32], person: Mask, layout: _Layout
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    skin = np.median(lab[cv2.erode(layout.oval, _disc(0.08 * layout.width)) > 0], axis=0)
    above = (layout.rows < layout.top - 0.02 * layout.width) & (layout.rows > layout.top - 0.4 * layout.width)
    hair_pixels = (person > 0.8) & above
    hair = np.median(lab[hair_pixels], axis=0) if hair_pixels.sum() > 200 else _DARK_HAIR
    to_skin = np.linalg.norm((lab - skin) * _SKIN_SCALE, axis=2)
    return to_skin, np.linalg.norm((lab - hair) * _SKIN_SCALE, axis=2)


def _keep(person: Mask, hair_like: NDArray[np.bool_], layout: _Layout) -> Mask:
    """Return 1 for the head: all above the ears, below them only hair that hangs down from there."""
    width, rows = layout.width, layout.rows
    aside = np.abs(layout.columns - layout.middle)
    jaw = cv2.dilate(layout.oval, _disc(0.02 * width)) > 0
    neck = ~jaw & (rows > layout.ears) & (aside < 0.4 * width)
    hanging = hair_like & (rows < layout.chin + 0.35 * width) & (aside < 0.95 * width)
    candidate = (person > 0.4) & ((rows < layout.ears) | hanging) & ~neck & ~jaw
    tidy = cv2.morphologyEx(candidate.astype(np.uint8), cv2.MORPH_OPEN, _disc(0.035 * width))
    count, labels = cv2.connectedComponents(tidy)
    high = np.bincount(labels[(rows < layout.ears - 0.12 * width) & (labels > 0)], minlength=count)
    attached = np.isin(labels, np.flatnonzero(high > 0.002 * width**2)) & (labels > 0)
    head = (cv2.dilate(attached.astype(np.uint8), _disc(0.035 * width)) > 0) | jaw
    low = np.clip((rows - layout.ears) / (0.1 * width), 0, 1)
    fading = np.clip((layout.chin + 0.3 * width - rows) / (0.2 * width), 0, 1)
    kept = np.where(jaw, 1, 1 - low * (1 - hair_like * fading)) * head
    kept[neck] = 0
    return np.asarray(cv2.GaussianBlur(kept.astype(np.float32), (0, 0), max(1.0, 0.012 * width)), np.float32)


def _decontaminated(image: Frame, alpha: Mask, layout: _Layout) -> Frame:
    """Return the head's own colours: where it is thin or ends, those of its firm part nearby."""
    firm = cv2.erode((alpha > 0.97).astype(np.uint8), _disc(0.012 * layout.width)).astype(np.float32)
    spread = push_pull(image.astype(np.float32), firm)
    trust = (np.clip((alpha - 0.75) / 0.24, 0, 1) * np.clip(cv2.blur(firm, (5, 5)) * 2, 0, 1))[
        ..., np.newaxis
    ]
    return np.asarray(np.clip(image * trust + spread * (1 - trust), 0, 255), np.uint8)


def _skin(
    lab: NDArray[np.float32],
    to_skin: NDArray[np.float32],
    to_hair: NDArray[np.float32],
    fringe: Mask,
    layout: _Layout,
) -> Mask:
    width = layout.width
    oval = cv2.GaussianBlur(layout.oval.astype(np.float32), (0, 0), 0.04 * width)
    face = oval * (1 - 0.85 * cv2.GaussianBlur(fringe, (0, 0), 0.02 * width))
    # Ears and what the hair leaves free of the temples lie outside the oval but have its colour.
    like = np.clip(1.5 - to_skin / 16, 0, 1) * np.clip(to_hair / (to_skin + to_hair + 1e-3) * 2 - 0.4, 0, 1)
    like *= layout.rows > layout.top - 0.1 * width
    dark = np.clip((lab[..., 0] - 25) / 40, 0.4, 1)
    return np.asarray(
        cv2.GaussianBlur(np.maximum(face, like) * dark, (0, 0), max(1.0, 0.01 * width)), np.float32
    )


def _inner_face(fringe: Mask, layout: _Layout) -> Mask:
    width = layout.width
    firm = cv2.erode(layout.oval, _disc(0.035 * width)).astype(np.float32)
    firm *= 1 - cv2.dilate(fringe, _disc(0.03 * width))
    return np.asarray(cv2.GaussianBlur(firm, (0, 0), 0.03 * width), np.float32)


def _disc(radius: float) -> NDArray[np.uint8]:
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
