"""Total variation: how restless an image is from pixel to pixel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Rows taken at a time where memory is short.
_STRIP = 256


def total_variation(image: Tensor) -> Tensor:
    """Return the mean squared difference of neighbours (right, below, both diagonals) of 1 × 3 × H × W, isotropic."""
    return _squared_differences(image, image.shape[2]) / image.numel()


def total_variation_in_strips(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return :func:`total_variation` and its gradient, taking a few rows of the image at a time."""
    value = image.new_zeros(())
    gradient = torch.zeros_like(image)
    for top in range(0, image.shape[2], _STRIP):
        bottom = min(top + _STRIP, image.shape[2])
        end = min(bottom + 1, image.shape[2])  # the neighbours below belong to it
        strip = image[:, :, top:end].detach().requires_grad_(True)
        with torch.enable_grad():
            part = _squared_differences(strip, bottom - top) / image.numel()
        (slope,) = torch.autograd.grad(part, strip)
        gradient[:, :, top:end] += slope
        value = value + part.detach()
    return value, gradient


def _squared_differences(image: Tensor, rows: int) -> Tensor:
    """Return the sum of weighted squared differences of the first ``rows`` rows with their neighbours."""
    padded = F.pad(image, (1, 1, 1, 1), "replicate")
    centre, below = padded[..., 1 : rows + 1, 1:-1], padded[..., 2 : rows + 2, :]
    straight = (padded[..., 1 : rows + 1, 2:] - centre).square().sum() + (below[..., 1:-1] - centre).square().sum()
    diagonal = (below[..., 2:] - centre).square().sum() + (below[..., :-2] - centre).square().sum()
    return straight * (2 / 3) + diagonal / 6
