"""Give a head the colours that a wide and bright video has for what its photo shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headswap_cli.engine.reference import Reference, pyramid

if TYPE_CHECKING:
    from headswap_cli.media.colourspace import ColourTags

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

# ITU-T H.273, tables 2 and 3.
_WIDE, _PQ, _HLG = 9, 16, 18
# A photo's white has so many cd/m2 in such a video, or such a share of HLG's peak: ITU-R BT.2408, table 1.
_WHITE, _SHARE = 203.0, 0.265
# From BT.709's primaries to BT.2020's, RGB: ITU-R BT.2087, table 2.
_PRIMARIES = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]], np.float32
)
# Light is looked up by its square root, which has as many steps where it is dark as the codes have.
_STEPS = 4095


def coded(reference: Reference, tags: ColourTags) -> Reference:
    """Return a head in the codes of a video's transfer function; the same where that is no HDR.

    Between the codes of a photo and of PQ no grade helps: they have half the contrast.

    Source: sRGB: IEC 61966-2-1; PQ: SMPTE ST 2084; HLG: ITU-R BT.2100-2, table 5.
    """
    if tags.transfer not in (_PQ, _HLG):
        return reference
    glasses = reference.glasses
    if glasses is not None:
        glasses = replace(glasses, textures=_in_codes(glasses.textures[0], tags))
    return replace(reference, textures=_in_codes(reference.textures[0], tags), glasses=glasses)


def _in_codes(texture: Bytes, tags: ColourTags) -> tuple[Bytes, ...]:
    texture = texture.copy()
    light = _linear()[texture[..., 2::-1]]
    if tags.primaries == _WIDE:
        light @= _PRIMARIES.T
    codes = _codes(tags.transfer)
    places = np.sqrt(np.clip(light, 0, 1, out=light), out=light) * np.float32(_STEPS) + np.float32(0.5)
    texture[..., 2::-1] = codes[places.astype(np.uint16)]
    return pyramid(texture)


def _linear() -> Floats:
    """Return the light of each of sRGB's 256 codes, 0 to 1."""
    code = np.arange(256) / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _codes(transfer: int) -> Bytes:
    """Return the codes, 0 to 255, of light whose square root goes from 0 to 1 in steps."""
    light = (np.arange(_STEPS + 1) / _STEPS) ** 2
    code = _pq(light * _WHITE / 10_000) if transfer == _PQ else _hlg(light * _SHARE)
    return np.round(255 * code).astype(np.uint8)


def _pq(light: NDArray[np.float64]) -> NDArray[np.float64]:
    power = light ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def _hlg(light: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(light <= 1 / 12, np.sqrt(3 * light), a * np.log(np.maximum(12 * light - b, 1e-9)) + c)
