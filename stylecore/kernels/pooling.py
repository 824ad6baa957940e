"""Max pooling of what ReLU has left, with a byte for each value instead of torch's eight."""

from __future__ import annotations

import torch
from torch import Tensor

from stylecore.kernels import compiling


def suits(x: Tensor, channels: int | None = None) -> bool:
    """Return whether feature maps (1 × C × h × w) can be pooled here: in bfloat16, channels_last, of at least 2 × 2.

    Args:
        x: the maps, or those of which a convolution will make them.
        channels: of the maps, if ``x`` has others; a multiple of 8, as any but a pruned network has.
    """
    channels = x.shape[1] if channels is None else channels
    fitting = x.dtype == torch.bfloat16 and channels % 8 == 0 and min(x.shape[2:]) >= 2
    return fitting and x.is_contiguous(memory_format=torch.channels_last) and compiling.usable(x, "pooling")


def pool(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the greatest of each 2 × 2 positions, 1 × C × h/2 × w/2, and which it was, for :func:`pool_slope`.

    An odd last row or column is left out.

    Args:
        x: at least 0, as ReLU leaves it; one that :func:`suits`.
    """
    channels, height, width = x.shape[1:]
    shape = (1, channels, height // 2, width // 2)
    pooled = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    places = torch.empty(shape, dtype=torch.uint8, device=x.device, memory_format=torch.channels_last)
    compiling.launch("pooling", "pool_forward", x, pooled.numel() // 8, x, pooled, places, height, width, channels // 8)
    return pooled, places


def pool_slope(gradient: Tensor, places: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the gradient by what came before ReLU and pooling, 1 × C × h × w, given that by what came of them.

    Args:
        gradient: 1 × C × h/2 × w/2, bfloat16.
        places: of :func:`pool`.
        size: h and w.
    """
    height, width = size
    channels = gradient.shape[1]
    gradient = gradient.contiguous(memory_format=torch.channels_last)
    shape = (1, channels, height, width)
    slope = torch.empty(shape, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last)
    if height % 2:
        slope[:, :, -1] = 0
    if width % 2:
        slope[..., -1] = 0
    compiling.launch(
        "pooling", "pool_backward", gradient, gradient.numel() // 8, gradient, places, slope, height, width, channels // 8
    )
    return slope
