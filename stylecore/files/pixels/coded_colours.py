"""Colours that a file names by code points instead of a profile: PNG's cICP, AVIF's, HEIC's and JPEG XL's.

The numbers are those of Recommendation ITU-T H.273, tables 2 and 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylecore.files.pixels import colour_profiles

_D65 = (0.3127, 0.3290)
_DCI = (0.314, 0.351)
#: x and y of red, green, blue and white.
_PRIMARIES = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, *_D65),
    4: (0.670, 0.330, 0.210, 0.710, 0.140, 0.080, 0.310, 0.316),
    5: (0.640, 0.330, 0.290, 0.600, 0.150, 0.060, *_D65),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_DCI),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
}
_LIKE_BT709 = (1, 6, 14, 15)
#: The transfer of light itself.
LINEAR = 8
_SRGB, _PQ, _HLG = 13, 16, 18
_GAMMAS = {4: 2.2, 5: 2.8, 17: 2.6}
#: Of PQ and HLG: the light, in cd/m², of the white of paper (Report ITU-R BT.2408), which is this program's white.
WHITE = 203.0
# The display that HLG is shown on in that report.
_HLG_PEAK, _HLG_SYSTEM_GAMMA = 1000.0, 1.2
_BT2020_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)


@dataclass(frozen=True)
class CodePoints:
    """What a file says of its colours: primaries and transfer as numbers of H.273, and whether the whole range is used.

    ``corners`` (x and y of red, green, blue and white) and ``gamma`` stand in place of a number where a file gives its own.
    """

    primaries: int = 1
    transfer: int = 13
    full_range: bool = True
    corners: tuple[float, ...] = ()
    gamma: float = 0.0

    @property
    def known(self) -> bool:
        """Whether these colours can be converted."""
        transfer = self.transfer in (*_LIKE_BT709, LINEAR, _SRGB, _PQ, _HLG, *_GAMMAS) or self.gamma > 0
        return transfer and (colour_profiles.make_sense(self.corners) if self.corners else self.primaries in _PRIMARIES)

    @property
    def is_srgb(self) -> bool:
        """Whether nothing has to be converted."""
        return (self.primaries, self.transfer, self.full_range, self.corners, self.gamma) == (1, 13, True, (), 0.0)

    @property
    def beyond_white(self) -> str:
        """What is said to people of a picture with light brighter than paper's white, or nothing."""
        name = {_PQ: "PQ", _HLG: "HLG"}.get(self.transfer)
        return f"is HDR ({name}); light brighter than paper becomes white" if name and not self.gamma else ""


def to_srgb(colour: NDArray[Any], points: CodePoints) -> NDArray[np.float32]:
    """Return H × W × 1 or 3 as sRGB: H × W × 3 float32 in [0, 1]; what is brighter than white becomes white.

    Args:
        colour: uint8, uint16, or float32 in [0, 1].
        points: what the file says; ``known``.
    """
    values = colour.astype(np.float32)
    if colour.dtype.kind != "f":
        values /= np.float32(np.iinfo(colour.dtype).max)
    if not points.full_range:
        values = (values * np.float32(255) - np.float32(16)) / np.float32(219)
    if values.shape[2] == 1:
        values = np.repeat(values, 3, 2)
    linear = _light(np.nan_to_num(values), points)
    corners = points.corners or _PRIMARIES[points.primaries]
    if corners != _PRIMARIES[1]:
        linear = (linear @ colour_profiles.primaries_to_srgb(corners).T).astype(np.float32)
    return colour_profiles.encode_srgb(linear)


def _light(values: NDArray[np.float32], points: CodePoints) -> NDArray[np.float32]:
    """Return linear light, where white is 1."""
    transfer = points.transfer
    if points.gamma or transfer in _GAMMAS:
        return np.maximum(values, 0) ** np.float32(points.gamma or _GAMMAS[transfer])
    if transfer == LINEAR:
        return values
    if transfer == _SRGB:
        return colour_profiles.decode_srgb(values)
    if transfer == _PQ:
        return _pq(values) / np.float32(WHITE)
    if transfer == _HLG:
        return _hlg(values) / np.float32(WHITE)
    curved = ((np.maximum(values, np.float32(0.081)) + np.float32(0.099)) / np.float32(1.099)) ** np.float32(1 / 0.45)
    return np.where(values < 0.081, values / np.float32(4.5), curved).astype(np.float32)


def _pq(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return light in cd/m² (SMPTE ST 2084)."""
    power = values.clip(0, 1).astype(np.float64) ** (32 / 2523)
    light = np.maximum(power - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * power)
    return (10_000 * light ** (16384 / 2610)).astype(np.float32)


def _hlg(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return light in cd/m² on a display of 1,000 (Recommendation ITU-R BT.2100)."""
    values = values.clip(0, 1)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12).astype(np.float32)
    luminance = (scene @ _BT2020_LUMA)[..., None]
    return _HLG_PEAK * np.maximum(luminance, np.float32(1e-6)) ** np.float32(_HLG_SYSTEM_GAMMA - 1) * scene
