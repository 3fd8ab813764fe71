"""Cut the head out of the reference photo: hair and face stay, neck, clothes and background go."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.fill import push_pull
from headswap_cli.engine.foreground import foreground_of
from headswap_cli.engine.geometry import disc, face_width, inside_hull
from headswap_cli.engine.jawline import above_jaw, turning
from headswap_cli.engine.matting import solve_alpha, window_colours
from headswap_cli.engine.mixture import unmix
from headswap_cli.engine.spill import without_spill
from headswap_cli.engine.strand import strand_ends, without_blots, without_smoke
from headswap_cli.engine.types import Frame, Landmarks, Mask, Matte

# Graph cuts take seconds on large pictures and gain nothing from them: the matte is refined afterwards.
_CUT_SIZE = 320
# How far the edge of the hair may be mixed with what is behind, and how far beyond it strands may fly, in
# face widths.
_FRINGE, _LOOSE = 0.12, 0.18
# How far beyond it the background is looked at, likewise.
_BEHIND = 0.3
# The mesh's outline of the face is no surer than this, in face widths.
_RIM = 0.05
# What of the picture is matted finely, in face widths from forehead, chin and middle.
_ABOVE, _BELOW, _ASIDE = 0.8, 0.45, 1.25
# Further than this from the hair's colour, Lab, no strand is.
_STRANGE = 60.0
# Likewise of hair that hangs down, from the nearest of so many tones of it.
_OTHER_COLOUR, _OTHER_LOOK, _TONES = 40.0, 30.0, 4
# A gleam on hair is no wider than that, in face widths.
_GLEAM = 0.03
# So much of a matte is haze.
_HAZE, _WISP = 0.05, 0.15
# Nearer to the middle than this is no hair but the neck, in face widths.
_NECK = 0.36
# Clothes may come so near to the middle, and so far into the mesh's outline, in face widths; so far from the
# skin's colour, Lab, something is none, however it is lit.
_COLLARS, _NO_SKIN = (0.2, 0.06), 45.0
# Lightness matters less than hue when skin is told from hair.
_SKIN_SCALE = np.array([0.5, 1.5, 1.5], np.float32)
_DARK_HAIR = np.array([30, 128, 128], np.float32)


@dataclass(frozen=True, slots=True)
class HeadCut:
    """The head alone, all (height, width).

    ``colours`` (height, width, 3) go on beyond the edge without the old background in them; ``alpha`` is the
    head with its hair, ``skin`` how much a pixel is skin and not hair, ``face`` the inner face; ``doubt`` is
    how much two looks at the photo differ in what is background, squared face widths.
    """

    colours: Frame
    alpha: Mask
    skin: Mask
    face: Mask
    doubt: float


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
        image: (side, side, 3), BGR, the face upright and near the middle.
        landmarks: Of that face in ``image``.
        matte: Tells people from background.
    """
    layout = _layout(image, landmarks)
    soft, doubt = _people(image, layout, matte)
    person = _person(image, layout, soft)
    whole, colours = _fine(image, person, layout)
    whole, colours = _untinted(image, whole, colours, layout)
    lab = cv2.cvtColor(colours, cv2.COLOR_BGR2LAB).astype(np.float32)
    to_skin, to_hair = _colour_distances(lab, person, layout)
    seen = cv2.cvtColor(image, cv2.COLOR_BGR2LAB).astype(np.float32)
    hair_like = to_hair < to_skin
    keep, bare = _keep(whole, (lab, seen), hair_like, layout), 1 - _clothes(whole, to_skin, layout)
    keep *= above_jaw(image, whole, keep, hair_like, landmarks)
    inner = cv2.erode(layout.oval, disc(_RIM * layout.width)).astype(np.float32)
    whole = np.maximum(whole * _solid_or_hair(whole, to_hair, layout), inner)
    # Where they are before the jaw it ends as the mesh has it, in its own colour.
    jaw = cv2.GaussianBlur(layout.oval.astype(np.float32), (0, 0), max(1.0, 0.01 * layout.width))
    whole *= np.maximum(bare, jaw)
    alpha = np.clip((whole * keep - _HAZE) / (1 - 3 * _HAZE), 0, 1).astype(np.float32)
    alpha *= _attached(alpha > _WISP, layout)
    alpha = without_blots(without_smoke(alpha, layout.width), person, layout.width)
    fringe = np.clip((layout.brows + 0.02 * layout.width - layout.rows) / (0.06 * layout.width), 0, 1)
    fringe = np.asarray(fringe * (to_hair < 1.1 * to_skin), np.float32)
    return HeadCut(
        colours=_continued(colours, alpha, keep * bare, layout),
        alpha=alpha,
        skin=_skin(lab, to_skin, to_hair, fringe, layout),
        face=_inner_face(fringe, layout),
        doubt=doubt,
    )


