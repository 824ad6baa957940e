"""Colour profiles (ICC): pixels of any depth to sRGB, and the profile that says so in a file."""

from __future__ import annotations

import struct
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import ImageCms


def _undated(profile: bytes) -> bytes:
    """Return a profile with a fixed date of creation, so that the same picture is written as the same file every time."""
    date = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)  # the header's bytes 24 to 35 (ICC.1, section 7.2)
    return profile[:24] + date + profile[36:]


#: The profile of everything that this program writes, ready to be embedded.
SRGB: bytes = _undated(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())

_LAB: bytes = imagecodecs.cms_profile("lab4")

#: The kinds of colour that a profile can speak of, by the number of channels without alpha.
_SPACES = {1: "gray", 3: "rgb", 4: "cmyk"}
_SIGNATURES = {"gray": b"GRAY", "rgb": b"RGB ", "cmyk": b"CMYK"}
#: Linear sRGB (Rec. 709) to CIE XYZ, D65.
SRGB_TO_XYZ = np.array(
    [[0.4123908, 0.3575843, 0.1804808], [0.2126390, 0.7151687, 0.0721923], [0.0193308, 0.1191948, 0.9505322]]
)


def to_srgb(colour: NDArray[Any], profile: bytes | None) -> NDArray[np.float32] | None:
    """Return ``colour`` as sRGB, converted with the profile's own intent by Little CMS.

    Args:
        colour: H × W × 1 (grey), 3 (RGB) or 4 (CMYK, 0 for no ink): uint8, uint16 or float32 in [0, 1].
        profile: the picture's ICC profile.

    Returns:
        H × W × 3 float32 in [0, 1], never rounded to 8 bits on the way; ``None`` if there is no profile, or it is damaged
        or one for another kind of colour, so that the picture must be taken as it is.
    """
    space = _SPACES[colour.shape[2]]
    if not profile or profile[16:20] != _SIGNATURES[space]:
        return None
    if colour.dtype == np.uint8:
        colour = colour.astype(np.uint16) * np.uint16(257)
    elif colour.dtype != np.uint16:
        # Little CMS wants ink in per cent.
        colour = np.nan_to_num(colour.astype(np.float32)) * np.float32(100 if space == "cmyk" else 1)
    data = np.ascontiguousarray(colour[..., 0] if space == "gray" else colour)
    try:
        converted = imagecodecs.cms_transform(
            data, profile, SRGB, colorspace=space, outcolorspace="rgb", outdtype="float32"
        )
    except (imagecodecs.CmsError, ValueError):
        return None
    return np.nan_to_num(np.asarray(converted, np.float32)).clip(0, 1)


def lab_to_srgb(lab: NDArray[Any]) -> NDArray[np.float32]:
    """Return H × W × 3 floats of CIE L*a*b* (D50; L* from 0 to 100) as sRGB float32 in [0, 1]."""
    data = np.ascontiguousarray(lab, np.float64)
    converted = imagecodecs.cms_transform(data, _LAB, SRGB, colorspace="lab", outcolorspace="rgb", outdtype="float32")
    return np.nan_to_num(np.asarray(converted, np.float32)).clip(0, 1)


def encode_srgb(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return linear light in [0, 1] as perceptual sRGB; what is beyond is clipped, and what is no number is black."""
    linear = np.nan_to_num(linear, posinf=1.0, neginf=0.0).clip(0, 1)
    curved = np.float32(1.055) * np.maximum(linear, np.float32(0.0031308)) ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(linear <= 0.0031308, linear * np.float32(12.92), curved).astype(np.float32)


def decode_srgb(perceptual: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return perceptual sRGB in [0, 1] as linear light."""
    curved = ((np.maximum(perceptual, np.float32(0.04045)) + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(perceptual <= 0.04045, perceptual / np.float32(12.92), curved).astype(np.float32)


def make_sense(corners: tuple[float, ...]) -> bool:
    """Return whether these are primaries: x and y of red, green, blue and white.

    A file may hold zeros, or anything by damage. Those of ACES lie outside of what is seen, and are right.
    """
    x, y = np.array(corners[0::2]), np.array(corners[1::2])
    if len(corners) != 8 or not np.isfinite(corners).all() or np.abs(corners).max() > 2 or np.abs(y).min() < 1e-5:
        return False
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    return bool(y[3] > 0.01 and abs(area) > 1e-3)


def primaries_to_srgb(corners: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the 3 × 3 matrix from linear RGB of these primaries to linear sRGB.

    Args:
        corners: x and y of red, green, blue and white (8 numbers), as in OpenEXR's ``chromaticities``. The white point is
            mapped to sRGB's by scaling in XYZ.
    """
    to_xyz = _to_xyz(corners)
    white = SRGB_TO_XYZ.sum(1) / to_xyz.sum(1)
    return np.linalg.inv(SRGB_TO_XYZ) @ np.diag(white) @ to_xyz


def luminance(corners: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the shares of linear red, green and blue of these primaries in white's luminance."""
    return _to_xyz(corners)[1]


def _to_xyz(corners: tuple[float, ...]) -> NDArray[np.float64]:
    x, y = np.array(corners[0::2]), np.array(corners[1::2])
    xyz = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    return xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3])
