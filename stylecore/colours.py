"""Colour of the result: kept from the photo, in Oklab."""

from __future__ import annotations

import torch
from torch import Tensor

# Björn Ottosson, “A perceptual color space for image processing” (2020): linear sRGB to cone response, and to Lab.
_TO_CONES = torch.tensor(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=torch.float64,
)
_TO_LAB = torch.tensor(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=torch.float64,
)


def _mix(matrix: Tensor, image: Tensor) -> Tensor:
    return torch.einsum("ij,njhw->nihw", matrix.to(image), image)


def to_oklab(image: Tensor) -> Tensor:
    """Return perceptual sRGB (N × 3 × H × W in [0, 1]) as Oklab."""
    linear = torch.where(image <= 0.04045, image / 12.92, ((image.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)
    return _mix(_TO_LAB, _mix(_TO_CONES, linear).clamp_min(0) ** (1 / 3))


def from_oklab(lab: Tensor) -> Tensor:
    """Return Oklab as perceptual sRGB; colours outside the gamut come out below 0 or above 1."""
    cones = _mix(torch.linalg.inv(_TO_LAB), lab) ** 3
    linear = _mix(torch.linalg.inv(_TO_CONES), cones)
    return torch.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055
    )


def with_colours_of(image: Tensor, photo: Tensor) -> Tensor:
    """Return ``image``'s lightness with ``photo``'s chroma (both N × 3 × H × W in [0, 1], same size).

    Where that colour does not exist in sRGB its chroma is lessened at the same lightness and hue, not clipped, which would
    leave halos of another hue.
    """
    lightness, chroma = to_oklab(image)[:, :1], to_oklab(photo)[:, 1:]
    low = torch.zeros_like(lightness)
    high = torch.ones_like(lightness)
    for _ in range(12):  # bisection to 1/4096 of the chroma
        middle = (low + high) / 2
        colour = from_oklab(torch.cat([lightness, chroma * middle], 1))
        inside = ((colour >= -1e-4) & (colour <= 1 + 1e-4)).all(1, keepdim=True)
        low = torch.where(inside, middle, low)
        high = torch.where(inside, high, middle)
    full = from_oklab(torch.cat([lightness, chroma], 1))
    inside = ((full >= -1e-4) & (full <= 1 + 1e-4)).all(1, keepdim=True)
    return torch.where(inside, full, from_oklab(torch.cat([lightness, chroma * low], 1))).clamp(0, 1)
