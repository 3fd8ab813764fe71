"""Show the person's own mouth between the new lips, and their shade: no photo has teeth for every word."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine import topology
from headswap_cli.engine.kernel import kernel
from headswap_cli.engine.raster import rasterise
from headswap_cli.engine.sample import between
from headswap_cli.engine.teeth import uncovered
from headswap_cli.engine.types import Frame, Landmarks, Mask

Floats = NDArray[np.float32]

# Lip gaps in face widths: below the first lips are shut, from the second on all between them shows. How much
# of the shade of shut ones shows: a photo's that smile are stretched thin and pale.
_GAPS, _SHUT = (0.012, 0.026), 0.8
_SMOOTH = cv2.LINE_AA
_RING = len(topology.INNER_LIPS)
# From so much on a pixel of the mouth shows what is in front, and those near to it show some of that.
_COVERED, _NEAR = 0.2, np.ones((5, 5), np.uint8)
# How much of the lips shows along with what is between them, in parts of their height: where lips part is
# seen by their edges, and the mesh misses these in a photo that shows its teeth. In the corners, all.
_RIM = np.full((_RING, 1), 0.7, np.float32)
_RIM[[0, _RING // 2]] = 1
# Where on the lips their colour is looked at, in parts of the way to there; how far it may be another's.
_ACROSS_LIPS, _OTHER_COLOUR = (0.4, 0.7, 1.0), (0.5, 2.0)
_FAN = [(i, (i + 1) % _RING, 2 * _RING) for i in range(_RING)]
_STRIP = [
    face
    for i in range(_RING)
    for j in ((i + 1) % _RING,)
    for face in ((i, j, _RING + i), (j, _RING + j, _RING + i))
]
_MOUTH = np.array([*_FAN, *_STRIP], np.int32)


def fill_mouth(
    layer: Floats,
    piece: Frame,
    old: Landmarks,
    new: Landmarks,
    *,
    gap: float,
    feather: float,
    covered: Mask | None = None,
) -> None:
    """Lay the person's open mouth into the new head, and the shade of their lips, shut ones too.

    The lips are shaded as the person's and coloured as the head's: a ratio image of the two.

    Args:
        layer: The head, (height, width, 4), BGR times alpha and alpha, changed in place.
        piece: The frame's piece, same size, BGR.
        old: The person's landmarks in the piece's pixels.
        new: The head's.
        gap: The person's lip gap in face widths.
        feather: Softness of the seam, pixels.
        covered: What of the piece something in front covers, at any size: it stays where it is, and its
            picture must not move along with the mouth.

    Source: Liu, Shan and Zhang, Expressive expression mapping with ratio images, SIGGRAPH 2001.
    """
    amount = float(np.clip((gap - _GAPS[0]) / (_GAPS[1] - _GAPS[0]), 0, 1))
    mouth, origin = _mouth(new), _mouth(old)
    margin = 3 * feather + 2
    x0, y0 = np.maximum(np.floor(mouth.min(axis=0) - margin), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(mouth.max(axis=0) + margin), piece.shape[1::-1]).astype(int)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    part, target = layer[y0:y1, x0:x1], np.zeros((len(mouth), 3), np.float32)
    target[:, :2] = mouth - (x0, y0)
    own_colour = _lip_colour(layer, mouth)
    share = _SHUT + (1 - _SHUT) * amount
    if covered is not None:
        piece, origin = _bared(piece, covered, origin)
    ratio = own_colour / np.maximum(_lip_colour(piece, origin), 1)
    gains = np.asarray(np.clip(ratio, *_OTHER_COLOUR), np.float32)
    seen = rasterise(target, origin, _MOUTH, int(x1 - x0), int(y1 - y0))
    inside, shown = _shown(seen.shape[:2], target[:, :2], feather)
    _lay(seen, piece, shown * np.float32(share), inside * np.float32(amount), gains, part)


def _mouth(landmarks: Landmarks) -> Floats:
    """Return the inner lips' ring, the one as far out as the person's lips show, and the middle, (41, 2)."""
    inner, outer = landmarks[topology.INNER_LIPS, :2], landmarks[topology.OUTER_LIPS, :2]
    rim = inner + _RIM * (outer - inner)
    return np.concatenate([inner, rim, inner.mean(axis=0, keepdims=True)]).astype(np.float32)


def _lip_colour(picture: Frame | Floats, mouth: Floats) -> Floats:
    """Return the lips' mean colour in a picture, (3,)."""
    inner, rim = mouth[:_RING], mouth[_RING:-1]
    places = np.concatenate([inner + share * (rim - inner) for share in _ACROSS_LIPS]).astype(np.float32)
    across, down = places[:, 0][np.newaxis], places[:, 1][np.newaxis]
    seen = cv2.remap(picture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen[0, :, :3].mean(axis=0), np.float32)


