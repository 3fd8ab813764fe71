"""Take away what stands before a face all the time: where skin must be, only skin is believed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.channels import largest, tint
from headswap_cli.engine.rims import closed_rims

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# Brows, eyes, lips, nostrils and what grows on an upper lip are darker than skin by nature.
_NOSTRILS = np.array([129, 98, 97, 2, 326, 327, 358, 4])
_UPPER_LIP = np.array([98, 97, 2, 326, 327, 410, 291, 0, 61, 186])
_MARGIN, _EDGE = 0.035, 0.04
# So near to them, in face widths, skin lies in their shade; elsewhere so many pixels prove a thing.
_SHADE, _SEEDS = 0.045, 6
_DEGREE = 3
_ROUNDS = 6
# A pixel is doubtful from so many standard deviations of the skin from smooth skin on, but not below so many
# grey levels, or parts of 1000 of a primary's share; a thing has some that are so much more.
_DEVIATIONS, _DOUBTFUL, _TINTED, _SURE = 4.0, 24.0, 40.0, 1.6
# A frame of glasses is thinner than twice this, face widths, and darker than what is beside it, grey levels:
# on the bridge of the nose, where no break is longer than a fifth of it, and elsewhere.
_FRAME, _BRIDGE, _UNBROKEN, _LINE = 0.05, 35.0, 0.8, 40.0
# Of the bridge, where it has been found as things are: they cover their frames better than lines do.
_KNOWN = 0.5
# Face widths: half the bridge, frames above brows and below the eyes' pouches, and lids around eyes; how far
# the bridge may lie from between the eyes to between the brows.
_BRIDGE_REACH, _ABOVE, _BELOW, _LID, _BROW = 0.06, 0.02, 0.12, 0.025, 0.4
_INNER_CORNERS, _BROWS, _POUCHES = np.array([133, 362]), np.array([105, 334]), np.array([119, 348])
_GLABELLA, _NASION, _MID_NOSE = 9, 168, 197
# Bridge and hinges lie so near to the rims' upper halves, face widths.
_BESIDE = 0.06
# Around an eye, so many face widths from the lids' rim, there is skin: where so much of that has one dark
# colour, alike to so many grey levels and so many times as far from skin as what is doubtful, a lens is.
_AROUND_EYE, _OPAQUE, _ONE_COLOUR, _DARKENED = 0.05, 0.8, 24.0, 2.0
# Of what is around the eyes this percentile tells of lenses: behind dark ones it has less than such a part of
# the cheeks' light, beside the thickest rims more.
_LIT, _TINT = 75, 0.5
# Around both eyes that percentile is less than such a part of the skin's where sunglasses are: of real ones
# .25 and .31, of bare eyes, in shade too, .58 and more.
_HIDDEN = 0.42
# A fold, or a shadow that falls on skin, leaves so much of its light at least, of each primary nearly the
# same part.
SHADED, SAME_TINT = 0.42, 0.16
# Hair runs along the edge of the face and reaches no further in than this, face widths; what hangs together
# with a thing further in is hair only so near to the edge.
_HAIR, _SURELY_HAIR = 0.12, 0.06
# Parts of the skin: a mark is smaller than a thing, a beard or shadow larger.
_SMALLEST, _LARGEST = 0.004, 0.22
# No part of a face is so blue or green, nor by so much more than its skin: its folds are redder, its hair
# greyer; parts of 1000.
_DYED = 60.0
_TUKEY = 4.685
_MAD = 1.4826


def unveiled(colours: Floats, layout: Floats, inside: Bools) -> tuple[Floats, Bools, Bools]:
    """Return a face without what covers its skin in every view, where that was, and what of it are glasses.

    Of glasses only those are told that are clear in parts: the others are as any thing.

    Args:
        colours: The face laid flat, (height, width, 3), BGR.
        layout: Where the mesh lies in it, (468, 2), pixels.
        inside: Where the face is.

    Source: Beaton, Tukey, Technometrics 16(2), 1974, for the weights of the robust fit; skin is taken to be
        a polynomial of degree 3 in place, which holds broad light and shadow.
    """
    width = float(np.ptp(layout[:, 0]))
    dark = _dark(layout, inside.shape)
    # Along its edge a face is half hair, and half what is behind it.
    depth = _depth(layout, inside.shape)
    inner = inside & (depth > _EDGE * width)
    skin = inner & ~dark
    shades = _sunglasses(colours, layout, inside, skin)
    skin &= ~shades
    fit = _smooth_skin(colours, skin)
    if fit is None:
        nothing = np.zeros(inside.shape, np.bool_)
        return colours, nothing, nothing
    apart = colours - fit
    change, other = largest(np.abs(apart)), largest(np.abs(tint(colours) - tint(fit)))
    bound = _bound(change[skin], _DOUBTFUL)
    off = np.maximum(change / bound, other / _bound(other[skin], _TINTED))
    off = np.where(skin, off, largest(apart) / bound - 0.25) * inner
    hair = (depth <= _HAIR * width) & ~_chin(layout, inside.shape)
    apart_from_dark = cv2.distanceTransform((~dark).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
    sure = (off > _SURE) & (apart_from_dark > _SHADE * width)
    covered = _things((off > 1) & ~hair & (sure | ~_shade(colours, fit)), sure, skin)
    hair &= depth <= _SURELY_HAIR * width
    mouth = _around(layout[topology.INNER_LIPS], inside.shape, 1)
    covered = _spread_alike(covered, colours, bound, inside & ~hair & (change > bound), mouth)
    lines, worn = _glasses(colours, layout, inside, covered)
    covered |= lines
    covered |= inside & ~_lips(layout, inside.shape) & _dyed(colours, fit)
    covered |= shades | _lenses(colours, layout, inside, change > _DARKENED * bound)
    covered = (cv2.dilate(covered.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & inside
    kept = np.where(covered[..., np.newaxis], fit, colours)
    return np.asarray(kept, np.float32), covered, worn


def passing(views: Floats, usual: Floats, layout: Floats, inside: Bools) -> Bools | None:
    """Return where in each view something covers skin, (n, height, width); None where too little is skin.

    Args:
        views: The face laid flat, in one light, (n, height, width, 3), BGR.
        usual: What is seen there in most of them, (height, width, 3).
        layout: See ``unveiled``.
        inside: Likewise.
    """
    width = float(np.ptp(layout[:, 0]))
    skin = inside & (_depth(layout, inside.shape) > _EDGE * width) & ~_dark(layout, inside.shape)
    fit = _smooth_skin(usual, skin)
    if fit is None:
        return None
    bound = _bound(largest(np.abs(usual - fit))[skin], _DOUBTFUL)
    lips = _lips(layout, inside.shape)
    change = largest(np.abs(views - fit))
    return np.asarray((skin & (change > bound)) | (inside & ~lips & _dyed(views, fit)), np.bool_)


def glasses_on(colours: Floats, layout: Floats, inside: Bools) -> Bools | None:
    """Return where the glasses are that a face wears in one picture.

    A dark line crosses its nose, or rims go around both eyes; None where neither does, and where the lenses
    are so dark that they hide what is behind them.

    Args:
        colours: See ``unveiled``, (height, width, 3), BGR.
        layout: Likewise, (468, 2), pixels.
        inside: Likewise, (height, width).
    """
    level, _ = _dark_lines(colours, layout, inside)
    bridge = _bridge(level, layout)
    _, covered, _ = unveiled(colours, layout, inside)
    around = closed_rims(colours, layout, inside, covered)
    if (bridge is None and around is None) or _are_dark(colours, layout, inside):
        return None
    sure = np.zeros(inside.shape, np.bool_) if bridge is None else bridge
    if around is not None:
        sure = sure | around.rims
    above, below = _reach(layout)
    found = (covered | sure) & inside
    found[:above] = found[below:] = False
    _, labels = cv2.connectedComponents(cv2.dilate(found.view(np.uint8), np.ones((3, 3), np.uint8)))
    found &= np.isin(labels, np.unique(labels[sure & found]))
    return found


def _are_dark(colours: Floats, layout: Floats, inside: Bools) -> bool:
    """Whether all that is around the eyes has but a part of the cheeks' light."""
    reach = round(_AROUND_EYE * float(np.ptp(layout[:, 0])))
    near = _around(layout[topology.RIGHT_EYE], inside.shape, reach)
    near |= _around(layout[topology.LEFT_EYE], inside.shape, reach)
    columns, rows = np.round(layout[topology.CHEEKS]).astype(int).T
    light = colours.sum(axis=2)
    lit = np.percentile(light[near & inside], _LIT) if (near & inside).any() else 0.0
    return bool(lit < _TINT * np.median(light[rows, columns]))


