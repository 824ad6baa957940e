"""Total variation: how restless an image is from pixel to pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from stylecore.resampling import with_border
from stylecore.strips import Strip

# Rows taken at a time where memory is short.
_ROWS = 256


def total_variation(image: Tensor) -> Tensor:
    """Return the mean squared difference of neighbours (right, below, both diagonals) of 1 × 3 × H × W, isotropic."""
    return _squared_differences(image, image.shape[2]) / image.numel()


def total_variation_in_rows(image: Tensor, strip: Strip | None = None) -> tuple[Tensor, Tensor]:
    """Return :func:`total_variation` and its gradient, taking a few rows of the image at a time.

    Args:
        image: 1 × 3 × H × W, or a strip of it; the value is then the whole's, and the gradient the strip's.
        strip: which part; ``None``: all of it.
    """
    rows = image.shape[2]
    strip = strip or Strip(rows)
    image = strip.with_halo(image, 0, 1)
    numbers = image.shape[1] * strip.height * image.shape[3]
    value = image.new_zeros(())
    gradient = torch.zeros_like(image)
    for top in range(0, rows, _ROWS):
        bottom = min(top + _ROWS, rows)
        end = min(bottom + 1, image.shape[2])  # the neighbours below belong to it
        part = image[:, :, top:end].detach().requires_grad_(True)
        with torch.enable_grad():
            differences = _squared_differences(part, bottom - top) / numbers
        (slope,) = torch.autograd.grad(differences, part)
        gradient[:, :, top:end] += slope
        value = value + differences.detach()
    return strip.add_up([value], "sums")[0], strip.halo_returned(gradient, 0, 1)


def _squared_differences(image: Tensor, rows: int) -> Tensor:
    """Return the sum of weighted squared differences of the first ``rows`` rows with their neighbours."""
    padded = with_border(image)
    centre, below = padded[..., 1 : rows + 1, 1:-1], padded[..., 2 : rows + 2, :]
    straight = (padded[..., 1 : rows + 1, 2:] - centre).square().sum() + (below[..., 1:-1] - centre).square().sum()
    diagonal = (below[..., 2:] - centre).square().sum() + (below[..., :-2] - centre).square().sum()
    return straight * (2 / 3) + diagonal / 6
