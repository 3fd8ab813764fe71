"""Tell skin in the shade of a hand from a thing before the face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.channels import largest, total
from headswap_cli.engine.geometry import disc, inside_hull

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.engine.hand import Hand
    from headswap_cli.engine.unlike import Compared

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# In a square of so many pixels the colour of what is nearly black is no chance.
_NEAR = 5
# By what part of the light a shade may be less red than the face: most are redder, by up to .15, a microphone
# is less red by .2. Of skin's light so much at least is red.
_AS_RED, _SKINS_RED = 0.02, 0.36
# No shade or fold covers more of a face, nor is further from the hand, face widths.
_LARGEST, _FROM_HAND = 0.06, 0.2


def shaded(image: Floats, compared: Compared, found: Bools, hands: Sequence[Hand], width: float) -> Bools:
    """Return where skin lies in the shade of a hand, or folds: darker and as red, as hardly any thing is.

    Light that gets there came by other skin. What is large may yet be a brown thing that the hand holds, and
    in a grey picture nothing is redder.

    Args:
        image: The face's part of a frame, (height, width, 3), BGR.
        compared: It beside what it usually looks like.
        found: Where it looks otherwise, (height, width).
        hands: (21, 2) each, in the image's pixels.
        width: The face's, likewise.
    """
    pictures = (image, compared.usual)
    near, own = (np.asarray(cv2.blur(picture, (_NEAR, _NEAR)), np.float32) for picture in pictures)
    red, usually = (picture[..., 2] / (total(picture) + 1) for picture in (near, own))
    shade = found & (largest(near - own) < 0) & ~compared.worn
    shade &= (red > usually - _AS_RED) & (usually > _SKINS_RED)
    wider = cv2.dilate(shade.view(np.uint8), np.ones((3, 3), np.uint8))
    count, labels = cv2.connectedComponents(wider, connectivity=8)
    sizes = np.bincount(labels[shade], minlength=count)
    small = (sizes <= _LARGEST * np.count_nonzero(compared.inside))[labels]
    return np.asarray(shade & small & _beside(hands, width, shade.shape))


def _beside(hands: Sequence[Hand], width: float, shape: tuple[int, ...]) -> Bools:
    near = np.zeros(shape, np.uint8)
    for hand in hands:
        near |= inside_hull(hand, shape)
    return np.asarray(cv2.dilate(near, disc(_FROM_HAND * width)) > 0)
