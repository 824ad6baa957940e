"""Colour of the result, in Oklab: kept from the photo, or from a style that was recoloured to the photo's palette."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stylecore.tensors.resampling import resize

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
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055)


def into_gamut(lab: Tensor) -> Tensor:
    """Return Oklab as perceptual sRGB in [0, 1].

    Where a colour does not exist in sRGB its chroma is lessened at the same lightness and hue, not clipped, which would
    leave halos of another hue.
    """
    lightness, chroma = lab[:, :1].clamp(0, 1), lab[:, 1:]
    full = from_oklab(torch.cat([lightness, chroma], 1))
    inside = _in_gamut(full)
    if not bool(inside.all()):
        low = torch.zeros_like(lightness)
        high = torch.ones_like(lightness)
        for _ in range(12):  # bisection to 1/4096 of the chroma
            middle = (low + high) / 2
            fits = _in_gamut(from_oklab(torch.cat([lightness, chroma * middle], 1)))
            low = torch.where(fits, middle, low)
            high = torch.where(fits, high, middle)
        full = torch.where(inside, full, from_oklab(torch.cat([lightness, chroma * low], 1)))
    return full.clamp(0, 1)


def _in_gamut(colour: Tensor) -> Tensor:
    return ((colour >= -1e-4) & (colour <= 1 + 1e-4)).all(1, keepdim=True)


# Pixels converted at a time: the bisection makes a dozen copies of them.
_TOGETHER = 1 << 20


def with_colours_of(image: Tensor, photo: Tensor, amount: float = 1.0) -> Tensor:
    """Return ``image``'s lightness with its chroma moved towards ``photo``'s (both N × 3 × H × W in [0, 1], same size).

    ``amount`` is 0 for the image's own colours, 1 for the photo's; between, the chromas mix as light of the same hue would.
    """
    if amount <= 0:
        return image
    result = torch.empty_like(image)
    rows = max(1, _TOGETHER // image.shape[3])
    for top in range(0, image.shape[2], rows):
        own, other = to_oklab(image[:, :, top : top + rows]), to_oklab(photo[:, :, top : top + rows])
        chroma = torch.lerp(own[:, 1:], other[:, 1:], amount)
        result[:, :, top : top + rows] = into_gamut(torch.cat([own[:, :1], chroma], 1))
    return result


# Pictures are measured at about so many pixels: a mean and a covariance of colours need no more.
_MEASURED = 256
# Added to each variance of colour in Oklab (a standard deviation of 0.007, hardly visible): a palette without a direction,
# such as a grey picture's, is not stretched along it but for the little that is there, and never divided by nothing.
_LEAST = 5e-5


@dataclass(frozen=True)
class Recolouring:
    """An affine map of Oklab colours: ``matrix`` (3 × 3) about ``centre``, which goes to ``target`` (3 each)."""

    matrix: Tensor
    centre: Tensor
    target: Tensor

    def __call__(self, picture: Tensor, amount: float = 1.0) -> Tensor:
        """Return ``picture`` (N × 3 × H × W in [0, 1]) recoloured; ``amount`` 0 leaves it as it is."""
        if amount <= 0:
            return picture
        lab = to_oklab(picture)
        moved = _mix(self.matrix, lab - self.centre.to(lab)[:, None, None]) + self.target.to(lab)[:, None, None]
        return into_gamut(torch.lerp(lab, moved, amount))


def recolouring(
    style: Tensor, photo: Tensor, style_weights: Tensor | None = None, photo_weights: Tensor | None = None
) -> Recolouring:
    """Return the map that gives ``style`` the mean and covariance of ``photo``'s colours, moving them as little as it can.

    The Monge–Kantorovich map between Gaussians, Σs^−½ (Σs^½ Σp Σs^½)^½ Σs^−½ (Pitié and Kokaram, *The linear
    Monge-Kantorovitch linear colour mapping*, 2007), in Oklab, by eigendecomposition.

    Args:
        style, photo: 1 × 3 × h × w in [0, 1], of any sizes.
        style_weights, photo_weights: h × w, which pixels count; ``None`` for all alike.
    """
    style_mean, style_spread = _palette(style, style_weights)
    photo_mean, photo_spread = _palette(photo, photo_weights)
    values, vectors = torch.linalg.eigh(style_spread)
    root = (vectors * values.sqrt()) @ vectors.T
    inverse = (vectors / values.sqrt()) @ vectors.T
    values, vectors = torch.linalg.eigh(root @ photo_spread @ root)
    matrix = inverse @ ((vectors * values.clamp_min(0).sqrt()) @ vectors.T) @ inverse
    return Recolouring(matrix, style_mean, photo_mean)


def _palette(picture: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the mean (3) and covariance (3 × 3, every eigenvalue at least ``_LEAST``) of a picture's Oklab colours."""
    height, width = picture.shape[2:]
    factor = min(1.0, _MEASURED / (height * width) ** 0.5)
    size = (max(1, round(height * factor)), max(1, round(width * factor)))
    # On the CPU in float64, so that the same pictures give the same colours on every device.
    rows = to_oklab(resize(picture, size).clamp(0, 1)).cpu().double()[0].reshape(3, -1)
    if weights is None:
        shares = torch.full((rows.shape[1],), 1.0 / rows.shape[1], dtype=torch.float64)
    else:
        shares = torch.nn.functional.adaptive_avg_pool2d(weights[None, None], size).cpu().double().reshape(-1)
        shares = shares / shares.sum()
    mean = rows @ shares
    centred = rows - mean[:, None]
    return mean, (centred * shares) @ centred.T + _LEAST * torch.eye(3, dtype=torch.float64)
