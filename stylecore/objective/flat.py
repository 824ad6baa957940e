"""What a flat layer, a soft gradient or a clear sky needs, to be painted on like any other picture.

By its own variance alone the content of such a picture could not be touched, since there is next to nothing in it that a
stroke would not change beyond measure. And a picture that is the same everywhere has the same gradient everywhere, so that
nothing begins anywhere.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stylecore.tensors.resampling import Size

# Photographs and paintings have a variance of 3 to 16 at the content layer (features have mean 1) up to 256 px a side, and
# less at larger sizes, where there is less of the scene in what the layer sees.
_LEAST_SPREAD = 2.0
_SIDE = 256
# The standard deviation of pixels (0 to 1) under which a picture counts as flat, and of the noise that it then begins from.
_FLAT = 0.05
_NOISE = 0.1


def least_spread(size: Size) -> float:
    """Return the least variance at the content layer that a picture of that size (height, width) is credited with."""
    side = (size[0] * size[1]) ** 0.5
    return _LEAST_SPREAD * min(1.0, (_SIDE / side) ** 0.5)


def roughened(image: Tensor, guide: Tensor | None, strength: float, seed: int) -> Tensor:
    """Return a flat image with a little noise to begin from, and any other as it is.

    Args:
        image: 1 × C × H × W in [0, 1].
        guide: H × W, 0 to 1: where it is painted. ``None``: everywhere.
        strength: 0 to 100; below 50 there is less noise, since less of it would be painted over.
        seed: of the noise.
    """
    weights = torch.ones_like(image[0, 0]) if guide is None else guide
    share = weights / weights.sum().clamp_min(1e-6)
    mean = (image * share).sum((2, 3), keepdim=True)
    spread = ((image - mean).square() * share).sum((2, 3)).max().sqrt()
    if spread.item() >= _FLAT:
        return image
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(seed)).to(image)
    return (image + noise * weights * (_NOISE * min(1.0, strength / 50))).clamp(0, 1)