def _glasses(colours: Floats, layout: Floats, inside: Bools, covered: Bools) -> tuple[Bools, Bools]:
    """Return the frame of glasses that are not covered yet, and all of one that is clear in parts.

    A dark line across the nose gives them away.
    """
    nothing = np.zeros(inside.shape, np.bool_)
    level, upright = _dark_lines(colours, layout, inside)
    bridge = _bridge(level, layout)
    if bridge is None:
        return nothing, nothing
    is_known = covered[bridge].mean() > _KNOWN
    frame = nothing if is_known else _frame(np.maximum(level, upright) > _LINE, bridge, layout, inside)
    around = closed_rims(colours, layout, inside, covered)
    if around is None or covered[around.rims].mean() > _KNOWN:
        return frame, nothing
    # Folds beneath an eye are as dark as lines, and so are brows and hair.
    reach = 2 * round(_BESIDE * float(np.ptp(layout[:, 0]))) + 1
    beside = cv2.dilate(around.rims.view(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    beside[round(np.nonzero(around.rims)[0].mean()) :] = False
    whole = around.rims | ((covered if is_known else frame) & beside & ~around.within)
    return whole, whole


def _dark_lines(colours: Floats, layout: Floats, inside: Bools) -> tuple[Floats, Floats]:
    """Return by how many grey levels what is thinner than a frame is darker: level lines, upright ones."""
    side = 2 * round(_FRAME * float(np.ptp(layout[:, 0]))) + 1
    filled = np.where(inside[..., np.newaxis], colours, np.median(colours[inside], axis=0)).astype(np.float32)
    level, upright = (
        largest(
            np.asarray(cv2.morphologyEx(filled, cv2.MORPH_BLACKHAT, np.ones(shape, np.uint8)), np.float32)
        )
        for shape in ((side, 1), (1, side))
    )
    return level, upright


def _bridge(level: Floats, layout: Floats) -> Bools | None:
    """Return where a bridge crosses the nose, None where no line does."""
    middle, reach = layout[_INNER_CORNERS, 0].mean(), _BRIDGE_REACH * float(np.ptp(layout[:, 0]))
    top = (1 - _BROW) * layout[_NASION, 1] + _BROW * layout[_GLABELLA, 1]
    bridge = np.zeros(level.shape, np.bool_)
    nose = np.s_[round(top) : round(layout[_MID_NOSE, 1]), round(middle - reach) : round(middle + reach)]
    bridge[nose] = level[nose] > _BRIDGE
    return bridge if bridge[nose].any(axis=0).mean() >= _UNBROKEN else None


def _frame(lines: Bools, bridge: Bools, layout: Floats, inside: Bools) -> Bools:
    """Return what of dark lines about the eyes hangs together with a bridge."""
    width = float(np.ptp(layout[:, 0]))
    lines = lines & inside
    above, below = _reach(layout)
    lines[:above] = lines[below:] = False
    for eye in (topology.RIGHT_EYE, topology.LEFT_EYE):
        lines &= ~_around(layout[eye], inside.shape, round(_LID * width))
    closed = cv2.morphologyEx(lines.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, labels = cv2.connectedComponents(closed, connectivity=8)
    kept = np.unique(labels[bridge])
    return np.asarray(np.isin(labels, kept[kept > 0]) & inside, np.bool_)


def _reach(layout: Floats) -> tuple[int, int]:
    """Return the rows between which glasses sit."""
    width = float(np.ptp(layout[:, 0]))
    above, below = layout[_BROWS, 1].min() - _ABOVE * width, layout[_POUCHES, 1].max() + _BELOW * width
    return max(0, round(float(above))), round(float(below))


def _lenses(colours: Floats, layout: Floats, inside: Bools, dark: Bools) -> Bools:
    """Return the dark lenses before the eyes: all around the eye is of one colour, which is not skin's."""
    reach = round(_AROUND_EYE * float(np.ptp(layout[:, 0])))
    found = np.zeros(inside.shape, np.bool_)
    for eye in (topology.RIGHT_EYE, topology.LEFT_EYE):
        near = _around(layout[eye], inside.shape, reach) & inside
        if not near.any():
            continue
        alike = largest(np.abs(colours - np.median(colours[near], axis=0))) < _ONE_COLOUR
        if (alike & dark)[near].mean() < _OPAQUE:
            continue
        _, labels = cv2.connectedComponents((alike & dark & inside).astype(np.uint8), connectivity=4)
        kept = np.unique(labels[near])
        found |= np.isin(labels, kept[kept > 0])
    return found


def _sunglasses(colours: Floats, layout: Floats, inside: Bools, skin: Bools) -> Bools:
    """Return glasses that hide both eyes, whatever they mirror: nothing else is so dark all around them."""
    found = np.zeros(inside.shape, np.bool_)
    reach = round(_AROUND_EYE * float(np.ptp(layout[:, 0])))
    eyes = topology.RIGHT_EYE, topology.LEFT_EYE
    near = [_around(layout[eye], inside.shape, reach) & inside for eye in eyes]
    light = colours.sum(axis=2)
    if not (skin.any() and near[0].any() and near[1].any()):
        return found
    lit = np.percentile(light[skin], _LIT)
    if any(np.percentile(light[one], _LIT) > _HIDDEN * lit for one in near):
        return found
    dark = inside & (light < _HIDDEN * lit)
    dark[: _reach(layout)[0]] = False
    _, labels = cv2.connectedComponents(dark.view(np.uint8))
    hidden = np.isin(labels, np.unique(labels[dark & (near[0] | near[1])]))
    # What they mirror may be bright.
    outlines, _ = cv2.findContours(hidden.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(found.view(np.uint8), outlines, -1, (1,), cv2.FILLED).view(np.bool_)


def _shade(colours: Floats, skin: Floats) -> Bools:
    """Tell where a picture has skin's colour, in a fold or in a shadow."""
    parts = (colours + 4) / (skin + 4)
    most, least = largest(parts), -largest(-parts)
    return np.asarray((least > SHADED) & (most < 1 + SAME_TINT) & (most - least < SAME_TINT), np.bool_)


def _dyed(colours: Floats, skin: Floats) -> Bools:
    tints, usual = tint(colours)[..., :2], tint(skin)[..., :2]
    return np.asarray(((tints > _DYED) & (tints - usual > _DYED)).any(axis=-1), np.bool_)


def _dark(layout: Floats, shape: tuple[int, ...]) -> Bools:
    """Return what is darker than skin by nature, and its surroundings."""
    margin = round(_MARGIN * float(np.ptp(layout[:, 0])))
    parts = [*features(layout, shape, margin), _around(layout[_UPPER_LIP], shape, margin)]
    return np.asarray(np.any(parts, axis=0), np.bool_)


def _lips(layout: Floats, shape: tuple[int, ...]) -> Bools:
    margin = round(_MARGIN * float(np.ptp(layout[:, 0])))
    return _around(layout[topology.OUTER_LIPS], shape, margin)


def features(layout: Floats, shape: tuple[int, ...], margin: int) -> list[Bools]:
    """Return where eyes with brows (right, left), lips and nostrils lie, and ``margin`` pixels around each.

    Args:
        layout: Where the mesh lies, (468, 2), pixels.
        shape: Of the masks, (height, width).
        margin: Pixels.
    """
    right = np.concatenate([topology.RIGHT_EYE, topology.RIGHT_BROW])
    left = np.concatenate([topology.LEFT_EYE, topology.LEFT_BROW])
    return [_around(layout[one], shape, margin) for one in (right, left, topology.OUTER_LIPS, _NOSTRILS)]


def _around(points: Floats, shape: tuple[int, ...], margin: int) -> Bools:
    hull = cv2.convexHull(np.round(points).astype(np.int32))
    mask = cv2.fillPoly(np.zeros(shape, np.uint8), [hull], (1,))
    side = 2 * margin + 1
    return np.asarray(cv2.dilate(mask, np.ones((side, side), np.uint8)) > 0)


def _smooth_skin(colours: Floats, skin: Bools) -> Floats | None:
    """Fit the skin's broad light over the whole face, whatever a smaller part of it shows."""
    height, width = skin.shape
    rows, columns = np.indices(skin.shape)
    x, y = 2 * columns / width - 1, 2 * rows / height - 1
    powers = [(i, j) for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)]
    basis = np.stack([x**i * y**j for i, j in powers], axis=-1)
    if skin.sum() < 4 * len(powers):
        return None
    known, wanted = basis[skin], colours[skin].astype(np.float64)
    weight = np.ones(len(known))
    factors = np.zeros((len(powers), 3))
    factors[powers.index((0, 0))] = np.median(wanted, axis=0)
    for _ in range(_ROUNDS):
        rest = np.abs(wanted - known @ factors).max(axis=1)
        scale = max(2.0, _MAD * float(np.median(rest)))
        weight = np.clip(1 - (rest / (_TUKEY * scale)) ** 2, 0, None) ** 2
        weighted = known * weight[:, np.newaxis]
        factors = np.linalg.solve(weighted.T @ known + 1e-3 * np.eye(len(powers)), weighted.T @ wanted)
    return np.asarray(np.clip(basis @ factors, 0, 255), np.float32)


def _bound(values: NDArray[np.floating], least: float) -> float:
    return max(least, _DEVIATIONS * _MAD * float(np.median(values)))


def _depth(layout: Floats, shape: tuple[int, ...]) -> NDArray[np.floating]:
    """Return how far each pixel lies from the edge of the face, pixels."""
    outline = np.round(layout[topology.OVAL]).astype(np.int32)
    whole = cv2.fillPoly(np.zeros((shape[0] + 2, shape[1] + 2), np.uint8), [outline + 1], (1,))
    return np.asarray(cv2.distanceTransform(whole, cv2.DIST_L2, cv2.DIST_MASK_3)[1:-1, 1:-1])


def _chin(layout: Floats, shape: tuple[int, ...]) -> Bools:
    """Return what lies below the mouth: no hair hangs there."""
    rows, columns = np.indices(shape)
    corners = layout[topology.MOUTH_CORNERS]
    below = (rows > corners[:, 1].mean()) & (columns > corners[0, 0]) & (columns < corners[1, 0])
    return np.asarray(below, np.bool_)


def _things(doubtful: Bools, sure: Bools, skin: Bools) -> Bools:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(doubtful.astype(np.uint8), connectivity=8)
    kept = np.zeros(skin.shape, np.bool_)
    total = float(skin.sum())
    for label in range(1, count):
        share = float(stats[label, cv2.CC_STAT_AREA]) / total
        if _SMALLEST <= share <= _LARGEST and (area := labels == label)[sure].sum() >= _SEEDS:
            kept |= area
    return kept


def _spread_alike(covered: Bools, colours: Floats, bound: float, free: Bools, mouth: Bools) -> Bools:
    """Let a thing go on over what is dark by nature, as far as its colour does, across the mouth too."""
    if not covered.any():
        return covered
    colour = np.median(colours[covered], axis=0)
    whole = covered | (free & (largest(np.abs(colours - colour)) < bound))
    _, labels = cv2.connectedComponents((whole | mouth).astype(np.uint8), connectivity=8)
    return np.asarray(np.isin(labels, np.unique(labels[covered])) & whole, np.bool_)
