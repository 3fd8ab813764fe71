"""Take the background's tint from hair: gaps between strands that a matte takes for hair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from headswap_cli.engine.types import Frame, Mask

Floats = NDArray[np.float32]
Area = NDArray[np.bool_]

# Hair that is nearer in hue to what is behind it than this, Lab's a and b, cannot be told from it by that.
_TOLD = 15.0
# Up to this part of the hair's own tints none is foreign.
_OWN = 0.95
# A tint of no more than this part of the background's makes hair no thinner.
_HARDLY = 0.1
# So many pixels tell a tint.
_ENOUGH = 400
_GREY = np.array([128, 128], np.float32)


def without_spill(  # noqa: PLR0917
    image: Frame, colours: Frame, alpha: Mask, firm: Area, bare: Area, where: Area
) -> tuple[Frame, Mask]:
    """Return the colours and the matte of hair with the background's tint taken for background.

    A pixel whose hue lies beyond the hair's own and beyond grey, towards the background's, is so far that.
    Before a grey background, or one of the hair's own hue, nothing is told.

    Args:
        image: The picture, (height, width, 3), BGR.
        colours: The same without what is behind, as far as the matte tells.
        alpha: How much of each pixel is foreground.
        firm: What is hair for sure.
        bare: What is background for sure, near the hair.
        where: What may be changed.
    """
    if min(firm.sum(), bare.sum()) < _ENOUGH:
        return colours, alpha
    lab = cv2.cvtColor(colours, cv2.COLOR_BGR2LAB)
    hues = lab[..., 1:].astype(np.float32)
    seen = cv2.cvtColor(image, cv2.COLOR_BGR2LAB)[..., 1:]
    own, behind = np.median(hues[firm], axis=0), np.median(seen[bare], axis=0)
    apart = float(np.linalg.norm(behind - own))
    if apart < _TOLD:
        return colours, alpha
    way = ((behind - own) / apart).astype(np.float32)
    along = (hues - own) @ way
    # Shaded hair is greyer than lit hair.
    limit = max(float(np.quantile(along[firm], _OWN)), float((_GREY - own) @ way))
    room = apart - limit
    if room < _TOLD:
        return colours, alpha
    excess = np.maximum(along - limit, 0) * where
    share = np.clip((excess / room - _HARDLY) / (1 - _HARDLY), 0, 1).astype(np.float32)
    lab[..., 1:] = np.clip(hues - excess[..., np.newaxis] * way + 0.5, 0, 255).astype(np.uint8)
    clean = cv2.cvtColor(lab, cv2.COLOR_LAB2BGR)
    changed = excess[..., np.newaxis] > 0
    return np.where(changed, clean, colours), np.asarray(alpha * (1 - share), np.float32)