def _bared(piece: Frame, covered: Mask, mouth: Floats) -> tuple[Frame, Floats]:
    """Return a picture of the mouth without what is before it, and where the mouth is there."""
    corner = np.maximum(np.floor(mouth.min(axis=0)) - 2, 0).astype(int)
    x0, y0 = corner.tolist()
    x1, y1 = np.minimum(np.ceil(mouth.max(axis=0)) + 3, piece.shape[1::-1]).astype(int).tolist()
    if x1 - x0 < 2 or y1 - y0 < 2:
        return piece, mouth
    scale = np.array(covered.shape[::-1]) / piece.shape[1::-1]
    x, y = (corner + 0.5) * scale - 0.5
    to_mask = np.array([[scale[0], 0, x], [0, scale[1], y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    hidden = cv2.warpAffine(covered, to_mask, (x1 - x0, y1 - y0), flags=flags) > _COVERED
    if not hidden.any():
        return piece, mouth
    outline = np.round(mouth[_RING:-1] - corner).astype(np.int32)
    inside = cv2.fillPoly(np.zeros(hidden.shape, np.uint8), [outline], (1,)) > 0
    bare = inside & (cv2.dilate(hidden.view(np.uint8), _NEAR) == 0)
    placed = np.asarray(mouth - corner, np.float32)
    return uncovered(piece[y0:y1, x0:x1], hidden, bare, placed[_RING:-1]), placed


@kernel
def _lay(  # noqa: PLR0917 - kernels take arguments by place
    seen: Floats, piece: Frame, share: Floats, inside: Floats, gains: Floats, part: Floats
) -> None:
    """Mix the mouth into the head; a pixel that it covers in part is as its neighbours are."""
    height, width = share.shape
    for row in range(height):
        for column in range(width):
            weight = share[row, column]
            if weight < 1e-3:
                continue
            x = y = 0.0
            count = 0
            near = 0 if seen[row, column, 0] >= 0 else 1
            for i in range(max(0, row - near), min(height, row + near + 1)):
                for j in range(max(0, column - near), min(width, column + near + 1)):
                    if seen[i, j, 0] >= 0:
                        x, y, count = x + seen[i, j, 0], y + seen[i, j, 1], count + 1
            if count == 0:
                continue
            lip = 1 - inside[row, column]
            for k in range(3):
                colour = np.float32(between(piece, x / count, y / count, k) * (1 + lip * (gains[k] - 1)))
                part[row, column, k] += weight * (colour - part[row, column, k])
            part[row, column, 3] += weight * (1 - part[row, column, 3])


def _shown(shape: tuple[int, ...], mouth: Floats, feather: float) -> tuple[Floats, Floats]:
    """Return what is between the lips, softly, and how much of the mouth shows: of that, all."""
    between_lips, whole = (_filled(shape, ring) for ring in (mouth[:_RING], mouth[_RING:-1]))
    within = np.clip(cv2.GaussianBlur(whole, (0, 0), feather) * 2 - 1, 0, 1) * whole
    inside = np.asarray(cv2.GaussianBlur(between_lips, (0, 0), feather), np.float32)
    return inside, np.maximum(within, between_lips)


def _filled(shape: tuple[int, ...], ring: Floats) -> Floats:
    corners = np.round(ring * 16).astype(np.int32)
    mask = cv2.fillPoly(np.zeros(shape, np.uint8), [corners], (255,), _SMOOTH, 4)
    return mask * np.float32(1 / 255)