def _layout(image: Frame, landmarks: Landmarks) -> _Layout:
    grid = np.indices(image.shape[:2]).astype(np.float32)
    return _Layout(
        oval=inside_hull(landmarks[topology.OVAL], image.shape),
        rows=grid[0],
        columns=grid[1],
        width=face_width(landmarks),
        middle=float(landmarks[topology.OVAL, 0].mean()),
        top=float(landmarks[topology.FOREHEAD, 1]),
        ears=float(landmarks[topology.LOBES, 1].mean()),
        chin=float(landmarks[topology.CHIN, 1]),
        brows=float(landmarks[[105, 334], 1].mean()),
    )


def _people(image: Frame, layout: _Layout, matte: Matte) -> tuple[Mask, float]:
    """Matte at two scales, each time as it is and mirrored, and measure how much that makes of a difference.

    What is a person in one and none in the other, a flag behind a cap, is doubtful: a graph cut must decide.
    """
    size, width = image.shape[0], layout.width
    soft, mirrored = np.zeros((size, size), np.float32), np.ascontiguousarray(image[:, ::-1])
    near = (np.abs(layout.columns - layout.middle) < _ASIDE * width) & (layout.rows < layout.chin)
    near &= layout.rows > layout.top - _ABOVE * width
    doubts = []
    for part in (1.0, 0.8):
        side = size * part
        x0, y0 = (size - side) / 2, (size - side) * 0.3
        to_image = np.array([[side / 256, 0, x0], [0, side / 256, y0]])
        straight, turned = matte(image, x0, y0, side), matte(mirrored, x0, y0, side)[:, ::-1]
        seen = (straight + turned) / 2
        soft = np.maximum(soft, cv2.warpAffine(seen, to_image, (size, size)))
        apart = cv2.warpAffine(np.abs(straight - turned), to_image, (size, size))
        doubts.append(float(apart[near].sum()) / width**2)
    return np.asarray(soft, np.float32), min(doubts)


def _person(image: Frame, layout: _Layout, soft: Mask) -> Mask:
    """Sharpen a soft matte by a graph cut, laid on the picture's own edges."""
    mixed = 0.5 * soft + 0.5 * _graph_cut(image, soft, layout.oval)
    fine = _guided(image, mixed, max(2, round(0.04 * layout.width)), 1e-4)
    return np.asarray(np.clip((fine - 0.2) / 0.6, 0, 1), np.float32)


