"""Colours, and the steps from pixel to pixel, counted in a fine lattice in RGB, and slopes read off a coarser one."""

from __future__ import annotations

import torch
from torch import Tensor

from stylecore.kernels import compiling

#: Cells along a side of the fine lattice, knots along one of the coarser, parts of a weight: as ``colours.cu`` has them.
SIDE, KNOTS, FINE = 129, 33, 4096


def suits(*tensors: Tensor) -> bool:
    """Return whether pictures and gradients (1 × 3 × h × w) can be taken here: whole ones in float32."""
    fitting = all(each.dtype == torch.float32 and each.is_contiguous() for each in tensors)
    return fitting and compiling.usable(tensors[0], "colours")


def count_colours(image: Tensor, weights: Tensor | None) -> Tensor:
    """Return how many pixels have which colour, by cell (129³ whole numbers, red first), or 4,096 times what they weigh.

    Args:
        image: 1 × 3 × h × w in [0, 1].
        weights: h × w, 0 to 1; ``None``: all pixels count.
    """
    cells, weighted = _cells(image, weights)
    pixels = image[0, 0].numel()
    compiling.launch("colours", "count_colours", image, pixels, image, _or_none(weights, image), cells, weighted, pixels)
    return cells if weights is None else weighted


def read_colours(knots: Tensor, image: Tensor, weights: Tensor | None, gradient: Tensor) -> None:
    """Add to a gradient (1 × 3 × h × w) what the knots (33³ × 4: a vector in RGB, and nothing) say of each pixel.

    Args:
        knots: red first; between them it is trilinear.
        image, weights: of :func:`count_colours`; a slope counts as often as the pixel does.
        gradient: is added to.
    """
    pixels = image[0, 0].numel()
    compiling.launch("colours", "read_colours", image, pixels, knots, image, _or_none(weights, image), gradient, pixels)


def count_steps(image: Tensor, rows: int, weights: Tensor | None, scale: float) -> Tensor:
    """Return :func:`count_colours` of the steps to the right and down, ½ tanh(scale · step) + ½.

    Args:
        image: 1 × 3 × H × w+2, in which row and column 1 are the first; at least ``rows`` + 2 high.
        rows: how many are looked at.
        weights: rows × w: whether a pixel's two steps count.
        scale: of the steps.
    """
    cells, weighted = _cells(image, weights)
    height, width = image.shape[2], image.shape[3] - 2
    compiling.launch(
        *("colours", "count_steps", image, rows * width, image, _or_none(weights, image), cells, weighted),
        *(rows, width, height, scale),
    )
    return cells if weights is None else weighted


def read_steps(knots: Tensor, image: Tensor, rows: int, weights: Tensor | None, scale: float, gradient: Tensor) -> None:
    """Add to a gradient by ``image`` what the knots say of the steps, whose arguments are as in :func:`count_steps`."""
    height, width = image.shape[2], image.shape[3] - 2
    compiling.launch(
        *("colours", "read_steps", image, height * (width + 2), knots, image, _or_none(weights, image), gradient),
        *(rows, width, height, scale),
    )


def _cells(image: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return room for counts and for weights, of which one is needed."""
    plain, weighted = (SIDE**3, 0) if weights is None else (0, SIDE**3)
    return (
        torch.zeros(plain, dtype=torch.int32, device=image.device),
        torch.zeros(weighted, dtype=torch.int64, device=image.device),
    )


def _or_none(weights: Tensor | None, image: Tensor) -> Tensor:
    """Return the weights in float32, or what a kernel takes for none."""
    return torch.empty(0, device=image.device) if weights is None else weights.float().contiguous()