def _graph_cut(image: Frame, soft: Mask, oval: NDArray[np.uint8]) -> Mask:
    """Part a person from the background by colour, the coarse matte being the seed; 0 or 1, softly enlarged.

    Source: Rother, Kolmogorov, Blake, GrabCut, ACM Transactions on Graphics 23(3), 2004.
    """
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
    guide = np.asarray(image / np.float32(255), np.float32)
    side = 2 * radius + 1

    def mean(array: NDArray[np.floating]) -> NDArray[np.float32]:
        return np.asarray(cv2.blur(array, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)

    centre, inverse = window_colours(guide, side, smoothness)
    level = mean(mask)
    together = mean(guide * mask[..., np.newaxis]) - centre * level[..., np.newaxis]
    slope = np.einsum("...jk,...k->...j", inverse, together)
    offset = level - np.einsum("...k,...k->...", slope, centre)
    return np.asarray(np.einsum("...k,...k->...", mean(slope), guide) + mean(offset), np.float32)


def _fine(image: Frame, person: Mask, layout: _Layout) -> tuple[Mask, Frame]:
    """Return the matte with its loose strands, and the picture without what was behind it."""
    width = layout.width
    rows = slice(max(0, round(layout.top - _ABOVE * width)), round(layout.chin + _BELOW * width))
    columns = slice(max(0, round(layout.middle - _ASIDE * width)), round(layout.middle + _ASIDE * width))
    part = np.s_[rows, columns]
    picture, coarse = np.ascontiguousarray(image[part]), person[part]
    face = cv2.erode(layout.oval, disc(_RIM * width))[part] > 0
    firm = cv2.erode((coarse > 0.95).astype(np.uint8), disc(_FRINGE * width)) > 0
    bare = cv2.dilate((coarse > 0.05).astype(np.uint8), disc(_LOOSE * width)) == 0
    crown = (layout.rows < layout.brows)[part] & (cv2.dilate(layout.oval, disc(_RIM * width))[part] == 0)
    head = (layout.rows < layout.ears)[part]
    mixture = unmix(picture, coarse, firm, bare, face=face, crown=crown, head=head)
    alpha = solve_alpha(picture, mixture.alpha, mixture.trust)
    whole, colours = person.copy(), image.copy()
    whole[part], colours[part] = alpha, foreground_of(picture, alpha)
    return whole, colours


def _untinted(image: Frame, whole: Mask, colours: Frame, layout: _Layout) -> tuple[Mask, Frame]:
    """Take the background's tint from the hair beside the face and from what of it flies."""
    width = layout.width
    face = cv2.dilate(layout.oval, disc(_RIM * width)) > 0
    aside = np.abs(layout.columns - layout.middle) < _ASIDE * width
    high = aside & (layout.rows < layout.chin + _BELOW * width)
    firm = cv2.erode((whole > 0.95).astype(np.uint8), disc(_FRINGE * width)) > 0
    firm &= ~face & (layout.rows < layout.brows)
    around = cv2.dilate((whole > 0.05).astype(np.uint8), disc(_BEHIND * width)) > 0
    clean, alpha = without_spill(
        image, colours, whole, firm, around & (whole < 0.02) & high, high & (layout.oval == 0)
    )
    return alpha, clean


def _solid_or_hair(whole: Mask, to_hair: NDArray[np.float32], layout: _Layout) -> Mask:
    """Return 1 on the head's own mass, and near it where something thin has the hair's colour, softly."""
    width = layout.width
    solid = cv2.morphologyEx((whole > 0.5).astype(np.uint8), cv2.MORPH_OPEN, disc(0.05 * width))
    solid = _of_face(np.asarray(solid, np.uint8), layout)
    away = cv2.distanceTransform(1 - solid, cv2.DIST_L2, cv2.DIST_MASK_5) / width
    near = np.clip((_LOOSE - away) / (0.5 * _LOOSE), 0, 1)
    like = np.clip((_STRANGE - to_hair) / (0.4 * _STRANGE), 0, 1)
    return np.asarray(near * np.maximum(like, np.clip(1 - away / 0.02, 0, 1)), np.float32)


def _attached(area: NDArray[np.bool_], layout: _Layout) -> Mask:
    """Return 1 where an area hangs together with the face, softly: no specks float beside the head."""
    near = cv2.dilate(_of_face(area.astype(np.uint8), layout), disc(0.01 * layout.width))
    return np.asarray(cv2.GaussianBlur(near.astype(np.float32), (0, 0), 0.006 * layout.width), np.float32)


def _of_face(area: NDArray[np.uint8], layout: _Layout) -> NDArray[np.uint8]:
    """Return that piece of an area, 0 or 1, that the face lies in."""
    _, labels = cv2.connectedComponents(area)
    face = np.bincount(labels[(layout.oval > 0) & (area > 0)], minlength=1).argmax()
    return np.asarray(labels == max(face, 1), np.uint8)


def _colour_distances(
    lab: NDArray[np.float32], person: Mask, layout: _Layout
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    skin = np.median(lab[cv2.erode(layout.oval, disc(0.08 * layout.width)) > 0], axis=0)
    above = (layout.rows < layout.top - 0.02 * layout.width) & (layout.rows > layout.top - 0.4 * layout.width)
    hair_pixels = (person > 0.8) & above
    hair = np.median(lab[hair_pixels], axis=0) if hair_pixels.sum() > 200 else _DARK_HAIR
    to_skin = np.linalg.norm((lab - skin) * _SKIN_SCALE, axis=2)
    return to_skin, np.linalg.norm((lab - hair) * _SKIN_SCALE, axis=2)


def _keep(
    whole: Mask,
    looks: tuple[NDArray[np.float32], NDArray[np.float32]],
    hair_like: NDArray[np.bool_],
    layout: _Layout,
) -> Mask:
    """Return 1 for the head: all above the ears, below them only hair that hangs down from there.

    Args:
        whole: The matte.
        looks: The colours without what is behind and those of the picture, Lab.
        hair_like: Where they are nearer to the hair's than to the skin's.
        layout: Where things are.
    """
    width, rows = layout.width, layout.rows
    aside = np.abs(layout.columns - layout.middle)
    jaw = cv2.dilate(layout.oval, disc(0.02 * width)) > 0
    hair = hair_like & (rows < layout.chin + 0.35 * width) & (aside < 0.95 * width) & (whole > 0.4)
    hair &= (rows < layout.ears) | (aside > _NECK * width)
    tidy = cv2.morphologyEx((hair & ~jaw).astype(np.uint8), cv2.MORPH_OPEN, disc(0.03 * width))
    count, labels = cv2.connectedComponents(tidy)
    high = np.bincount(labels[(rows < layout.ears - 0.12 * width) & (labels > 0)], minlength=count)
    hanging = np.isin(labels, np.flatnonzero(high > 0.002 * width**2)) & (labels > 0)
    # Loose ends are as much hair as the lock that they come from.
    lock = cv2.dilate(hanging.astype(np.uint8), disc(0.05 * width)).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(lock, (0, 0), max(1.0, 0.015 * width)), np.float32)
    soft *= np.clip((aside / width - _NECK) / 0.06 + 0.5, 0, 1)
    samples = hanging & (whole > 0.9)
    own, seen = (
        _coloured_like(look, samples, lock > 0, limit)
        for look, limit in zip(looks, (_OTHER_COLOUR, _OTHER_LOOK), strict=True)
    )
    # A gap to the jaw that the matte takes for half hair has hair's colour only because it is taken for that.
    soft *= np.minimum(own, cv2.morphologyEx(seen, cv2.MORPH_CLOSE, disc(_GLEAM * width)))
    low = np.clip((rows - layout.ears) / (0.1 * width), 0, 1)
    fading = strand_ends(np.clip((layout.chin + 0.35 * width - rows) / (0.35 * width), 0, 1), width)
    kept = np.where(jaw, 1, 1 - low * (1 - soft * fading))
    return np.asarray(cv2.GaussianBlur(kept.astype(np.float32), (0, 0), max(1.0, 0.01 * width)), np.float32)


def _clothes(whole: Mask, to_skin: NDArray[np.float32], layout: _Layout) -> Mask:
    """Return what comes up to the jaw from below and is surely no skin, softly: a collar, a shoulder."""
    width, rows = layout.width, layout.rows
    aside = np.abs(layout.columns - layout.middle) / width
    beside = (rows < layout.ears) | (aside > _COLLARS[0])
    face = cv2.erode(layout.oval, disc(_COLLARS[1] * width)) > 0
    other = (to_skin > _NO_SKIN) & (whole > 0.4) & beside & ~face
    tidy = cv2.morphologyEx(other.astype(np.uint8), cv2.MORPH_OPEN, disc(0.015 * width))
    count, labels = cv2.connectedComponents(tidy)
    least = 0.002 * width**2
    high, low = (
        np.bincount(labels[where], minlength=count) > least
        for where in (rows < layout.ears - 0.12 * width, rows > layout.chin)
    )
    rises = low & ~high
    rises[0] = False
    grown = cv2.dilate(rises[labels].astype(np.uint8), disc(0.01 * width)).astype(np.float32)
    soft = cv2.GaussianBlur(grown, (0, 0), max(1.0, 0.008 * width))
    # Towards the chin the outline goes over to the mesh's without a step.
    return np.asarray(soft * np.clip((aside - _COLLARS[0]) / 0.12, 0, 1), np.float32)


def _coloured_like(
    lab: NDArray[np.float32], samples: NDArray[np.bool_], where: NDArray[np.bool_], limit: float
) -> NDArray[np.float32]:
    """Return how far colours are those of some hair, dark or light: a collar beside it is none of it."""
    like = np.zeros(where.shape, np.float32)
    own = lab[samples] * _SKIN_SCALE
    if len(own) < _TONES:
        return like
    parts = np.array_split(own[np.argsort(own[:, 0], kind="stable")], _TONES)
    near = np.min(
        [np.square(lab[where] * _SKIN_SCALE - part.mean(axis=0)).sum(axis=1) for part in parts], axis=0
    )
    like[where] = np.clip((limit - np.sqrt(near)) / (0.4 * limit), 0, 1)
    return like


def _continued(colours: Frame, alpha: Mask, keep: Mask, layout: _Layout) -> Frame:
    """Let the head's colours go on where it was cut off: the neck's and the collar's are not its own."""
    width = layout.width
    firm = cv2.erode(((alpha > 0.9) & (keep > 0.97)).astype(np.uint8), disc(0.008 * width))
    spread = push_pull(colours.astype(np.float32), firm.astype(np.float32))
    # The ends of hair beside the jaw are hair.
    rows = slice(round(layout.ears), round(layout.chin + _BELOW * width))
    beside = (np.abs(layout.columns - layout.middle) > _NECK * width)[rows]
    beside &= cv2.dilate(layout.oval, disc(0.03 * width))[rows] == 0
    locks = np.asarray(firm[rows] * beside, np.float32)
    if locks.any():
        hair = push_pull(colours[rows].astype(np.float32), locks)
        spread[rows] = np.where(beside[..., np.newaxis], hair, spread[rows])
    own = np.clip((keep - 0.9) / 0.08, 0, 1)[..., np.newaxis]
    whole = np.asarray(colours * own + spread * (1 - own), np.float32)
    return np.asarray(np.clip(turning(whole, 1 - own, width), 0, 255), np.uint8)


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
    # The jaw is skin to its very edge: as hair it would have a rim of another colour.
    below = np.clip((layout.rows - layout.ears) / (0.3 * (layout.chin - layout.ears)) - 0.5, 0, 1)
    face = np.maximum(face, below * cv2.dilate(layout.oval, disc(0.04 * width)))
    # Ears and what the hair leaves free of the temples lie outside the oval but have its colour.
    like = np.clip(1.5 - to_skin / 16, 0, 1) * np.clip(to_hair / (to_skin + to_hair + 1e-3) * 2 - 0.4, 0, 1)
    like *= layout.rows > layout.top - 0.1 * width
    dark = np.clip((lab[..., 0] - 25) / 40, 0.4, 1)
    return np.asarray(
        cv2.GaussianBlur(np.maximum(face, like) * dark, (0, 0), max(1.0, 0.01 * width)), np.float32
    )


def _inner_face(fringe: Mask, layout: _Layout) -> Mask:
    width = layout.width
    firm = cv2.erode(layout.oval, disc(0.035 * width)).astype(np.float32)
    firm *= 1 - cv2.dilate(fringe, disc(0.03 * width))
    return np.asarray(cv2.GaussianBlur(firm, (0, 0), 0.03 * width), np.float32)
